"""The schemas of a store on PostgreSQL, and the numbered migrations that make them.

A migration is a file `NNNN_PHASE_name.sql` in `migrations/`. It is applied once, in a transaction of its
own, by one process at a time. Those of the phase `pre` only add: they run before a new version starts,
while the old one still works. Those of the phase `post` take away what only older versions need: they
run when no older one is left. No `pre` file relies on a `post` file, so all of `pre` may run first. A
file never changes once it was applied; its checksum tells.

The match index and the views are no part of them: they have versions of their own and are made anew
from the log. Only the empty index of a new store is made here, because a writer may not make tables.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import psycopg
from msgspec import Struct

from identity_engine.errors import ConfigurationError, SettingsError, StoreBusy
from identity_engine.event_store.dead_letter_table import SCHEMA as DEAD_LETTERS_SCHEMA
from identity_engine.event_store.keys import SCHEMA as KEYS_SCHEMA
from identity_engine.event_store.match_index.writing import is_current, prepare_tables
from identity_engine.event_store.postgres.dialect import (
    PostgresConnection,
    PostgresCursor,
    told_plainly,
)
from identity_engine.observing.logbook import Logbook

book = Logbook(__name__)

Phase = Literal["pre", "post"]
PHASES: tuple[Phase, ...] = get_args(Phase)
LOG = "identity_engine"
KEYS = "identity_engine_keys"
DEAD_LETTERS = "identity_engine_dead_letters"
LEDGER = "identity_engine_ledger"
VIEWS = "identity_engine_views"
"""Of which each generation of views has one, with its number."""
API = "api_v1"
LOCK = 0x1DE7
"""Of the advisory lock that one migration at a time holds."""
LOCK_TIMEOUT = "5s"
"""A migration that waits for a lock makes all others wait behind it, so it does not wait for long."""
MAKE_LEDGER = f"""
CREATE SCHEMA IF NOT EXISTS {LEDGER};
CREATE TABLE {LEDGER}.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    phase text NOT NULL,
    checksum text NOT NULL, -- SHA-256 of the file
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""
OLD_LEDGER = "public.identity_engine_migration"
HINT = "Run: identity-engine store migrate"


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    phase: Phase
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04d}_{self.phase}_{self.name}"


class Applied(NamedTuple):
    """A migration as the ledger of a database knows it."""

    number: int
    name: str
    phase: str
    checksum: str

    def __str__(self) -> str:
        return f"{self.number:04d}_{self.phase}_{self.name}"


class Standing(Struct, frozen=True):
    """How a database stands to this version: what is applied, what is missing, what is `unknown` because
    a newer version applied it, and what has `changed` since it was applied."""

    applied: tuple[Applied, ...]
    missing: tuple[Migration, ...]
    unknown: tuple[Applied, ...]
    changed: tuple[Migration, ...]

    def missing_of(self, phases: Sequence[Phase]) -> list[Migration]:
        """Return what is to be applied, first all of `pre`."""
        return [
            one for phase in PHASES if phase in phases for one in self.missing if one.phase == phase
        ]

    def refuse_unless_usable(self) -> None:
        """Make sure that this version can work with the database.

        It can where all that it adds is there, and nothing was taken away that it may need.

        Raises:
            ConfigurationError: it holds no store, an older one, or a newer one.
        """
        if not self.applied:
            raise SettingsError(f"There is no store in this database yet. {HINT}")
        if self.missing_of(["pre"]):
            raise ConfigurationError(
                f"The store in this database is older than this version. {HINT} --phase pre"
            )
        if any(one.phase != "pre" for one in self.unknown):
            raise ConfigurationError(
                "The store in this database is newer than this version. Use a newer version."
            )


def migrations() -> list[Migration]:
    """Return all migrations of this version, in order."""
    folder = files("identity_engine.event_store.postgres") / "migrations"
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [
        _migration(name.removesuffix(".sql"), (folder / name).read_text(encoding="utf-8"))
        for name in found
    ]


def standing(connection: psycopg.Connection[Any]) -> Standing:
    """Compare the ledger of a database with the files of this version.

    Raises:
        ConfigurationError: the role of the connection may not read the ledger.
    """
    with told_plainly():
        ours, applied = migrations(), _applied(connection)
    known = {one.number: one for one in applied}
    return Standing(
        applied=tuple(applied),
        missing=tuple(one for one in ours if one.number not in known),
        unknown=tuple(one for one in applied if one.number not in {file.number for file in ours}),
        changed=tuple(
            one
            for one in ours
            if one.number in known and known[one.number].checksum != one.checksum
        ),
    )


