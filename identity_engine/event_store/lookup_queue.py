"""Which arrivals are still to be looked up at a source outside, and how far the log was read for them.

A row is written in the transaction that moves the position, so no arrival is missed and none is noted
twice; it stays until its outcome is written. It is no part of the match index: a rebuild leaves it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from aggregates.values import InteractionId, instant_text
from identity_engine.event_store.retry_delay import delay_seconds
from projections.sql import Cursor

SOURCE = "arrivals to be looked up"
"""Its position stands beside those of the sources, which have other names."""


class Arrival(NamedTuple):
    """An interaction whose contact is to be looked up at `source`; after failures since `reason`, not
    before a time (UTC text)."""

    interaction_id: InteractionId
    source: str
    attempts: int = 0
    not_before: str = ""
    reason: str = ""


def add(cursor: Cursor, interaction_id: str, source: str) -> None:
    """Note an arrival."""
    cursor.execute(
        "INSERT INTO lookup_queue VALUES (?, ?, 0, '', '') ON CONFLICT (interaction_id) DO NOTHING",
        (interaction_id, source),
    )


def put_off(
    cursor: Cursor,
    arrival: Arrival,
    reason: str,
    now: datetime,
    entropy: Callable[[int], bytes],
    at_least: float | None = None,
) -> None:
    """Let an arrival wait after a failure; `at_least` seconds if the source asked for that."""
    attempts = arrival.attempts + 1
    seconds = delay_seconds(attempts, entropy, at_least)
    cursor.execute(
        "UPDATE lookup_queue SET attempts = ?, not_before = ?, reason = ? WHERE interaction_id = ?",
        (attempts, instant_text(now + timedelta(seconds=seconds)), reason, arrival.interaction_id),
    )


def settle(cursor: Cursor, arrival: Arrival) -> None:
    """Forget an arrival whose outcome is written."""
    cursor.execute("DELETE FROM lookup_queue WHERE interaction_id = ?", (arrival.interaction_id,))


def arrivals(cursor: Cursor, limit: int) -> list[Arrival]:
    """Return arrivals that wait, those that may be tried first in front."""
    cursor.execute(
        "SELECT interaction_id, source, attempts, not_before, reason FROM lookup_queue "
        "ORDER BY not_before, interaction_id LIMIT ?",
        (limit,),
    )
    return [Arrival(InteractionId(id_), *rest) for id_, *rest in cursor.fetchall()]


def is_due(arrival: Arrival, now: datetime) -> bool:
    """Tell whether an arrival need not wait any more."""
    return arrival.not_before <= instant_text(now)


def count(cursor: Cursor) -> int:
    """Return how many arrivals wait."""
    cursor.execute("SELECT COUNT(*) FROM lookup_queue")
    return int(cursor.fetchone()[0])
