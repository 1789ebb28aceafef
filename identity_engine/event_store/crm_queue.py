"""How far the log was read for the CRM, and which work is put off, until when, after how many failures.

What is to be sent follows from the log (`projections.crm.query.tasks`); only the place in it and our
patience are kept here. They are no part of the match index: a rebuild leaves them alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from aggregates.values import instant_text
from identity_engine.event_store.retry_delay import delay_seconds
from projections.sql import Cursor

SOURCE = "write-backs to the CRM"
"""Its position stands beside those of the sources, which have other names."""


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
