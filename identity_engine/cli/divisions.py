"""Verbs over the bounds of divisions: contact move, contact across link|unlink|lift|list."""

from typing import Annotated

from cyclopts import App, Parameter

from identity_engine.cli.lifecycle import show_elsewhere
from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, DryRun, Json, NewDivision, Reason, Store
from identity_engine.cli.output import answer_rows, show_done

across = App(name="across", help="Contacts of two divisions that are alike; no profile is joined.")
Other = Annotated[str, Parameter(name="OTHER", help="A contact of another division.")]


def move(
    id_: ContactId,
    *,
    to: Annotated[str, Parameter(name="--to", help="The division it moves to.")],
    reason: Reason,
    new_division: NewDivision = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Move a contact, with all that is merged with it, to another division."""
    with opened(store) as engine:
        moved = engine.desk.divisions.move(
            id_, to, reason, new_division=new_division, dry_run=dry_run
        )
    show_done(moved.done, f"{moved.done.contact_id} is in {to} now", whole=moved, json=json)
    if not json:
        show_elsewhere(moved.elsewhere)


@across.command
def link(
    id_: ContactId,
    other: Other,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that two contacts of two divisions are alike."""
    with opened(store) as engine:
        done = engine.desk.divisions.link_across(id_, other, reason, dry_run=dry_run)
    show_done(done, "They are linked across divisions", json=json)


@across.command
def unlink(
    id_: ContactId,
    other: Other,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that two contacts of two divisions are not alike, whoever said or found so."""
    with opened(store) as engine:
        done = engine.desk.divisions.unlink_across(id_, other, reason, dry_run=dry_run)
    show_done(done, "They are no longer linked across divisions", json=json)


@across.command
def lift(
    id_: ContactId,
    other: Other,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take back that two contacts are not alike: the rules may find them again."""
    with opened(store) as engine:
        done = engine.desk.divisions.lift_unlink(id_, other, reason, dry_run=dry_run)
    show_done(done, "They may be found alike across divisions again", json=json)


@across.command(name="list")
def list_(id_: ContactId, *, store: Store = None, json: Json = False) -> None:
    """List the contacts of other divisions that a contact is like, and who said so."""
    with opened(store) as engine:
        found = engine.desk.reading.across(id_)
    answer_rows(
        found,
        ("contact", "division", "by", "rule", "bits"),
        lambda one: (
            one.contact_id,
            one.division,
            one.by,
            one.rule or "",
            f"{one.bits:.1f}" if one.bits is not None else "",
        ),
        none="It is linked to no contact of another division.",
        json=json,
    )
