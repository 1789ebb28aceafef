"""Where a store lies, as the rest of the product sees it: a folder of SQLite files, or PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from identity_engine.errors import ConfigurationError
from identity_engine.event_store.mapper import NewRow, StoredRow
from projections.sql import Connection, Cursor


class EventLog(Protocol):
    """The stored events beside their match index: what is written in one transaction lies here."""

    def reading(self) -> AbstractContextManager[Cursor]:
        """Open one consistent view."""

    def writing(self) -> AbstractContextManager[Cursor]:
        """Hold the write lock; what is written within is stored together or not at all."""

    def insert(self, cursor: Cursor, rows: Sequence[NewRow]) -> range:
        """Store events under the write lock and return their positions."""

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

    def watch(self) -> "LogWatch":
        """Begin to watch the log; the caller closes the watch. Open it before the first read."""

    def close(self) -> None:
        """Close all connections."""


class LogWatch(Protocol):
    """Waits for the log to move. It is only a hint: whoever follows the log asks the log."""

    def wait(self, seconds: float) -> bool:
        """Return once something may have been written since the watch was opened or woke last, at
        once if it was so before the call; at the latest after some seconds.

        It raises nothing where the connection is lost: it waits, and watches anew when it can.

        Returns:
            Whether something was written, as far as can be known. False says nothing.
        """

    def close(self) -> None:
        """Watch no longer."""


class ViewShelf(Protocol):
    """Generations of views, of which one is live; the next is built beside it and swapped in."""

    def current(self) -> int:
        """Return the number of the live generation, which another process may have swapped in.

        Views of an older version of their code are passed over: a new generation takes their place.

        Raises:
            ConfigurationError: they are of a newer version, whose processes would do the same to ours.
            ViewsDamaged: what names it is damaged.
        """

    def next(self) -> int:
        """Return the number of the generation that a rebuild makes, even of a damaged one."""

    def open(self, number: int) -> Connection:
        """Open a generation, made empty if it is not there."""

    def begin(self, number: int) -> Connection:
        """Open a new generation that nobody reads yet: a crash may throw it away."""

    def close(self) -> None:
        """Close what is open besides the generations."""

    def publish(self, number: int, fresh: Connection) -> None:
        """Make a generation that was begun durable and live, in one step; older ones go."""

    def show(self, number: int) -> None:
        """Let readers by SQL see the live generation, which has come to the head of the log."""

    remedy: str
    """What an operator does to have all views built anew."""


def refuse_newer(version: int, ours: int, remedy: str) -> None:
    """Refuse views that a newer version of this product has made.

    Raises:
        ConfigurationError: they are.
    """
    if version > ours:
        raise ConfigurationError(
            "The views of this store are of a newer version. Use a newer version. "
            f"Or, to go back to this one: {remedy[0].lower()}{remedy[1:]}."
        )


class Holding(Protocol):
    """Parts of some work, each held by one process at a time; whose they are ends with the process."""

    def renew(self) -> frozenset[str]:
        """Say that we are alive, take a fair share of what is free, and return what is ours until the
        next call. Call it about once a second, and between two pieces of the work.

        Raises:
            ConnectionLost: nothing is ours for now.
        """

    def close(self) -> None:
        """Give back what is ours."""


class StorePlace(Protocol):
    """Opens the parts of one store.

    `scratch` is where large private files may lie for a while; None for memory.
    """

    scratch: Path | None

    def refuse_absent(self) -> None:
        """Make sure that there is a store.

        Raises:
            ConfigurationError: there is none.
        """

    def refuse_unless_empty(self) -> None:
        """Make sure that no part of a store is here yet, without writing anything.

        Raises:
            StoreError: there are events, keys or dead letters.
        """

    def is_same_as(self, other: "StorePlace") -> bool:
        """Tell whether another place is this one, as far as their addresses tell."""

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

    def holding(self, work: str, parts: Sequence[str]) -> Holding:
        """Begin to hold parts of some work that several processes share; the caller closes it.

        Args:
            work: names it.
            parts: what can be held, the same in every process.
        """
