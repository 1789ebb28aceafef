"""Verbs over the bounds of divisions: contact across link|unlink|lift|list."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, DryRun, Json, Reason, Store
from identity_engine.cli.terminal.output import answer_rows, show_done

Other = Annotated[str, Parameter(name="OTHER", help="A contact of another division.")]


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
        done = engine.desk.divisions.link_across(id_, other, reason=reason, dry_run=dry_run)
    show_done(done, "They are linked across divisions", json=json)


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
        done = engine.desk.divisions.unlink_across(id_, other, reason=reason, dry_run=dry_run)
    show_done(done, "They are no longer linked across divisions", json=json)


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
        done = engine.desk.divisions.lift_unlink(id_, other, reason=reason, dry_run=dry_run)
    show_done(done, "They may be found alike across divisions again", json=json)


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


across = group(
    "across",
    "Contacts of two divisions that are alike; no profile is joined.",
    link,
    unlink,
    lift,
    list_,
)
