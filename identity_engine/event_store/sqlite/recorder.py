"""The event log and the match index in one SQLite file, written in one transaction.

Built on the recorder of `eventsourcing`, with its traps closed: notification ids are an explicit
AUTOINCREMENT key that no delete or dump can renumber (T7), `synchronous=FULL` is set and asserted,
checkpoints run outside the commit (T8), a batch is one statement, and a writer takes the write lock
before it reads anything it will rely on.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any

from eventsourcing.persistence import OperationalError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTransaction,
)

from identity_engine.event_store.closed import kept_open
from identity_engine.event_store.file_damage import FileConnection, damage_of
from identity_engine.event_store.mapper import NewRow
from identity_engine.event_store.sqlite.watch import FileWatch
from identity_engine.event_store.sqlite_files import (
    LOCK_TIMEOUT_SECONDS,
    MIB,
    configure,
    create_private,
    refusal,
)
from identity_engine.event_store.stored_events import StoredEvents, new_rows
from projections.sql import Cursor

CACHE_MIB = 128
PREPARED_STATEMENTS = 256
CHECKPOINT_BYTES = 64 * MIB

EVENTS_TABLE = """
CREATE TABLE IF NOT EXISTS stored_events (
    rowid INTEGER PRIMARY KEY AUTOINCREMENT,
    originator_id BLOB NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    UNIQUE (originator_id, originator_version)
)
"""
VERSION_TABLE = "CREATE TABLE IF NOT EXISTS index_version (number INTEGER NOT NULL)"
INSERT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)"
NEXT_ID = "SELECT 1 + COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'stored_events'), 0)"


class _Transaction:
    """A connection of the pool in a transaction.

    One that writes takes the lock at BEGIN: a reader that later wants to write could lose its snapshot.
    """

    def __init__(self, pool: SQLiteConnectionPool, *, commit: bool) -> None:
        self._pool, self._commit = pool, commit

    def __enter__(self) -> sqlite3.Cursor:
        self._connection = self._pool.get_connection(is_writer=self._commit)
        try:
            self._cursor = self._connection.cursor().sqlite_cursor
            self._cursor.execute("BEGIN IMMEDIATE" if self._commit else "BEGIN")
        except sqlite3.OperationalError as error:
            self._give_back()
            raise refusal(error) from error
        except BaseException:
            self._give_back()
            raise
        return self._cursor

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        ending = SQLiteTransaction(self._connection, commit=self._commit)
        try:
            self._cursor.close()
            ending.__exit__(exc_type, exc_val, exc_tb)
        except OperationalError as error:
            raise refusal(error) from error
        finally:
            self._give_back()

    def _give_back(self) -> None:
        """Give the connection back, in no transaction: an interrupt while it waits for the lock may come
        when it has it."""
        try:
            self._connection.rollback()  # does nothing where it has ended
        finally:
            self._pool.put_connection(self._connection)


class _Pool(SQLiteConnectionPool):
    lock_seconds = LOCK_TIMEOUT_SECONDS

    def _create_connection(self) -> SQLiteConnection:
        """Open a connection of our own: the library's keeps one prepared statement (it passes True
        for the number of them) and never sets `synchronous`."""
        connection = FileConnection(
            self.db_name,
            telling=damage_of("events.db"),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=self.lock_seconds,
            cached_statements=PREPARED_STATEMENTS,
        )
        with kept_open(connection):
            configure(
                connection, in_memory=self.is_sqlite_memory_mode, durable=True, cache_mib=CACHE_MIB
            )
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            return SQLiteConnection(sqlite_conn=connection, max_age=self.max_age)


class Datastore(SQLiteDatastore):
    """Connections to one event file: readers beside one writer.

    Args:
        path: the file, created with mode 0600; None for a database in memory of this name.
        name: tells apart databases in memory within one process.
        lock_seconds: how long a writer waits for the write lock.
    """

    def __init__(
        self,
        path: Path | None,
        name: str = "events",
        lock_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        if path is not None:
            create_private(path)
        db_name = path.as_uri() if path else f"file:{name}?mode=memory&cache=shared"
        super().__init__(db_name, originator_id_type="text")
        self._wal = f"{path}-wal" if path is not None else None
        self.pool = _Pool(
            db_name=db_name, lock_timeout=ceil(lock_seconds), pool_size=5, max_overflow=10
        )
        self.pool.lock_seconds = lock_seconds

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """Begin a transaction, for the recorders of the library."""
        with _Transaction(self.pool, commit=commit) as cursor:
            yield SQLiteCursor(cursor)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file once it is large; never inside a commit."""
        if self._wal is None:
            return
        try:
            size = os.stat(self._wal).st_size  # noqa: PTH116 - five times faster, once a commit
        except FileNotFoundError:
            return
        if size >= CHECKPOINT_BYTES:
            with self.get_connection(commit=True) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Recorder(StoredEvents, SQLiteApplicationRecorder):
    """The library's recorder over our table, and the log of a store (`place.EventLog`)."""

    datastore: Datastore

    def construct_create_table_statements(self) -> list[str]:
        return [EVENTS_TABLE, VERSION_TABLE]

    def reading(self) -> _Transaction:
        """Open one consistent view."""
        return _Transaction(self.datastore.pool, commit=False)

    def writing(self) -> _Transaction:
        """Hold the write lock; what is written within is stored together or not at all."""
        return _Transaction(self.datastore.pool, commit=True)

    def insert(self, cursor: Cursor, rows: Sequence[NewRow]) -> range:
        """Insert events in one statement and return their positions."""
        if not rows:
            return range(0)
        (first,) = cursor.execute(NEXT_ID).fetchone()
        cursor.executemany(INSERT, [(first + n, *row) for n, row in enumerate(rows)])
        return range(first, first + len(rows))

    def watch(self) -> FileWatch:
        """Look at a counter of the file."""
        return FileWatch(
            sqlite3.connect(
                self.datastore.pool.db_name,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=LOCK_TIMEOUT_SECONDS,
            )
        )

    def after_commit(self) -> None:
        """Checkpoint once the write-ahead log is large."""
        self.datastore.checkpoint()

    def close(self) -> None:
        """Close all connections."""
        self.datastore.close()

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        return list(self.insert(c.sqlite_cursor, new_rows(stored_events))) or None
