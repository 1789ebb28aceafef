"""How far the log was read for the CRM, and which work is put off, until when, after how many failures.

What is to be sent follows from the log (`projections.crm.query.tasks`); only the place in it and our
patience are kept here. They are no part of the match index: a rebuild leaves them alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from aggregates.values import instant_text
from projections.sql import Cursor

SOURCE = "write-backs to the CRM"
"""Its position stands beside those of the sources, which have other names."""
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3_600.0
CHANCE_BYTES = 2


def delay_seconds(
    attempts: int, entropy: Callable[[int], bytes], at_least: float | None = None
) -> float:
    """Return how long to wait after a failure: twice as long each time, up to an hour, less a part that
    chance decides, so that many workers do not come back at one moment.

    Args:
        attempts: failures so far, this one included.
        entropy: random bytes.
        at_least: seconds that the CRM asked for.
    """
    doubled: float = FIRST_DELAY_SECONDS * float(1 << min(attempts - 1, 20))
    longest = min(LONGEST_DELAY_SECONDS, doubled)
    chance = int.from_bytes(entropy(CHANCE_BYTES)) / (1 << 8 * CHANCE_BYTES)
    return max(longest * (0.5 + chance / 2), min(at_least or 0.0, LONGEST_DELAY_SECONDS))


def position(cursor: Cursor) -> int:
    """Return up to which position of the log it was noted what the CRM is to be told."""
    cursor.execute("SELECT position FROM source_position WHERE source = ?", (SOURCE,))
    row = cursor.fetchone()
    return int(row[0]) if row is not None else 0


def move(cursor: Cursor, position: int) -> None:
    """Note up to which position it was noted, in the transaction that notes it."""
    cursor.execute(
        "INSERT INTO source_position VALUES (?, ?) "
        "ON CONFLICT (source) DO UPDATE SET position = excluded.position",
        (SOURCE, position),
    )


def put_off(
    cursor: Cursor,
    named: str,
    now: datetime,
    entropy: Callable[[int], bytes],
    at_least: float | None = None,
) -> None:
    """Let some work wait after a failure; `at_least` seconds if given."""
    cursor.execute("SELECT attempts FROM crm_queue WHERE named = ?", (named,))
    known = cursor.fetchone()
    attempts = 1 + (known[0] if known is not None else 0)
    seconds = delay_seconds(attempts, entropy, at_least)
    cursor.execute(
        "INSERT INTO crm_queue VALUES (?, ?, ?) ON CONFLICT (named) DO UPDATE SET "
        "attempts = excluded.attempts, not_before = excluded.not_before",
        (named, attempts, instant_text(now + timedelta(seconds=seconds))),
    )


def settle(cursor: Cursor, named: str) -> None:
    """Forget the failures of some work that is done."""
    cursor.execute("DELETE FROM crm_queue WHERE named = ?", (named,))


def waiting(cursor: Cursor, now: datetime) -> dict[str, str]:
    """Return the work that must still wait, with the time (UTC text) until which."""
    cursor.execute(
        "SELECT named, not_before FROM crm_queue WHERE not_before > ?", (instant_text(now),)
    )
    return dict(cursor.fetchall())
