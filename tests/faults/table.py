"""The table of faults in the documentation, written by the run that made them."""

import re
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
HEAD = (
    "| fault | times | sent | stored | dead letters | lost | twice |",
    "|---|---|---|---|---|---|---|",
)
ROW = re.compile(r"\|.*\| \d")


@dataclass(frozen=True)
class Row:
    """What came of one kind of fault: how often it was made, how many interactions were sent meanwhile
    and how many are stored, and how many of those are missing or there twice."""

    fault: str
    times: int
    sent: int
    stored: int
    lost: int
    twice: int
    rejected: int = 0

    def __str__(self) -> str:
        numbers = (self.times, self.sent, self.stored, self.rejected, self.lost, self.twice)
        return f"| {self.fault} | " + " | ".join(f"{number:,}" for number in numbers) + " |"


class Table:
    """Rows in the order in which they were added."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Note what came of a fault, after it was checked."""
        self._rows.append(row)

    def write_into(self, page: Path) -> None:
        """Put the rows between the two marks of a page, each in the place of an older one of its fault;
        what a run of some tests did not make again stays."""
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        known, _, after = rest.partition(END)
        rows = {_fault(line): line for line in known.splitlines() if ROW.match(line)}
        rows |= {row.fault: str(row) for row in self._rows}
        lines = [BEGIN, "", *HEAD, *rows.values(), "", END]
        page.write_text(before + "\n".join(lines) + after, encoding="utf-8")


def _fault(line: str) -> str:
    return line.split("|")[1].strip()
