"""The SQL of this product: written once, run by SQLite as it stands and by PostgreSQL translated.

The translation (`identity_engine.event_store.postgres.dialect`) goes by rule and knows no table, so
every statement keeps to what it covers:

- places `?`, `?1` and `:name`; `INSERT OR IGNORE`; `BEGIN IMMEDIATE`, which locks the schema for
  writing, and `BEGIN DEFERRED`, which locks what it writes; `json_each(X)` over an array, with a `value`
  that is compared as text or after `CAST(value AS BIGINT)`; over an object with the alias `pair`, a
  `key` besides; `instr`, `lower(hex(x))`, `group_concat`;
- `BLOB`, `INTEGER`, `TEXT`, `REAL` and `BOOLEAN` columns. A boolean is given as a Python bool, `TRUE` or
  `FALSE`, may stand alone in a condition, and is read as 1 or 0. Nothing else may;
- an upsert names its key: `INSERT OR REPLACE` has no counterpart;
- no `MAX` or `MIN` of several arguments, no bare column beside an aggregate, no `IN` without a list or
  a SELECT, no `IS` but with NULL, no number as a condition;
- an order by what may be NULL says NULLS FIRST or LAST, and a list that is shown orders equals too;
- a parameter that nothing else gives a type is cast: `CAST(:division AS TEXT) IS NULL`;
- a recursion starts from a column and has one term that refers to itself.

`tests/architecture/test_sql.py` refuses what can be seen in a text; the contract of the views runs all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal, Protocol, Self

MOST_PARAMETERS = 16_384
"""Of one statement of SQLite."""
COMMENT = re.compile(r"--[^\n]*")
Parameters = Sequence[Any] | Mapping[str, Any]
Dialect = Literal["sqlite", "postgres"]


class Cursor(Protocol):
    """Runs statements, and gives the rows of the last one."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""

    def execute(self, statement: str, parameters: Any = ..., /) -> Self:
        """Run one statement."""

    def executemany(self, statement: str, parameters: Iterable[Any], /) -> Self:
        """Run one statement for each of several parameters."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Go over the rows that are left."""


class Connection(Protocol):
    """A connection in autocommit mode."""

    def execute(self, statement: str, parameters: Any = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, statement: str, parameters: Iterable[Any], /) -> Cursor:
        """Run one statement for each of several parameters."""

    def executescript(self, script: str, /) -> Cursor:
        """Run several statements that take no parameters."""

    def close(self) -> None:
        """Close it."""


def dialect_of(connection: "Connection | Cursor") -> Dialect:
    """Return which database answers."""
    dialect: Dialect = getattr(connection, "dialect", "sqlite")
    return dialect


def has_table(connection: Connection, name: str) -> bool:
    """Tell whether there is a table of this name where the connection looks names up."""
    if dialect_of(connection) == "postgres":
        found = connection.execute("SELECT to_regclass(?) IS NOT NULL", (name,))
    else:
        found = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = ?", (name,))
    return bool(found.fetchone()[0])


def statements(script: str) -> list[str]:
    """Return the statements of a script, without its comments; none of them holds a semicolon."""
    return [one.strip() for one in COMMENT.sub("", script).split(";") if one.strip()]


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return the statement that writes a whole row in place of the one with the same key.

    Args:
        table: the table.
        columns: all of them, in order.
        key: the columns that it is unique by, the primary key.
    """
    others = [column for column in columns if column not in key]
    changes = ", ".join(f"{column} = excluded.{column}" for column in others)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )


def select(
    connection: Connection | Cursor, statement: str, wanted: Sequence[bytes] | Sequence[int]
) -> list[tuple[Any, ...]]:
    """Run a statement in which `IN (%s)` stands for what is wanted.

    On SQLite that becomes a list of parameters, filled up to a power of two with its last value, so
    that few different statements are ever prepared, and split where SQLite would take no more.
    """
    if dialect_of(connection) == "postgres":
        text = statement.replace("IN (%s)", "= ANY(?)")
        return connection.execute(text, (list(wanted),)).fetchall() if wanted else []
    rows: list[tuple[Any, ...]] = []
    for first in range(0, len(wanted), MOST_PARAMETERS):
        some = list(wanted[first : first + MOST_PARAMETERS])
        places = 1 << (len(some) - 1).bit_length()
        some += [some[-1]] * (places - len(some))
        rows += connection.execute(_with_places(statement, places), some).fetchall()
    return rows


@lru_cache(maxsize=128)
def _with_places(statement: str, places: int) -> str:
    return statement % ",".join("?" * places)


class DatabaseFailed(Exception):  # noqa: N818 - it is what is said of it
    """The database refuses for a while or went away: no fault of the statement or its values."""


class DatabaseDamaged(DatabaseFailed):
    """What the database holds is broken."""


@contextmanager
def transaction(connection: Connection, *, whole: bool = True) -> Iterator[None]:
    """Hold the write lock; what is written within is stored together or not at all.

    Args:
        connection: in autocommit mode.
        whole: nobody else writes in this schema meanwhile. Else the first statement has to write, and
            where the database can, only those wait who write the same rows.
    """
    connection.execute("BEGIN IMMEDIATE" if whole else "BEGIN DEFERRED")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
