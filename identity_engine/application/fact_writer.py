"""How a decision is written: each fact with its header, and into the index at once."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from aggregates.values import CommandId, EventId, Fact, Header
from identity_engine.adapters.clock import World
from identity_engine.event_store.keys import DataKey
from identity_engine.event_store.mapper import Pending
from projections.match_index.index import MatchIndex


class Upstream(Struct, frozen=True):
    """What the first event of a command hangs on, in opaque form; None where nothing was said."""

    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


class Seal(Struct, frozen=True):
    """Whose key seals what a fact says about a person, and the key."""

    subject: str
    key: DataKey


def header_of_its_own(world: World, actor: str) -> Header:
    """Return the header of a fact that is a whole command and is true from now on."""
    event_id, now = EventId(world.new_id()), world.now()
    return Header(event_id, now, actor, CommandId(world.new_id()))


class FactWriter:
    """Writes the facts of one command; each is caused by the first.

    Args:
        world: fresh ids.
        actor: who acts, an opaque id; where no person does, the version of the rules.
        index: follows each fact at once, and knows the versions of the streams written to.
        upstream: what the command hangs on.
        seal: of what its facts say about a person, unless a fact has another; None where none does.
    """

    def __init__(
        self,
        world: World,
        actor: str,
        index: MatchIndex,
        upstream: Upstream = Upstream(),  # noqa: B008 - it cannot change
        seal: Seal | None = None,
    ) -> None:
        self._world, self._index, self._upstream = world, index, upstream
        self._actor, self._cause = actor, upstream.causation_id
        self.command_id = CommandId(world.new_id())
        self._seal = seal
        self.events: list[Pending] = []

    def write(
        self,
        stream_id: str,
        valid_from: datetime,
        facts: Iterable[Fact],
        seal: Seal | None = None,
    ) -> None:
        """Note facts to be stored behind all that stands in a stream, and let the index follow them."""
        index, upstream = self._index, self._upstream
        for fact in facts:
            version = index.versions.get(stream_id, 0) + 1
            event_id = EventId(self._world.new_id())
            header = Header(
                event_id,
                valid_from,
                self._actor,
                self.command_id,
                upstream.correlation_id,
                self._cause,
                upstream.traceparent,
            )
            if not self.events:
                self._cause = event_id
            sealed = (seal or self._seal) if fact.about_a_person() is not None else None
            subject, key = (sealed.subject, sealed.key) if sealed is not None else (None, None)
            self.events.append(Pending(stream_id, version, header, fact, subject, key))
            index.apply(stream_id, version, valid_from, fact)
            if sealed is not None:
                index.seal(sealed.subject, sealed.key.key_id)
