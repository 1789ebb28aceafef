"""As of when: a moment of the store's own clock, or a position of its log."""

from datetime import UTC, datetime

from identity_engine.errors import UsageError
from identity_engine.event_store.store import EventStore


def position_as_of(store: EventStore, as_of: str | None) -> int | None:
    """Return the last position that counts, None for now.

    Args:
        store: the log.
        as_of: `pos:N`, or an ISO 8601 time; a time without a zone is taken as UTC.

    Raises:
        UsageError: it is neither.
    """
    if as_of is None:
        return None
    if as_of.startswith("pos:"):
        number = as_of.removeprefix("pos:")
        if not number.isascii() or not number.isdigit():
            raise UsageError("--as-of pos:N needs a whole number, for example pos:1200.")
        return min(int(number), store.head())
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise UsageError(
            "--as-of needs a time such as 2026-01-31T12:00:00Z, or a position such as pos:1200."
        ) from None
    return store.position_at(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
