"""A store on PostgreSQL: the place, and the recorder of `eventsourcing` over our tables.

The traps of the library's recorder are closed: its database functions are refused (T1), a lock or a
transaction that somebody leaves open blocks nobody for ever (T11), and a batch is one transaction of
our own without a pipeline (T13). One writer at a time holds a lock, so the order of positions is that
of the commits, and what a decision reads under the lock cannot move.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import (
    InterfaceError,
    InternalError,
    OperationalError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from identity_engine.errors import (
    ConnectionLost,
    SettingsError,
    StoreBusy,
    StoreError,
    StoreFull,
)
from identity_engine.event_store.mapper import NewRow
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.postgres.dialect import (
    FULL,
    LOST,
    PostgresConnection,
    PostgresCursor,
    adapt,
    lost,
    told_plainly,
)
from identity_engine.event_store.postgres.holding import SessionHolding
from identity_engine.event_store.postgres.roles import MIGRATOR, PROJECTOR, act_as
from identity_engine.event_store.postgres.schema import (
    DEAD_LETTERS,
    KEYS,
    LOG,
    refuse_unless_migrated,
)
from identity_engine.event_store.postgres.views import ViewSchemas
from identity_engine.event_store.postgres.watch import ChannelWatch
from identity_engine.event_store.sqlite.folder import key_in_file
from identity_engine.event_store.stored_events import StoredEvents, new_rows
from projections.sql import Cursor

FUNCTIONS_VARIABLE = "POSTGRES_ENABLE_DB_FUNCTIONS"
STOPPED_IN_VIEWS_MS = 10_000
"""A process that stops while it moves a view holds up all who read it, until this ends its turn."""
MILLISECONDS = 1_000
RECONNECT_SECONDS = 1.0
"""A try to connect is given up after this, so that the next question tries anew and does not wait for a
back-off that has grown while the server was away."""
POOL = 4
CHANNEL = "stored_events"
KEPT = {
    "events": f"{LOG}.stored_events",
    "data keys": f"{KEYS}.data_key",
    "named keys": f"{KEYS}.named_key",
    "dead letters": f"{DEAD_LETTERS}.dead_letters",
}
INSERT = (
    "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state) "
    "SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::bigint[], %b::text[], %b::bytea[])"
)


class Patience(NamedTuple):
    """How many seconds are waited for a lock, for one statement, for a transaction that stands idle,
    and for a connection (whole seconds, as libpq counts)."""

    lock_seconds: float = 2.0
    statement_seconds: float = 60.0
    idle_seconds: float = 30.0
    connect_seconds: int = 5

    def set_on(self, connection: psycopg.Connection[Any]) -> None:
        """Let the server keep to it on a new connection."""
        connection.execute(
            f"SET lock_timeout = {_ms(self.lock_seconds)}; "
            f"SET statement_timeout = {_ms(self.statement_seconds)}; "
            f"SET idle_in_transaction_session_timeout = {_ms(self.idle_seconds)}"
        )


PATIENCE = Patience()


class Server:
    """The place of a store on a PostgreSQL server; several processes may share it.

    Args:
        address: `postgresql://...`, as libpq reads it.
        master_key: the file of the key-encryption key, the same for all who use the store.
        patience: how long it waits for the server.

    Raises:
        ConfigurationError: the address cannot be read, or the library's database functions are on.
    """

    scratch: Path | None = None

    def __init__(
        self, address: str, master_key: Path | None, patience: Patience = PATIENCE
    ) -> None:
        if os.environ.get(FUNCTIONS_VARIABLE, "").lower() in {"y", "yes", "t", "true", "on", "1"}:
            raise SettingsError(
                f"{FUNCTIONS_VARIABLE} is set: with it readers of the log miss events. Unset it."
            )
        self._master_key = master_key
        self._patience = patience
        try:
            self._conninfo = make_conninfo(
                address,
                connect_timeout=patience.connect_seconds,
                application_name="identity-engine",
            )
        except psycopg.ProgrammingError:
            raise SettingsError(
                "The address of the PostgreSQL server cannot be read. "
                "Write postgresql://USER@HOST:PORT/DATABASE."
            ) from None

    def refuse_absent(self) -> None:
        """A store here is made by a migration, and never by being opened."""

    def refuse_unless_empty(self) -> None:
        """Refuse a database in which any table that is not built anew has a row."""
        with closing(self._connect(LOG)) as connection:
            refuse_unless_migrated(connection)
            kept = [
                named
                for named, table in KEPT.items()
                if connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]
            ]
        if kept:
            raise StoreError(
                f"The target holds {', '.join(kept)} already. Copy into an empty database: make one, "
                "and run `store migrate` there."
            )

    def is_same_as(self, other: StorePlace) -> bool:
        """Compare the addresses, whoever connects there."""
        if not isinstance(other, Server):
            return False
        ours, theirs = (conninfo_to_dict(one._conninfo) for one in (self, other))
        return all(
            ours.get(part) == theirs.get(part) for part in ("host", "hostaddr", "port", "dbname")
        )

    def refuse_unless_current(self) -> None:
        """Refuse a database that is not, or no longer, migrated to this version."""
        connection = self._connect(KEYS)
        try:
            refuse_unless_migrated(connection)
        finally:
            connection.close()

    def key_encryption_key(self, entropy: Callable[[int], bytes]) -> bytes:
        """Read the key file, which is made with a new store."""
        if self._master_key is None:
            raise SettingsError(
                "A store on PostgreSQL needs IDENTITY_ENGINE_MASTER_KEY: the file with its master "
                "key, the same for every process that opens it."
            )
        keys = self._connect(KEYS)
        try:
            refuse_unless_migrated(keys)
            (has_keys,) = keys.execute("SELECT EXISTS (SELECT 1 FROM named_key)").fetchone()
        finally:
            keys.close()
        return key_in_file(self._master_key, entropy, is_new_store=not has_keys)

    def log(self, name: str) -> "Recorder":  # noqa: ARG002 - the server knows the log by its schema
        """Open the event log."""
        return Recorder(Datastore(conninfo_to_dict(self._conninfo), self._patience))

    def keys(self, schema: str) -> PostgresConnection:  # noqa: ARG002 - made by a migration
        """Open the key store."""
        return self._connect(KEYS)

    def dead_letters(self, schema: str) -> PostgresConnection:  # noqa: ARG002 - made by a migration
        """Open the dead letters."""
        return self._connect(DEAD_LETTERS)

    def views(self) -> ViewSchemas:
        """Return the generations of views."""
        return ViewSchemas(
            lambda schema: self._connect(schema, acting_as=PROJECTOR), self._connect_views
        )

    @contextmanager
    def alone(self, work: str, busy: str) -> Iterator[None]:
        """Hold an advisory lock of the server, on a connection of its own."""
        connection = self._connect(LOG)
        try:
            (is_ours,) = connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(?, 0))", (f"identity-engine/{work}",)
            ).fetchone()
            if not is_ours:
                raise StoreBusy(f"{busy} Wait for it.")
            yield
        finally:
            connection.close()

    def holding(self, work: str, parts: Sequence[str]) -> SessionHolding:
        """Hold advisory locks of the server, on a connection of its own."""
        return SessionHolding(self.connect, work, parts)

    def connect(self) -> psycopg.Connection[Any]:
        """Open a plain connection.

        Raises:
            ConnectionLost: the server cannot be reached.
        """
        with told_plainly():
            return psycopg.connect(self._conninfo, autocommit=True)

    def _connect(self, schema: str, acting_as: str | None = None) -> PostgresConnection:
        return PostgresConnection(lambda: self._connect_patiently(acting_as), schema)

    def _connect_views(self, schema: str) -> PostgresConnection:
        def connect() -> psycopg.Connection[Any]:
            connection = self._connect_patiently(PROJECTOR)
            connection.execute(
                "SET synchronous_commit = off; "
                f"SET idle_in_transaction_session_timeout = {STOPPED_IN_VIEWS_MS}"
            )
            return connection

        return PostgresConnection(connect, schema)

    def _connect_patiently(self, acting_as: str | None = None) -> psycopg.Connection[Any]:
        connection = self.connect()
        self._patience.set_on(connection)
        if acting_as is not None:
            act_as(connection, acting_as)
        return connection


class Datastore(PostgresDatastore):
    """Connections to the log, pooled."""

    def __init__(self, parameters: dict[str, Any], patience: Patience) -> None:
        self._patience = patience
        super().__init__(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            connect_timeout=patience.connect_seconds,
            pool_size=1,
            max_overflow=POOL,
            pre_ping=True,  # a server that was restarted leaves dead connections behind
            schema=LOG,
        )
        self.originator_id_type = "text"
        self.pool.reconnect_timeout = RECONNECT_SECONDS
        self.parameters = parameters
        self.pool.kwargs = {**parameters, "row_factory": dict_row}

    def after_connect_func(self) -> Callable[[psycopg.Connection[Any]], None]:
        """Set up a new connection of the pool."""

        def after_connect(connection: psycopg.Connection[Any]) -> None:
            connection.autocommit = True
            connection.execute(f'SET search_path = "{LOG}"')
            self._patience.set_on(connection)
            act_as(connection, MIGRATOR)  # who is no migrator stays who it is
            adapt(connection)

        return after_connect


class Recorder(StoredEvents, PostgresApplicationRecorder):
    """The library's recorder over our table, and the log of a store (`place.EventLog`)."""

    datastore: Datastore

    def __init__(self, datastore: Datastore) -> None:
        super().__init__(datastore)
        self.sql_create_statements = []

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Open one consistent view."""
        with self._transaction(read_only=True) as cursor:
            yield cursor

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """Hold the write lock; what is written within is stored together or not at all."""
        with self._transaction(read_only=False) as cursor:
            cursor.execute("LOCK TABLE one_writer IN EXCLUSIVE MODE")
            # Waits for whoever holds the log itself, such as a version before that table.
            cursor.execute("LOCK TABLE stored_events IN ROW EXCLUSIVE MODE")
            yield cursor

    @contextmanager
    def _transaction(self, *, read_only: bool) -> Iterator[PostgresCursor]:
        is_read = False
        try:
            with self.datastore.get_connection() as connection:
                level = psycopg.IsolationLevel
                connection.isolation_level = (
                    level.REPEATABLE_READ if read_only else level.READ_COMMITTED
                )
                connection.read_only = read_only
                with connection.transaction(force_rollback=read_only):
                    yield PostgresCursor.of(connection)
                    is_read = read_only
        except (OperationalError, InterfaceError, InternalError) as error:
            # The last is what a process hears that was stopped within: the server ended its turn.
            if isinstance(error.__cause__, psycopg.errors.DiskFull):
                raise StoreFull(FULL) from error
            if not is_read:  # what was read is good, however the transaction ends
                cause = error.__cause__
                raise ConnectionLost(
                    lost(cause) if isinstance(cause, psycopg.Error) else LOST
                ) from error

    def insert(self, cursor: Cursor, rows: Sequence[NewRow]) -> range:
        """Insert events in one statement and return their positions."""
        if not rows:
            return range(0)
        (first,) = cursor.execute(
            "SELECT COALESCE(MAX(rowid), 0) + 1 FROM stored_events"
        ).fetchone()
        positions = range(first, first + len(rows))
        assert isinstance(cursor, PostgresCursor)
        cursor.raw.execute(INSERT, (list(positions), *map(list, zip(*rows, strict=True))))
        cursor.execute(f"NOTIFY {CHANNEL}")
        return positions

    def max_notification_id(self) -> int | None:
        return self.head() or None

    def after_commit(self) -> None:
        """Leave the log as it is; the server checkpoints by itself."""

    def watch(self) -> ChannelWatch:
        """Listen to what `insert` notifies."""
        return ChannelWatch(self.datastore.parameters, CHANNEL)

    def close(self) -> None:
        """Close all connections."""
        self.datastore.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Store events in a transaction of their own."""
        with self.writing() as cursor:
            return list(self.insert(cursor, new_rows(stored_events))) or None


def _ms(seconds: float) -> int:
    return round(seconds * MILLISECONDS)
