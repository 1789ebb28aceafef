"""A world whose time moves only when it is asked for it."""

from datetime import UTC, datetime, timedelta

from identity_engine.adapters.clock import World

LATER = datetime(2030, 1, 1, tzinfo=UTC)
"""Later than every simulated interaction, so that none of them lies in the future."""


class Clock:
    """Each reading is a millisecond after the one before."""

    def __init__(self, start: datetime = LATER) -> None:
        self._moment = start

    def __call__(self) -> datetime:
        self._moment += timedelta(milliseconds=1)
        return self._moment

    def set(self, moment: datetime) -> None:
        """Put the hands to another time, forward or back."""
        self._moment = moment


def world(seed: int = 1, clock: Clock | None = None) -> World:
    """A world that repeats itself."""
    return World.seeded(seed, clock or Clock())
