"""Verbs of cases: case open|add|follow-up|show|list|history|state|note|mail|assign|pin|link|...

A case is named by its number, such as C-000123, or by its id.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import App, Parameter

from identity_engine.application.cases.entry import Entry, Origin, OriginPlace
from identity_engine.cli.case_entry import (
    NOTHING,
    Case,
    Saved,
    Words,
    read_text,
    show_saved,
    show_view,
    state_text,
)
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Lang, MaybeReason, Store, at_most
from identity_engine.cli.output import (
    DRY_RUN,
    answer,
    answer_rows,
    counted,
    language,
    show,
    show_done,
    timestamp,
)
from identity_engine.cli.usage import not_both
from identity_engine.errors import UsageError

case = App(name="case", help="Cases: what a person has on their mind, until it is closed.")
note = App(name="note", help="Write, change and take away the notes of a case.")
case.command(note)
NoteId = Annotated[str, Parameter(name="NOTE", help="The note's id, as case show says it.")]
State = Literal["open", "pending", "resolved", "closed"]


@case.command(name="open")
def open_(
    place: Annotated[OriginPlace, Parameter(name="PLACE", help="From where.")],
    of: Annotated[
        str, Parameter(name="OF", help="The interaction, contact, address or case that it is.")
    ],
    *,
    saved: Saved = NOTHING,
    subject: Annotated[str | None, Parameter(help="What the case is about.")] = None,
    division: Annotated[str | None, Parameter(help="In which an address is looked up.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Open a case with its first note, mail or state; a note on the contact alone opens none."""
    if division is not None and place != "address":
        raise UsageError("--division is for an address only: all else lies in a division.")
    with opened(store) as engine:
        done = engine.desk.cases.open(
            Origin(place, of, division),
            saved.entry(),
            subject=subject,
            composition=saved.composition,
            dry_run=dry_run,
        )
    show_saved(done, json=json)


