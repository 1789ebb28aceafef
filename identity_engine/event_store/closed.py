"""The ends of what was opened: closed where the rest of it fails, and refused after its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Never, Protocol, TypeVar

from identity_engine.errors import UsageError


class Closable(Protocol):
    """What holds a file, a connection or a lock until it is closed."""

    def close(self) -> object:
        """Let go of it."""


Opened = TypeVar("Opened", bound=Closable)


@contextmanager
def kept_open(opened: Opened) -> Iterator[Opened]:
    """Close what was opened if its owner cannot be made: nobody else would."""
    try:
        yield opened
    except BaseException:
        opened.close()
        raise


class Closed:
    """Refuses everything but to be closed again."""

    def close(self) -> None:
        """Do nothing: it is closed."""

    def __getattr__(self, name: str) -> Never:
        raise UsageError("This engine is closed. Open another with Engine.open.")


CLOSED: Any = Closed()
