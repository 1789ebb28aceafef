"""Generations of views as schemas of a PostgreSQL database."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from identity_engine.errors import StoreBusy
from identity_engine.event_store.place import refuse_newer
from identity_engine.event_store.postgres_schema import LOG
from identity_engine.event_store.postgres_sql import PostgresConnection
from projections.catalogue import VIEWS_VERSION
from projections.sql import Connection, transaction

PREFIX = "identity_engine_views"
GRACE_SECONDS = 0.25
"""For who has just asked which views are live, to read them to the end."""
TRIES = 5
"""To drop old views: each waits for the time-out of a lock."""
REPLACED = "The views were built anew meanwhile. Ask again."


log = logging.getLogger(__name__)


class ViewSchemas:
    """Each generation of views is a schema; a row beside the log names the live one.

    Args:
        connect: opens a connection that looks names up in a schema.
        connect_views: the same for a schema of views, which need not be durable: they are built anew.
    """

    remedy = (
        "Drop the schemas identity_engine_views_* of this database "
        "and set version = 0 in identity_engine.live_views"
    )

    def __init__(
        self,
        connect: Callable[[str], PostgresConnection],
        connect_views: Callable[[str], PostgresConnection],
    ) -> None:
        self._connect = connect_views
        self._pointer = connect(LOG)

    def current(self) -> int:
        """Read the pointer; views of another version are passed over."""
        version, number = self._read()
        if version == VIEWS_VERSION:
            return number
        refuse_newer(version, VIEWS_VERSION, self.remedy)
        with transaction(self._pointer):
            self._pointer.execute("LOCK TABLE live_views IN EXCLUSIVE MODE")
            version, number = self._read()
            if version != VIEWS_VERSION:  # else another process was first
                self._remove(number)
                number += 1
                self._point_to(number)
        return number

    def open(self, number: int) -> PostgresConnection:
        """Open a schema, made if it is missing.

        Raises:
            StoreBusy: another process has swapped in a newer one, and this one is gone.
        """
        if not self._is_there(number):
            with transaction(self._pointer):
                self._pointer.execute("LOCK TABLE live_views IN SHARE MODE")
                if number < self._read()[1]:
                    raise StoreBusy(REPLACED)
                self._pointer.execute(f'CREATE SCHEMA IF NOT EXISTS "{_schema(number)}"')
        return self._connect(_schema(number))

    def begin(self, number: int) -> PostgresConnection:
        """Open a fresh schema."""
        with transaction(self._pointer):
            self._remove(number)
        fresh = self.open(number)
        fresh.execute("SET idle_in_transaction_session_timeout = 0")  # its batches are large
        return fresh

    def publish(self, number: int, fresh: Connection) -> None:
        """Move the pointer and drop the schemas before it."""
        fresh.close()
        with transaction(self._pointer):
            self._pointer.execute("LOCK TABLE live_views IN EXCLUSIVE MODE")
            self._point_to(number)
        time.sleep(GRACE_SECONDS)
        for before in self._numbers():
            if before < number:
                self._drop(before)

    def _drop(self, number: int) -> None:
        """Drop a schema that is live no more; the next rebuild does it where somebody still reads it."""
        for _ in range(TRIES):
            with suppress(StoreBusy), transaction(self._pointer):
                self._remove(number)
                return
        log.warning("Somebody reads old views for long; the next rebuild drops them.")

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

    def _is_there(self, number: int) -> bool:
        return number in self._numbers()

    def _numbers(self) -> list[int]:
        """Return the generations there are, among them what a lost rebuild has left."""
        names = self._pointer.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?)", (f"{PREFIX}_",)
        )
        numbers = [name.removeprefix(f"{PREFIX}_") for (name,) in names.fetchall()]
        return sorted(int(number) for number in numbers if number.isdecimal())

    def _remove(self, number: int) -> None:
        """Remove a schema once nobody moves its views: whoever does takes that one table first."""
        state = f"{_schema(number)}.projection_state"
        (has_views,) = self._pointer.execute(
            "SELECT to_regclass(?) IS NOT NULL", (state,)
        ).fetchone()
        if has_views:
            self._pointer.execute(f"LOCK TABLE {state} IN ACCESS EXCLUSIVE MODE")
        self._pointer.execute(f'DROP SCHEMA IF EXISTS "{_schema(number)}" CASCADE')


def _schema(number: int) -> str:
    return f"{PREFIX}_{number}"
