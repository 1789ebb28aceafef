"""What would be so: the views of some contacts after events that are decided and not stored.

A preview made this way is the result, because it is the same fold over the same events.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from aggregates.values import ContactId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.known import events_of, with_values
from identity_engine.event_store.mapper import Pending
from projections.base import Recorded
from projections.runner import Views


@contextmanager
def foreseen(
    context: ActorContext, contact_ids: Iterable[ContactId], pending: Sequence[Pending]
) -> Iterator[Views]:
    """Open views of what these contacts are now, followed by these events."""
    head = context.follower.follow()
    live = context.follower.views.connection
    now = context.store.now()
    own = events_of(context.store, live, contact_ids)
    events = with_values(context.store, own)
    events += [
        Recorded(
            head + place,
            event.stream_id,
            event.version,
            now,
            event.header,
            event.fact,
            event.key.key_id if event.key is not None else 0,
            event.subject,
        )
        for place, event in enumerate(pending, 1)
    ]
    with context.follower.replayed(events) as views:
        yield views
