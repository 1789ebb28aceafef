"""Which interactions wait to be evaluated again: those received since, and those something touched.

The queue is a projection like the rest of the index. Every received interaction is in it by its number;
what a decision touches besides is named in `pending`, in the transaction of that decision.
"""

from collections.abc import Iterable
from datetime import datetime

from aggregates.values import ContactId
from identity_engine.event_store.match_index.rows import told_apart
from projections.match_index.identities import microseconds
from projections.sql import Cursor

QUEUE_TABLES = {
    "pending": ("number",),
    "evaluated": ("number",),
    "source_position": ("source", "position"),
    "crm_queue": ("named", "attempts", "not_before"),
    "lookup_queue": ("interaction_id", "source", "attempts", "not_before", "reason"),
}
"""Tables beside the match index that say what is done and what waits; no replay makes them."""
EVALUATED = "COALESCE((SELECT MAX(number) FROM evaluated), 0)"
"""The number up to which received interactions were taken into `pending`."""


def count_waiting(cursor: Cursor) -> int:
    """Return how many interactions wait."""
    cursor.execute(
        f"SELECT (SELECT COUNT(*) FROM pending WHERE number <= {EVALUATED}) "
        f"+ (SELECT COUNT(*) FROM interaction WHERE number > {EVALUATED})"
    )
    return int(cursor.fetchone()[0])


def find_waiting(cursor: Cursor, limit: int) -> list[int]:
    """Return the numbers of some that wait, the oldest first; they wait until they are settled."""
    cursor.execute(
        f"SELECT number FROM pending WHERE number <= {EVALUATED} UNION ALL "
        f"SELECT number FROM interaction WHERE number > {EVALUATED} ORDER BY number LIMIT ?",
        (limit,),
    )
    return [number for (number,) in cursor.fetchall()]


def find_no_longer_apart(
    cursor: Cursor, now: datetime
) -> list[tuple[frozenset[ContactId], datetime]]:
    """Return the pairs that were told apart until a time that has come, with that time, by it."""
    cursor.execute(
        "SELECT one, other, until FROM told_apart WHERE until <= ? "
        "ORDER BY until NULLS LAST, one, other",
        (microseconds(now),),
    )
    passed = map(told_apart, cursor.fetchall())
    return [(pair, until) for pair, until in passed if until is not None]


def settle(cursor: Cursor, numbers: Iterable[int]) -> None:
    """Take interactions off the queue; of those received since, the others now wait by name."""
    cursor.execute(
        f"INSERT OR IGNORE INTO pending SELECT number FROM interaction WHERE number > {EVALUATED}"
    )
    cursor.execute(f"SELECT MAX(number) FROM interaction WHERE number > {EVALUATED}")
    (last,) = cursor.fetchone()
    if last is not None:
        cursor.execute("DELETE FROM evaluated")
        cursor.execute("INSERT INTO evaluated VALUES (?)", (last,))
    cursor.executemany("DELETE FROM pending WHERE number = ?", [(one,) for one in numbers])
