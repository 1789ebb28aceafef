"""Results as tables in Markdown, ready for the page on benchmarks."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matchers.evaluation import Quality
from tests.benchmarks.peers.process import Run

MIB = 1024 * 1024
NOTHING = Run()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tool did on one table."""

    tool: str
    table: str
    fault: str = ""
    """Why there are no links; empty after success."""
    run: Run = NOTHING
    quality: Quality | None = None

    def line(self) -> str:
        """Tell it in one line."""
        found = self.fault or _quality(self)
        return f"{self.table:16} {self.tool:18} {found}  {_effort(self)}"


def result_tables(outcomes: Sequence[Outcome], versions: Mapping[str, str]) -> str:
    """Put quality and effort of all outcomes into one table each, a row for each tool."""
    parts = [
        ("F1 / precision / recall / B-cubed F1", _quality),
        ("Wall time / processor time / peak memory", _effort),
    ]
    return "\n".join(f"\n{title}\n\n{_grid(outcomes, versions, shown)}" for title, shown in parts)


def _grid(
    outcomes: Sequence[Outcome],
    versions: Mapping[str, str],
    shown: Callable[[Outcome], str],
) -> str:
    tables = list(dict.fromkeys(outcome.table for outcome in outcomes))
    tools = list(dict.fromkeys(outcome.tool for outcome in outcomes))
    cells = {(outcome.tool, outcome.table): shown(outcome) for outcome in outcomes}
    rows = [["", *tables], ["---"] * (len(tables) + 1)]
    for tool in tools:
        name = f"{tool} {versions.get(tool, '')}".strip()
        rows.append([name, *(cells.get((tool, table), "not run") for table in tables)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _quality(outcome: Outcome) -> str:
    found = outcome.quality
    if found is None:
        return outcome.fault or "no result"
    values = (found.f1, found.precision, found.recall, found.bcubed_f1)
    return " / ".join(f"{value:.4f}" for value in values)


def _effort(outcome: Outcome) -> str:
    if not outcome.run.seconds:
        return "-"
    run = outcome.run
    return f"{run.seconds:.1f} s / {run.cpu_seconds:.1f} s / {run.peak_bytes / MIB:.0f} MiB"


def machine() -> str:
    """Say where this was measured, and how busy the machine is."""
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    usable = len(os.sched_getaffinity(0))
    return (
        f"{usable} of {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"load average {busy}"
    )
