"""The verb that brings in what other systems know about contacts: contact enrich."""

from collections import Counter
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.operations.enrichment.enrich import EnrichedLine
from identity_engine.cli.opening import opened_or_begun
from identity_engine.cli.options import DryRun, Json, Store
from identity_engine.cli.terminal.errors import complain
from identity_engine.cli.terminal.output import DRY_RUN, show, show_json
from identity_engine.errors import UsageError


def enrich(
    file: Annotated[
        str,
        Parameter(help="JSON lines, also .gz; - is standard input.", allow_leading_hyphen=True),
    ],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Fill contacts, found by identifiers, from records. Exit code 1 if any record is refused."""
    if file.startswith("-") and file != "-":
        raise UsageError(f"There is no option {file}. See: identity-engine contact enrich --help")
    lines: list[EnrichedLine] = []
    outcomes: Counter[str] = Counter()

    def told(line: EnrichedLine) -> None:
        outcomes[line.outcome] += 1
        if json:
            lines.append(line)
        else:
            _tell(line)

    with opened_or_begun(store, dry_run=dry_run) as engine:
        engine.desk.enriching.enrich_file(file, told, dry_run=dry_run)
    numbers = {
        name: outcomes[name] for name in ("inserted", "updated", "merged", "unchanged", "refused")
    }
    if json:
        records = [
            {
                "line": one.line,
                "outcome": one.outcome,
                "enriched": one.enriched,
                "faults": one.faults,
            }
            for one in lines
        ]
        show_json({"read": outcomes.total(), **numbers, "records": records})
    else:
        told_numbers = ", ".join(f"{count} {name}" for name, count in numbers.items())
        show(f"{DRY_RUN if dry_run else ''}{outcomes.total()} read, {told_numbers}.")
    return 1 if outcomes["refused"] else 0


def _tell(line: EnrichedLine) -> None:
    for fault in line.faults:
        place = f" at {fault.pointer}" if fault.pointer else ""
        complain(f"line {line.line}{place}: {fault.message} ({fault.code})")
    for one in line.enriched.not_claimed if line.enriched is not None else ():
        show(f"line {line.line}: identifier {one.place + 1} is not claimed. {one.message}")
