"""Verbs about the CRM: crm link|unlink|create|related|ledger|approve|work|status."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.crm.worker import Worked
from identity_engine.application.operations.crm import CrmStatus
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Limit, MaybeReason, Store
from identity_engine.cli.terminal.output import (
    DRY_RUN,
    answer,
    answer_rows,
    show,
    show_done,
    show_table,
    tasks_due,
    timestamp,
)
from identity_engine.cli.usage import not_both, single
from identity_engine.errors import UsageError
from identity_engine.observing.logbook import logged
from projections.crm.query import AskedRecord, LinkedRecord

Interaction = Annotated[str, Parameter(name="INTERACTION", help="The interaction's id.")]
MaybeInteraction = Annotated[
    str | None, Parameter(name="INTERACTION", help="Of this interaction only.")
]
Type = Annotated[str, Parameter(name="TYPE", help="contact, account, lead, case or opportunity.")]
Record = Annotated[str, Parameter(name="RECORD", help="The CRM's id of the record.")]


def link(
    interaction: Interaction,
    type_: Type,
    record: Record,
    *,
    label: Annotated[str | None, Parameter(help="What people call the record.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Link a record of the CRM to an interaction; nothing is sent at once."""
    with opened(store) as engine:
        done = engine.desk.crm.link(interaction, type_, record, label=label, dry_run=dry_run)
    show_done(done, f"The {type_} {record} is linked", json=json)


def unlink(
    interaction: Interaction,
    type_: Type,
    record: Record,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take a record away: what is pending is cancelled, what was written is to be corrected."""
    with opened(store) as engine:
        done = engine.desk.crm.unlink(interaction, type_, record, reason=reason, dry_run=dry_run)
    show_done(done, f"The {type_} {record} is linked no longer", json=json)


def create(
    interaction: Interaction,
    type_: Type,
    *,
    field: Annotated[
        list[str], Parameter(help="NAME=VALUE by the CRM's field names; repeat it for several.")
    ],
    link: Annotated[
        bool, Parameter(negative="", help="Link the new record to the interaction.")
    ] = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Make a new record in the CRM while handling an interaction."""
    with opened(store) as engine:
        made = engine.desk.crm.create(interaction, type_, single(field), link=link, dry_run=dry_run)
    if dry_run:
        answer(made, lambda _: show(f"{DRY_RUN}The CRM is asked for a new {type_}."), json=json)
    else:
        answer(made, _show_made, json=json)
    return 0 if dry_run or made.state == "created" else 1


def related(
    interaction: Interaction,
    *,
    household: Annotated[
        bool | None, Parameter(help="With other people of the same accounts, or without.")
    ] = None,
    expand: Annotated[
        str | None, Parameter(help="Show the rows that hang on TYPE:RECORD instead.")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show the records of an interaction and what is related to them, as the CRM has them now."""
    not_both(expand=expand, household=None if household is None else "said")
    record = None if expand is None else _record(expand)
    with opened(store) as engine:
        if record is None:
            found = engine.desk.crm.related(interaction, household=household)
        else:
            found = engine.desk.crm.expand(*record)
    answer_rows(
        found,
        ("type", "record", "label", "address"),
        lambda one: (one.type, one.id, one.label, one.address),
        none="No related records.",
        json=json,
    )


def ledger(
    interaction: MaybeInteraction = None,
    /,
    *,
    limit: Limit = 100,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show what happened between us and the CRM, the newest first."""
    with opened(store) as engine:
        entries = engine.desk.crm.ledger(interaction, limit)
    answer_rows(
        entries,
        ("when", "what", "detail", "link", "activity", "actor"),
        lambda one: (
            timestamp(one.at),
            one.topic,
            one.detail,
            one.named,
            one.activity_id,
            one.actor,
        ),
        none="Nothing has happened yet.",
        json=json,
    )


def approve(
    link_id: Annotated[str, Parameter(name="LINK", help="The link's id, as status shows it.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let the correction that is proposed for a link be sent."""
    with opened(store) as engine:
        done = engine.desk.crm.approve(link_id, dry_run=dry_run)
    show_done(done, "The correction is approved", json=json)


def work(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Note what fell due and send it; run it every minute. Exit 1 if the CRM failed."""
    with logged("crm work"), opened(store) as engine:
        worked = engine.desk.crm.work(dry_run=dry_run)
    if dry_run:
        answer(worked, lambda done: show(tasks_due(done.due, done.waiting)), json=json)
    else:
        answer(worked, _show_worked, json=json)
    return 1 if worked.failed else 0


def _show_worked(done: Worked) -> None:
    show(
        f"{done.due} fell due, {done.written} written, {done.corrected} corrected, "
        f"{done.created} created, {done.failed} failed, {done.waiting} waiting."
    )
    if done.stopped is not None:
        show(f"The run ended early: {done.stopped}.")


def status(
    interaction: MaybeInteraction = None, /, *, store: Store = None, json: Json = False
) -> None:
    """Show linked records with the state of their write-back, and records made from here."""
    with opened(store) as engine:
        found = engine.desk.crm.status(interaction)
    answer(found, _show_status, json=json)


def _show_status(found: CrmStatus) -> None:
    show("No CRM is connected." if found.connected is None else f"Connected: {found.connected}.")
    if not found.links and not found.creations:
        show("No record is linked, and none was made from here.")
    if found.links:
        show_table(
            ("link", "record", "state"),
            [
                (one.link_id, _named(one.record_type, one.record_id, one.label), _state(one))
                for one in found.links
            ],
            none="",
        )
    if found.creations:
        show_table(
            ("asked for", "record", "state"),
            [
                (
                    one.creation_id,
                    _named(one.record_type, one.record_id, one.label),
                    f"{one.state}, {one.failure or one.address or ''}".rstrip(", "),
                )
                for one in found.creations
            ],
            none="",
        )


def _record(typed: str) -> tuple[str, str]:
    type_, _, record = typed.partition(":")
    if not (type_ and record):
        raise UsageError("Give it as --expand TYPE:RECORD, for example account:001A.")
    return type_, record


def _named(type_: str, id_: str | None, label: str | None) -> str:
    return f"{type_} {id_ or ''} {label or ''}".rstrip()


def _state(link: LinkedRecord) -> str:
    said = ["Linked", link.state] if link.is_linked else [link.state]
    if link.failure is not None:
        said.append(f"failed: {link.failure}")
    if link.correction is not None:
        said.append(f"{link.correction} {'approved' if link.approved else 'proposed'}")
    return ", ".join(said)


def _show_made(made: AskedRecord) -> None:
    if made.state != "created":
        show(_not_made(made))
        return
    show(f"{made.record_type} {made.record_id} {made.label or ''}".rstrip())
    show(made.address or "")


def _not_made(asked: AskedRecord) -> str:
    if asked.state == "failed":
        return f"The CRM made no record: {asked.failure}. Correct it and create again."
    return (
        f"The CRM did not answer as it should ({asked.failure}). The record waits; identity-engine "
        "crm work makes it, once."
    )


crm = group(
    "crm",
    "Records of the CRM: linked to interactions, made, written back.",
    link,
    unlink,
    create,
    related,
    ledger,
    approve,
    work,
    status,
)
