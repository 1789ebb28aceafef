"""Times as people type them, and as of when they ask: a moment, or a position of the log."""

from datetime import UTC, datetime, tzinfo

from identity_engine.errors import UsageError
from identity_engine.event_store.store import EventStore

A_TIME = "a time such as 2026-01-31T12:00:00Z"
MOST_DIGITS = 18
"""Of a position; Python takes thousands of digits for no number at all."""


def moment_of(
    text: str, option: str, *, zone: tzinfo | None = None, form: str = A_TIME
) -> datetime:
    """Return the moment that a person typed, in UTC.

    Args:
        text: ISO 8601: a time, or a day, which is its beginning.
        option: what it was given as, for the error.
        zone: of a time without an offset; None refuses one, because what is stored is not guessed.
        form: what is needed, for the error.

    Raises:
        UsageError: it is no time, or has no offset where it needs one.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None and zone is None:
            raise UsageError(f"{option} needs the offset of the time: 2026-01-31T12:00:00Z.")
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise UsageError(f"{option} needs {form}.") from None


def position_as_of(store: EventStore, as_of: str | None, option: str = "--as-of") -> int | None:
    """Return the last position that counts, None for now.

    Args:
        store: the log.
        as_of: `pos:N`, or an ISO 8601 time; a time without a zone is taken as UTC.
        option: what it was given as, for the error.

    Raises:
        UsageError: it is neither, or a position that the log has not reached.
    """
    if as_of is None:
        return None
    if as_of.startswith("pos:"):
        number = as_of.removeprefix("pos:")
        if not number.isascii() or not number.isdigit():
            raise UsageError(f"{option} pos:N needs a whole number, for example pos:1200.")
        head = store.head()
        if len(number.lstrip("0")) > MOST_DIGITS or int(number) > head:
            raise UsageError(f"{option} is behind the end of the log, which is pos:{head}.")
        return int(number)
    form = f"{A_TIME}, or a position such as pos:1200"
    return store.position_at(moment_of(as_of, option, zone=UTC, form=form))
