"""Damage to a file of SQLite, told with the name of the file and what heals it.

It is told where it is met, because a statement on one file may run within a transaction on another.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from identity_engine.errors import Damaged, ViewsDamaged

Telling = Callable[[str], Damaged]
"""From what SQLite says to what is raised."""

REBUILD = "identity-engine projections rebuild makes the views again from the log"
RESTORED = {
    "events.db": "Restore it from a backup",
    "keys.db": "Restore it from a backup, of the same time as events.db or later",
    "dead_letters.db": "Restore it from a backup",
}
LOST_TABLE = "no such table"
REPLAY = "Run: identity-engine projections rebuild --index. If that fails too: "
"""The tables beside the events are those of the match index, which is made again from them."""
CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PRIMARY = 0xFF
"""The part of an extended result code that names its kind."""


def damage_of_views(name: str) -> Telling:
    """Tell of damage to a file that can be made again."""
    return lambda said: ViewsDamaged(f"{name} is damaged: {said}. The log is not: {REBUILD}.")


def damage_of(name: str) -> Telling:
    """Tell of damage to a file that cannot be made again."""

    def told(said: str) -> Damaged:
        replay = REPLAY if name == "events.db" and LOST_TABLE in said else ""
        return Damaged(f"{name} is damaged: {said}. {replay}{RESTORED[name]}.")

    return told


def damage_of_scratch(said: str) -> Damaged:
    """Tell of damage to a file that lives for one command."""
    return Damaged(f"A temporary file is damaged: {said}. Check the disk, then do the same again.")


class FileConnection(sqlite3.Connection):
    """A connection that raises `Damaged` in place of the bare error of SQLite."""

    def __init__(self, *given: Any, telling: Telling, **named: Any) -> None:
        self.telling = telling
        super().__init__(*given, **named)

    def cursor(self, factory: Any = None) -> sqlite3.Cursor:  # type: ignore[override]
        """Return a cursor that does the same."""
        cursor: sqlite3.Cursor = super().cursor(factory or _FileCursor)
        return cursor

    def execute(self, *given: Any) -> sqlite3.Cursor:
        """Run a statement in a cursor of its own."""
        return self.cursor().execute(*given)

    def executemany(self, statement: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run a statement for each of the parameters."""
        return self.cursor().executemany(statement, parameters)

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        """Run several statements."""
        return self.cursor().executescript(script)


class _FileCursor(sqlite3.Cursor):
    connection: FileConnection

    def execute(self, *given: Any) -> Self:
        try:
            return super().execute(*given)
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    def executemany(self, statement: str, parameters: Iterable[Any], /) -> Self:
        try:
            return super().executemany(statement, parameters)
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    def executescript(self, script: str, /) -> Self:
        try:
            super().executescript(script)
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None
        return self

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from iter(super().fetchone, None)
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    def _told(self, error: sqlite3.DatabaseError) -> Exception:
        if is_damage(error):
            return self.connection.telling(str(error))
        return error


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether SQLite finds a file to be none of its own, broken, or without one of its tables."""
    return getattr(error, "sqlite_errorcode", 0) & PRIMARY in CODES or LOST_TABLE in str(error)
