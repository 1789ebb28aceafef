"""What a person's command costs on a large store: merges and unmerges, and one small command each.

A further command is measured by adding it to `_single`.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.bench.growth import Growth
from identity_engine.bench.limits import bare_commits
from identity_engine.bench.results import Result, at_most, reported
from identity_engine.event_store.ids import id_text
from identity_engine.simulation import simulate

MANY = 25
ROUNDS = 10
SINGLES = 200
MILLISECOND = 1_000.0


def measure_commands(contacts: int, seed: int, folder: Path) -> list[Result]:
    """Fill a store until it has that many contacts, then let a person work in it.

    Each command is durable. Single ones are held against a bare one-row commit of the same run.
    """
    with Engine.open(folder / "commands") as engine:
        Growth(engine, simulate(contacts, contacts * 4, seed)).until(contacts)
        engine.follow()
        some = _contacts(engine, seed)
        merges, unmerges = _of_many(engine, some)
        # Before and after, because others use the disk too.
        commits = bare_commits(folder)
        singles = _single(engine, some)
        later = folder / "later"
        later.mkdir()
        limit = _p99([*commits, *bare_commits(later)]) * MILLISECOND
    results = [
        at_most(f"merge of {MANY} contacts, median", statistics.median(merges), "ms", 100),
        at_most("its unmerge, all told apart, median", statistics.median(unmerges), "ms", 100),
        reported("bare one-row commit, p99: the limit", limit, "ms"),
    ]
    for name, taken in singles.items():
        results.append(reported(f"{name}, median", statistics.median(taken), "ms"))
        results.append(at_most(f"{name}, p99 above the limit", _p99(taken) - limit, "ms", 8))
    return results


def _of_many(engine: Engine, some: Iterator[str]) -> tuple[list[float], list[float]]:
    """Return milliseconds of merges of many contacts and of undoing each."""
    merging, unmerging = engine.desk.merging, engine.desk.unmerging
    merges, unmerges = [], []
    for _ in range(ROUNDS):
        ids = [next(some) for _ in range(MANY)]
        started = time.perf_counter()
        merged = merging.merge(ids, reason="measured")
        merges.append(_since(started))
        started = time.perf_counter()
        unmerging.unmerge(merged.merge_id, reason="Two people.")
        unmerges.append(_since(started))
    return merges, unmerges


def _single(engine: Engine, some: Iterator[str]) -> dict[str, list[float]]:
    """Return milliseconds of each command, one after the other."""
    desk = engine.desk
    pairs = [(next(some), next(some)) for _ in range(SINGLES)]
    merge_ids: list[str] = []
    work: dict[str, Callable[[int], object]] = {
        "merge of two": lambda n: merge_ids.append(
            desk.merging.merge(pairs[n], reason="One person.").merge_id
        ),
        "unmerge of two": lambda n: desk.unmerging.unmerge(merge_ids[n], reason="Two people."),
        "lift of told apart": lambda n: desk.telling_apart.lift(*pairs[n], reason="A mistake."),
        "tell apart": lambda n: desk.telling_apart.tell(*pairs[n], reason="Two people."),
    }
    gc.collect()
    return {name: [_taken(command, n) for n in range(SINGLES)] for name, command in work.items()}


def _taken(command: Callable[[int], object], number: int) -> float:
    started = time.perf_counter()
    command(number)
    return _since(started)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * MILLISECOND


def _contacts(engine: Engine, seed: int) -> Iterator[str]:
    """Yield contacts of the store in no order, each once."""
    with engine.store.reading() as cursor:
        cursor.execute("SELECT contact_id FROM contact WHERE canonical = contact_id")
        ids = [id_text(contact_id) for (contact_id,) in cursor.fetchall()]
    random.Random(seed).shuffle(ids)  # noqa: S311 - any order will do
    yield from ids


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
