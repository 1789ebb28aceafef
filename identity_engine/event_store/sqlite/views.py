"""Generations of views as SQLite files, or in memory."""

import os
import re
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

from identity_engine.errors import ViewsDamaged
from identity_engine.event_store.closed import kept_open
from identity_engine.event_store.file_damage import REBUILD, damage_of_views
from identity_engine.event_store.place import refuse_newer
from identity_engine.event_store.sqlite_files import connect
from projections.api.catalogue import API_OF_A_FILE
from projections.catalogue import VIEWS_VERSION
from projections.sql import Connection

POINTER = "views.current"
POINTED = re.compile(rb"(\d{1,9})\.(\d{1,9})\s*")
"""Version and number."""
CACHE_MIB = 32
PAGE_BYTES = 16_384
REPLAY_CACHE_MIB = 128
"""A replay takes larger steps than a follower does: fewer pages are written twice."""


def unlogged(path: Path | None) -> sqlite3.Connection:
    """Open a file that nobody reads yet: a crash throws it away, so it needs no log on disk."""
    connection = connect(path, durable=False, cache_mib=REPLAY_CACHE_MIB, page_bytes=PAGE_BYTES)
    with kept_open(connection):
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        return connection


class ViewFiles:
    """Each generation of views is a file; a pointer names the live one."""

    remedy = "Delete the views-*.db files and views.current of this store"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self) -> int:
        """Read the pointer; views of another version are passed over."""
        pointer = self._folder / POINTER
        try:
            pointed = POINTED.fullmatch(pointer.read_bytes())
        except FileNotFoundError:
            _replace(pointer, f"{VIEWS_VERSION}.1")
            return 1
        if pointed is None:
            raise ViewsDamaged(f"{POINTER} is damaged. The log is not: {REBUILD}.")
        version, number = map(int, pointed.groups())
        refuse_newer(version, VIEWS_VERSION, self.remedy)
        if version != VIEWS_VERSION:
            _remove(self._path(number))
            number += 1
            _replace(pointer, f"{VIEWS_VERSION}.{number}")
        return number

    def next(self) -> int:
        """Return the number behind all that there are."""
        with suppress(ViewsDamaged):
            return self.current() + 1
        return 1 + max(self._numbers(), default=0)

    def open(self, number: int) -> sqlite3.Connection:
        """Open a file."""
        return _shown(
            connect(
                self._path(number),
                durable=False,
                cache_mib=CACHE_MIB,
                page_bytes=PAGE_BYTES,
                telling=damage_of_views(self._path(number).name),
            )
        )

    def begin(self, number: int) -> sqlite3.Connection:
        """Open a fresh file without a log on disk."""
        _remove(self._path(number))
        return _shown(unlogged(self._path(number)))

    def publish(self, number: int, fresh: Connection) -> None:
        """Sync the file, move the pointer, remove the files before it, also a damaged one."""
        fresh.execute("PRAGMA journal_mode = WAL")
        fresh.close()
        _sync(self._path(number))
        _replace(self._folder / POINTER, f"{VIEWS_VERSION}.{number}")
        for before in self._numbers():
            if before < number:
                _remove(self._path(before))

    def show(self, number: int) -> None:
        """The views for readers by SQL lie in each file."""

    def close(self) -> None:
        """Nothing else is open."""

    def _numbers(self) -> list[int]:
        names = (path.stem.removeprefix("views-") for path in self._folder.glob("views-*.db"))
        return [int(name) for name in names if name.isdecimal()]

    def _path(self, number: int) -> Path:
        return self._folder / f"views-{number}.db"


class ViewsInMemory:
    """Generations of views that are gone when they are closed."""

    remedy = "Open the store again"

    def __init__(self) -> None:
        self._live = 1
        self._begun: dict[int, sqlite3.Connection] = {}

    def current(self) -> int:
        """Return the live one."""
        return self._live

    def next(self) -> int:
        """Return the number behind the live one."""
        return self._live + 1

    def open(self, number: int) -> sqlite3.Connection:
        """Open a new one, or the one that was begun."""
        return self._begun.pop(number, None) or connect(None, durable=False, cache_mib=CACHE_MIB)

    def begin(self, number: int) -> sqlite3.Connection:
        """Open the next one."""
        return self._begun.setdefault(number, unlogged(None))

    def publish(self, number: int, fresh: Connection) -> None:  # noqa: ARG002 - it was begun here
        """Make it the live one."""
        self._live = number

    def show(self, number: int) -> None:
        """Nobody else can read what lies in this process's memory."""

    def close(self) -> None:
        """Close what was begun and never opened."""
        for connection in self._begun.values():
            connection.close()


def _shown(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Make the views for readers by SQL, which may name tables that are still to come."""
    with kept_open(connection):
        connection.executescript(API_OF_A_FILE)
        return connection


def _remove(path: Path) -> None:
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(name).unlink()


def _replace(path: Path, text: str) -> None:
    handle, fresh = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(fresh).replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
