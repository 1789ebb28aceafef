"""How every SQLite file of a store is opened: private, durable, and asserted to be so."""

import os
import sqlite3
from pathlib import Path

from identity_engine.errors import ConfigurationError

LOCK_TIMEOUT_SECONDS = 30.0
FULL = 2
MIB = 1 << 20


def create_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite does, so that it is never readable by others."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def connect(path: Path | None, *, durable: bool = True, cache_mib: int = 8) -> sqlite3.Connection:
    """Open a file (None: a database in memory) in autocommit mode, with WAL.

    Args:
        path: the file; it is created with mode 0600.
        durable: a commit returns only after the disk has it. Views may do without: they are rebuilt.
        cache_mib: memory for pages.
    """
    if path is not None:
        create_private(path)
    connection = sqlite3.connect(
        path or ":memory:",
        isolation_level=None,
        check_same_thread=False,
        timeout=LOCK_TIMEOUT_SECONDS,
    )
    configure(connection, in_memory=path is None, durable=durable, cache_mib=cache_mib)
    return connection


def configure(
    connection: sqlite3.Connection, *, in_memory: bool, durable: bool, cache_mib: int
) -> None:
    """Set journal, durability and cache, and check that SQLite took them.

    Raises:
        ConfigurationError: the file system or the build of SQLite refuses a setting.
    """
    if not in_memory:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute(f"PRAGMA cache_size = {-cache_mib * 1024}")
    connection.execute("PRAGMA temp_store = MEMORY")
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if durable and synchronous != FULL:
        raise ConfigurationError(
            "SQLite did not accept synchronous=FULL, so a commit could be lost with the power. "
            "Use a build of SQLite that allows it."
        )
