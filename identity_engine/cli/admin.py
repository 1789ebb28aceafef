"""Verbs of an administrator: admin access|role|grant|revoke|refusals|settings|configure."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aggregates.access import EVERY_DIVISION
from identity_engine.application.operations.administration import Access
from identity_engine.cli.activation import put_in_force
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened, opened_or_begun
from identity_engine.cli.options import AsOf, DryRun, Json, Limit, NewDivision, Store
from identity_engine.cli.terminal.output import (
    answer,
    answer_rows,
    counted,
    show,
    show_done,
    show_json,
    show_table,
    timestamp,
)

Actor = Annotated[str, Parameter(name="ACTOR", help="An opaque id, no name and no address.")]
Role = Annotated[str, Parameter(name="ROLE", help="The name of a role.")]


def access(*, store: Store = None, as_of: AsOf = None, json: Json = False) -> None:
    """Show every role and every grant, now or as they were then."""
    with opened(store) as engine:
        found = engine.desk.administration.access(as_of)
    answer(found, _show_access, json=json)


def _show_access(found: Access) -> None:
    show_table(
        ("role", "actions"),
        [(name, ", ".join(does)) for name, does in found.roles.items()],
        none="There are no roles.",
    )
    show()
    show_table(
        ("actor", "role", "divisions"),
        [
            (one.actor, one.role, "all" if one.divisions is None else ", ".join(one.divisions))
            for one in found.grants
        ],
        none="Nobody has a role.",
    )


def role(
    name: Role,
    *actions: Annotated[
        str, Parameter(name="ACTION", help="What it allows, such as contact:edit.")
    ],
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let a role allow these actions, and no others."""
    with opened_or_begun(store, dry_run=dry_run) as engine:
        done = engine.desk.administration.define_role(name, actions, dry_run=dry_run)
    show_done(done, f"The role {name} allows {counted(len(actions), 'action')}", json=json)


def grant(
    actor: Actor,
    role: Role,
    *,
    division: Annotated[
        list[str] | None, Parameter(help="Where it holds; repeat it for several; default: all.")
    ] = None,
    new_division: NewDivision = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an actor a role."""
    with opened_or_begun(store, dry_run=dry_run) as engine:
        done = engine.desk.administration.grant(
            actor, role, divisions=division, new_division=new_division, dry_run=dry_run
        )
    where = f" in {', '.join(division)}" if division else ""
    show_done(done, f"{actor} has the role {role}{where}", json=json)


def revoke(
    actor: Actor, role: Role, *, store: Store = None, dry_run: DryRun = False, json: Json = False
) -> None:
    """Take a role from an actor."""
    with opened(store) as engine:
        done = engine.desk.administration.revoke(actor, role, dry_run=dry_run)
    show_done(done, f"{actor} has the role {role} no longer", json=json)


def refusals(
    *,
    store: Store = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """List refused calls, the newest first."""
    with opened(store) as engine:
        found = engine.desk.administration.refusals(limit)
    answer_rows(
        found,
        ("when", "actor", "action", "division", "named"),
        lambda one: (timestamp(one.at), one.actor, one.action, _where(one.division), one.target),
        none="No call was refused.",
        json=json,
    )


def _where(division: str | None) -> str | None:
    return "all" if division == EVERY_DIVISION else division


def settings(*, store: Store = None, as_of: AsOf = None) -> None:
    """Show the settings in force, now or then, as JSON."""
    with opened(store) as engine:
        show_json(engine.desk.administration.settings(as_of).model_dump(mode="json"))


def configure(
    file: Annotated[Path, Parameter(help="A settings file; what it leaves out is the default.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put settings in force. It is an event; what was in force before can be read with --as-of."""
    put_in_force("settings", file, store=store, dry_run=dry_run, json=json)


admin = group(
    "admin",
    "Who may do what, and the settings of the centre.",
    access,
    role,
    grant,
    revoke,
    refusals,
    settings,
    configure,
)
