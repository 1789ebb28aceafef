"""Metrics for Prometheus: a view of the logbook's events, and of looks at the store.

What counts up is counted from the events that the worker tells, whether they are written or not; what
is a state is read from the store when somebody asks. Labels come from closed lists, and from the
topics, partitions and views that there are; no value of a person is near.
"""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from identity_engine.monitoring.probes import Look
from identity_engine.observing.logbook import fields_of
from identity_engine.version import __version__

PREFIX: Final = "identity_engine_"
SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
OUTCOMES: Final = {"accepted": "accepted", "duplicates": "duplicate", "rejected": "rejected"}


class Metric(NamedTuple):
    """One metric. A counter is asked for by its name with `_total`, a histogram of seconds by its name
    with `_bucket`, `_sum` and `_count`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def exposed(self) -> str:
        """The name under which it is asked for."""
        return PREFIX + self.name + ("_total" if self.kind == "counter" else "")


METRICS: Final = (
    Metric("build_info", "gauge", "1, with the version that runs", ("version", "store")),
    Metric("up", "gauge", "whether what the worker needs answers", ("on",)),
    Metric("loop_age_seconds", "gauge", "since the worker's loop turned last"),
    Metric(
        "interactions", "counter", "interactions and changes, by what became of them", ("outcome",)
    ),
    Metric("batch_seconds", "histogram", "from the arrival of a batch to the disk"),
    Metric("decided_again", "counter", "races lost to another writer, and decided again"),
    Metric("fenced", "counter", "batches dropped because another worker reads their source now"),
    Metric("waits", "counter", "tries that failed: something was away or busy", ("on", "code")),
    Metric("dead_letters", "counter", "input kept that cannot be used"),
    Metric("dead_letters_waiting", "gauge", "faults of dead letters that nobody has handled"),
    Metric("kafka_lag", "gauge", "messages not read yet, at most", ("topic", "partition")),
    Metric("kafka_position", "gauge", "the next offset that is wanted", ("topic", "partition")),
    Metric("kafka_missed", "counter", "messages that Kafka deleted before they were read"),
    Metric("log_head", "gauge", "the last position of the log"),
    Metric("projection_position", "gauge", "how far a view has followed", ("projection",)),
    Metric("projection_lag", "gauge", "positions from a view to the head", ("projection",)),
    Metric("projection_parked", "gauge", "keys that wait after a failure", ("projection",)),
    Metric("published_position", "gauge", "how far a topic is told of the log", ("topic",)),
    Metric("published_lag", "gauge", "positions from a topic to the head", ("topic",)),
    Metric("reevaluation_waiting", "gauge", "interactions whose links are not final"),
    Metric("step_seconds", "histogram", "one step of the re-evaluation"),
)


class Metrics(logging.Handler):
    """The metrics of one worker.

    Args:
        store: what kind of store it works on, `sqlite` or `postgresql`.
    """

    def __init__(self, store: str) -> None:
        super().__init__(logging.DEBUG)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._made: dict[str, Any] = {one.name: self._make(one) for one in METRICS}
        self._made["build_info"].labels(__version__, store).set(1)
        for outcome in OUTCOMES.values():
            self._made["interactions"].labels(outcome)
        self._heard: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "batch_committed": self._committed,
            "step_evaluated": lambda said: self._made["step_seconds"].observe(said["seconds"]),
            "decided_again": lambda _: self._made["decided_again"].inc(),
            "fenced": lambda _: self._made["fenced"].inc(),
            "waiting": lambda said: self._made["waits"].labels(said["on"], said["code"]).inc(),
            "dead_letters_kept": lambda said: self._made["dead_letters"].inc(said["count"]),
            "messages_missed": lambda said: self._made["kafka_missed"].inc(said["count"]),
            "partitions_dealt": lambda _: self._forget_partitions(),
            "partition_read": self._read,
            "topic_told": self._published,
        }
        self._told: dict[str, int] = {}

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
            self._made["up"].labels(name).set(answers)
        self._made["loop_age_seconds"].set(loop_age)
        if look.problem is None:
            self._made["log_head"].set(look.head)
            self._made["reevaluation_waiting"].set(look.waiting)
            letters = look.dead_letters if look.dead_letters is not None else math.nan
            self._made["dead_letters_waiting"].set(letters)
            for topic, position in self._told.items():
                self._made["published_position"].labels(topic).set(position)
                self._made["published_lag"].labels(topic).set(max(0, look.head - position))
            for view in look.views:
                behind = max(0, look.head - view.position)
                self._made["projection_position"].labels(view.name).set(view.position)
                self._made["projection_lag"].labels(view.name).set(behind)
                self._made["projection_parked"].labels(view.name).set(view.parked)
        return generate_latest(self.registry)

    def _make(self, one: Metric) -> Counter | Gauge | Histogram:
        given: Any = {"labelnames": one.labels, "registry": self.registry}
        match one.kind:
            case "counter":
                return Counter(PREFIX + one.name, one.meaning, **given)
            case "gauge":
                return Gauge(PREFIX + one.name, one.meaning, **given)
            case "histogram":
                return Histogram(PREFIX + one.name, one.meaning, buckets=SECONDS, **given)

    def _committed(self, said: Mapping[str, Any]) -> None:
        self._made["batch_seconds"].observe(said["seconds"])
        for field, outcome in OUTCOMES.items():
            self._made["interactions"].labels(outcome).inc(said[field])

    def _forget_partitions(self) -> None:
        self._made["kafka_lag"].clear()
        self._made["kafka_position"].clear()

    def _published(self, said: Mapping[str, Any]) -> None:
        self._told[said["topic"]] = said["position"]

    def _read(self, said: Mapping[str, Any]) -> None:
        place = said["topic"], said["partition"]
        self._made["kafka_lag"].labels(*place).set(said["lag"])
        self._made["kafka_position"].labels(*place).set(said["position"])
