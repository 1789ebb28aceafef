"""What the machine can do at best, measured in the same run as what is held against it."""

import os
import sqlite3
import statistics
import time
from pathlib import Path
from typing import Self

from identity_engine.adapters.clock import World
from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.sqlite.recorder import EVENTS_TABLE, INSERT
from identity_engine.event_store.sqlite_files import connect

ROWS = 100_000
ROW_BYTES = 450
BATCH = 1_500
REPEATS = 3


def raw_append(folder: Path, rows: int = ROWS) -> float:
    """Return rows a second of a bare append to the events table: the median of three runs.

    Rows of 450 bytes under time-ordered ids, 1,500 a transaction, synchronous=FULL.
    """
    return statistics.median(_append(folder / f"raw-{n}.db", rows) for n in range(REPEATS))


def bare_commits(folder: Path, count: int = 400) -> list[float]:
    """Return the seconds of commits of one row each, synchronous=FULL."""
    with BareCommits(folder) as bare:
        return [bare.commit() for _ in range(count)]


class BareCommits:
    """A table of its own beside what is measured, to commit one row at a time, synchronous=FULL."""

    def __init__(self, folder: Path) -> None:
        self._connection = _table(folder / "commits.db")
        self._world, self._state, self._number = World(), os.urandom(ROW_BYTES), 0

    def commit(self) -> float:
        """Commit one row and return the seconds it took."""
        self._number += 1
        row = (self._number, id_bytes(self._world.new_id()), 1, "bench", self._state)
        started = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(INSERT, row)
        self._connection.execute("COMMIT")
        return time.perf_counter() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _append(path: Path, rows: int) -> float:
    connection = _table(path)
    world, state = World(), os.urandom(ROW_BYTES)
    prepared = [(n, id_bytes(world.new_id()), 1, "bench", state) for n in range(1, rows + 1)]
    started = time.perf_counter()
    for first in range(0, rows, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, prepared[first : first + BATCH])
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    path.unlink()
    return rows / seconds


def _table(path: Path) -> sqlite3.Connection:
    connection = connect(path, cache_mib=128)
    connection.execute(EVENTS_TABLE)
    return connection
