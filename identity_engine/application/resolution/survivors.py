"""After a lost race: which decisions of a batch still stand, and how they are told once more.

Of two hundred interactions that a worker has decided, the one that was quicker has changed what a few
had read. Those are decided again, with all that hangs on them; the rest is only brought onto the rows
as they are now.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Sequence

from msgspec import Struct

from aggregates.values import ContactId, InteractionId
from identity_engine.application.resolution.lookup import Lookup
from identity_engine.application.resolution.prepare import Prepared
from identity_engine.event_store.mapper import Pending
from matchers.vocabulary import Decision
from projections.match_index.index import MatchIndex
from projections.match_index.rows import ContactRow

Name = bytes | ContactId
"""What one decision can change for another: an identifier, by its digest, or a contact."""


class TakenDecision(Struct, frozen=True):
    """A decision with the events that tell it.

    `key_id` names the data key of the interaction; `is_awaited` tells whether a change had come before
    it, whose events are not among these.
    """

    prepared: Prepared
    decision: Decision
    interaction_id: InteractionId
    contact_id: ContactId
    key_id: int
    events: Sequence[Pending]
    is_awaited: bool

    @property
    def natural_key(self) -> bytes:
        """What names the interaction."""
        return bytes.fromhex(self.prepared.fact.natural_key)

    def written(self) -> set[Name]:
        """Return what it may have changed."""
        digests = (considered.digest for considered in self.prepared.identifiers)
        return {self.contact_id, *digests, *(ContactId(one.stream_id) for one in self.events)}

    def read(self) -> set[Name]:
        """Return what it rests on: all that it may have changed, and the contacts it speaks of."""
        decision = self.decision
        named = {ContactId(contact_id) for contact_id, _ in decision.losing}
        named |= {ContactId(one.contact_id) for one in decision.refusals}
        if decision.contact_id is not None:
            named.add(ContactId(decision.contact_id))
        return self.written() | named


def standing(
    told: Collection[TakenDecision], before: MatchIndex, lookup: Lookup, new: Container[bytes]
) -> list[TakenDecision]:
    """Return the decisions that would be taken again, in order.

    Args:
        told: all that were taken.
        before: the index in which they were told.
        lookup: under the write lock; what the decisions may have changed is loaded into its index.
        new: the natural keys that nobody has received meanwhile.
    """
    lookup.load_written(
        {considered.digest for one in told for considered in one.prepared.identifiers},
        {one.contact_id for one in told},
    )
    spoiled: set[Name] = set(_moved(told, before, lookup.index))
    for one in told:
        if one.is_awaited or one.natural_key not in new:
            spoiled |= one.written()
    left = [(one, one.read()) for one in told]
    while lost := [one for one, read in left if not spoiled.isdisjoint(read)]:
        left = [(one, read) for one, read in left if spoiled.isdisjoint(read)]
        spoiled.update(*(one.written() for one in lost))
    return [one for one, _ in left]


def tell_again(told: Sequence[TakenDecision], before: MatchIndex, lookup: Lookup) -> None:
    """Bring decisions into the index of a new look-up, as they were told into the one `before`."""
    lookup.load_keys([one.prepared for one in told])
    for one in told:
        _tell_again(one, before, lookup)


def _tell_again(told: TakenDecision, before: MatchIndex, lookup: Lookup) -> None:
    index = lookup.index
    prepared = lookup.with_keys_in_use(told.prepared)
    received = index.receive(
        told.interaction_id, prepared.fact, told.key_id, prepared.time, prepared.comparable
    )
    streams = {event.stream_id for event in told.events}
    for considered in prepared.identifiers:
        row = before.identifiers.get(considered.digest)
        if row is None or considered.digest in index.identifiers:
            continue
        if row.identifier_id in streams:
            index.introduce(row.digest, row.identifier_id)
    for event in told.events:
        index.apply(event.stream_id, event.version, event.header.valid_from, event.fact)
        if event.subject is not None and event.key is not None:
            index.seal(event.subject, event.key.key_id)
    lookup.crowding.settle(received)


def _moved(told: Iterable[TakenDecision], before: MatchIndex, now: MatchIndex) -> Iterator[Name]:
    """Yield what others have changed so that it may lead to another decision."""
    for digest, version in before.identifiers_read().items():
        row = now.identifiers.get(digest)
        if (row.version if row is not None else 0) != version:
            yield digest
    own = [event.stream_id for one in told for event in one.events]
    for contact_id in {one.contact_id for one in told if one.contact_id in now.contacts}:
        seen, is_now = before.contacts[contact_id], now.contacts[contact_id]
        if not _decides_the_same(seen, seen.version - own.count(contact_id), is_now):
            yield contact_id


def _decides_the_same(seen: ContactRow, version: int, now: ContactRow) -> bool:
    """Tell whether a contact counts as it did; further interactions of its own change nothing.

    Args:
        seen: as the batch left it.
        version: of its stream when it was read.
        now: as it is.
    """
    return (
        now.version == version
        and now.canonical == seen.canonical
        and now.state.exclusive.items() <= seen.state.exclusive.items()
    )
