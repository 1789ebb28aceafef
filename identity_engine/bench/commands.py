"""What a person's command costs on a large store: merges and unmerges, and one small command each.

A further command is measured by adding it to `_commands`. Bare commits are made in turn with the
commands, so that whatever else uses the disk hits both.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.bench.growth import Growth
from identity_engine.bench.limits import BareCommits
from identity_engine.bench.results import Result, at_most, reported
from identity_engine.bench.traffic import traffic
from identity_engine.event_store.ids import id_bytes, id_text

MANY = 25
ROUNDS = 10
SINGLES = 200
MILLISECOND = 1_000.0


def measure_commands(contacts: int, seed: int, folder: Path) -> list[Result]:
    """Fill a store until it has that many contacts, then let a person work in it.

    Each command is durable. Single ones are held against a bare one-row commit of the same run.
    """
    made = traffic(contacts, contacts * 4, seed)
    with made as events, Engine.open(folder / "commands") as engine:
        Growth(engine, events).until(contacts)
        engine.follow()
        some = _contacts(engine, seed)
        merges, unmerges = _of_many(engine, some)
        with BareCommits(folder) as bare:
            singles = _single(engine, some, bare)
    results = [
        at_most(f"merge of {MANY} contacts, median", statistics.median(merges), "ms", 100),
        at_most("its unmerge, all told apart, median", statistics.median(unmerges), "ms", 100),
    ]
    for name, (taken, processor, commits) in singles.items():
        above = _p99(taken) - _p99(commits)
        results += [
            reported(f"{name}, median", statistics.median(taken), "ms"),
            reported(f"{name}, processor time, median", statistics.median(processor), "ms"),
            reported("bare one-row commit in turn with it, p99: the limit", _p99(commits), "ms"),
            at_most(f"{name}, p99 above the limit", above, "ms", 8),
        ]
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


Times = tuple[list[float], list[float], list[float]]
"""Milliseconds of each command, of its processor time, and of the bare commit after it."""


def _single(engine: Engine, some: Iterator[str], bare: BareCommits) -> dict[str, Times]:
    """Return what each command takes, one after the other."""
    commands = _commands(engine, some)
    gc.collect()
    return {name: _times(command, bare) for name, command in commands.items()}


def _commands(engine: Engine, some: Iterator[str]) -> dict[str, Callable[[int], object]]:
    """Return the commands, each to be called with 0 to `SINGLES` - 1, in this order."""
    desk = engine.desk
    pairs = [(next(some), next(some)) for _ in range(SINGLES)]
    links = _linked(engine, some)
    moved = [next(links) for _ in range(2 * SINGLES)]
    merge_ids: list[str] = []
    engine.follow()  # An edit reads the profile; what the merges of many wrote is not its cost.
    return {
        "merge of two": lambda n: merge_ids.append(
            desk.merging.merge(pairs[n], reason="measured").merge_id
        ),
        "unmerge of two": lambda n: desk.unmerging.unmerge(merge_ids[n], reason="measured"),
        "lift of told apart": lambda n: desk.telling_apart.lift(*pairs[n], reason="measured"),
        "tell apart": lambda n: desk.telling_apart.tell(*pairs[n], reason="measured"),
        "edit": lambda n: desk.contacts.edit(pairs[n][0], set={"occupation": f"baker {n}"}),
        "promote": lambda n: desk.contacts.promote(pairs[n][1]),
        "claim by hand": lambda n: desk.identifiers.add(
            pairs[n][0], Value("email", f"measured-{n}@bench.example")
        ),
        "unlink": lambda n: desk.interactions.unlink(moved[n], reason="measured"),
        "give to another contact": lambda n: desk.interactions.associate(
            moved[SINGLES + n], pairs[n][1], reason="measured"
        ),
    }


def _times(command: Callable[[int], object], bare: BareCommits) -> Times:
    times: Times = ([], [], [])
    for number in range(SINGLES):
        started, worked = time.perf_counter(), time.process_time()
        command(number)
        times[1].append((time.process_time() - worked) * MILLISECOND)
        times[0].append(_since(started))
        times[2].append(bare.commit() * MILLISECOND)
    return times


def _since(started: float) -> float:
    return (time.perf_counter() - started) * MILLISECOND


def _contacts(engine: Engine, seed: int) -> Iterator[str]:
    """Yield contacts of the store in no order, each once."""
    with engine.store.reading() as cursor:
        cursor.execute("SELECT contact_id FROM contact WHERE canonical = contact_id")
        ids = [id_text(contact_id) for (contact_id,) in cursor.fetchall()]
    random.Random(seed).shuffle(ids)  # noqa: S311 - any order will do
    yield from ids


def _linked(engine: Engine, some: Iterator[str]) -> Iterator[str]:
    """Yield an interaction of each of these contacts that has one."""
    query = "SELECT interaction_id FROM interaction WHERE contact_id = ? LIMIT 1"
    for contact_id in some:
        with engine.store.reading() as cursor:
            found = cursor.execute(query, (id_bytes(contact_id),)).fetchone()
        if found is not None:
            yield id_text(found[0])


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
