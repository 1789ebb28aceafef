"""Where a store lies, as the rest of the product sees it: a folder of SQLite files, or PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from eventsourcing.persistence import StoredEvent

from identity_engine.event_store.mapper import StoredRow
from projections.sql import Connection, Cursor


class EventLog(Protocol):
    """The stored events beside their match index: what is written in one transaction lies here."""

    def reading(self) -> AbstractContextManager[Cursor]:
        """Open one consistent view."""

    def writing(self) -> AbstractContextManager[Cursor]:
        """Hold the write lock; what is written within is stored together or not at all."""

    def insert(self, cursor: Cursor, events: Sequence[StoredEvent]) -> range:
        """Store events under the write lock and return their positions."""

    def insert_rows(self, cursor: Cursor, rows: Sequence[StoredRow]) -> range:
        """Store rows of another log as they are, and return their positions."""

    def select(
        self,
        where: str,
        parameters: Sequence[Any],
        *,
        order: str,
        limit: int | None = None,
        cursor: Cursor | None = None,
    ) -> list[StoredRow]:
        """Return stored events by a condition that is written in this package, never by a user."""

    def head(self) -> int:
        """Return the last position, 0 where there is none."""

    def after_commit(self) -> None:
        """Do what a commit should not wait for."""

    def close(self) -> None:
        """Close all connections."""


class ViewShelf(Protocol):
    """Generations of views, of which one is live; the next is built beside it and swapped in."""

    def current(self) -> int:
        """Return the number of the live generation, which another process may have swapped in."""

    def open(self, number: int) -> Connection:
        """Open a generation, made empty if it is not there."""

    def begin(self, number: int) -> Connection:
        """Open a new generation that nobody reads yet: a crash may throw it away."""

    def close(self) -> None:
        """Close what is open besides the generations."""

    def publish(self, number: int, fresh: Connection) -> None:
        """Make a generation that was begun durable and live, in one step; older ones go."""

    remedy: str
    """What an operator does to have all views built anew."""


class Place(Protocol):
    """Opens the parts of one store.

    `scratch` is where large private files may lie for a while; None for memory.
    """

    scratch: Path | None

    def refuse_absent(self) -> None:
        """Make sure that there is a store.

        Raises:
            ConfigurationError: there is none.
        """

    def refuse_unless_current(self) -> None:
        """Make sure that the store is of the version that this program reads, as far as that can change
        while it is open.

        Raises:
            ConfigurationError: it is older or newer.
        """

    def key_encryption_key(self, entropy: Callable[[int], bytes]) -> bytes:
        """Return the key that wraps all others, made with a new store.

        Raises:
            ConfigurationError: it is missing or damaged; the message says the fix.
        """

    def log(self, name: str) -> EventLog:
        """Open the log; `name` tells apart logs in memory within one process."""

    def keys(self, schema: str) -> Connection:
        """Open the key store with these tables. It keeps no trace of what is deleted."""

    def dead_letters(self, schema: str) -> Connection:
        """Open the dead letters with these tables. They keep no trace of what is deleted."""

    def views(self) -> ViewShelf:
        """Return the generations of views."""

    def alone(self, work: str, busy: str) -> AbstractContextManager[None]:
        """Let one process at a time do some work; the lock goes with the process, however it ends.

        Args:
            work: names it.
            busy: what is told to the second one.

        Raises:
            StoreBusy: another process does it now.
        """
