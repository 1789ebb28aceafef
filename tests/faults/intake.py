"""Interactions on their way from Kafka into a store, by workers that have a hard time."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.simulation import simulate
from tests.faults.table import Row
from tests.support.child import later
from tests.support.kafka.topics import Sent, Topics, received
from tests.support.kafka.workers import Worker

BATCH_BYTES = 8_000  # some twenty interactions
CAUGHT_UP = "--until-caught-up"
MOST_SECONDS = 600
MOST = 1_000_000


class Intake:
    """A topic full of simulated interactions, and the store that they are to end in.

    Args:
        store: a folder, or the address of a database with an empty store.
        topics: on a real broker.
        interactions: how many are sent.
        parts: in so many, the first at once, each other when `send_more` is called.
        partitions: of the topic.
        spoiled: bad messages among them.
    """

    def __init__(
        self,
        store: str | Path,
        topics: Topics,
        interactions: int,
        *,
        parts: int = 1,
        partitions: int = 6,
        spoiled: Sequence[bytes] = (),
        seed: int = 7,
    ) -> None:
        self.store = store
        self._events = [made for made, _ in simulate(interactions // 4, interactions, seed)]
        self._spoiled, self._partitions = spoiled, partitions
        self._topics, self._topic = topics, topics.make(partitions)
        self._subscription = topics.subscription(self._topic, batch_bytes=BATCH_BYTES)
        good = [Sent(orjson.dumps(one), key=one["id"].encode()) for one in self._events]
        step = max(1, len(good) // (len(spoiled) + 1))
        for number, line in enumerate(spoiled):
            good.insert((number + 1) * step, Sent(line, key=b"%d" % number))
        size = -(-len(good) // parts)
        self._parts = deque(good[first : first + size] for first in range(0, len(good), size))
        self.send_more()

    def send_more(self) -> None:
        """Send the next part."""
        self._topics.send(self._topic, self._parts.popleft())

    def worker(self, *words: str) -> Worker:
        """Start one that reads until it is told to stop."""
        return Worker(self.store, self._subscription, *words)

    @contextmanager
    def workers(self, number: int) -> Iterator[list[Worker]]:
        """Start several, and wait until each is at work; whoever is in the list at the end is killed."""
        running = [self.worker() for _ in range(number)]
        try:
            for one in running:
                one.wait_for("dealt")
            yield running
        finally:
            for one in running:
                one.__exit__(None, None, None)

    def finish(self) -> Any:
        """Let one worker read what is left, and return what it counted.

        One that was killed a moment ago keeps its partitions until its silence is noticed; until then
        another has caught up with what is left to it.
        """
        while self._parts:
            self.send_more()
        while True:
            with self.worker(CAUGHT_UP) as last:
                assert last.end(MOST_SECONDS) == 0
            dealt = [line for line in last.told if line.startswith("dealt ")]
            if dealt[-1] == f"dealt {self._partitions}":
                return last.numbers

    def check(self, fault: str, times: int) -> Row:
        """Check that all is stored once and that views and index are what a replay gives."""
        with Engine.open(self.store, World(now=later)) as engine:
            stored = Counter(received(engine.store))
            rejected = len(engine.dead_letters.list(limit=MOST))
            engine.follow()
            assert all(one.is_sound for one in engine.verify())
            assert engine.verify_index().is_sound
        sent = {(one["source"], one["id"]) for one in self._events}
        row = Row(
            fault,
            times,
            len(sent) + len(self._spoiled),
            stored.total(),
            len(sent - stored.keys()),
            stored.total() - len(stored),
            rejected,
        )
        assert (row.lost, row.twice) == (0, 0), row
        assert stored.keys() == sent
        return row
