"""The verb consume: a worker that takes interactions from a Kafka topic."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.adapters.kafka_reach import refuse_unreached
from identity_engine.cli.long_running import MonitorAt, at_work
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import show, show_json_line, show_table
from identity_engine.errors import UsageError
from identity_engine.settings import in_force
from identity_engine.settings.kafka import Subscription
from identity_engine.settings.model import Kafka, variable_of

if TYPE_CHECKING:
    from identity_engine.application.intake.consume import Consumed


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
    monitor: MonitorAt = None,
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
    settings = in_force(
        {
            "kafka.topic": topic,
            "kafka.servers": bootstrap_servers,
            "kafka.group": group,
            "kafka.batch_bytes": batch_bytes,
            "kafka.batch_seconds": batch_interval,
            "kafka.dead_letter_topic": dead_letter_topic,
            "monitor.address": monitor,
        }
    )
    if dead_letter_topic is not None and dead_letter_topic == settings.kafka.topic:
        raise UsageError(
            "--dead-letter-topic is the topic itself: it would never be read to its end."
        )
    subscription = subscribed(settings.kafka)
    needs = {"brokers": partial(refuse_unreached, subscription)}
    with at_work("consume", store, settings.monitor, needs, make=True) as (engine, stopping):
        done = engine.consume(subscription, until_caught_up=until_caught_up, stopping=stopping)
    if json:
        show_json_line(_numbers(done))
    else:
        _tell(subscription.topic, done)


def subscribed(kafka: Kafka) -> Subscription:
    """Return what the settings say that is to be read.

    Raises:
        UsageError: they name no topic or no broker.
    """
    if kafka.topic is None:
        raise UsageError(f"No topic is named. Give --topic, or set {variable_of('kafka.topic')}.")
    if not kafka.servers:
        raise UsageError(
            f"No broker is named. Give --bootstrap-servers HOST:PORT, or set "
            f"{variable_of('kafka.servers')}."
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


def _numbers(done: "Consumed") -> dict[str, Any]:
    numbers = asdict(done)
    counted = asdict(numbers.pop("summary"))
    del counted["resumed_at"]
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
