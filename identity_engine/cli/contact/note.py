"""Verbs of notes on a contact: contact note add|change|remove|list."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import AsOf, ContactId, DryRun, Json, MaybeReason, Store
from identity_engine.cli.terminal.output import answer_rows, show_done, timestamp

NoteId = Annotated[str, Parameter(name="NOTE", help="The note's id.")]
Text = Annotated[str, Parameter(name="TEXT", help="What it says.")]


def add(
    id_: ContactId,
    text: Text,
    *,
    interaction: Annotated[
        str | None, Parameter(help="The interaction it is written in; it goes where that goes.")
    ] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write a note about a contact."""
    with opened(store) as engine:
        noted = engine.desk.notes.add(id_, text, interaction_id=interaction, dry_run=dry_run)
    show_done(noted.done, f"Note {noted.note_id} is written", whole=noted, json=json)


def change(
    note_id: NoteId,
    text: Text,
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let a note say something else; what it said stays in its history."""
    with opened(store) as engine:
        done = engine.desk.notes.change(note_id, text, dry_run=dry_run)
    show_done(done, "The note is changed", json=json)


def remove(
    note_id: NoteId,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take a note away; it stays in the history."""
    with opened(store) as engine:
        done = engine.desk.notes.remove(note_id, reason=reason, dry_run=dry_run)
    show_done(done, "The note is removed", json=json)


def list_(
    id_: ContactId,
    *,
    removed: Annotated[
        bool, Parameter(negative="", help="Show those that were removed, too.")
    ] = False,
    store: Store = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """List the notes of a contact and of all that are one with it, the oldest first."""
    with opened(store) as engine:
        found = engine.desk.notes.list(id_, removed=removed, as_of=as_of)
    answer_rows(
        found,
        ("note", "says", "by", "since", ""),
        lambda one: (
            one.note_id,
            one.text,
            one.words[-1].actor,
            timestamp(one.words[-1].time),
            one.words[-1].did if len(one.words) > 1 else "",
        ),
        none="No notes.",
        json=json,
    )


note = group("note", "Notes that people write about a contact.", add, change, remove, list_)
