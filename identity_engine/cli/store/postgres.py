"""Verbs about a store as a part of PostgreSQL: store migrate|grant|revoke|readers."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.input_text import ID, checked
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, NewDivision, Store
from identity_engine.cli.terminal.output import (
    DRY_RUN,
    answer,
    answer_rows,
    counted,
    show,
    show_json,
    show_lines,
)
from identity_engine.errors import UsageError
from identity_engine.observing.logbook import logged
from identity_engine.settings import in_force, is_postgres

if TYPE_CHECKING:  # the driver is an extra
    import psycopg

    from identity_engine.event_store.postgres.readers import DivisionReader

Role = Annotated[str, Parameter(name="ROLE", help="A role of the database.")]
Division = Annotated[list[str] | None, Parameter(name="--division", help="Repeat it for several.")]
AllDivisions = Annotated[
    bool, Parameter(name="--all-divisions", negative="", help="All there are and will be.")
]
OUTDATED = (
    "The match index is of another version, so the two cannot run side by side. End the older one, "
    "then run `store migrate` with IDENTITY_ENGINE_MASTER_KEY: it builds the index anew from the log."
)


def migrate(
    *,
    phase: Annotated[
        Literal["pre", "post"] | None,
        Parameter(
            help="pre: what the new version needs, before it starts; post: what only the old one "
            "needed, once it is gone; default: both."
        ),
    ] = None,
    roles: Annotated[
        bool,
        Parameter(
            negative="",
            help="Make the group roles and let the store belong to them; where that takes an "
            "administrator, say what to run.",
        ),
    ] = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Make the schema of a store on PostgreSQL, or bring it to this version."""
    with _connected(store, is_made=False) as connection:
        from identity_engine.event_store.postgres import roles as postgres_roles
        from identity_engine.event_store.postgres import schema as postgres_schema

        phases = postgres_schema.PHASES if phase is None else (phase,)
        if dry_run:
            missing = postgres_schema.standing(connection).missing_of(phases)
            script = postgres_roles.statements_for_roles(connection) if roles else []
            given = postgres_roles.strangers(connection) if roles else []
            _show_plan([*map(str, missing)], script, given, json=json)
            return 0
        try:
            with logged("store migrate"):
                made = postgres_roles.bring(connection, phases, with_roles=roles)
        except postgres_roles.RolesWanted as wanted:
            said = {"error": str(wanted), "to_run": wanted.script}
            answer(said, lambda it: show_lines("{error}\n\n{to_run}".format(**it)), json=json)
            return 1
        waiting = postgres_schema.standing(connection).missing
        is_current = postgres_schema.index_is_current(connection)
    if not is_current and phase != "pre" and in_force().master_key is not None:
        opened(store).close()  # which builds it anew
        is_current = True
    if json:
        names = {"applied": [*map(str, made)], "waiting": [*map(str, waiting)]}
        show_json({**names, "index_is_current": is_current})
        return 0
    if made or not roles:
        show(
            f"Applied {_listed(made)}." if made else "The schema is up to date; nothing was to do."
        )
    if roles:
        show("The store belongs to the group roles, and each may do what its work needs.")
    if waiting:
        show(f"When no older version runs any more, apply {_listed(waiting)} by --phase post.")
    if not is_current:
        show(OUTDATED)
    return 0


def grant(
    role: Role,
    *,
    division: Division = None,
    all_divisions: AllDivisions = False,
    new_division: NewDivision = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let a role of the database see the rows of divisions in api_v1, besides those it sees already."""
    divisions = _divisions(division, all_divisions=all_divisions)
    with _connected(store) as connection:
        from identity_engine.event_store.postgres.readers import grant_divisions

        found = grant_divisions(
            connection, role, divisions, new_division=new_division, dry_run=dry_run
        )
    answer(asdict(found), lambda _: _show_granted(role, found, dry_run=dry_run), json=json)


def _show_granted(role: str, found: "DivisionReader", *, dry_run: bool) -> None:
    said = "all divisions" if found.divisions is None else ", ".join(found.divisions)
    show(f"{DRY_RUN if dry_run else ''}{role} sees {said}.")
    if not found.may_read:
        show(
            "It may not read the views yet. Let an administrator of the server run: "
            f'GRANT identity_engine_reader TO "{role}"'
        )


def revoke(
    role: Role,
    *,
    division: Division = None,
    all_divisions: AllDivisions = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take divisions from a role of the database; --all-divisions takes every grant it has."""
    divisions = _divisions(division, all_divisions=all_divisions)
    with _connected(store) as connection:
        from identity_engine.event_store.postgres.readers import revoke_divisions

        taken = revoke_divisions(connection, role, divisions, dry_run=dry_run)
    answer(
        {"taken": taken},
        lambda _: show(f"{DRY_RUN if dry_run else ''}Took {counted(taken, 'grant')} from {role}."),
        json=json,
    )


def readers(*, store: Store = None, json: Json = False) -> None:
    """List which roles of the database see which divisions in api_v1."""
    with _connected(store) as connection:
        from identity_engine.event_store.postgres.readers import division_readers

        found = division_readers(connection)
    answer_rows(
        found,
        ("role", "divisions", "may read"),
        lambda one: (
            one.role,
            "all" if one.divisions is None else ", ".join(one.divisions),
            "yes" if one.may_read else "no",
        ),
        none="No role sees anything.",
        json=json,
    )


@contextmanager
def _connected(store: str | None, *, is_made: bool = True) -> "Iterator[psycopg.Connection[Any]]":
    """Open a connection, to a store that is made and of this version where it has to be."""
    address = is_postgres(store)
    if address is None:
        raise UsageError("Only a store on PostgreSQL has schemas and roles. Give --store URL.")
    from identity_engine.event_store.postgres.database import Server
    from identity_engine.event_store.postgres.schema import standing

    connection = Server(address, None).connect()
    try:
        if is_made:
            standing(connection).refuse_unless_usable()
        yield connection
    finally:
        connection.close()


def _show_plan(
    missing: Sequence[str], script: Sequence[str], given: Sequence[str], *, json: bool
) -> None:
    if json:
        show_json({"would_apply": missing, "would_run": script, "would_give_to_groups": given})
        return
    show(f"{DRY_RUN}it would apply {_listed(missing) or 'nothing'}.")
    for statement in script:
        show(f"{statement};")
    if given:
        show(f"It would let the group roles own {', '.join(given)}.")


def _divisions(named: list[str] | None, *, all_divisions: bool) -> list[str] | None:
    if all_divisions == bool(named):
        raise UsageError("Name divisions with --division, or all of them with --all-divisions.")
    return [checked(ID, one, "A division") for one in named] if named else None


def _listed(migrations: Iterable[Any]) -> str:
    return ", ".join(map(str, migrations))
