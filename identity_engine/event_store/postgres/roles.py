"""Group roles with no more rights than their work needs, and what each of them may do.

They belong to the whole server; what they may do is granted in each database. A person or process logs
in as a role of its own that is a member of one or more of them. The migrator owns the log, the keys,
the dead letters and the ledger; the projector owns the views. What a connection makes belongs to them,
whoever logged in, so that any other member can replace it.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from identity_engine.errors import ConfigurationError
from identity_engine.event_store.postgres.dialect import PostgresConnection, told_plainly
from identity_engine.event_store.postgres.schema import (
    API,
    DEAD_LETTERS,
    KEYS,
    LEDGER,
    LOG,
    PHASES,
    VIEWS,
    Migration,
    Phase,
    migrate,
)

MIGRATOR = "identity_engine_migrator"
WRITER = "identity_engine_writer"
PROJECTOR = "identity_engine_projector"
READER = "identity_engine_reader"
AUDITOR = "identity_engine_auditor"
GROUPS = (MIGRATOR, WRITER, PROJECTOR, READER, AUDITOR)
STORED = [LOG, KEYS, DEAD_LETTERS, LEDGER]
"""Schemas of what is not made anew from something else."""
SET_ALLOWED_FROM = 160_000
"""The version of PostgreSQL from which a member may be kept from acting as its group."""
IN_FORCE = (
    "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s AND nspowner = to_regrole(%s))"
)
ACT_AS = (
    "SELECT set_config('role', group_.rolname, FALSE) FROM pg_roles group_, pg_namespace log "
    "WHERE group_.rolname = %s AND log.nspname = %s AND log.nspowner = to_regrole(%s) "
    "AND pg_has_role(session_user, group_.oid, %s)"
)
RELATIONS = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n "
    "ON n.oid = c.relnamespace WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v') "
    "AND c.relowner != to_regrole(%s)"
)
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) AND nspowner != to_regrole(%s)"
GRANTS = f"""
GRANT USAGE ON SCHEMA {LEDGER} TO {WRITER}, {PROJECTOR}, {AUDITOR};
GRANT SELECT ON ALL TABLES IN SCHEMA {LEDGER} TO {WRITER}, {PROJECTOR}, {AUDITOR};

GRANT USAGE ON SCHEMA {LOG} TO {WRITER}, {PROJECTOR}, {AUDITOR};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {LOG} TO {WRITER};
REVOKE UPDATE, DELETE ON {LOG}.stored_events FROM {WRITER};
REVOKE INSERT, UPDATE, DELETE ON {LOG}.index_version, {LOG}.live_views, {LOG}.division_reader
    FROM {WRITER};
GRANT SELECT ON ALL TABLES IN SCHEMA {LOG} TO {PROJECTOR}, {AUDITOR};
GRANT UPDATE ON {LOG}.live_views TO {PROJECTOR};
-- A rebuild of the match index makes its tables anew.
ALTER DEFAULT PRIVILEGES FOR ROLE {MIGRATOR} IN SCHEMA {LOG}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {WRITER};
ALTER DEFAULT PRIVILEGES FOR ROLE {MIGRATOR} IN SCHEMA {LOG}
    GRANT SELECT ON TABLES TO {PROJECTOR}, {AUDITOR};

-- Views hold personal values, so who fills or verifies them opens keys; the master key is a file.
GRANT USAGE ON SCHEMA {KEYS} TO {WRITER}, {PROJECTOR}, {AUDITOR};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {KEYS} TO {WRITER};
GRANT SELECT ON ALL TABLES IN SCHEMA {KEYS} TO {PROJECTOR}, {AUDITOR};

GRANT USAGE ON SCHEMA {DEAD_LETTERS} TO {WRITER};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {DEAD_LETTERS} TO {WRITER};

GRANT USAGE ON SCHEMA {API} TO {READER}, {AUDITOR};
GRANT SELECT ON ALL TABLES IN SCHEMA {API} TO {READER}, {AUDITOR};
"""
GRANTS_OF_A_GENERATION = """
GRANT USAGE ON SCHEMA {schema} TO {auditor};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {auditor};
ALTER DEFAULT PRIVILEGES FOR ROLE {projector} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {auditor};
"""


class RolesWanted(ConfigurationError):  # noqa: N818 - it is what is told
    """An administrator of the server must do something first; `script` is what."""

    def __init__(self, login: str, script: str) -> None:
        super().__init__(
            f"The role {login} may not make the group roles. Let an administrator of the server run "
            "the following in this database, then run store migrate --roles again:"
        )
        self.script = script


def are_in_force(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether this database belongs to the group roles."""
    return _truth(connection, IN_FORCE, (LOG, MIGRATOR))


def act_as(connection: psycopg.Connection[Any], group: str) -> None:
    """Let what this connection makes belong to a group that its login is a member of; where it is none,
    or the groups are not in force here, nothing changes."""
    connection.execute(ACT_AS, (group, LOG, MIGRATOR, _member(connection)))


