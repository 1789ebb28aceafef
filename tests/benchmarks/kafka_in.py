"""How fast interactions get from Kafka to the disk, beside an ingest of the same ones from a file.

    python -m tests.benchmarks.kafka_in [--interactions N] [--partitions N] [--rounds N]

A real broker, on this machine, is started for it. Both ways take turns, because machines are shared
and noisy, and the median of the rounds' ratios is judged. The topic is filled before; that a worker
joins its group, reads to the end and leaves is all within its time. The processor time of this process
stands beside, because others use the machine too.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from identity_engine import Engine
from identity_engine.application.partition_key import partition_key
from identity_engine.bench.results import Result, at_least, reported
from identity_engine.settings.kafka import Subscription
from identity_engine.simulation import simulate
from tests.support.kafka.broker import Broker
from tests.support.kafka.topics import Sent, Topics

SEED = 11
SECRET = b"a secret of the publishers"


def measure(interactions: int, partitions: int, rounds: int, folder: Path) -> list[Result]:
    """Ingest and consume the same interactions in turns, each time into a new store."""
    events = [event for event, _ in simulate(interactions // 5, interactions, SEED)]
    file = folder / "events.jsonl"
    file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    broker_folder = folder / "broker"
    broker_folder.mkdir()
    broker = Broker(broker_folder).start()
    try:
        topics = Topics(broker)
        topic = topics.make(partitions)
        topics.send(
            topic, [Sent(orjson.dumps(one), key=partition_key(one, SECRET)) for one in events]
        )
        subscription = Subscription(topic, (broker.bootstrap,))
        ways: dict[str, Callable[[Engine], Any]] = {
            "file": lambda engine: engine.ingest_file(file),
            "kafka": lambda engine: engine.consume(subscription, until_caught_up=True).summary,
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        worked: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            for way, work in ways.items():
                with Engine.open(folder / f"{way}-{number}") as engine:
                    started, before = time.perf_counter(), time.process_time()
                    summary = work(engine)
                    taken[way].append(time.perf_counter() - started)
                    worked[way].append(time.process_time() - before)
                    assert summary.accepted == interactions, summary
    finally:
        broker.stop()
    speed = {way: interactions / statistics.median(seconds) for way, seconds in taken.items()}
    return [
        reported("durable ingest of a file", speed["file"], "interactions/s"),
        reported("Kafka in to committed", speed["kafka"], "interactions/s"),
        reported("by processor time", _ratio(worked), "ratio"),
        at_least("Kafka in against the file", _ratio(taken), "ratio", 0.8),
    ]


def _ratio(seconds: dict[str, list[float]]) -> float:
    """Return how fast Kafka in is, as a part of the speed of a file: the median of the rounds."""
    pairs = zip(seconds["file"], seconds["kafka"], strict=True)
    return statistics.median(file / kafka for file, kafka in pairs)


def main() -> None:
    """Print one line a result; exit 1 where one misses what it must reach."""
    options = argparse.ArgumentParser(description="Kafka in against ingest of a file.")
    options.add_argument("--interactions", type=int, default=20_000)
    options.add_argument("--partitions", type=int, default=6)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="identity-engine-bench-") as folder:
        results = measure(given.interactions, given.partitions, given.rounds, Path(folder))
    for result in results:
        sys.stdout.write(
            f"{result.name}: {result.shown} {result.unit} {result.goal} {result.verdict}\n"
        )
    sys.exit(any(result.verdict == "missed" for result in results))


if __name__ == "__main__":
    main()
