"""How every SQLite file of a store is opened: private, durable, and asserted to be so."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from identity_engine.errors import ConfigurationError, StoreBusy, StoreError, StoreFull
from identity_engine.event_store.closed import kept_open
from identity_engine.event_store.file_damage import FileConnection, Telling, damage_of_scratch
from projections.sql import Connection, dialect_of, transaction

LOCK_TIMEOUT_SECONDS = 30.0
FULL = 2
MIB = 1 << 20
ATTEMPTS = 20
NOT_OURS_TO_WRITE = ("readonly database", "unable to open")
LET_ME = "Let this user read and write the store's folder, its files and the master key."

if (bytes, sqlite3.PrepareProtocol) not in sqlite3.adapters:
    # The sqlite3 module looks for an adapter of each value that is no number, text or bytearray, and
    # finding none for bytes takes several times as long as finding one that changes nothing.
    sqlite3.register_adapter(bytes, bytes)


def create_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite does, so that it is never readable by others.

    A file that is there is not opened: closing it again would drop every lock that this process
    holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect(
    path: Path | None,
    *,
    durable: bool = True,
    cache_mib: int = 8,
    page_bytes: int = 4_096,
    telling: Telling = damage_of_scratch,
) -> sqlite3.Connection:
    """Open a file (None: a database in memory) in autocommit mode, with WAL.

    Args:
        path: the file; it is created with mode 0600.
        durable: a commit returns only after the disk has it. Views may do without: they are rebuilt.
        cache_mib: memory for pages.
        page_bytes: of a new file; larger pages suit rows that are written in bulk, in key order.
        telling: what is raised where it is damaged.
    """
    if path is not None:
        create_private(path)
    connection = FileConnection(
        path or ":memory:",
        telling=telling,
        isolation_level=None,
        check_same_thread=False,
        timeout=LOCK_TIMEOUT_SECONDS,
    )
    with kept_open(connection):
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        configure(connection, in_memory=path is None, durable=durable, cache_mib=cache_mib)
        return connection


@contextmanager
def told_plainly() -> Iterator[None]:
    """Within, what SQLite refuses is raised as an error of this product.

    Raises:
        StoreBusy: another process holds the lock.
        StoreFull: the disk is full.
        StoreError: anything else.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise refusal(error) from error


def refusal(error: Exception) -> StoreError:
    """Return what SQLite refused as an error of this product, to be raised from it."""
    if "locked" in str(error):
        return StoreBusy(
            "Another process holds the write lock of this store. Try again when it is done."
        )
    if "full" in str(error):
        return StoreFull(
            "The disk of this store is full. Make room, then do the same again: what was stored is kept."
        )
    if any(said in str(error) for said in NOT_OURS_TO_WRITE):
        return StoreError(
            f"SQLite says: {error}. Who only reads a store writes to it too: locks are kept there, and "
            f"views follow. {LET_ME} Or copy the store to where you may write."
        )
    return StoreError(
        f"SQLite says: {error}. Check the disk, then do the same again: what was stored is kept."
    )


@contextmanager
def write_transaction(connection: Connection) -> Iterator[None]:
    """Hold the write lock of one file; what is written within is stored together or not at all.

    Raises:
        StoreError: as `told_plainly`.
    """
    with told_plainly(), transaction(connection):
        yield


def wipe(connection: Connection) -> None:
    """Take the last copies of what was deleted off the disk: those in the write-ahead log."""
    if dialect_of(connection) == "sqlite":
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def configure(
    connection: sqlite3.Connection, *, in_memory: bool, durable: bool, cache_mib: int
) -> None:
    """Set journal, durability and cache, and check that SQLite took them.

    Raises:
        ConfigurationError: the file system or the build of SQLite refuses a setting.
    """
    if not in_memory:
        _switch_to_wal(connection)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute(f"PRAGMA cache_size = {-cache_mib * 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if durable and synchronous != FULL:
        raise ConfigurationError(
            "SQLite did not accept synchronous=FULL, so a commit could be lost with the power. "
            "Use a build of SQLite that allows it."
        )


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch the journal mode, which SQLite refuses at once where others open the same new file.

    So we wait for their lock, which SQLite does do, and ask again.
    """
    for _ in range(ATTEMPTS):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            return
        with suppress(StoreBusy), write_transaction(connection):
            pass
    with told_plainly():
        connection.execute("PRAGMA journal_mode = WAL")
