"""Verbs of what could not be used: dead-letters list|show-original|redrive|close."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.operations.dead_letters import Closing
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Store, at_most
from identity_engine.cli.terminal.output import (
    DRY_RUN,
    answer,
    counted,
    remark,
    show,
    show_json,
    show_json_line,
    show_table,
)
from identity_engine.ingestion.dead_letters import DeadLetter, State
from identity_engine.observing.logbook import logged


def list_(
    *,
    store: Store = None,
    state: State = "open",
    limit: Annotated[int, at_most("the oldest first")] = 100,
    json: Json = False,
) -> None:
    """List dead letters with every fault; the original content is not shown.

    Parameters
    ----------
    state
        open: waiting; redriven: went through since; closed: a person closed it.
    """
    with opened(store) as engine:
        letters = engine.desk.dead_letters.list(state, limit=limit)
    answer(
        list(letters),
        lambda _: show_table(
            ("id", "received", "place", "fault", "at", "fix"),
            [
                (
                    letter.id if number == 0 else "",
                    f"{letter.received_at:%Y-%m-%d %H:%M}" if number == 0 else "",
                    _place(letter) if number == 0 else "",
                    fault.code,
                    fault.pointer,
                    fault.message,
                )
                for letter in letters
                for number, fault in enumerate(letter.faults)
            ],
            none=f"No dead letters are {state}.",
        ),
        json=json,
    )


def show_original(
    id_: Annotated[int, Parameter(name="ID", help="The dead letter's id.")],
    *,
    store: Store = None,
    json: Json = False,
) -> None:
    """Write the original bytes of one dead letter to standard output."""
    with opened(store) as engine:
        found = engine.desk.dead_letters.original(id_)
    if found.letter.is_truncated:
        remark("Only the beginning of it was kept.")
    if json:
        raw = found.raw.decode(errors="replace") if found.raw is not None else None
        show_json({"letter": found.letter, "raw": raw})
    else:
        sys.stdout.buffer.write((found.raw or b"") + b"\n")


def redrive(
    ids: Annotated[Sequence[int] | None, Parameter(help="Ids; none: all open ones.")] = None,
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Decode dead letters again, after an upgrade or a change of the rules."""
    with logged("dead-letters redrive"), opened(store) as engine:
        summary = engine.redrive(list(ids) if ids else None, dry_run=dry_run)
    if json:
        show_json_line(asdict(summary))
    elif dry_run:
        due = counted(summary.read, "dead letter is", "dead letters are")
        show(f"{DRY_RUN}{due} due, of which {counted(summary.rejected, 'stays', 'stay')}.")
    else:
        show(
            f"{summary.read} read again: {summary.accepted + summary.duplicates} went through, "
            f"{summary.rejected} stay."
        )
    return 0 if dry_run or not summary.rejected else 1


def close(
    ids: Annotated[Sequence[int], Parameter(help="Ids.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Close dead letters that need nothing more: their events came again, or are not wanted."""
    with opened(store) as engine:
        done = engine.desk.dead_letters.close(ids, dry_run=dry_run)
    answer(done, lambda _: _show_closed(done, DRY_RUN if dry_run else ""), json=json)


def _show_closed(done: Closing, intro: str) -> None:
    if done.closed:
        closed = counted(len(done.closed), "dead letter is", "dead letters are")
        show(f"{intro}{closed} closed.")
    for said, ids in (("Closed", done.closed_before), ("Redriven", done.redriven_before)):
        if ids:
            show(f"{said} already, so nothing changed: {', '.join(map(str, ids))}.")


def _place(letter: DeadLetter) -> str:
    """Return where a dead letter stood: file, if known, and byte; or topic, partition and offset."""
    kind, _, rest = letter.stream.partition(":")
    if kind != "kafka":
        return f"{letter.file or ''} byte {letter.position}".lstrip()
    topic, partition, *_ = rest.split(":")
    return f"{topic}[{partition}] {letter.position}"


dead_letters = group(
    "dead-letters",
    "List, re-drive and close what could not be used.",
    *(list_, show_original, redrive, close),
)