@case.command
def add(
    case_: Case,
    *,
    saved: Saved = NOTHING,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Save a note, a mail and a state in a case, together."""
    with opened(store) as engine:
        done = engine.desk.cases.add(
            case_, saved.entry(), composition=saved.composition, dry_run=dry_run
        )
    show_saved(done, json=json)


@case.command
def follow_up(
    case_: Case,
    *,
    saved: Saved = NOTHING,
    subject: Annotated[str | None, Parameter(help="What the new case is about.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Open a case that follows a closed one."""
    with opened(store) as engine:
        done = engine.desk.cases.follow_up(
            case_,
            saved.entry(),
            subject=subject,
            composition=saved.composition,
            dry_run=dry_run,
        )
    show_saved(done, json=json)


@case.command(name="show")
def show_case(case_: Case, *, store: Store = None, json: Json = False) -> None:
    """Show a case: whose it is, its state, interactions, notes and mails."""
    with opened(store) as engine:
        view = engine.desk.reading_cases.show(case_)
    answer(view, show_view, json=json)


@case.command(name="list")
def list_(
    text: Annotated[
        Sequence[str], Parameter(name="TEXT", help="A number, or words of subject, notes, mails.")
    ] = (),
    *,
    contact: Annotated[str | None, Parameter(help="Of the person that this contact is.")] = None,
    queue: Annotated[str | None, Parameter(help="In this team's queue.")] = None,
    agent: Annotated[str | None, Parameter(help="In this agent's personal queue.")] = None,
    mine: Annotated[bool, Parameter(negative="", help="In your own personal queue.")] = False,
    pinned: Annotated[bool, Parameter(negative="", help="That you have pinned.")] = False,
    state: Annotated[
        Sequence[Literal["new", "open", "pending", "resolved", "closed"]],
        Parameter(negative="", help="In this state; may be given several times."),
    ] = (),
    limit: Annotated[int, at_most("the last changed first")] = 50,
    store: Store = None,
    json: Json = False,
) -> None:
    """List the cases that meet every condition."""
    not_both(mine=mine, agent=agent)
    with opened(store) as engine:
        found = engine.desk.reading_cases.find(
            contact=contact,
            queue=queue,
            agent_id=agent,
            mine=mine,
            pinned=pinned,
            states=state,
            text=" ".join(text) or None,
            limit=limit,
        )
    answer_rows(
        found,
        ("case", "state", "subject", "contact", "queue", "changed"),
        lambda one: (
            one.number,
            state_text(one.state, one.reason or one.disposition),
            one.subject,
            one.contact_id,
            one.agent or one.queue,
            timestamp(one.changed),
        ),
        none="No case found.",
        json=json,
    )


@case.command
def history(
    case_: Annotated[
        str | None, Parameter(name="CASE", help="The case's number or id; without one, all cases.")
    ] = None,
    *,
    state: Annotated[str | None, Parameter(help="Only changes to this state.")] = None,
    by: Annotated[str | None, Parameter(help="Only what this actor did.")] = None,
    since: Annotated[str | None, Parameter(help="From this time on, ISO 8601.")] = None,
    until: Annotated[str | None, Parameter(help="Before this time, ISO 8601.")] = None,
    limit: Annotated[int, at_most("the newest")] = 200,
    store: Store = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show every event of a case, or search the events of all cases."""
    with opened(store) as engine:
        changes = engine.desk.reading_cases.history(
            case_,
            state=state,
            actor=by,
            since=since,
            until=until,
            limit=limit,
            language=language(lang),
        )
    answer_rows(
        changes,
        ("case", "true from", "actor", "event", "what"),
        lambda c: (c.number, timestamp(c.valid_from), c.actor, c.topic, c.summary),
        none="Nothing has happened, or nothing that meets these conditions.",
        json=json,
    )


@case.command(name="state")
def state_(
    case_: Case,
    state: Annotated[State, Parameter(name="STATE", help="Where it goes.")],
    *,
    reason: Annotated[str | None, Parameter(help="What it waits for (pending).")] = None,
    disposition: Annotated[str | None, Parameter(help="How it ended (resolved).")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Move a case on: open (work on it), pending, resolved, or closed for good."""
    if (reason is not None) != (state == "pending"):
        raise UsageError("A pending case needs --reason, and no other does.")
    if (disposition is not None) != (state == "resolved"):
        raise UsageError("A resolved case needs --disposition, and no other does.")
    with opened(store) as engine:
        desk = engine.desk.cases
        if state == "open":
            done = desk.use(case_, dry_run=dry_run)
        elif state == "closed":
            done = desk.close(case_, dry_run=dry_run)
        else:
            done = desk.add(case_, Entry(pending=reason, resolved=disposition), dry_run=dry_run)
    show_saved(done, json=json)


@note.command(name="add")
def add_note(
    case_: Case, text: Words, *, store: Store = None, dry_run: DryRun = False, json: Json = False
) -> None:
    """Write a note on a case."""
    with opened(store) as engine:
        done = engine.desk.cases.add(case_, Entry(note=read_text(text)), dry_run=dry_run)
    show_saved(done, json=json)


@note.command(name="change")
def change_note(
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


@note.command(name="remove")
def remove_note(
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


@case.command
def link(
    case_: Case,
    interaction: Annotated[str, Parameter(name="INTERACTION", help="The interaction's id.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let an interaction belong to a case; it keeps its own contact."""
    with opened(store) as engine:
        done = engine.desk.cases.link(case_, interaction, dry_run=dry_run)
    show_saved(done, json=json)


@case.command
def assign(
    case_: Case,
    *,
    agent: Annotated[str | None, Parameter(help="Into this agent's personal queue.")] = None,
    queue: Annotated[str | None, Parameter(help="Into this team's queue.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a case into a queue; without --agent and --queue, into none."""
    with opened(store) as engine:
        done = engine.desk.cases.assign(case_, agent_id=agent, queue=queue, dry_run=dry_run)
    where = (
        f"in the queue of {agent}" if agent else f"in the queue {queue}" if queue else "in no queue"
    )
    show_saved(done, json=json, now=where)


@case.command
def pin(case_: Case, *, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Keep a case at hand, for yourself."""
    with opened(store) as engine:
        done = engine.desk.cases.pin(case_, dry_run=dry_run)
    show_saved(done, json=json, now="pinned")


@case.command
def unpin(case_: Case, *, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Keep a case at hand no longer."""
    with opened(store) as engine:
        done = engine.desk.cases.unpin(case_, dry_run=dry_run)
    show_saved(done, json=json, now="pinned no longer")


@case.command
def compose(
    *,
    mode: Annotated[str, Parameter(help="A word for it, such as preview.")] = "compose",
    of: Annotated[str | None, Parameter(help="The case that it is about, if there is one.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Be busy outside an interaction; answers what names this when it is saved or discarded."""
    with opened(store) as engine:
        composition = engine.desk.cases.compose(mode=mode, case=of, dry_run=dry_run)
    said = f"{DRY_RUN}You are busy." if dry_run else composition
    named = None if dry_run else composition
    answer({"composition": named}, lambda _: show(said), json=json)


@case.command
def discard(
    composition: Annotated[str, Parameter(name="COMPOSITION", help="What case compose answered.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Throw away what you were composing and be free: nothing is left of it."""
    with opened(store) as engine:
        done = engine.desk.cases.discard(composition, dry_run=dry_run)
    show_done(done, "Discarded; you are free", json=json)


@case.command
def busy(*, store: Store = None, json: Json = False) -> None:
    """List the agents who are composing outside an interaction."""
    with opened(store) as engine:
        found = engine.desk.reading_cases.busy()
    answer_rows(
        found,
        ("agent", "mode", "since", "composition"),
        lambda one: (one.agent, one.mode, timestamp(one.since), one.composition_id),
        none="Nobody is composing.",
        json=json,
    )


@case.command
def sweep(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Close the cases that were resolved as many days ago as the settings say."""
    with opened(store) as engine:
        closed = engine.desk.cases.sweep(dry_run=dry_run)
    listed = f"{counted(len(closed), 'case')} closed: {', '.join(closed)}."
    said = f"{DRY_RUN if dry_run else ''}{listed}" if closed else "No case is to be closed."
    answer({"closed": closed}, lambda _: show(said), json=json)
