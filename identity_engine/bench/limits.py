"""What the machine can do at best, measured in the same run as what is held against it."""

import os
import sqlite3
import statistics
import time
from pathlib import Path

from identity_engine.adapters.clock import World
from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.sqlite import EVENTS_TABLE, INSERT
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
    connection = _table(folder / "commits.db")
    world, state, seconds = World(), os.urandom(ROW_BYTES), []
    for number in range(1, count + 1):
        row = (number, id_bytes(world.new_id()), 1, "bench", state)
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT, row)
        connection.execute("COMMIT")
        seconds.append(time.perf_counter() - started)
    connection.close()
    return seconds


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
