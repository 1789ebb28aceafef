"""Run other tools and ours on the same streams, judge all by the same evaluator, print tables.

    python -m tests.benchmarks.peers.run --data DIR [--peer NAME ...] [--table NAME ...]
        [--limit-seconds N] [--limit-gib N]

DIR holds NAME.interactions.jsonl.gz and NAME.truth.csv. Every tool is a process of its own, one
after another, table by table. A tool that fails, takes too long or too much gets a row that says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from matchers.evaluation import Quality
from tests.benchmarks.peers.process import Limits, Run, run_measured
from tests.benchmarks.peers.streams import stream_of, tables_in, truth_of
from tests.benchmarks.peers.tables import Outcome, machine, result_tables

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ROOT / ".peers"
ENGINE = Path(sys.executable).with_name("identity-engine")
LIMITS = Limits(seconds=1200.0, gibibytes=12.0)

Command = list[str]


@dataclass(frozen=True, slots=True)
class Tool:
    """One competitor: its name in the tables, and the commands that link a stream."""

    name: str
    package: str
    python: Path
    commands: Callable[[Path, str, Path, Path], list[Command]]
    """Of the folder of streams, the table, the CSV of links to write, and an empty folder."""

    def version(self) -> str:
        """Ask the environment of the tool which version it has."""
        ask = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        done = subprocess.run(
            [self.python, "-c", ask, self.package], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or "?"


def engine_commands(data: Path, table: str, links: Path, folder: Path) -> list[Command]:
    """Link a stream as a user does: ingest into a fresh store on the disk, export the links."""
    store = ["--store", str(folder / "store")]
    return [
        [str(ENGINE), "ingest", str(stream_of(data, table)), *store],
        [str(ENGINE), "export", "links", "--out", str(links), *store],
    ]


def peer_commands(
    module: str, python: Path, data: Path, table: str, links: Path, _folder: Path
) -> list[Command]:
    """Run the script of a peer in its own environment."""
    script = [str(python), "-m", f"tests.benchmarks.peers.{module}"]
    return [[*script, "--data", str(data), "--table", table, "--links", str(links)]]


def peer(name: str, package: str, module: str) -> Tool:
    """Describe a peer by the package that its environment is named after, and its script."""
    python = ENVIRONMENTS / package / "bin" / "python"
    return Tool(name, package, python, partial(peer_commands, module, python))


TOOLS = [
    Tool("ours", "identity-engine", Path(sys.executable), engine_commands),
    peer("splink", "splink", "splink_peer"),
    peer("goldenmatch-zero", "goldenmatch", "goldenmatch_zero_peer"),
    peer("goldenmatch", "goldenmatch", "goldenmatch_peer"),
    peer("recordlinkage", "recordlinkage", "recordlinkage_peer"),
    peer("dedupe", "dedupe", "dedupe_peer"),
]


def measure(tool: Tool, data: Path, table: str, limits: Limits) -> Outcome:
    """Run one tool on one table within its limits and judge its links."""
    if not tool.python.exists():
        return Outcome(tool.name, table, f"no environment {tool.python.parent.parent.name}")
    with tempfile.TemporaryDirectory(dir=data_folder()) as place:
        folder = Path(place)
        links = folder / "links.csv"
        total = Run()
        for command in tool.commands(data, table, links, folder):
            left = replace(limits, seconds=limits.seconds - total.seconds)
            total += run_measured(command, left, ROOT)
            if total.fault:
                return Outcome(tool.name, table, total.fault, total)
        try:
            return Outcome(tool.name, table, "", total, judged(links, truth_of(data, table)))
        except subprocess.CalledProcessError as error:
            return Outcome(tool.name, table, f"links not readable: {error.stderr.strip()}", total)


def data_folder() -> Path:
    """Make the folder for stores and links: on the disk of the checkout, not in memory."""
    folder = ENVIRONMENTS / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def judged(links: Path, truth: Path) -> Quality:
    """Judge links as anybody can: by `identity-engine evaluate`.

    Raises:
        subprocess.CalledProcessError: the links cannot be read.
    """
    command = [ENGINE, "evaluate", links, truth, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Quality(**json.loads(done.stdout))


def measure_all(
    tools: Sequence[Tool], tables: Sequence[str], data: Path, limits: Limits
) -> list[Outcome]:
    """Run every tool on every table, the tools of a table next to each other in time."""
    outcomes = []
    for table in tables:
        for tool in tools:
            outcome = measure(tool, data, table, limits)
            print(outcome.line(), file=sys.stderr, flush=True)
            outcomes.append(outcome)
    return outcomes


def main() -> None:
    """Answer the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled streams")
    names = [tool.name for tool in TOOLS]
    parser.add_argument("--peer", action="append", choices=names, help="only these tools")
    parser.add_argument("--table", action="append", help="only these streams")
    parser.add_argument(
        "--limit-seconds", type=float, default=LIMITS.seconds, help="of one tool on one stream"
    )
    parser.add_argument(
        "--limit-gib", type=float, default=LIMITS.gibibytes, help="memory of one tool"
    )
    asked = parser.parse_args()
    tools = [tool for tool in TOOLS if tool.name in (asked.peer or names)]
    data = asked.data.resolve()
    limits = Limits(asked.limit_seconds, asked.limit_gib)
    outcomes = measure_all(tools, asked.table or tables_in(data), data, limits)
    print(machine(), end="\n\n")
    print(result_tables(outcomes, {tool.name: tool.version() for tool in tools}))


if __name__ == "__main__":
    main()
