"""Generations of views as schemas of a PostgreSQL database, and what readers by SQL see of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from identity_engine.errors import StoreBusy
from identity_engine.event_store.place import refuse_newer
from identity_engine.event_store.postgres.api import lay
from identity_engine.event_store.postgres.dialect import PostgresConnection, told_plainly
from identity_engine.event_store.postgres.roles import grant_generation
from identity_engine.event_store.postgres.schema import LOG, VIEWS
from identity_engine.observing.logbook import Logbook
from projections.catalogue import VIEWS_VERSION
from projections.sql import Connection, transaction

PATIENCE_MS = 200
"""Who replaces what somebody reads waits for so long; all who come meanwhile wait behind it."""
PAUSE_SECONDS = 1.0
"""Between two tries."""
GRACE_SECONDS = 0.25
"""For who has just asked which views are live, to read them to the end."""
TRIES = 5
"""To drop old views."""
REPLACED = "The views were built anew meanwhile. Ask again."

book = Logbook(__name__)


class ViewSchemas:
    """Each generation of views is a schema; a row beside the log names the live one.

    The same row names the one that readers by SQL see. It is the live one, but for a moment: a new
    generation is shown when it has come to the head of the log, and when nobody is in the midst of
    reading the one before. Until then that one stays as it is, whole.

    Args:
        connect: opens a connection that looks names up in a schema, as the owner of the views.
        connect_views: the same for a schema of views, which need not be durable: they are built anew.
    """

    remedy = (
        "Drop the schemas identity_engine_views_* of this database with CASCADE "
        "and set version = 0 in identity_engine.live_views"
    )

    def __init__(
        self,
        connect: Callable[[str], PostgresConnection],
        connect_views: Callable[[str], PostgresConnection],
    ) -> None:
        self._connect = connect_views
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
        refuse_newer(version, VIEWS_VERSION, self.remedy)
        with self._pointing():
            version, number, _ = self._read()
            if version != VIEWS_VERSION:  # else another process was first
                number += 1
                self._remove(number)  # what a rebuild that broke off has left
                self._point_to(number)
        return number

    def next(self) -> int:
        """Return the number behind the live one."""
        return self.current() + 1

    def open(self, number: int) -> PostgresConnection:
        """Open a schema, made if it is missing.

        Raises:
            StoreBusy: another process has swapped in a newer one, and this one is gone.
        """
        if number not in self._numbers():
            schema = _schema(number)
            with transaction(self._pointer):
                self._pointer.execute("LOCK TABLE live_views IN SHARE MODE")
                if number < self._read()[1]:
                    raise StoreBusy(REPLACED)
                self._pointer.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                grant_generation(self._pointer, schema)
        return self._connect(_schema(number))

    def begin(self, number: int) -> PostgresConnection:
        """Open a fresh schema."""
        with transaction(self._pointer):
            self._remove(number)
        fresh = self.open(number)
        fresh.execute("SET idle_in_transaction_session_timeout = 0")  # its batches are large
        return fresh

    def publish(self, number: int, fresh: Connection) -> None:
        """Move the pointer, show the generation to readers by SQL, and drop those before it."""
        fresh.close()
        with self._pointing():
            self._point_to(number)
            self._lay(number)
        time.sleep(GRACE_SECONDS)
        left = self._drop_before(number)
        for _ in range(TRIES - 1):
            left = left and self._drop_before(number)
        if left:
            book.warning("old_views_left", count=len(left))

    def show(self, number: int) -> None:
        """Show the live generation, which has come to the head of the log, to readers by SQL."""
        if number == self._shown or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + PAUSE_SECONDS
        _, live, shown = self._read()
        if live == number and shown != number:
            with self._pointing():
                _, live, shown = self._read()
                if live == number and shown != number:
                    self._lay(number)
            _, _, shown = self._read()
        if shown == number and not self._drop_before(number):
            self._shown = shown

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

    def _drop_before(self, number: int) -> list[int]:
        """Drop older generations that nobody is shown; return those in which somebody still reads."""
        _, _, shown = self._read()
        left = []
        for older in self._numbers():
            if older >= number or older == shown:
                continue
            try:
                with transaction(self._pointer):
                    self._pointer.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
                    self._remove(older)
            except StoreBusy:
                left.append(older)
        return left

    def _read(self) -> tuple[int, int, int]:
        version, number, shown = self._pointer.execute(
            "SELECT version, number, shown FROM live_views"
        ).fetchone()
        return version, number, shown

    def _point_to(self, number: int) -> None:
        self._pointer.execute(
            "UPDATE live_views SET version = ?, number = ?", (VIEWS_VERSION, number)
        )

    def _numbers(self) -> list[int]:
        """Return the generations there are, among them what a lost rebuild has left."""
        names = self._pointer.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?)", (f"{VIEWS}_",)
        )
        numbers = [name.removeprefix(f"{VIEWS}_") for (name,) in names.fetchall()]
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
    return f"{VIEWS}_{number}"
