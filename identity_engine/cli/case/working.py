"""Verbs that move a case on: case open|add|follow-up|state|link|assign|pin|unpin|sweep.

A case is named by its number, such as C-000123, or by its id.
"""

from typing import Annotated, Literal

from cyclopts import Parameter

from identity_engine.application.cases.entry import Entry, Origin, OriginPlace
from identity_engine.cli.case.entry import NOTHING, Case, Saved, show_saved
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Store
from identity_engine.cli.terminal.output import DRY_RUN, answer, counted, show
from identity_engine.errors import UsageError

State = Literal["open", "pending", "resolved", "closed"]


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


def pin(case_: Case, *, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Keep a case at hand, for yourself."""
    with opened(store) as engine:
        done = engine.desk.cases.pin(case_, dry_run=dry_run)
    show_saved(done, json=json, now="pinned")


def unpin(case_: Case, *, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Keep a case at hand no longer."""
    with opened(store) as engine:
        done = engine.desk.cases.unpin(case_, dry_run=dry_run)
    show_saved(done, json=json, now="pinned no longer")


def sweep(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Close the cases that were resolved as many days ago as the settings say."""
    with opened(store) as engine:
        closed = engine.desk.cases.sweep(dry_run=dry_run)
    listed = f"{counted(len(closed), 'case')} closed: {', '.join(closed)}."
    said = f"{DRY_RUN if dry_run else ''}{listed}" if closed else "No case is to be closed."
    answer({"closed": closed}, lambda _: show(said), json=json)
