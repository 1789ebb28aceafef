"""Verbs of the notes of a case: case note add|change|remove."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.cases.entry import Entry
from identity_engine.cli.case.entry import Case, Words, read_text, show_saved
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, MaybeReason, Store

NoteId = Annotated[str, Parameter(name="NOTE", help="The note's id, as case show says it.")]


def add(
    case_: Case, text: Words, *, store: Store = None, dry_run: DryRun = False, json: Json = False
) -> None:
    """Write a note on a case."""
    with opened(store) as engine:
        done = engine.desk.cases.add(case_, Entry(note=read_text(text)), dry_run=dry_run)
    show_saved(done, json=json)


def change(
    case_: Case,
    note_id: NoteId,
    text: Words,
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let a note say something else; the history keeps what it said."""
    with opened(store) as engine:
        done = engine.desk.cases.change_note(case_, note_id, read_text(text), dry_run=dry_run)
    show_saved(done, json=json)


def remove(
    case_: Case,
    note_id: NoteId,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take a note away; the history keeps it."""
    with opened(store) as engine:
        done = engine.desk.cases.remove_note(case_, note_id, reason=reason, dry_run=dry_run)
    show_saved(done, json=json)


note = group("note", "Write, change and take away the notes of a case.", add, change, remove)
