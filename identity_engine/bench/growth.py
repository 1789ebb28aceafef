"""One store that grows: throughput early and late, memory, and one interaction at a time."""

import gc
import itertools
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.resolution.resolve import Portion
from identity_engine.bench.limits import bare_commits
from identity_engine.bench.results import Result, at_least, at_most, reported
from identity_engine.bench.traffic import traffic
from identity_engine.ingestion.envelope import IncomingInteraction, decode

BATCH = 1_500
EARLY_CONTACTS = 10_000
SINGLE_CONTACTS = 100_000
SINGLES = 3_000
SAMPLE_BATCHES = 6
REST = SINGLES + 2 * SAMPLE_BATCHES * BATCH
MILLISECOND = 1_000.0


def measure_growth(contacts: int, seed: int, folder: Path) -> list[Result]:
    """Fill a store with simulated traffic until it has that many contacts, measuring on the way.

    The traffic is so thin that most interactions make a contact, so that it grows fast.
    """
    made = traffic(contacts, contacts * 4 + REST, seed)
    with made as events, Engine.open(folder / "growth") as engine:
        grown = Growth(engine, events)
        grown.until(min(EARLY_CONTACTS, contacts))
        early = grown.throughput()
        grown.until(min(SINGLE_CONTACTS, contacts))
        decisions, whole = grown.one_at_a_time()
        limit = bare_commits(folder)
        grown.until(contacts)
        late = grown.throughput()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    extra = _p99(whole) - _p99(limit)
    return [
        at_most("look-up, opening and decision, median", statistics.median(decisions), "ms", 0.3),
        at_most("look-up, opening and decision, p99", _p99(decisions), "ms", 2.0),
        reported("bare one-row commit, p99: the limit", _p99(limit) * MILLISECOND, "ms"),
        at_most("with the commit, p99 above the limit", extra * MILLISECOND, "ms", 5.0),
        reported(f"throughput at {EARLY_CONTACTS:,} contacts", early, "interactions/s"),
        reported(f"throughput at {contacts:,} contacts", late, "interactions/s"),
        at_least("throughput, late against early", late / early, "ratio", 0.5),
        at_most("memory of the process at its most", memory, "MiB", 500),
    ]


class Growth:
    """An engine that is fed from an endless stream of events, one a line."""

    def __init__(self, engine: Engine, events: Iterator[bytes]) -> None:
        self._engine = engine
        self._events = events

    def until(self, contacts: int) -> None:
        """Ingest batches until the store has this many contacts or the traffic ends."""
        while self._contacts() < contacts:
            batch = self._next(BATCH)
            if not batch:
                return
            self._engine.resolver.resolve(batch)

    def throughput(self) -> float:
        """Return interactions a second over some batches, decoding left out."""
        batches = [self._next(BATCH) for _ in range(SAMPLE_BATCHES)]
        started = time.perf_counter()
        for _ in self._engine.resolver.resolve_each(map(Portion, batches)):
            pass
        return sum(map(len, batches)) / (time.perf_counter() - started)

    def one_at_a_time(self) -> tuple[list[float], list[float]]:
        """Return, for single interactions, milliseconds of looking up, opening and deciding (without
        normalising and taking the write lock before, and building the events after), and seconds of all
        with the commit."""
        decisions, whole = [], []
        steps: dict[str, float] = {}
        self._engine.resolver.watch = lambda step: steps.update({step: time.perf_counter()})
        gc.collect()
        for interaction in self._next(SINGLES):
            started = time.perf_counter()
            self._engine.resolver.resolve([interaction])
            decisions.append((steps["decided"] - steps["locked"]) * MILLISECOND)
            whole.append(steps["written"] - started)
        return decisions, whole

    def _contacts(self) -> int:
        with self._engine.store.reading() as cursor:
            cursor.execute("SELECT COUNT(*) FROM contact")
            (count,) = cursor.fetchone()
        return int(count)

    def _next(self, count: int) -> list[IncomingInteraction]:
        now = self._engine.now()
        decoded = [decode(line, now=now) for line in itertools.islice(self._events, count)]
        return [one for one in decoded if isinstance(one, IncomingInteraction)]


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