def bring(
    connection: psycopg.Connection[Any], phases: Sequence[Phase] = PHASES, *, with_roles: bool
) -> list[Migration]:
    """Bring a database to this version, and return what was applied.

    Args:
        connection: in autocommit mode, of a member of the migrator group, or of whoever owns the store.
        phases: of the migrations.
        with_roles: make the group roles first, and let the store belong to them from now on.

    Raises:
        RolesWanted: an administrator must make the roles; nothing was done.
        StoreBusy, ConfigurationError: as `migrate`.
    """
    if with_roles:
        _make_roles(connection)
    made = migrate(connection, phases)
    _make_api(connection)
    if with_roles or are_in_force(connection):
        _settle(connection)
    return made


def _make_api(connection: psycopg.Connection[Any]) -> None:
    """Make the schema of readers where a backup did not hold it: its views come with the next views."""
    is_there = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
    if connection.execute(is_there, (API,)).fetchone() is None:
        with told_plainly():
            connection.execute(f"CREATE SCHEMA {API}".encode())


def _make_roles(connection: psycopg.Connection[Any]) -> None:
    wanted = statements_for_roles(connection)
    try:
        with connection.transaction():
            for statement in wanted:
                connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        (login,) = connection.execute("SELECT current_user").fetchone() or ("",)
        raise RolesWanted(login, "\n".join(f"{one};" for one in wanted)) from None


def _settle(connection: psycopg.Connection[Any]) -> None:
    """Let everything belong to the groups, and grant each what it may do; doing it again is harmless."""
    generations = _generations(connection)
    with told_plainly(), connection.transaction():
        _give(connection, "SCHEMA", SCHEMAS, [*STORED, API], MIGRATOR)
        _give(connection, "SCHEMA", SCHEMAS, generations, PROJECTOR)
        # Who is to own a relation must be able to make one where it lies.
        connection.execute(f"GRANT USAGE, CREATE ON SCHEMA {API} TO {PROJECTOR}".encode())
        _give(connection, "TABLE", RELATIONS, STORED, MIGRATOR)
        _give(connection, "TABLE", RELATIONS, [*generations, API], PROJECTOR)
        connection.execute(GRANTS.encode())
        for schema in generations:
            connection.execute(_grants_of(schema))


def strangers(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what of a store belongs to nobody of the groups that own it."""
    generations = _generations(connection)
    found = [
        *_rows(connection, SCHEMAS, ([*STORED, API], MIGRATOR)),
        *_rows(connection, SCHEMAS, (generations, PROJECTOR)),
        *_rows(connection, RELATIONS, (STORED, MIGRATOR)),
        *_rows(connection, RELATIONS, ([*generations, API], PROJECTOR)),
    ]
    return sorted(name for (name,) in found)


def grant_generation(connection: PostgresConnection, schema: str) -> None:
    """Let those read a new generation of views who may, where the groups are in force."""
    if are_in_force(connection.raw):
        with told_plainly():
            connection.raw.execute(_grants_of(schema))


def statements_for_roles(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what is missing: roles, and what only an owner of the database can grant them."""
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", ([*GROUPS],))
    known = {name for (name,) in rows}
    wanted = [f"CREATE ROLE {group} NOLOGIN" for group in GROUPS if group not in known]

    def lacks(question: str, *arguments: str) -> bool:
        # Asked only of roles that are there: the question is an error about others.
        return not set(arguments) & set(GROUPS) <= known or not _truth(
            connection, question, arguments
        )

    # The migrator owns all, the views included.
    if lacks("SELECT pg_has_role(%s, %s, 'MEMBER')", MIGRATOR, PROJECTOR):
        wanted.append(f"GRANT {PROJECTOR} TO {MIGRATOR}")
    database, login = connection.execute(
        "SELECT quote_ident(current_database()), quote_ident(current_user)"
    ).fetchone() or ("", "")
    wanted += [
        f"GRANT CREATE ON DATABASE {database} TO {group}"
        for group in (MIGRATOR, PROJECTOR)
        if lacks("SELECT has_database_privilege(%s, current_database(), 'CREATE')", group)
    ]
    if lacks("SELECT pg_has_role(current_user, %s, %s)", MIGRATOR, _member(connection)):
        wanted.append(f"GRANT {MIGRATOR} TO {login}")
    return wanted


def _give(
    connection: psycopg.Connection[Any], kind: str, others: str, schemas: list[str], owner: str
) -> None:
    """Let an owner have what lies in some schemas and belongs to somebody else."""
    for (name,) in _rows(connection, others, (schemas, owner)):
        connection.execute(f"ALTER {kind} {name} OWNER TO {owner}".encode())


def _generations(connection: psycopg.Connection[Any]) -> list[str]:
    rows = _rows(
        connection, "SELECT nspname FROM pg_namespace WHERE nspname ~ %s", (f"^{VIEWS}_[0-9]+$",)
    )
    return [name for (name,) in rows]


def _grants_of(schema: str) -> sql.Composed:
    return sql.SQL(GRANTS_OF_A_GENERATION).format(
        schema=sql.Identifier(schema),
        auditor=sql.Identifier(AUDITOR),
        projector=sql.Identifier(PROJECTOR),
    )


def _member(connection: psycopg.Connection[Any]) -> str:
    return "SET" if connection.info.server_version >= SET_ALLOWED_FROM else "MEMBER"


def _rows(
    connection: psycopg.Connection[Any], question: str, given: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    return connection.execute(question.encode(), given).fetchall()


def _truth(connection: psycopg.Connection[Any], question: str, given: tuple[Any, ...]) -> bool:
    ((answer,),) = _rows(connection, question, given)
    return bool(answer)
