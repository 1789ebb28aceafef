"""Which rules are in force and who may do what: read from the log, changed by events."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from aggregates import access
from aggregates import policy as policies
from aggregates.access import ACCESS_STREAM, AccessState
from aggregates.policy import POLICY_STREAMS, Activate, PolicyKind, PolicyState
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import header_of_its_own
from identity_engine.application.rules import (
    Rules,
    canonical,
    content_version,
    rules_from,
    shipped_access,
    shipped_model,
    shipped_policy,
    shipped_settings,
)
from identity_engine.errors import Conflict, InvalidContent, UnusableModel
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from matchers.model import Model, parse_model
from projections.match_index.index import MatchIndex
from projections.sql import Cursor

SYSTEM_ACTOR = "system"
SHIPPED: dict[PolicyKind, Callable[[], bytes]] = {
    "policy": shipped_policy,
    "model": shipped_model,
    "settings": shipped_settings,
}


class Policies:
    """The rules of a store; a new store starts with the shipped ones."""

    def __init__(self, store: EventStore, world: World) -> None:
        self._store = store
        self._world = world
        self._models: dict[str, Model] = {}
        self._activations = 0
        self._rules: Rules | None = None
        with suppress(Conflict):  # another process has started the same store
            self.activate({kind: shipped() for kind, shipped in SHIPPED.items()}, only_if_none=True)
        with suppress(Conflict):  # and may not have come to this yet
            self._grant_to_owner()
        self._read()

    @property
    def rules(self) -> Rules:
        """Policy, model and settings in force.

        Raises:
            UnusableModel: the model in force was accepted by a version that did not see its faults.
        """
        if self._rules is None:
            raise UnusableModel(self._faults)
        return self._rules

    def activate(
        self,
        contents: dict[PolicyKind, bytes],
        *,
        actor: str = SYSTEM_ACTOR,
        only_if_none: bool = False,
        dry_run: bool = False,
    ) -> int:
        """Put contents in force and return how many were not in force before.

        Args:
            contents: JSON by kind.
            actor: who does it, an opaque id.
            only_if_none: leave what a store has in force.
            dry_run: decide, and write nothing.

        Raises:
            InvalidContent: a content is not valid; nothing is written.
        """
        states = {kind: self._state(kind) for kind in contents}
        wanted = {
            kind: content
            for kind, content in contents.items()
            if not (only_if_none and states[kind][0] is not None)
        }
        names = _names(wanted) if wanted else {}
        events: list[Pending] = []
        for kind, content in wanted.items():
            state, version = states[kind]
            command = Activate(
                kind=kind,
                name=names[kind],
                version=content_version(content),
                content=canonical(content),
            )
            events += self._pending(kind, version, policies.decide(state, command), actor)
        if dry_run:
            return len(events)
        if events:
            self._store.append(events, index=self._followed(events))
        if self._activations:
            self._read()
        return len(events)

    def _followed(self, events: Sequence[Pending]) -> MatchIndex | None:
        """Return what the events change in the match index; None where it is to be built anew."""
        if self._store.index_is_outdated:
            return None
        with self._store.reading() as cursor:
            index = self._store.index.begin(cursor).index
        for event in events:
            index.apply(event.stream_id, event.version, event.header.valid_from, event.fact)
        return index

    def _grant_to_owner(self) -> None:
        """Give a store that has no roles yet the shipped ones, and its owner everything."""
        if not self._store.read_stream(ACCESS_STREAM):
            world = self._world
            self._store.append(
                [
                    Pending(ACCESS_STREAM, version, header_of_its_own(world, SYSTEM_ACTOR), fact)
                    for version, fact in enumerate(shipped_access(), 1)
                ]
            )

    def follow(self, reader: IndexReader) -> None:
        """Read the rules again if another process has put others in force: the working set of a
        transaction counts the events of their streams."""
        if reader.index.rules != self._activations:
            self._read(reader.cursor)

    def catch_up(self) -> None:
        """Read the rules again if they have been changed since, here or by another process."""
        with self._store.reading() as cursor:
            self.follow(self._store.index.begin(cursor))

    def rules_with(self, policy: bytes | None, model: bytes | None) -> Rules:
        """Return the rules in force with one or both contents replaced; nothing is activated."""
        states = {kind: self._state(kind)[0] for kind in POLICY_STREAMS}
        in_force = {
            kind: state.contents[state.version].encode()
            for kind, state in states.items()
            if state is not None
        }
        return rules_from(
            in_force["policy"] if policy is None else policy,
            in_force["model"] if model is None else model,
            in_force["settings"],
            is_new=policy is not None,
        )

    def model_of(self, version: str) -> Model:
        """Return the model that a decision was taken under, by the version that its evidence names."""
        if version not in self._models:
            state, _ = self._state("model")
            assert state is not None
            self._models[version] = parse_model(state.contents[version].encode())
        return self._models[version]

    def _read(self, cursor: Cursor | None = None) -> None:
        contents: dict[PolicyKind, bytes] = {}
        self._activations = 0
        for kind in POLICY_STREAMS:
            state, count = self._state(kind, cursor)
            assert state is not None
            self._activations += count
            contents[kind] = state.contents[state.version].encode()
        self.access = AccessState()
        for event in self._store.read_stream(ACCESS_STREAM, cursor=cursor):
            self.access = access.evolve(self.access, event.fact)
            self._activations += 1
        self.policy = policies.Policy.model_validate_json(contents["policy"])
        try:
            self._rules = rules_from(contents["policy"], contents["model"], contents["settings"])
        except (
            InvalidContent
        ) as invalid:  # the store must open, so that another can be put in force
            self._rules, self._faults = None, invalid.faults

    def _state(
        self, kind: PolicyKind, cursor: Cursor | None = None
    ) -> tuple[PolicyState | None, int]:
        state: PolicyState | None = None
        stream = self._store.read_stream(POLICY_STREAMS[kind], cursor=cursor)
        for event in stream:
            state = policies.evolve(state, event.fact)
        return state, len(stream)

    def _pending(
        self,
        kind: PolicyKind,
        version: int,
        facts: Sequence[policies.PolicyActivated],
        actor: str,
    ) -> list[Pending]:
        return [
            Pending(
                POLICY_STREAMS[kind],
                version + number,
                header_of_its_own(self._world, actor),
                fact,
            )
            for number, fact in enumerate(facts, 1)
        ]


def _names(contents: Mapping[PolicyKind, bytes]) -> dict[PolicyKind, str]:
    """Return the contents' own names, having built of them what will decide: what cannot be built must
    not come into force. What is in force beside them does not matter to that.
    """
    policy, model, settings = (
        contents[kind] if kind in contents else SHIPPED[kind]() for kind in POLICY_STREAMS
    )
    rules = rules_from(policy, model, settings, is_new=True)
    rules.policy.is_blocked("")
    return {
        "policy": rules.policy.name,
        "model": rules.model.name,
        "settings": rules.settings.name,
    }
