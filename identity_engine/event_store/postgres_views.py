"""Generations of views as schemas of a PostgreSQL database, and what readers by SQL see of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from identity_engine.errors import ConfigurationError, StoreBusy
from identity_engine.event_store.postgres_api import lay
from identity_engine.event_store.postgres_roles import grant_generation
from identity_engine.event_store.postgres_schema import LOG, VIEWS
from identity_engine.event_store.postgres_sql import PostgresConnection, told_plainly
from projections.catalogue import VIEWS_VERSION
from projections.sql import Connection, transaction

PATIENCE_MS = 200
"""Who replaces what somebody reads waits for so long; all who come meanwhile wait behind it."""
PAUSE_SECONDS = 1.0
"""Between two tries."""


class ViewSchemas:
    """Each generation of views is a schema; a row beside the log names the live one.

    The same row names the one that readers by SQL see. It is the live one, but for a moment: a new
    generation is shown when it has come to the head of the log, and when nobody is in the midst of
    reading the one before. Until then that one stays as it is, whole.

    Args:
        connect: opens a connection that looks names up in a schema, as the owner of the views.
    """

    remedy = "Drop the schemas identity_engine_views_* of this database"

    def __init__(self, connect: Callable[[str], PostgresConnection]) -> None:
        self._connect = connect
        self._pointer = connect(LOG)
        self._shown = 0
        self._not_before = 0.0

    def current(self) -> int:
        """Read the pointer; views of an older version are passed over.

        Raises:
            ConfigurationError: they are of a newer version. Both would go on to replace each other's.
        """
        version, number, _ = self._read()
        if version == VIEWS_VERSION:
            return number
        if version > VIEWS_VERSION:
            raise ConfigurationError(
                "The views of this store are those of a newer version. Ask that one. To go back to "
                "this version for good: UPDATE identity_engine.live_views SET version = 0"
            )
        with self._pointing():
            version, number, _ = self._read()
            if version != VIEWS_VERSION:  # else another process was first
                number += 1
                self._drop(number)  # what a rebuild that broke off has left
                self._point_to(number)
        return number

    def open(self, number: int) -> PostgresConnection:
        """Open a schema, made if it is missing."""
        schema = _schema(number)
        if not self._is_there(schema):
            self._pointer.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            grant_generation(self._pointer, schema)
        return self._connect(schema)

    def begin(self, number: int) -> PostgresConnection:
        """Open a fresh schema."""
        self._drop(number)
        connection = self.open(number)
        connection.execute("SET synchronous_commit = off")
        return connection

    def publish(self, number: int, fresh: Connection) -> None:
        """Move the pointer, show the generation to readers by SQL, and drop those before it."""
        fresh.close()
        with self._pointing():
            self._point_to(number)
            self._lay(number)
        self._drop_before(number)

    def show(self, number: int) -> None:
        """Show the live generation, which has come to the head of the log, to readers by SQL."""
        if number == self._shown or monotonic() < self._not_before:
            return
        self._not_before = monotonic() + PAUSE_SECONDS
        _, live, shown = self._read()
        if live == number and shown != number:
            with self._pointing():
                _, live, shown = self._read()
                if live == number and shown != number:
                    self._lay(number)
            _, _, shown = self._read()
        self._shown = shown
        if shown == number:
            self._drop_before(number)

    def close(self) -> None:
        """Close the connection of the pointer."""
        self._pointer.close()

    @contextmanager
    def _pointing(self) -> Iterator[None]:
        """Let nobody else move the pointer meanwhile."""
        with transaction(self._pointer):
            self._pointer.execute("LOCK TABLE live_views IN EXCLUSIVE MODE")
            yield

    def _lay(self, number: int) -> None:
        """Lay the views for readers by SQL over a generation, unless somebody is reading in them."""
        self._pointer.execute("SAVEPOINT lay")
        self._pointer.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
        try:
            with told_plainly():
                lay(self._pointer.raw, _schema(number))
            self._pointer.execute("UPDATE live_views SET shown = ?", (number,))
        except StoreBusy:
            self._pointer.execute("ROLLBACK TO lay")

    def _drop_before(self, number: int) -> None:
        """Drop older generations, but those in which somebody still reads."""
        _, _, shown = self._read()
        rows = self._pointer.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?)", (f"{VIEWS}_",)
        ).fetchall()
        known = {int(name.rpartition("_")[2]) for (name,) in rows}
        for older in known - {shown}:
            if older < number:
                with suppress(StoreBusy), transaction(self._pointer):
                    self._pointer.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
                    self._drop(older)

    def _read(self) -> tuple[int, int, int]:
        version, number, shown = self._pointer.execute(
            "SELECT version, number, shown FROM live_views"
        ).fetchone()
        return version, number, shown

    def _point_to(self, number: int) -> None:
        self._pointer.execute(
            "UPDATE live_views SET version = ?, number = ?", (VIEWS_VERSION, number)
        )

    def _is_there(self, schema: str) -> bool:
        (is_there,) = self._pointer.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?)", (schema,)
        ).fetchone()
        return bool(is_there)

    def _drop(self, number: int) -> None:
        self._pointer.execute(f'DROP SCHEMA IF EXISTS "{_schema(number)}" CASCADE')


def _schema(number: int) -> str:
    return f"{VIEWS}_{number}"
