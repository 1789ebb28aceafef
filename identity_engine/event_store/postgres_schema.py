"""The schemas of a store on PostgreSQL, and the numbered migrations that make them.

A migration is a file `NNNN_name.sql` in `migrations/`. It is applied once, in a transaction of its own,
by one process at a time. The match index and the views are no part of them: they have versions of
their own and are made anew from the log.
"""

from importlib.resources import files
from typing import Any, NamedTuple

import psycopg

from identity_engine.errors import ConfigurationError, StoreBusy
from identity_engine.event_store.keys import SCHEMA as KEYS_SCHEMA
from identity_engine.event_store.postgres_sql import PostgresConnection, PostgresCursor
from identity_engine.ingestion.dead_letters import SCHEMA as DEAD_LETTERS_SCHEMA
from identity_engine.observing.logbook import Logbook

book = Logbook(__name__)

LOG = "identity_engine"
KEYS = "identity_engine_keys"
DEAD_LETTERS = "identity_engine_dead_letters"
LOCK = 0x1DE7
"""Of the advisory lock that one migration at a time holds."""
LEDGER = """
CREATE TABLE IF NOT EXISTS public.identity_engine_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Return all migrations of this version, in order."""
    folder = files("identity_engine.event_store") / "migrations"
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [
        Migration(int(name[:4]), name[5:-4], (folder / name).read_text(encoding="utf-8"))
        for name in found
    ]


def applied(connection: psycopg.Connection[Any]) -> set[int]:
    """Return the numbers of the migrations that were applied."""
    (is_there,) = connection.execute(
        "SELECT to_regclass('public.identity_engine_migration') IS NOT NULL"
    ).fetchone() or (False,)
    if not is_there:
        return set()
    rows = connection.execute("SELECT number FROM public.identity_engine_migration")
    return {number for (number,) in rows}


def migrate(connection: psycopg.Connection[Any]) -> list[Migration]:
    """Apply what is missing and return it.

    Args:
        connection: in autocommit mode, of a role that may make schemas.

    Raises:
        StoreBusy: another process migrates now.
    """
    (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() or (0,)
    if not is_ours:
        raise StoreBusy("Another migration of this store is running. Wait for it.")
    try:
        connection.execute(LEDGER)
        known = applied(connection)
        missing = [one for one in migrations() if one.number not in known]
        for one in missing:
            with connection.transaction():
                connection.execute(one.sql.encode())
                connection.execute(
                    "INSERT INTO public.identity_engine_migration (number, name) VALUES (%s, %s)",
                    (one.number, one.name),
                )
            book.info("migration_applied", number=one.number)
        with connection.transaction():
            for schema, tables in ((KEYS, KEYS_SCHEMA), (DEAD_LETTERS, DEAD_LETTERS_SCHEMA)):
                connection.execute(f'SET LOCAL search_path = "{schema}"')
                PostgresCursor.of(connection).executescript(tables)
        return missing
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def refuse_unless_migrated(connection: PostgresConnection) -> None:
    """Refuse a database whose schemas are not those of this version.

    Raises:
        ConfigurationError: it holds no store, an older one, or a newer one.
    """
    known, ours = applied(connection.raw), {one.number for one in migrations()}
    if not known:
        raise ConfigurationError(
            "There is no store in this database yet. Run: identity-engine store migrate"
        )
    if ours - known:
        raise ConfigurationError(
            "The store in this database is older than this version. "
            "Run: identity-engine store migrate"
        )
    if known - ours:
        raise ConfigurationError(
            "The store in this database is newer than this version. Use a newer version."
        )
