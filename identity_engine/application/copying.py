"""A whole store in another place: the log byte for byte, its keys and its dead letters.

The match index and the views are not copied. They are replayed at the target, so that a copy is a proof
as well: the exact hashes of both stores must be equal.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from identity_engine.adapters.clock import World
from identity_engine.application.engine import Engine
from identity_engine.errors import SettingsError, StoreError, UsageError
from identity_engine.event_store.dead_letter_table import SCHEMA as LETTERS_SCHEMA
from identity_engine.event_store.keys import KEY_TABLES, LOG_BEGUN
from identity_engine.event_store.keys import SCHEMA as KEYS_SCHEMA
from identity_engine.event_store.mapper import NewRow
from identity_engine.event_store.match_index.evaluation_queue import QUEUE_TABLES
from identity_engine.event_store.match_index.writing import hash_rows
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.store import EventStore
from identity_engine.ingestion.dead_letters import COLUMNS as LETTER
from projections.sql import Connection, Cursor, dialect_of, transaction

CHUNK = 2_000
Progress = Callable[[int], None]


class Fingerprint(Struct, frozen=True):
    """What a store holds, as SHA-256: `log` over every stored event, `index` over the match index, and
    one for each view. Two stores that are copies of each other have the same."""

    head: int
    log: str
    index: str
    views: dict[str, str]


def fingerprint(engine: Engine, progress: Progress | None = None) -> Fingerprint:
    """Bring the views of a store to the head and hash all that it holds."""
    engine.follow(progress)
    digest, after = hashlib.sha256(), 0
    while rows := engine.store.log.select("rowid > ?", [after], order="rowid", limit=CHUNK):
        for row in rows:
            digest.update(repr(tuple(row)).encode())
        after = rows[-1].position
        if progress is not None:
            progress(len(rows))
    with engine.store.reading() as cursor:
        index = hash_rows(cursor)
    return Fingerprint(after, digest.hexdigest(), index, engine.follower.views.exact_hashes())


def copy_store(
    source: Engine, target: StorePlace, world: World | None = None, progress: Progress | None = None
) -> int:
    """Copy a store into a place that has none, and return the number of events.

    Nobody can write to the source meanwhile. A copy that breaks off leaves a target that must be
    emptied before the next try.

    Args:
        source: the open store.
        target: where it goes.
        world: of the target; None for the real one.
        progress: is told how many events were copied.

    Raises:
        UsageError: the target is the source.
        StoreError: the target holds events, keys or dead letters already; it is left as it is.
        ConfigurationError: the target's master key is another one.
    """
    if target.is_same_as(source.store.place):
        raise UsageError("SOURCE and TARGET are the same store. Name another target.")
    target.refuse_unless_empty()
    world = world or World()
    with source.store.writing() as held:
        _copy_keys(source.store, target, world)
        letters = target.dead_letters(LETTERS_SCHEMA)
        try:
            rows = source.dead_letters.rows()
            _insert(letters, "dead_letters", LETTER, rows)
            _count_on(letters, "dead_letters", "id")
        finally:
            letters.close()
        store = EventStore(target, world)
        try:
            copied = _copy_events(source.store, store, held.cursor, progress)
            if copied:
                store.keys.named(LOG_BEGUN)
        finally:
            store.close()
    Engine(target, world).close()  # finds an index of no version, and replays it
    store = EventStore(target, world)
    try:
        with source.store.reading() as theirs, store.log.writing() as ours:
            for table, columns in QUEUE_TABLES.items():
                ours.execute(f"DELETE FROM {table}")
                rows = theirs.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
                _insert(ours, table, columns, rows)
    finally:
        store.close()
    return copied


def _copy_keys(source: EventStore, target: StorePlace, world: World) -> None:
    """Copy the wrapped keys; those that wrap them must be the same."""
    ours = source.place.key_encryption_key(world.entropy)
    if target.key_encryption_key(lambda _: ours) != ours:
        raise SettingsError(
            "The target has another master key, which cannot open the keys of the source. "
            "Let IDENTITY_ENGINE_MASTER_KEY name the master key of the source."
        )
    target.log(world.new_id()).close()  # keys whose log is not there are refused
    there = target.keys(KEYS_SCHEMA)
    try:
        with transaction(there):
            there.execute("DELETE FROM made")  # a new store has its row already
            for table, columns in KEY_TABLES.items():
                _insert(there, table, columns, source.keys.rows(table))
            # A copy that breaks off has no events yet.
            there.execute("DELETE FROM named_key WHERE name = ?", (LOG_BEGUN,))
    finally:
        there.close()


def _copy_events(
    source: EventStore, target: EventStore, held: Cursor, progress: Progress | None
) -> int:
    after = 0
    with target.log.writing() as cursor:
        while rows := source.log.select(
            "rowid > ?", [after], order="rowid", limit=CHUNK, cursor=held
        ):
            positions = target.log.insert(cursor, [NewRow._make(row[1:]) for row in rows])
            if positions[-1] != rows[-1].position:
                raise StoreError("The log of the source has a gap; it cannot be copied.")
            after = rows[-1].position
            if progress is not None:
                progress(len(rows))
        cursor.execute("UPDATE index_version SET number = 0")
    return after


def _insert(
    there: Connection | Cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    places = ", ".join("?" * len(columns))
    there.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


def _count_on(there: Connection, table: str, column: str) -> None:
    """Let PostgreSQL number new rows behind those that came with their numbers."""
    if dialect_of(there) == "postgres":
        there.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "
            f"(SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}), FALSE)"
        )