def migrate(
    connection: psycopg.Connection[Any], phases: Sequence[Phase] = PHASES
) -> list[Migration]:
    """Apply what is missing and return it.

    Args:
        connection: in autocommit mode, of a role that may make schemas, or of one that owns them.
        phases: which files.

    Raises:
        StoreBusy: another process migrates now, or holds a lock for too long; what was applied by
            then is kept, so do the same again.
        ConfigurationError: a file is not what was applied, or the store is newer than this version.
    """
    (is_ours,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() or (0,)
    if not is_ours:
        raise StoreBusy("Another migration of this store is running. Wait for it.")
    try:
        with told_plainly():
            connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            _make_ledger(connection)
            found = standing(connection)
            _refuse_changed(found)
            made = found.missing_of(phases)
            if "post" in phases and "pre" not in phases:
                found.refuse_unless_usable()
            for one in made:
                with connection.transaction():
                    connection.execute(one.sql.encode())
                    _write_down(connection, one)
                book.info("migration_applied", number=one.number)
            if "pre" in phases:
                _make_tables(connection)
            return made
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def refuse_unless_migrated(connection: PostgresConnection) -> None:
    """Refuse a database that this version cannot work with.

    Raises:
        ConfigurationError: it holds no store, an older one, or a newer one.
    """
    standing(connection.raw).refuse_unless_usable()


def index_is_current(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the match index is of this version."""
    with connection.transaction():
        connection.execute(f"SET LOCAL search_path = {LOG}")
        return is_current(PostgresCursor.of(connection))


def _migration(name: str, sql: str) -> Migration:
    number, phase, title = name.split("_", 2)
    assert phase in PHASES, name
    return Migration(int(number), title, phase, sql)


def _applied(connection: psycopg.Connection[Any]) -> list[Applied]:
    if not _is_there(connection, f"{LEDGER}.migration"):
        return []
    rows = connection.execute(
        f"SELECT number, name, phase, checksum FROM {LEDGER}.migration ORDER BY number"
    )
    return [Applied(*row) for row in rows]


def _make_ledger(connection: psycopg.Connection[Any]) -> None:
    """Make the ledger; what an older one knows is taken over."""
    if _is_there(connection, f"{LEDGER}.migration"):
        return
    with connection.transaction():
        connection.execute(MAKE_LEDGER.encode())
        if _is_there(connection, OLD_LEDGER):
            rows = connection.execute(f"SELECT number FROM {OLD_LEDGER}").fetchall()
            known = {number for (number,) in rows}
            for one in migrations():
                if one.number in known:
                    _write_down(connection, one)


def _write_down(connection: psycopg.Connection[Any], one: Migration) -> None:
    connection.execute(
        f"INSERT INTO {LEDGER}.migration (number, name, phase, checksum) VALUES (%s, %s, %s, %s)",
        (one.number, one.name, one.phase, one.checksum),
    )


def _refuse_changed(found: Standing) -> None:
    if found.changed:
        raise ConfigurationError(
            f"The file of the migration {found.changed[0]} is not the one that was applied to this "
            "database. Install the package anew; a migration never changes once it was applied."
        )
    if any(one.phase != "pre" for one in found.unknown):
        found.refuse_unless_usable()


def _make_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables that SQLite has too; of the index only where there is no event yet."""
    with connection.transaction():
        for schema, tables in ((KEYS, KEYS_SCHEMA), (DEAD_LETTERS, DEAD_LETTERS_SCHEMA)):
            connection.execute(f'SET LOCAL search_path = "{schema}"')
            PostgresCursor.of(connection).executescript(tables)
    if not index_is_current(connection):
        with connection.transaction():
            connection.execute(f"SET LOCAL search_path = {LOG}")
            cursor = PostgresCursor.of(connection)
            cursor.execute("LOCK TABLE one_writer IN EXCLUSIVE MODE")
            prepare_tables(cursor)


def _is_there(connection: psycopg.Connection[Any], name: str) -> bool:
    (found,) = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone() or (
        False,
    )
    return bool(found)
