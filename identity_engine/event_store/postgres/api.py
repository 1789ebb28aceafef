"""The views for readers by SQL on PostgreSQL, laid over one generation of the tables.

They stay the same views while the generations beneath come and go, so grants, comments and whatever
somebody has built on them stay too. Each keeps to the rows of the divisions that the reader was given;
behind that barrier no function of a reader sees a row before it has passed.
"""

from typing import Any

import psycopg

from identity_engine.event_store.postgres.dialect import translate
from identity_engine.event_store.postgres.roles import AUDITOR, READER, are_in_force
from identity_engine.event_store.postgres.schema import API, LOG
from projections.api.catalogue import API_VIEWS
from projections.api.view import ApiView, Type

EVERY = "*"
"""Stands for all divisions."""
TYPES: dict[Type, str] = {
    "text": "text",
    "number": "bigint",
    "flag": "boolean",
    "time": "timestamptz",
}
READABLE = f"SELECT division FROM {LOG}.division_reader WHERE pg_has_role(reader::oid, 'USAGE')"


def lay(connection: psycopg.Connection[Any], schema: str) -> None:
    """Make the views, or let them read another generation, within the caller's transaction.

    Args:
        connection: as the role that owns the views.
        schema: the generation, with all its tables.

    Raises:
        psycopg.errors.LockNotAvailable: somebody reads in one of them for longer than the time-out.
    """
    connection.execute(f'SET LOCAL search_path = "{schema}"'.encode())
    for view in API_VIEWS:
        connection.execute(definition(view).encode())
    for view in API_VIEWS:
        for statement in comments(view):
            connection.execute(statement.encode())
    connection.execute(f'SET LOCAL search_path = "{LOG}"'.encode())
    if are_in_force(connection):
        connection.execute(
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {API} TO {READER}, {AUDITOR}".encode()
        )


def laid(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the names of the views that are there."""
    rows = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", (API,))
    return {name for (name,) in rows}


def definition(view: ApiView) -> str:
    """Return the statement that makes a view over the tables in the search path."""
    columns = ", ".join(
        f"CAST(row_.{column.name} AS {TYPES[column.type]}) AS {column.name}"
        for column in view.columns
    )
    seen = " AND ".join(
        f"(row_.{division} = ANY (ARRAY({READABLE})) OR '{EVERY}' = ANY (ARRAY({READABLE})))"
        for division in view.divisions
    )
    select = translate(view.select).text.replace("%%", "%")
    return (
        f"CREATE OR REPLACE VIEW {API}.{view.name} WITH (security_barrier = true) AS "
        f"SELECT {columns} FROM ({select}) row_ WHERE {seen}"
    )


def comments(view: ApiView) -> list[str]:
    """Return the statements that say what a view and each of its columns mean."""
    return [
        f"COMMENT ON VIEW {API}.{view.name} IS '{_quoted(view.meaning)}'",
        *(
            f"COMMENT ON COLUMN {API}.{view.name}.{one.name} IS '{_quoted(one.meaning)}'"
            for one in view.columns
        ),
    ]


def _quoted(text: str) -> str:
    return text.replace("'", "''")
