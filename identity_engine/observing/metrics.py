"""Metrics for Prometheus: a view of the logbook's events, and of looks at the store.

What counts up is counted from the events that the worker tells, whether they are written or not; what
is a state is read from the store when somebody asks. Labels come from closed lists, and from the
topics, partitions and views that there are; no value of a person is near.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from identity_engine import __version__
from identity_engine.observing.logbook import fields_of
from identity_engine.observing.looks import Look

NAMESPACE: Final = "identity_engine"
SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics(logging.Handler):
    """The metrics of one worker.

    Args:
        store: what kind of store it works on, `sqlite` or `postgresql`.
    """

    def __init__(self, store: str) -> None:
        super().__init__(logging.DEBUG)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        given: Any = {"namespace": NAMESPACE, "registry": self.registry}
        build = Gauge("build_info", "The version that runs.", ["version", "store"], **given)
        build.labels(__version__, store).set(1)
        self._interactions = Counter(
            "interactions", "What became of interactions and changes.", ["outcome"], **given
        )
        self._batches = Histogram(
            "batch_seconds", "From the arrival of a batch to the disk.", buckets=SECONDS, **given
        )
        self._steps = Histogram(
            "step_seconds", "One step of the re-evaluation.", buckets=SECONDS, **given
        )
        self._decided_again = Counter(
            "decided_again", "Races lost to another writer: decided again.", **given
        )
        self._fenced = Counter(
            "fenced", "Batches dropped because another worker reads the source now.", **given
        )
        self._waits = Counter(
            "waits",
            "Tries that failed because something was away or busy.",
            ["on", "code"],
            **given,
        )
        self._letters = Counter("dead_letters", "Input kept that cannot be used.", **given)
        self._missed = Counter(
            "kafka_missed", "Messages that Kafka had deleted before they were read.", **given
        )
        of_partition = ["topic", "partition"]
        self._lag = Gauge("kafka_lag", "Messages not read yet, at most.", of_partition, **given)
        self._offset = Gauge(
            "kafka_position", "The next offset that the store waits for.", of_partition, **given
        )
        self._up = Gauge("up", "Whether what is needed answers.", ["on"], **given)
        self._turned = Gauge("loop_age_seconds", "Since the loop turned last.", **given)
        self._head = Gauge("log_head", "The last position of the log.", **given)
        of_view = ["projection"]
        self._position = Gauge(
            "projection_position", "How far a view has followed.", of_view, **given
        )
        self._behind = Gauge(
            "projection_lag", "Positions between a view and the head of the log.", of_view, **given
        )
        self._parked = Gauge(
            "projection_parked", "Keys of a view that wait after a failure.", of_view, **given
        )
        self._waiting = Gauge(
            "reevaluation_waiting", "Interactions whose links are not final.", **given
        )
        self._open_letters = Gauge(
            "dead_letters_waiting", "Dead letters that nobody has handled.", **given
        )
        for outcome in ("accepted", "duplicate", "rejected"):
            self._interactions.labels(outcome)
        self._heard: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "batch_committed": self._committed,
            "step_evaluated": lambda said: self._steps.observe(said["seconds"]),
            "decided_again": lambda _: self._decided_again.inc(),
            "fenced": lambda _: self._fenced.inc(),
            "waiting": lambda said: self._waits.labels(said["on"], said["code"]).inc(),
            "dead_letters_kept": lambda said: self._letters.inc(said["count"]),
            "messages_missed": lambda said: self._missed.inc(said["count"]),
            "partitions_dealt": lambda _: self._forget_partitions(),
            "partition_read": self._read,
        }

    def emit(self, record: logging.LogRecord) -> None:
        """Count what the worker tells."""
        event, said = fields_of(record)
        if event in self._heard:
            self._heard[event](said)

    def exposed(self, look: Look, reached: Mapping[str, bool], loop_age: float) -> bytes:
        """Return all metrics as text.

        Args:
            look: at the store, just now.
            reached: whether each thing that the worker needs answers.
            loop_age: seconds since its loop turned last.
        """
        for name, answers in reached.items():
            self._up.labels(name).set(answers)
        self._turned.set(loop_age)
        if look.problem is None:
            self._head.set(look.head)
            self._waiting.set(look.waiting)
            self._open_letters.set(look.dead_letters)
            for view in look.views:
                self._position.labels(view.name).set(view.position)
                self._behind.labels(view.name).set(max(0, look.head - view.position))
                self._parked.labels(view.name).set(view.parked)
        return generate_latest(self.registry)

    def _committed(self, said: Mapping[str, Any]) -> None:
        self._batches.observe(said["seconds"])
        counted = {"accepted": "accepted", "duplicates": "duplicate", "rejected": "rejected"}
        for field, outcome in counted.items():
            self._interactions.labels(outcome).inc(said[field])

    def _forget_partitions(self) -> None:
        self._lag.clear()
        self._offset.clear()

    def _read(self, said: Mapping[str, Any]) -> None:
        self._lag.labels(said["topic"], said["partition"]).set(said["lag"])
        self._offset.labels(said["topic"], said["partition"]).set(said["position"])
