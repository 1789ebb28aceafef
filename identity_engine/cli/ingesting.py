"""Verbs that bring interactions in and make their links final: ingest, reevaluate, dead-letters."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import orjson
from cyclopts import App, Parameter
from msgspec.structs import asdict

from aggregates.access import Action
from identity_engine.application.engine import Engine
from identity_engine.application.intake.preparing import IngestSummary
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Store, at_most
from identity_engine.cli.output import (
    DRY_RUN,
    answer,
    counted,
    counting,
    progress,
    read_content,
    show,
    show_json,
    show_json_line,
    show_table,
)
from identity_engine.cli.usage import not_both
from identity_engine.errors import UsageError
from identity_engine.ingestion.dead_letters import DeadLetter
from identity_engine.ingestion.files.event_file import EventFile
from identity_engine.observing.logbook import logged
from projections.base import ID

dead_letters = App(name="dead-letters", help="List and re-drive what could not be used.")


def ingest(
    files: Annotated[
        Sequence[str],
        Parameter(help="Files, also .gz; - is standard input.", allow_leading_hyphen=True),
    ],
    *,
    store: Store = None,
    format: Literal["cloudevents", "csv"] = "cloudevents",  # noqa: A002 - the word users know
    mapping: Path | None = None,
    again: bool = False,
    reevaluate: bool = True,
    json: Json = False,
) -> int:
    """Link the interactions of files to contacts. Ingesting twice is the same as once.

    Parameters
    ----------
    format
        cloudevents: one JSON event a line; csv: with --mapping.
    mapping
        JSON file that says what the columns of a CSV file mean.
    again
        Read files from their start even if they were read before.
    reevaluate
        Make the clusters final at the end, if you may; --no-reevaluate leaves that for later.
    """
    for name in files:
        if name.startswith("-") and name != "-":
            raise UsageError(f"There is no option {name}. See: identity-engine ingest --help")
    total = IngestSummary()
    with logged("ingest"), opened(store, make=True) as engine:
        for name in files:
            summary = _ingest_one(engine, name, format, mapping, again=again)
            total.add(summary)
            if not json:
                _tell(name, summary)
        may = engine.context.rights.allow_everywhere(Action.OPERATIONS_REDRIVE)
        final = _reevaluate(engine) if reevaluate and may else None
        if final is not None and not json:
            _tell_final(final)
        elif reevaluate and not json:
            show(
                f"Re-evaluation is left to whoever may do {Action.OPERATIONS_REDRIVE} in all divisions."
            )
    if json:
        show_json_line({**asdict(total), "reevaluated": asdict(final) if final else None})
    return 0


def reevaluate(
    *,
    only: Annotated[
        Path | None, Parameter(help="Queue the interactions of this file, from `rehearse --out`.")
    ] = None,
    all: bool = False,  # noqa: A002 - the word users know
    store: Store = None,
    json: Json = False,
) -> None:
    """Make provisional links final: the same clusters whatever order the interactions came in.

    Parameters
    ----------
    all
        Queue every interaction again first, for example after other rules were put in force.
    """
    not_both(all=all, only=only)
    with logged("reevaluate"), opened(store) as engine:
        if all or only is not None:
            engine.request_reevaluation(None if only is None else _ids(only))
        final = _reevaluate(engine)
    if json:
        show_json_line(asdict(final))
    else:
        _tell_final(final)


def _ids(path: Path) -> list[str]:
    try:
        ids = orjson.loads(read_content(path))
    except orjson.JSONDecodeError:
        ids = None
    if not isinstance(ids, list) or not all(
        isinstance(one, str) and ID.fullmatch(one) for one in ids
    ):
        raise UsageError(f"{path} is no file that `rehearse --out` has written.")
    return ids


@dead_letters.command(name="list")
def list_(
    *,
    store: Store = None,
    state: Literal["open", "redriven"] = "open",
    limit: Annotated[int, at_most("the oldest first")] = 100,
    json: Json = False,
) -> None:
    """List dead letters with every fault; the original content is not shown.

    Parameters
    ----------
    state
        open: waiting; redriven: went through since.
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


@dead_letters.command
def show_original(
    id_: Annotated[int, Parameter(name="ID", help="The dead letter's id.")],
    *,
    store: Store = None,
    json: Json = False,
) -> None:
    """Write the original bytes of one dead letter to standard output."""
    with opened(store) as engine:
        found = engine.desk.dead_letters.original(id_)
    if json:
        raw = found.raw.decode(errors="replace") if found.raw is not None else None
        show_json({"letter": found.letter, "raw": raw})
    else:
        sys.stdout.buffer.write((found.raw or b"") + b"\n")


@dead_letters.command
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


def _place(letter: DeadLetter) -> str:
    """Return where a dead letter stood: a byte of its file, or topic, partition and offset."""
    kind, _, rest = letter.stream.partition(":")
    if kind != "kafka":
        return f"byte {letter.position}"
    topic, partition, *_ = rest.split(":")
    return f"{topic}[{partition}] {letter.position}"


def _ingest_one(
    engine: Engine,
    name: str,
    format_: Literal["cloudevents", "csv"],
    mapping: Path | None,
    *,
    again: bool,
) -> IngestSummary:
    path = name if name == "-" else Path(name)
    size = path.stat().st_size if isinstance(path, Path) and path.is_file() else None
    with progress(f"ingest {Path(name).name}", size) as move:

        def moved(file: EventFile, summary: IngestSummary) -> None:
            move(file.bytes_read if size is not None else summary.read)

        return engine.ingest_file(
            path, format=format_, mapping=mapping, again=again, progress=moved
        )


def _reevaluate(engine: Engine) -> Reevaluated:
    with counting("re-evaluate", engine.reevaluation.waiting()) as add:
        return engine.reevaluate(add)


def _tell_final(final: Reevaluated) -> None:
    show(
        f"Re-evaluated {counted(final.evaluated, 'interaction')}: "
        f"{counted(final.merged, 'merge')}, {counted(final.unmerged, 'unmerge')}, "
        f"{counted(final.moved, 'link')} moved, "
        f"{counted(final.shared, 'shared value')} found."
    )
    if final.across:
        show(f"Likeness over divisions: {counted(final.across, 'change')}.")


def _tell(name: str, summary: IngestSummary) -> None:
    if summary.resumed_at and not summary.read:
        show(f"{name}: nothing new since the last run (--again reads it from its start).")
        return
    show(
        f"{name}: {summary.read} read, {summary.accepted} accepted, "
        f"{summary.duplicates} known before, {summary.rejected} rejected."
    )
    if summary.changes:
        of_them = counted(summary.changes.total(), "of them is a change", "of them are changes")
        went_on = f"  {of_them} of interactions"
        waits = counted(summary.waiting, "waits for its own", "wait for their own")
        waiting = f", {waits}" if summary.waiting else ""
        show(f"{went_on}{waiting}.")
    if summary.faults:
        listed = ", ".join(f"{code} {count}" for code, count in sorted(summary.faults.items()))
        show(f"  Rejected for: {listed}. See: identity-engine dead-letters list")
