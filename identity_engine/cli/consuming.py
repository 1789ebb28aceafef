"""The verb consume: a worker that takes interactions from a Kafka topic."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from identity_engine.application.engine import Engine
from identity_engine.cli.output import Json, Store, show, show_json_line, show_table
from identity_engine.errors import UsageError
from identity_engine.ingestion.kafka_settings import Subscription
from identity_engine.settings import in_force
from identity_engine.settings.model import Kafka, variable_of

if TYPE_CHECKING:
    from identity_engine.application.consume import Consumed


def consume(
    *,
    topic: Annotated[str | None, Parameter(help="The topic to read.")] = None,
    bootstrap_servers: Annotated[
        str | None,
        Parameter(help="Brokers to ask first: HOST:PORT, several with commas between."),
    ] = None,
    group: str | None = None,
    batch_bytes: int | None = None,
    batch_interval: float | None = None,
    dead_letter_topic: str | None = None,
    until_caught_up: Annotated[bool, Parameter(negative="")] = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Link the interactions of a Kafka topic to contacts until SIGTERM or Ctrl-C.

    What is not given here comes from the table `kafka` of the settings, as do security and time-outs.

    Parameters
    ----------
    group
        The consumer group: its workers share the partitions.
    batch_bytes
        A batch is written once it has so many bytes.
    batch_interval
        A batch is written at the latest so many seconds after its first message.
    dead_letter_topic
        Publish what cannot be used there too, with the reasons; default: keep it beside the store.
    until_caught_up
        End once all is read that was there at the beginning.
    """
    subscription = subscribed(
        in_force(
            {
                "kafka.topic": topic,
                "kafka.servers": bootstrap_servers,
                "kafka.group": group,
                "kafka.batch_bytes": batch_bytes,
                "kafka.batch_seconds": batch_interval,
                "kafka.dead_letter_topic": dead_letter_topic,
            }
        ).kafka
    )
    with _logged(), _until_signalled() as stopping, Engine.open(store) as engine:
        done = engine.consume(subscription, until_caught_up=until_caught_up, stopping=stopping)
    if json:
        show_json_line(_numbers(done))
    else:
        _tell(subscription.topic, done)


def subscribed(kafka: Kafka) -> Subscription:
    """Return what the settings say that is to be read.

    Raises:
        UsageError: they name no topic or no broker, or the topic twice.
    """
    if kafka.topic is None:
        raise UsageError(f"No topic is named. Give --topic, or set {variable_of('kafka.topic')}.")
    if not kafka.servers:
        raise UsageError(
            f"No broker is named. Give --bootstrap-servers HOST:PORT, or set "
            f"{variable_of('kafka.servers')}."
        )
    if kafka.dead_letter_topic == kafka.topic:
        raise UsageError(
            "--dead-letter-topic is the topic itself: it would never be read to its end."
        )
    return Subscription(
        kafka.topic,
        kafka.servers,
        kafka.group,
        kafka,
        kafka.batch_bytes,
        kafka.batch_seconds,
        kafka.dead_letter_topic,
    )


@contextmanager
def _until_signalled() -> Iterator[Callable[[], bool]]:
    """Let the first SIGTERM or Ctrl-C ask for an orderly end, and the next one end at once.

    Yields:
        Whether to stop.
    """
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)
        restore()

    for number in before:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    finally:
        restore()


@contextmanager
def _logged() -> Iterator[None]:
    """Log to standard error while the worker runs; of the Kafka client only what it calls an error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = {"identity_engine": logging.INFO, "kafka": logging.ERROR}
    for name, level in loggers.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name in loggers:
            logging.getLogger(name).removeHandler(handler)


def _numbers(done: "Consumed") -> dict[str, Any]:
    # Not by asdict: it cannot copy a Counter.
    numbers = {name: getattr(done, name) for name in done.__slots__}
    summary = numbers.pop("summary")
    counted = {name: getattr(summary, name) for name in summary.__slots__ if name != "resumed_at"}
    return counted | numbers


def _tell(topic: str, done: "Consumed") -> None:
    summary = done.summary
    show(
        f"{topic}: {summary.read} read, {summary.accepted} accepted, "
        f"{summary.duplicates} known before, {summary.rejected} rejected."
    )
    if summary.faults:
        listed = ", ".join(f"{code} {count}" for code, count in sorted(summary.faults.items()))
        show(f"  Rejected for: {listed}. See: identity-engine dead-letters list")
    if done.fenced:
        show(f"  {done.fenced} batches were left to another worker, which was faster.")
    if done.missed:
        show(f"  {done.missed} messages were gone before they were read: keep them longer.")
    show_table(
        ("partition", "position", "end", "lag"),
        [(one.partition, one.position, one.end, one.lag) for one in done.partitions],
        none="No partition was given to this worker.",
    )
