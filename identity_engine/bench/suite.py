"""The measurements behind `identity-engine bench`, each beside what it must reach.

A speed is judged as a ratio against a limit of the same machine in the same run, because machines are
shared and noisy; the absolute number is printed beside it.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from identity_engine.bench.apart import measured_apart
from identity_engine.bench.commands import measure_commands
from identity_engine.bench.freshness import measure_freshness
from identity_engine.bench.growth import SINGLE_CONTACTS, measure_growth
from identity_engine.bench.limits import raw_append
from identity_engine.bench.quality import measure_quality
from identity_engine.bench.results import Result, at_least, at_most, reported
from identity_engine.errors import UsageError

SEED = 11
VERSION_RUNS = 7


class Plan(Struct, frozen=True):
    """How much to measure: the traffic of the speed runs and the contacts of the large store."""

    interactions: int
    people: int
    contacts: int
    data: Path | None
    postgres: str | None


def run_suite(
    *,
    interactions: int,
    people: int,
    contacts: int,
    data: Path | None,
    postgres: str | None = None,
    only: Sequence[str] | None = None,
    tell: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run the measurements, each group in a process of its own, and return their results.

    Args:
        interactions: of the speed runs.
        people: of the speed runs.
        contacts: in the large store.
        data: folder of labelled streams, None for no measurement of quality.
        postgres: address of a server on which databases may be made; None for no such measurement.
        only: names of groups to run; None for all.
        tell: is given each result as it comes.

    Raises:
        UsageError: a name is no group's.
    """
    plan = Plan(interactions, people, contacts, data, postgres)
    unknown = set(only or ()) - GROUPS.keys()
    if unknown:
        raise UsageError(f"Measurements are {', '.join(GROUPS)}; not {', '.join(sorted(unknown))}.")
    results = []
    for name, measure in GROUPS.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="identity-engine-bench-") as folder:
            for result in measured_apart(measure, plan, Path(folder)):
                tell(result)
                results.append(result)
    return results


def _start(_: Plan, folder: Path) -> list[Result]:
    """The time of `--version` in a fresh process: the median of several."""
    seconds = []
    for _run in range(VERSION_RUNS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "identity_engine.cli.main", "--version"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        seconds.append(time.perf_counter() - started)
    return [at_most("identity-engine --version", statistics.median(seconds), "s", 0.3)]


def _ingest(plan: Plan, folder: Path) -> list[Result]:
    """Durable ingest, a resend of all of it, and a rebuild of all views."""
    from identity_engine.application.engine import Engine
    from identity_engine.simulation import write_simulation

    events = folder / "traffic.jsonl"
    write_simulation(plan.people, plan.interactions, SEED, events, folder / "truth.csv")
    limit = raw_append(folder)
    with Engine.open(folder / "store") as engine:
        first = _seconds(lambda: engine.ingest_file(events))
        again = _seconds(lambda: engine.ingest_file(events, again=True))
        engine.follow()
        rebuild = _seconds(engine.rebuild)
        head = engine.store.head()
    rate = plan.interactions / first
    return [
        reported("raw append: the limit", limit, "rows/s"),
        at_least("durable ingest", rate, "interactions/s", 2_000),
        at_least("durable ingest against raw append", rate / limit, "ratio", 0.010),
        at_least("resend against first ingest", first / again, "times as fast", 3.0),
        at_least("rebuild of all views", head / rebuild, "events/s", 20_000),
    ]


def _growth(plan: Plan, folder: Path) -> list[Result]:
    return measure_growth(plan.contacts, SEED, folder)


def _commands(plan: Plan, folder: Path) -> list[Result]:
    return measure_commands(min(plan.contacts, SINGLE_CONTACTS), SEED, folder)


def _postgres(plan: Plan, folder: Path) -> list[Result]:
    if plan.postgres is None:
        return []
    from identity_engine.bench.servers import database, measure_servers

    results = measure_servers(plan.postgres, plan.people, plan.interactions, SEED, folder)
    with database(plan.postgres) as store:
        return results + measure_freshness("PostgreSQL", store, plan.people, SEED, folder)


def _freshness(plan: Plan, folder: Path) -> list[Result]:
    return measure_freshness("SQLite", str(folder / "store"), plan.people, SEED, folder)


def _quality(plan: Plan, folder: Path) -> list[Result]:
    return measure_quality(plan.data, folder) if plan.data is not None else []


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


GROUPS: dict[str, Callable[[Plan, Path], list[Result]]] = {
    "start": _start,
    "ingest": _ingest,
    "growth": _growth,
    "commands": _commands,
    "freshness": _freshness,
    "postgres": _postgres,
    "quality": _quality,
}
