"""The match index, replayed: built anew from the log, or checked against it.

Both hold the write lock: the index must not miss an event, and nobody may decide on half of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

from msgspec.structs import replace

from aggregates.change import ChangeFact, InteractionChanged
from aggregates.division import ContactMoved
from aggregates.identifier import IdentifierClaimed, IdentifierFact, IdentifierTransferred
from aggregates.interaction import InteractionReceived
from aggregates.policy import Policy
from aggregates.values import ContactId, Erased, Fact, IdentifierId, InteractionId
from aggregates.verification import IdentifierVerified
from identity_engine.application.hand_made import FactsOf, HandMadeRecords
from identity_engine.application.past_rules import PastRules, past_policies
from identity_engine.application.rekeying import rekey
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import comparable, mentions_of
from identity_engine.application.resolution.statements import whole_correction
from identity_engine.application.views.follower import Progress, Verdict
from identity_engine.event_store.match_index.conversation_tables import load_changes
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.match_index.writing import hash_rows, replace_tables, write_changes
from identity_engine.event_store.store import EventStore, Writer
from identity_engine.observing.logbook import Logbook
from projections.base import Recorded
from projections.match_index.digests import DigestKeys
from projections.match_index.index import MatchIndex
from projections.match_index.mentions import Mention
from projections.match_index.rows import Comparable

book = Logbook(__name__)

BATCH = 2_000


def rebuild_index(store: EventStore, progress: Progress | None = None) -> None:
    """Replace the match index by a replay of the log, in one transaction."""
    with store.writing() as writer:
        _replay(store, writer, progress)


def verify_index(store: EventStore, progress: Progress | None = None) -> Verdict:
    """Replay the match index, compare it with the live one, and leave everything as it was."""
    with _undone(store) as writer:
        live = hash_rows(writer.cursor)
        _replay(store, writer, progress)
        return Verdict("match index", live, hash_rows(writer.cursor), behind=0, parked=0)


class _Undo(Exception):  # noqa: N818 - not a fault
    """Ends a transaction without its changes."""


@contextmanager
def _undone(store: EventStore) -> Iterator[Writer]:
    try:
        with store.writing() as writer:
            yield writer
            raise _Undo  # noqa: TRY301 - the transaction ends by it
    except _Undo:
        store.index.forget()


def _replay(store: EventStore, writer: Writer, progress: Progress | None) -> None:
    cursor = writer.cursor
    replace_tables(cursor)
    store.index.forget()
    past = past_policies(store, cursor)
    after = 0
    while events := store.read(after, BATCH, within=writer):
        book.info("events_replayed", count=len(events), position=events[-1].position)
        for block_cap, some in groupby(events, lambda event: _block_cap(past, event)):
            _replay_under(block_cap, list(some), store, writer)
        after = events[-1].position
        if progress is not None:
            progress(len(events))


def _block_cap(past: PastRules[Policy], event: Recorded) -> int:
    """Return how many records a block key was allowed to lead to when an event was written."""
    policy = past.at(event.position)
    return policy.block_cap if policy is not None else 0  # nothing is received before the first


def _replay_under(
    block_cap: int, events: Sequence[Recorded], store: EventStore, writer: Writer
) -> None:
    """Replay events that were written under one cap."""
    cursor = writer.cursor
    reader = store.index.begin(cursor)
    crowding = Crowding(reader, block_cap)
    hand_made = HandMadeRecords(reader, block_cap)
    _load(reader, events)
    comparables = _comparables(reader, events)
    crowding.load(key for one in comparables.values() for key in one.block_keys)
    messages = _messages(reader.digests, events)
    said = {mention.digest for mentions in messages.values() for mention in mentions}
    reader.load_identifiers(sorted(said))
    for event in events:
        _apply(reader, crowding, comparables, event)
        _hear(reader.index, messages, event)
        hand_made.follow(event.stream_id, event.fact, _facts_until(store, writer, event))
        if isinstance(event.fact, ContactMoved):
            moved, until = ContactId(event.stream_id), event.position
            rekey(store, reader, crowding, moved, event.fact, until)
    write_changes(cursor, reader.index.changes(), store.index.records)


def _load(reader: IndexReader, events: Sequence[Recorded]) -> None:
    """Load the rows that the events change."""
    streams = {e.stream_id for e in events}  # of every kind: an id names one row at most
    streams |= {
        e.fact.interaction_id
        for e in events
        if isinstance(e.fact, IdentifierClaimed | IdentifierVerified)
        and e.fact.interaction_id is not None
    }
    changes = [
        bytes.fromhex(e.fact.change.natural_key) for e in events if isinstance(e.fact, ChangeFact)
    ]
    if changes:
        load_changes(reader, changes)
    contacts = {ContactId(named) for e in events for named in contacts_of(e.fact)}
    contacts |= {ContactId(e.subject) for e in events if e.subject is not None}
    reader.load_identifier_streams(
        [IdentifierId(e.stream_id) for e in events if isinstance(e.fact, IdentifierFact)],
    )
    reader.load_linked(streams)
    reader.load_cases(streams)
    reader.load_nearby((), contacts | {ContactId(s) for s in streams})
    reader.load_edges(list(reader.index.contacts))


def _facts_until(store: EventStore, writer: Writer, last: Recorded) -> FactsOf:
    return lambda stream_id: [
        event.fact
        for event in store.read_stream(stream_id, cursor=writer.cursor)
        if event.position <= last.position
    ]


def contacts_of(fact: Fact) -> Iterator[str]:
    """Yield the contacts that a fact of any stream names as touched."""
    for name in ("contact_id", "from_contact_id", "other"):
        if named := getattr(fact, name, None):
            yield named
    for edge in getattr(fact, "edges", ()):
        yield from (edge.one, edge.other)


def _comparables(reader: IndexReader, events: Sequence[Recorded]) -> dict[str, Comparable]:
    """Return what matching makes of each interaction received, by its id."""
    return {
        event.stream_id: comparable(
            event.fact.personal, event.fact.division, reader.digests, reader.index.is_crowded
        )
        for event in events
        if isinstance(event.fact, InteractionReceived)
    }


def _messages(digests: DigestKeys, events: Sequence[Recorded]) -> dict[int, tuple[Mention, ...]]:
    """Return what each message mentions, by its position in the log."""
    return {
        event.position: tuple(
            mentions_of(event.fact.personal.identifiers, event.fact.division, digests)
        )
        for event in events
        if isinstance(event.fact, InteractionChanged)
        and event.fact.change.kind == "message"
        and event.fact.division is not None
        and not isinstance(event.fact.personal, Erased)
    }


def _hear(index: MatchIndex, messages: Mapping[int, tuple[Mention, ...]], event: Recorded) -> None:
    """Note what a message gives that its contact held already."""
    mentions = messages.get(event.position, ())
    if (
        mentions
        and isinstance(event.fact, InteractionChanged)
        and event.fact.contact_id is not None
    ):
        heard_in, moment = InteractionId(event.stream_id), event.header.valid_from
        index.hear(heard_in, event.fact.contact_id, mentions, moment)


def _apply(
    reader: IndexReader,
    crowding: Crowding,
    comparables: Mapping[str, Comparable],
    event: Recorded,
) -> None:
    index, fact = reader.index, event.fact
    if isinstance(fact, InteractionReceived):
        made = comparables[event.stream_id]
        if any(map(index.is_crowded, made.block_keys)):
            made = replace(made, block_keys=crowding.keys(made.record, fact.division))
        row = index.receive(
            InteractionId(event.stream_id), fact, event.key_id, event.header.valid_from, made
        )
        crowding.settle(row)
        return
    if isinstance(fact, IdentifierClaimed | IdentifierTransferred) and not isinstance(
        fact.personal, Erased
    ):
        value = fact.personal
        digest = reader.digests.identifier_key(
            fact.division, value.family, value.scope, value.value
        )
        if digest not in index.identifiers:
            index.introduce(digest, IdentifierId(event.stream_id))
    index.apply(event.stream_id, event.version, event.header.valid_from, fact)
    if event.subject is not None:
        index.seal(event.subject, event.key_id)
    if isinstance(fact, InteractionChanged) and fact.change.kind == "corrected":
        _correct(reader, crowding, event, fact)


def _correct(
    reader: IndexReader,
    crowding: Crowding,
    event: Recorded,
    fact: InteractionChanged,
) -> None:
    index, division = reader.index, fact.division
    row = index.interaction_by_id(InteractionId(event.stream_id))
    assert row is not None, "what is corrected was received"
    assert division is not None, "a correction says where the record stands"
    whole = whole_correction(fact.personal)
    made = comparable(whole, division, reader.digests, index.is_crowded)
    crowding.replace(row, made, division)
