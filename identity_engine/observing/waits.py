"""Tells that something is waited for, and that it is back, each once."""

from time import monotonic

from identity_engine.observing.logbook import Logbook

book = Logbook(__name__)


class Waits:
    """What one worker waits for at the moment, by name: `store`, `brokers`."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def begin(self, on: str, code: str) -> None:
        """Note that a try has failed; the first of a row is told as a warning."""
        tell = book.debug if on in self._since else book.warning
        self._since.setdefault(on, monotonic())
        tell("waiting", on=on, code=code)

    def end(self, *on: str) -> None:
        """Note that these are there."""
        for one in on:
            if (since := self._since.pop(one, None)) is not None:
                book.info("recovered", on=one, seconds=monotonic() - since)
