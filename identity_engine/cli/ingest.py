"""The verb ingest: the interactions of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec.structs import asdict

from aggregates.access import Action
from identity_engine.application.engine import Engine
from identity_engine.application.intake.preparing import IngestSummary
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store
from identity_engine.cli.reevaluate import make_final, show_final
from identity_engine.cli.terminal.output import (
    counted,
    progress,
    show,
    show_json_line,
)
from identity_engine.errors import UsageError
from identity_engine.ingestion.files.content import refuse_unreadable
from identity_engine.ingestion.files.event_file import EventFile
from identity_engine.observing.logbook import logged


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
        if name != "-":
            refuse_unreadable(Path(name))
    total = IngestSummary()
    with logged("ingest"), opened(store, make=True) as engine:
        for name in files:
            summary = _ingest_one(engine, name, format, mapping, again=again)
            total.add(summary)
            if not json:
                _tell(name, summary)
        may = engine.context.rights.allow_everywhere(Action.OPERATIONS_REDRIVE)
        final = make_final(engine) if reevaluate and may else None
        if final is not None and not json:
            show_final(final)
        elif reevaluate and not json:
            show(
                f"Re-evaluation is left to whoever may do {Action.OPERATIONS_REDRIVE} in all divisions."
            )
    if json:
        show_json_line({**asdict(total), "reevaluated": asdict(final) if final else None})
    return 0


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
