"""What `doctor` looks at on a PostgreSQL server: migrations, roles, and the views for readers by SQL."""

from collections.abc import Iterator
from typing import Any

import psycopg

from identity_engine.application.diagnosis.finding import NOT_VISIBLE, Finding
from identity_engine.errors import IdentityEngineError, RightMissing
from identity_engine.event_store.postgres.api import laid
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.postgres.dialect import told_plainly
from identity_engine.event_store.postgres.readers import division_readers
from identity_engine.event_store.postgres.roles import GROUPS, are_in_force, strangers
from identity_engine.event_store.postgres.schema import API, HINT, LOG, standing
from projections.api.catalogue import API_VIEWS


def examine_server(address: str) -> Iterator[Finding]:
    """Yield what was found of a database that holds a store; of another one, that it holds none."""
    try:
        connection = Server(address, None).connect()
    except IdentityEngineError as error:
        yield Finding("server", False, str(error))
        return
    with connection:
        for check, look in (("migrations", _migrations), ("roles", _roles), (API, _api)):
            try:
                with told_plainly():
                    yield Finding(check, *look(connection))
                if check == "migrations" and standing(connection).missing_of(["pre"]):
                    return  # the rest is looked for where it is not yet
            except RightMissing:
                yield Finding(check, True, NOT_VISIBLE)
            except IdentityEngineError as error:
                yield Finding(check, False, str(error))
                return


def _migrations(connection: psycopg.Connection[Any]) -> tuple[bool, str]:
    found = standing(connection)
    if found.changed:
        return False, f"The file of {_listed(found.changed)} is not what was applied."
    try:
        found.refuse_unless_usable()
    except IdentityEngineError as error:
        return False, str(error)
    if found.unknown:
        return True, f"A newer version has added {_listed(found.unknown)}; this one still works."
    if found.missing:
        said = f"When no older version runs any more, apply {_listed(found.missing)}."
        return True, f"{said} {HINT} --phase post"
    return True, f"All are applied: {len(found.applied)}."


def _roles(connection: psycopg.Connection[Any]) -> tuple[bool, str]:
    if not are_in_force(connection):
        return True, f"The store belongs to one role that may do everything. {HINT} --roles"
    others = strangers(connection)
    if others:
        return False, f"Not of the group roles: {', '.join(others)}. {HINT} --roles"
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND pg_has_role(oid, 'USAGE')",
        ([*GROUPS],),
    )
    mine = [name.rpartition("_")[2] for (name,) in rows]
    return (
        True,
        f"Everything belongs to the group roles. Yours: {', '.join(sorted(mine)) or 'none'}.",
    )


def _api(connection: psycopg.Connection[Any]) -> tuple[bool, str]:
    number, shown = connection.execute(
        f"SELECT number, shown FROM {LOG}.live_views".encode()
    ).fetchone() or (0, 0)
    if not shown:
        return True, "Not made yet; the first process that follows the log makes the views."
    missing = sorted({view.name for view in API_VIEWS} - laid(connection))
    if missing:
        return False, f"Missing: {', '.join(missing)}. Run: identity-engine projections rebuild"
    if shown != number:
        return False, (
            f"Readers see generation {shown}, and {number} is live: it was not at the head of the log "
            "yet, or somebody reads in a transaction that does not end (see pg_stat_activity)."
        )
    readers = division_readers(connection)
    return True, f"The views show what is live. Roles that see rows: {len(readers)}."


def _listed(migrations: Any) -> str:
    return ", ".join(map(str, migrations))
