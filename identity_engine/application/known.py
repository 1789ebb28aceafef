"""What is known of contacts: their own events, and all that was said of the identifiers in them."""

from collections.abc import Iterable, Sequence

from aggregates.identifier import IdentifierFact
from aggregates.values import ContactId
from identity_engine.event_store.store import EventStore
from projections.base import Recorded
from projections.sql import Connection
from projections.timeline.projection import positions_of


def events_of(
    store: EventStore,
    views: Connection,
    contact_ids: Iterable[ContactId],
    until: int | None = None,
) -> list[Recorded]:
    """Return the events of contacts, and of all that are or ever were one with them, in log order.

    Args:
        store: the log.
        views: live views at its head.
        contact_ids: whose.
        until: the last position that counts, None for all.
    """
    positions = {place for one in contact_ids for place in positions_of(views, one, until)}
    return store.read_positions(sorted(positions))


def with_values(
    store: EventStore, events: Sequence[Recorded], until: int | None = None
) -> list[Recorded]:
    """Add what was said of the identifiers in these events to or by others: a claim that went over was
    made for another contact, and a value may have been marked before.

    Args:
        store: the log.
        events: in log order.
        until: as for `events_of`.
    """
    streams = {event.stream_id for event in events if isinstance(event.fact, IdentifierFact)}
    with store.reading() as cursor:
        said = store.read_streams(sorted(streams), cursor=cursor)
    whole = {event.position: event for event in events}
    whole |= {one.position: one for one in said if until is None or one.position <= until}
    return [whole[position] for position in sorted(whole)]
