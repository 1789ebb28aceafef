"""Which divisions a reader by SQL sees. Nobody sees any that was not granted."""

from collections.abc import Sequence
from typing import Any

import psycopg
from msgspec import Struct

from identity_engine.errors import NotFound, Refused, UsageError
from identity_engine.event_store.postgres.api import EVERY
from identity_engine.event_store.postgres.dialect import told_plainly
from identity_engine.event_store.postgres.roles import READER, are_in_force
from identity_engine.event_store.postgres.schema import LOG, VIEWS


class DivisionReader(Struct, frozen=True):
    """A role of the database and the divisions it sees, None for all. `may_read` tells whether it may
    read the views at all: that is for an administrator of the server to grant."""

    role: str
    divisions: tuple[str, ...] | None
    may_read: bool


def grant_divisions(
    connection: psycopg.Connection[Any],
    role: str,
    divisions: Sequence[str] | None,
    *,
    new_division: bool = False,
    dry_run: bool = False,
) -> DivisionReader:
    """Let a role see these divisions besides those it sees, or all of them (None).

    Args:
        connection: to the store.
        role: of the database.
        divisions: which ones.
        new_division: take divisions too that nothing knows yet.
        dry_run: decide, and write nothing.

    Raises:
        NotFound: there is no such role.
        UsageError: no division is named, or one that stands for all.
        Refused: `unknown_division`, in one of these no contact lies, and no reader was granted it.
    """
    wanted = _wanted(divisions)
    oid = _role(connection, role)
    if divisions is not None and not new_division:
        _refuse_unknown(connection, divisions)
    with told_plainly(), connection.transaction(force_rollback=dry_run):
        _forget_dropped(connection)
        for division in wanted:
            connection.execute(
                f"INSERT INTO {LOG}.division_reader VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (oid, division),
            )
        return next(one for one in division_readers(connection) if one.role == role)


def revoke_divisions(
    connection: psycopg.Connection[Any],
    role: str,
    divisions: Sequence[str] | None,
    *,
    dry_run: bool = False,
) -> int:
    """Take these divisions, or all (None), from a role; return how many grants that were.

    Raises:
        NotFound: there is no such role.
        UsageError: no division is named.
    """
    oid = _role(connection, role)
    with told_plainly(), connection.transaction(force_rollback=dry_run):
        _forget_dropped(connection)
        if divisions is None:
            return connection.execute(
                f"DELETE FROM {LOG}.division_reader WHERE reader = %s", (oid,)
            ).rowcount
        return connection.execute(
            f"DELETE FROM {LOG}.division_reader WHERE reader = %s AND division = ANY(%s)",
            (oid, [*_wanted(divisions)]),
        ).rowcount


def division_readers(connection: psycopg.Connection[Any]) -> list[DivisionReader]:
    """Return who sees which divisions, by name."""
    is_member = (
        "pg_has_role(r.oid, to_regrole(%s), 'USAGE')" if are_in_force(connection) else "TRUE"
    )
    given = (READER,) if are_in_force(connection) else ()
    with told_plainly():
        rows = connection.execute(
            f"SELECT r.rolname, array_agg(d.division ORDER BY d.division), {is_member} "
            f"FROM {LOG}.division_reader d JOIN pg_roles r ON r.oid = d.reader "
            "GROUP BY r.rolname, r.oid ORDER BY r.rolname".encode(),
            given,
        ).fetchall()
    return [
        DivisionReader(role, None if EVERY in divisions else tuple(divisions), may_read)
        for role, divisions, may_read in rows
    ]


def _refuse_unknown(connection: psycopg.Connection[Any], divisions: Sequence[str]) -> None:
    """Refuse divisions that nothing knows; as long as there are no views, nobody can tell."""
    (views,) = connection.execute(
        f"SELECT to_regclass('{VIEWS}_' || number || '.identity_contact') FROM {LOG}.live_views".encode()
    ).fetchone() or (None,)
    if views is None:
        return
    with told_plainly():
        known = connection.execute(
            f"SELECT division FROM {views} WHERE division = ANY(%(named)s) "
            f"UNION SELECT division FROM {LOG}.division_reader".encode(),
            {"named": [*divisions]},
        ).fetchall()
    unknown = sorted({*divisions} - {division for (division,) in known})
    if unknown:
        raise Refused(
            "unknown_division",
            f"No contact lies in {', '.join(unknown)}, and no reader was granted it. Is it the name "
            "that was meant? To grant a new division, add --new-division.",
        )


def _wanted(divisions: Sequence[str] | None) -> Sequence[str]:
    if divisions is None:
        return (EVERY,)
    if not divisions or not all(divisions):
        raise UsageError("Name a division with --division, or all with --all-divisions.")
    if EVERY in divisions:
        raise UsageError("Name all divisions with --all-divisions.")
    return divisions


def _role(connection: psycopg.Connection[Any], name: str) -> int:
    found = connection.execute("SELECT oid FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    if found is None:
        raise NotFound(f"The database has no role {name}.")
    return int(found[0])


def _forget_dropped(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        f"DELETE FROM {LOG}.division_reader d "
        "WHERE NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = d.reader)"
    )
