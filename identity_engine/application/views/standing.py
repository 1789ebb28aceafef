"""How far behind the log each view is."""

from datetime import datetime

from msgspec import Struct

from identity_engine.application.views.follower import Follower
from identity_engine.event_store.mapper import recorded_at
from identity_engine.event_store.store import EventStore


class Standing(Struct, frozen=True):
    """Where one view stands.

    `behind` is how many events of the log it has not applied, `seconds` how long ago the oldest of them
    was recorded, 0 where there is none. `parked` counts the partitions that wait after a failure.
    """

    name: str
    position: int
    behind: int
    seconds: float
    parked: int


def standings(store: EventStore, follower: Follower) -> list[Standing]:
    """Return where each view stands now; none is brought forward."""
    views = follower.views.status()
    now, head = store.now(), store.head()
    waits = {position: _since(store, position, now) for position in {v.position for v in views}}
    return [
        Standing(
            view.name,
            view.position,
            max(0, head - view.position),
            waits[view.position],
            view.parked,
        )
        for view in views
    ]


def _since(store: EventStore, position: int, now: datetime) -> float:
    """Return for how many seconds the event behind a position has waited."""
    waiting = store.stored_bytes(position + 1)
    if waiting is None:
        return 0.0
    return max(0.0, (now - recorded_at(waiting.state)).total_seconds())
