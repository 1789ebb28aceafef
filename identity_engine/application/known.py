"""What is known of contacts: their own events, and all that was said of the identifiers in them."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from aggregates.identifier import IdentifierFact
from aggregates.values import ContactId
from identity_engine.application.members import stretches
from identity_engine.application.views.follower import Follower
from identity_engine.event_store.store import EventStore
from projections.base import Recorded
from projections.identity.projection import ever_one_with
from projections.sql import Connection, Cursor
from projections.timeline.projection import TimelineProjection
from projections.timeline.query import positions_of


def events_of(
    store: EventStore,
    views: Connection,
    contact_ids: Iterable[ContactId],
    until: int | None = None,
    *,
    cursor: Cursor | None = None,
) -> list[Recorded]:
    """Return the events of contacts, and of all that are or ever were one with them, in log order: what
    they were at any time is a replay of these.

    Args:
        store: the log.
        views: live views at its head.
        contact_ids: whose.
        until: the last position that counts, None for all.
        cursor: reads in its own transaction.
    """
    ever = set[str]().union(*(ever_one_with(views, one) for one in contact_ids))
    return store.read_positions(positions_of(views, ever, until), cursor=cursor)


def with_values(
    store: EventStore,
    events: Sequence[Recorded],
    until: int | None = None,
    *,
    cursor: Cursor | None = None,
) -> list[Recorded]:
    """Add what was said of the identifiers in these events to or by others: a claim that went over was
    made for another contact, and a value may have been marked before.

    Args:
        store: the log.
        events: in log order.
        until, cursor: as for `events_of`.
    """
    streams = {event.stream_id for event in events if isinstance(event.fact, IdentifierFact)}
    with store.reading() if cursor is None else nullcontext(cursor) as reading:
        said = store.read_streams(sorted(streams), cursor=reading)
    whole = {event.position: event for event in events}
    whole |= {one.position: one for one in said if until is None or one.position <= until}
    return [whole[position] for position in sorted(whole)]


def told_of(
    contact_id: ContactId, events: Sequence[Recorded], follower: Follower
) -> list[Recorded]:
    """Return the events that the history of a contact tells: those of its members, and those that each
    former member had when it was parted from the contact.

    Args:
        contact_id: whose history.
        events: all that are known of it, as `events_of` gives them.
        follower: replays them.
    """
    told = set[int]()
    with follower.replayed(()) as views:
        # What was moved or given later brings older events along: each part is asked for as it was.
        for passed, members in stretches(contact_id, events):
            views.feed(passed, names=[TimelineProjection.name])
            told.update(positions_of(views.connection, members))
    return [event for event in events if event.position in told]
