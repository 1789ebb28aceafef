"""The verb consume: a worker that takes interactions from a Kafka topic."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from identity_engine.application.engine import Engine
from identity_engine.cli.long_running import logged, until_signalled
from identity_engine.cli.output import Json, Store, read_content, show, show_json_line, show_table
from identity_engine.errors import UsageError
from identity_engine.ingestion.kafka_settings import (
    BATCH_BYTES,
    BATCH_SECONDS,
    KafkaSettings,
    Subscription,
)

if TYPE_CHECKING:
    from identity_engine.application.consume import Consumed


def consume(
    *,
    topic: Annotated[str, Parameter(help="The topic to read.")],
    bootstrap_servers: Annotated[
        str, Parameter(help="Brokers to ask first: HOST:PORT, several with commas between.")
    ],
    group: str = "identity-engine",
    batch_bytes: Annotated[int, Parameter(validator=Number(gte=1, lte=64 * 1024 * 1024))] = (
        BATCH_BYTES
    ),
    batch_interval: Annotated[float, Parameter(validator=Number(gte=0.001, lte=60))] = (
        BATCH_SECONDS
    ),
    dead_letter_topic: str | None = None,
    settings: Path | None = None,
    until_caught_up: Annotated[bool, Parameter(negative="")] = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Link the interactions of a Kafka topic to contacts until SIGTERM or Ctrl-C.

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
    settings
        JSON file with security and time-outs; secrets come from the environment.
    until_caught_up
        End once all is read that was there at the beginning.
    """
    subscription = Subscription(
        topic,
        tuple(filter(None, (one.strip() for one in bootstrap_servers.split(",")))),
        group,
        KafkaSettings.model_validate_json(read_content(settings)) if settings else KafkaSettings(),
        batch_bytes,
        batch_interval,
        dead_letter_topic,
    )
    if not subscription.servers:
        raise UsageError("--bootstrap-servers names no broker. Give HOST:PORT.")
    if dead_letter_topic == topic:
        raise UsageError(
            "--dead-letter-topic is the topic itself: it would never be read to its end."
        )
    with logged(), until_signalled() as stopping, Engine.open(store) as engine:
        done = engine.consume(subscription, until_caught_up=until_caught_up, stopping=stopping)
    if json:
        show_json_line(_numbers(done))
    else:
        _tell(topic, done)


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
