"""How a conversation goes on: a change is noted with its interaction, and what it says takes effect.

A message never moves the link: what it says may add values to the contact, or propose another contact
to a person. A correction replaces what the publisher said, a retraction takes it back; where that leaves
the links is for re-evaluation. A change that comes before its interaction waits for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from aggregates.change import (
    AwaitedPersonal,
    Change,
    ChangePersonal,
    InteractionChanged,
    InteractionChangeDeferred,
)
from aggregates.values import ContactId, Erased, InteractionId
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter, Seal, Upstream
from identity_engine.application.resolution.decision_events import DecisionEvents
from identity_engine.application.resolution.effects import Effects
from identity_engine.application.resolution.lookup import Lookup
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.prepare import (
    Prepared,
    RecognisedChange,
    given_identifiers,
    prepare_change,
)
from identity_engine.application.rules import Rules
from identity_engine.event_store.keys import DataKey
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.conversation_tables import load_changes, load_waiting
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore, stream_versions
from projections.match_index.rows import InteractionRow

WITH_VALUES = ("message", "corrected")
TAKING_BACK = ("corrected", "retracted")


class PreparedChange(Struct, frozen=True):
    """A change with what it says, ready to be written."""

    change: Change
    personal: ChangePersonal | Erased
    time: datetime
    upstream: Upstream


class Changing:
    """Takes the changes of one batch, over the index that all its decisions change.

    Args:
        store, world, rules: of the resolver.
        reader, lookup: of the batch.
        events: of the batch; what is decided here is added.
        arriving: the interactions that the batch brings, by natural key.
    """

    def __init__(
        self,
        store: EventStore,
        world: World,
        rules: Rules,
        reader: IndexReader,
        lookup: Lookup,
        events: list[Pending],
        arriving: Mapping[bytes, Prepared],
    ) -> None:
        self._store, self._world, self._rules = store, world, rules
        self._reader, self._index, self._lookup = reader, reader.index, lookup
        self._events, self._arriving = events, arriving
        self._conversations = reader.index.conversations
        self._deferred: dict[bytes, PreparedChange] = {}
        self._prepared: dict[bytes, Prepared] = {}
        self._effects = Effects(store, world, rules, reader, lookup, events)

    def load(self, changes: Sequence[RecognisedChange]) -> None:
        """Load all that these changes and the arriving interactions ask for, one query for each kind
        of row."""
        if self._conversations.last_waiting:
            self._load_waiting([*self._arriving, *(one.interaction_key for one in changes)])
        if not changes:
            return
        load_changes(self._reader, [one.natural_key for one in changes])
        known = [row for one in changes if (row := self._index.known(one.interaction_key))]
        ids = list(dict.fromkeys(row.interaction_id for row in known))
        self._reader.load_linked(ids)
        rows = [row for id_ in ids if (row := self._index.interaction_by_id(id_)) is not None]
        self._index.add_natural_keys((), rows)
        self._reader.load_nearby((), _contacts(rows))
        self._index.versions |= stream_versions(self._reader.cursor, ids)
        for one in changes:
            if one.incoming.kind in WITH_VALUES:
                self._prepare(one)
        self._lookup.load(list(self._prepared.values()))
        taken_back = [one for one in changes if one.incoming.kind in TAKING_BACK]
        found = (self._index.known(one.interaction_key) for one in taken_back)
        self._effects.load([row for row in found if row is not None])

    def awaited(self, natural_key: bytes) -> tuple[InteractionId, DataKey] | None:
        """Return the id and key of an interaction that a change came before, None if none did."""
        waiting = self._conversations.waiting_for(natural_key)
        key = self._key(waiting[0].key_id) if waiting else None
        return (waiting[0].interaction_id, key) if key is not None else None

    def catch_up(self, natural_key: bytes, written: DecisionEvents) -> None:
        """Let what waited for an interaction follow it, now that it is written."""
        for waiting in self._conversations.waiting_for(natural_key):
            self._tell(written.received, self._deferred[waiting.natural_key])

    def settle(self, one: RecognisedChange) -> Outcome:
        """Take one change."""
        known = self._conversations.change(one.natural_key)
        row = self._index.known(one.interaction_key)
        if known is not None:
            status = "duplicate" if known.content_digest == one.content_digest else "conflict"
            return self._outcome(status, known.interaction_id, row, one)
        if row is None:
            return self._defer(one)
        told = self._told(one)
        if self._key(row.key_id) is None:
            return self._outcome("erased", row.interaction_id, row, one)
        self._tell(row, told)
        return self._outcome("accepted", row.interaction_id, row, one)

    def _outcome(
        self,
        status: str,
        interaction_id: InteractionId,
        row: InteractionRow | None,
        one: RecognisedChange,
    ) -> Outcome:
        change = one.incoming.kind
        if row is None or row.contact_id is None:
            return Outcome(status, interaction_id, None, None, "" if row else "waits", change)
        identity = self._index.identity(row.contact_id)
        return Outcome(status, interaction_id, identity.canonical_id, identity.stage, "", change)

    def _defer(self, one: RecognisedChange) -> Outcome:
        told = self._told(one)
        assert isinstance(told.personal, ChangePersonal), "it has just come"
        waiting = self._conversations.waiting_for(one.interaction_key)
        key = self._key(waiting[0].key_id) if waiting else None
        interaction_id = waiting[0].interaction_id if key else InteractionId(self._world.new_id())
        fact_writer = self._fact_writer(interaction_id, key or self._store.keys.new_key(), told)
        fact = InteractionChangeDeferred(
            interaction_key=one.interaction_key.hex(),
            interaction_id=interaction_id,
            change=told.change,
            personal=AwaitedPersonal(
                source=one.incoming.of_source, id=one.incoming.of_id, said=told.personal
            ),
        )
        fact_writer.write(self._world.new_id(), told.time, [fact])
        self._events += fact_writer.events
        self._deferred[one.natural_key] = told
        return self._outcome("accepted", interaction_id, None, one)

    def _tell(self, row: InteractionRow, told: PreparedChange) -> None:
        """Write a change of an interaction that is known, and what follows from it."""
        key = self._key(row.key_id)
        assert key is not None, "a change of what was erased is not told"
        fact_writer = self._fact_writer(row.interaction_id, key, told)
        kind, contact_id = told.change.kind, row.contact_id
        division = row.division if kind in WITH_VALUES else None
        fact = InteractionChanged(
            change=told.change, contact_id=contact_id, division=division, personal=told.personal
        )
        fact_writer.write(row.interaction_id, told.time, [fact])
        if division is not None and isinstance(told.personal, ChangePersonal):
            prepared = self._lookup.with_keys_in_use(self._prepared_of(row, told))
            if kind == "corrected":
                self._effects.correct(fact_writer, row, prepared)
            elif contact_id is not None and prepared.identifiers:
                self._effects.hear(fact_writer, row, contact_id, prepared)
        elif kind == "retracted":
            self._effects.retract(fact_writer, row, told.time)
        self._events += fact_writer.events

    def _load_waiting(self, interaction_keys: Sequence[bytes]) -> None:
        waiting = load_waiting(self._reader, interaction_keys)
        load_changes(self._reader, [one.natural_key for one in waiting])
        streams, cursor = [one.stream for one in waiting], self._reader.cursor
        for event in self._store.read_streams(streams, cursor=cursor):
            fact, header = event.fact, event.header
            assert isinstance(fact, InteractionChangeDeferred)
            upstream = Upstream(header.correlation_id, header.event_id, header.traceparent)
            awaited = fact.personal
            said = awaited if isinstance(awaited, Erased) else awaited.said
            told = PreparedChange(fact.change, said, header.valid_from, upstream)
            self._deferred[bytes.fromhex(fact.change.natural_key)] = told

    def _told(self, one: RecognisedChange) -> PreparedChange:
        incoming, digests = one.incoming, self._store.digests
        change = Change(
            kind=incoming.kind,
            natural_key=one.natural_key.hex(),
            content_digest=one.content_digest.hex(),
            agent=incoming.agent,
            to_agent=incoming.to_agent,
            to_queue=incoming.to_queue,
            direction=incoming.direction,
        )
        personal = ChangePersonal(
            source=incoming.source,
            id=incoming.id,
            identifiers=given_identifiers(
                incoming.identifiers, incoming.profile, self._rules.policy
            ),
            profile=dict(incoming.profile),
            attributes=incoming.attributes,
            mail=incoming.mail,
            reason=incoming.reason,
        )
        upstream = Upstream(
            digests.opaque(incoming.correlation_id),
            digests.opaque(incoming.causation_id),
            incoming.traceparent,
        )
        return PreparedChange(change, personal, incoming.time, upstream)

    def _prepare(self, one: RecognisedChange) -> None:
        row = self._index.known(one.interaction_key)
        if row is not None and self._conversations.change(one.natural_key) is None:
            self._prepared_of(row, self._told(one))

    def _prepared_of(self, row: InteractionRow, told: PreparedChange) -> Prepared:
        key = bytes.fromhex(told.change.natural_key)
        if key not in self._prepared:
            assert isinstance(told.personal, ChangePersonal)
            self._prepared[key] = prepare_change(
                told.change,
                told.personal,
                told.time,
                row.channel,
                row.division,
                self._rules.policy,
                self._store.digests,
                self._index.is_crowded,
            )
            if row.number < 0:  # it came with this batch, after the look-ups
                self._lookup.load([self._prepared[key]])
        return self._prepared[key]

    def _key(self, key_id: int) -> DataKey | None:
        cipher = self._store.keys.ciphers([key_id])[key_id]
        return DataKey(key_id, cipher) if cipher is not None else None

    def _fact_writer(
        self, subject: InteractionId, key: DataKey, told: PreparedChange
    ) -> FactWriter:
        return FactWriter(
            self._world, self._rules.actor, self._index, told.upstream, Seal(subject, key)
        )


def _contacts(rows: Sequence[InteractionRow]) -> set[ContactId]:
    return {row.contact_id for row in rows if row.contact_id is not None}
