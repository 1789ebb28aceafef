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
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, OperationalError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTransaction,
)

from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.mapper import StoredRow
from identity_engine.event_store.sqlite_files import (
    LOCK_TIMEOUT_SECONDS,
    MIB,
    configure,
    create_private,
    refusal,
)

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
INSERT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)"
NEXT_ID = "SELECT 1 + COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'stored_events'), 0)"


class _ImmediateTransaction(SQLiteTransaction):
    """Takes the write lock at BEGIN: a reader that later wants to write could lose its snapshot."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        except sqlite3.OperationalError as error:
            raise refusal(error) from error
        return cursor


class _Connection(SQLiteConnection):
    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        try:
            with _ImmediateTransaction(self, commit=commit) as cursor, cursor:
                yield cursor
        except OperationalError as error:
            raise refusal(error) from error


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        """Open a connection of our own: the library's keeps one prepared statement (it passes True
        for the number of them) and never sets `synchronous`."""
        connection = sqlite3.connect(
            self.db_name,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=LOCK_TIMEOUT_SECONDS,
            cached_statements=PREPARED_STATEMENTS,
        )
        configure(
            connection, in_memory=self.is_sqlite_memory_mode, durable=True, cache_mib=CACHE_MIB
        )
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return _Connection(sqlite_conn=connection, max_age=self.max_age)


class Datastore(SQLiteDatastore):
    """Connections to one event file: readers beside one writer.

    Args:
        path: the file, created with mode 0600; None for a database in memory of this name.
        name: tells apart databases in memory within one process.
    """

    def __init__(self, path: Path | None, name: str = "events") -> None:
        if path is not None:
            create_private(path)
        db_name = path.as_uri() if path else f"file:{name}?mode=memory&cache=shared"
        super().__init__(db_name, originator_id_type="text")
        self._wal = f"{path}-wal" if path is not None else None
        self.pool = _Pool(
            db_name=db_name, lock_timeout=int(LOCK_TIMEOUT_SECONDS), pool_size=5, max_overflow=10
        )

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


class Recorder(SQLiteApplicationRecorder):
    """The library's recorder over our table. Stream ids are UUIDs, stored as their 16 bytes."""

    def construct_create_table_statements(self) -> list[str]:
        return [EVENTS_TABLE]

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        """Insert events in one statement."""
        if not stored_events:
            return None
        c.execute(NEXT_ID)
        (first,) = c.fetchone()
        c.executemany(
            INSERT,
            [
                (
                    first + n,
                    id_bytes(e.originator_id),
                    e.originator_version,
                    e.topic,
                    e.state,
                )
                for n, e in enumerate(stored_events)
            ],
        )
        return list(range(first, first + len(stored_events)))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.select(
            "originator_id = ?"
            + (" AND originator_version > ?" if gt is not None else "")
            + (" AND originator_version <= ?" if lte is not None else ""),
            [id_bytes(originator_id), *(bound for bound in (gt, lte) if bound is not None)],
            order=f"originator_version {'DESC' if desc else 'ASC'}",
            limit=limit,
        )
        return [
            StoredEvent(self._as_id(row.stream), row.version, row.topic, row.state) for row in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        conditions, parameters = ["TRUE"], list[Any]()
        if start is not None:
            conditions.append("rowid >= ?" if inclusive_of_start else "rowid > ?")
            parameters.append(start)
        if stop is not None:
            conditions.append("rowid <= ?")
            parameters.append(stop)
        if topics:
            conditions.append(f"topic IN ({','.join('?' * len(topics))})")
            parameters += topics
        rows = self.select(" AND ".join(conditions), parameters, order="rowid", limit=limit)
        return [
            Notification(self._as_id(row.stream), row.version, row.topic, row.state, row.position)
            for row in rows
        ]

    def select(
        self,
        where: str,
        parameters: Sequence[Any],
        *,
        order: str,
        limit: int | None = None,
        cursor: sqlite3.Cursor | None = None,
    ) -> list[StoredRow]:
        """Return stored events by a condition that is written in this package, never by a user.

        `cursor` reads in its own open transaction.
        """
        if cursor is None:
            with self.datastore.transaction(commit=False) as own:
                return self.select(
                    where, parameters, order=order, limit=limit, cursor=own.sqlite_cursor
                )
        rows = cursor.execute(
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events "
            f"WHERE {where} ORDER BY {order} LIMIT ?",
            [*parameters, -1 if limit is None else limit],
        )
        return list(map(StoredRow._make, rows))

    def _as_id(self, stored: bytes) -> UUID | str:
        return (
            UUID(bytes=stored) if self.datastore.originator_id_type == "uuid" else id_text(stored)
        )
