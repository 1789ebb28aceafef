"""How soon a change can be seen in the profile view, while a worker follows under half load."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from identity_engine.bench.results import Result, at_most, reported
from identity_engine.errors import StoreError

BATCH = 50
WARM_UP = 1_000
"""Interactions before anything is measured."""
AT_TOP = 1_500
"""Interactions by which the top speed is measured."""
SECONDS = 20.0
"""Of half load."""
LOOK_SECONDS = 0.004
LOOKS = 200
PATIENCE_SECONDS = 60.0
SEEN = (
    "SELECT COUNT(*) FROM profile_contribution WHERE interaction_id = ? AND contact_id IS NOT NULL"
)


def measure_freshness(name: str, store: str, people: int, seed: int, folder: Path) -> list[Result]:
    """Measure the time from a commit to its interaction in the profile view.

    One process writes in batches of 50, at half the speed that it was just measured to have alone; one
    follows, `projections run`; this one looks for the last interaction of each batch every 4 ms.

    Args:
        name: of the database, for the results.
        store: an empty one.
        people, seed: of the traffic.
        folder: for files, and for the master key of a store on PostgreSQL.

    Raises:
        StoreError: a process failed, or the view did not follow.
    """
    traffic = _Traffic(people, seed, folder)
    environment = {**os.environ, "IDENTITY_ENGINE_MASTER_KEY": str(folder / "master.key")}
    list(_written(store, traffic.take(WARM_UP), 0, environment))
    commits = list(_written(store, traffic.take(AT_TOP), 0, environment))
    top = (len(commits) - 1) * BATCH / (commits[-1][0] - commits[0][0])
    with _following(store, environment), _looking(store, environment) as look:
        _waits(look, iter(commits[-1:]))  # until the worker is there
        waited = _waits(
            look, _written(store, traffic.take(int(top / 2 * SECONDS)), top / 2, environment)
        )
        bare = [_seconds(look) for _ in range(LOOKS)]
    in_order = statistics.quantiles(waited, n=100)
    return [
        reported(f"{name}: top speed of one writer in batches of {BATCH}", top, "interactions/s"),
        reported("half of it: commits", len(waited), ""),
        reported("a look at the view", statistics.median(bare) * 1_000, "ms"),
        reported("seen in the profile view, p50", in_order[49] * 1_000, "ms"),
        at_most("seen in the profile view, p95", in_order[94] * 1_000, "ms", 250),
        reported("load of the machine", os.getloadavg()[0], ""),
    ]


class _Traffic:
    """Simulated lines, dealt into files piece by piece."""

    def __init__(self, people: int, seed: int, folder: Path) -> None:
        from identity_engine.simulation import simulate

        self._events = (made for made, _ in simulate(people, people * 40, seed))
        self._folder = folder
        self._taken = 0

    def take(self, count: int) -> Path:
        """Write the next ones to a file."""
        self._taken += 1
        path = self._folder / f"traffic-{self._taken}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for _, event in zip(range(count), self._events, strict=False):
                file.write(json.dumps(event) + "\n")
        return path


class _Look:
    """Asks the view for one interaction, by a connection of its own."""

    def __init__(self, store: str) -> None:
        from identity_engine.application.engine import Engine

        self._engine = Engine.open(store)
        self._views = self._engine.follower.views.connection

    def sees(self, interaction_id: str) -> bool:
        """Tell whether the profile of a contact shows it."""
        (count,) = self._views.execute(SEEN, (interaction_id,)).fetchone()
        return bool(count)

    def close(self) -> None:
        """Look no longer."""
        self._engine.close()


def _waits(look: _Look, commits: Iterator[tuple[float, str]]) -> list[float]:
    """Return for each commit the seconds until it was seen."""
    arrived: SimpleQueue[tuple[float, str] | None] = SimpleQueue()

    def pass_on() -> None:
        try:
            for one in commits:
                arrived.put(one)
        finally:
            arrived.put(None)

    reader = Thread(target=pass_on)
    reader.start()
    waited: list[float] = []
    while (commit := arrived.get()) is not None:
        at, interaction_id = commit
        begin = time.monotonic()
        while not look.sees(interaction_id):
            if time.monotonic() - begin > PATIENCE_SECONDS:
                raise StoreError("The views do not follow; the worker's message stands above.")
            time.sleep(LOOK_SECONDS)
        waited.append(max(0.0, time.time() - at))
    reader.join()
    return waited


def _seconds(look: _Look) -> float:
    started = time.perf_counter()
    look.sees("")
    return time.perf_counter() - started


def _written(
    store: str, file: Path, rate: float, environment: dict[str, str]
) -> Iterator[tuple[float, str]]:
    """Let a process write a file, and yield each commit as it happens."""
    words = ("identity_engine.bench.publisher", store, file, BATCH, rate)
    with subprocess.Popen(  # noqa: S603 - our own
        _command(*words), env=environment, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            at, interaction_id = json.loads(line)
            yield at, interaction_id
    if writer.returncode:
        raise StoreError("A writer of the measurement failed; its message stands above.")


@contextmanager
def _following(store: str, environment: dict[str, str]) -> Iterator[None]:
    words = ("identity_engine.cli.main", "projections", "run", "--store", store)
    with subprocess.Popen(  # noqa: S603 - our own
        _command(*words), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as worker:
        try:
            yield
        finally:
            worker.terminate()


@contextmanager
def _looking(store: str, environment: dict[str, str]) -> Iterator[_Look]:
    os.environ.update(environment)
    look = _Look(store)
    try:
        yield look
    finally:
        look.close()


def _command(module: str, *words: object) -> Sequence[str]:
    return [sys.executable, "-m", module, *map(str, words)]
