"""Generations of views as schemas of a PostgreSQL database."""

from collections.abc import Callable

from identity_engine.event_store.postgres_schema import LOG
from identity_engine.event_store.postgres_sql import PostgresConnection
from projections.catalogue import VIEWS_VERSION
from projections.sql import Connection, transaction

PREFIX = "identity_engine_views"


class ViewSchemas:
    """Each generation of views is a schema; a row beside the log names the live one.

    Args:
        connect: opens a connection that looks names up in a schema.
    """

    remedy = "Drop the schemas identity_engine_views_* of this database"

    def __init__(self, connect: Callable[[str], PostgresConnection]) -> None:
        self._connect = connect
        self._pointer = connect(LOG)

    def current(self) -> int:
        """Read the pointer; views of another version are passed over."""
        version, number = self._read()
        if version == VIEWS_VERSION:
            return number
        with transaction(self._pointer):
            self._pointer.execute("LOCK TABLE live_views IN EXCLUSIVE MODE")
            version, number = self._read()
            if version != VIEWS_VERSION:  # else another process was first
                self._drop(number)
                number += 1
                self._point_to(number)
        return number

    def open(self, number: int) -> PostgresConnection:
        """Open a schema, made if it is missing."""
        schema = _schema(number)
        if not self._is_there(schema):
            self._pointer.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        return self._connect(schema)

    def begin(self, number: int) -> PostgresConnection:
        """Open a fresh schema."""
        self._drop(number)
        connection = self.open(number)
        connection.execute("SET synchronous_commit = off")
        return connection

    def publish(self, number: int, fresh: Connection) -> None:
        """Move the pointer and drop the schema before it."""
        fresh.close()
        with transaction(self._pointer):
            self._pointer.execute("LOCK TABLE live_views IN EXCLUSIVE MODE")
            _, before = self._read()
            self._point_to(number)
        if before != number:
            self._drop(before)

    def close(self) -> None:
        """Close the connection of the pointer."""
        self._pointer.close()

    def _read(self) -> tuple[int, int]:
        version, number = self._pointer.execute("SELECT version, number FROM live_views").fetchone()
        return version, number

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
    return f"{PREFIX}_{number}"
