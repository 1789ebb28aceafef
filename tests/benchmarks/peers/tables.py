"""Results as tables in Markdown, ready for the page on benchmarks."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matchers.evaluation import Quality
from tests.benchmarks.peers.process import Run

MIB = 1024 * 1024
NOTHING = Run()
HEADS = ("F1", "precision", "recall", "B-cubed F1", "wall time", "processor time", "peak memory")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tool did on one table."""

    tool: str
    table: str
    fault: str = ""
    """Why there are no links; empty after success."""
    run: Run = NOTHING
    quality: Quality | None = None

    def cells(self) -> list[str]:
        """Show it under the heads of a table."""
        run, found = self.run, self.quality
        if found is None:
            shown = [self.fault or "no result", "", "", ""]
        else:
            values = (found.f1, found.precision, found.recall, found.bcubed_f1)
            shown = [f"{value:.4f}" for value in values]
        if not run.seconds:
            return [*shown, "", "", ""]
        seconds = (f"{run.seconds:.1f} s", f"{run.cpu_seconds:.1f} s")
        return [*shown, *seconds, f"{run.peak_bytes / MIB:.0f} MiB"]

    def line(self) -> str:
        """Tell it in one line, while others still run."""
        return "  ".join((f"{self.table:16} {self.tool:18}", *filter(None, self.cells())))


def result_tables(outcomes: Sequence[Outcome], versions: Mapping[str, str]) -> str:
    """Make a table for each stream, with a row for each tool."""
    parts = []
    for table in dict.fromkeys(outcome.table for outcome in outcomes):
        rows = [[table, *HEADS], ["---"] * (len(HEADS) + 1)]
        rows += [
            [f"{one.tool} {versions.get(one.tool, '')}".strip(), *one.cells()]
            for one in outcomes
            if one.table == table
        ]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts)


def machine() -> str:
    """Say where this was measured, and how busy the machine is."""
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    usable = len(os.sched_getaffinity(0))
    return (
        f"{usable} of {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"load average {busy}"
    )
