"""Topics of one test each: made, filled, read, and consumed into a store."""

import itertools
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from identity_engine.settings.kafka import KafkaSettings, Subscription
from tests.support.kafka.broker import Broker, MockCluster

MOST_SECONDS = 60
MOCK_VERSION = "2.3"
"""The mock cluster speaks as much as a broker of this version."""

SESSION, MOCK_SESSION = 2, 10
"""Seconds. The mock lets a first member wait for three, and forgets it if its session is shorter."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """A message to send."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Topics:
    """Makes topics with names of their own on one broker."""

    def __init__(self, broker: Broker | MockCluster) -> None:
        self.broker = broker
        self._options: dict[str, Any] = {"bootstrap_servers": broker.bootstrap}
        if not broker.is_real:
            self._options["api_version"] = tuple(map(int, MOCK_VERSION.split(".")))

    def make(self, partitions: int = 1) -> str:
        """Make a topic; a mock cluster makes it with four partitions when it is first used."""
        name = f"interactions-{os.getpid()}-{next(_numbers)}"
        if self.broker.is_real:
            admin = KafkaAdminClient(**self._options)
            admin.create_topics(
                {name: {"num_partitions": partitions, "replication_factor": 1}},
                wait_for_metadata=True,
            )
            admin.close()
        else:
            self.send(name, [])
        return name

    def make_anew(self, topic: str, partitions: int) -> None:
        """Delete a topic with all that is on it, and make another one of its name."""
        admin = KafkaAdminClient(**self._options)
        try:
            admin.delete_topics([topic])
            made = {"num_partitions": partitions, "replication_factor": 1}
            admin.create_topics({topic: made}, wait_for_metadata=True)
        finally:
            admin.close()

    def send(self, topic: str, messages: Iterable[Sent], **options: Any) -> None:
        """Send messages and wait until the broker has them."""
        producer = KafkaProducer(**self._options, **options)
        try:
            producer.partitions_for(topic)
            futures = [
                producer.send(
                    topic,
                    value=one.value,
                    key=one.key,
                    headers=list(one.headers),
                    partition=self._partition(one),
                )
                for one in messages
            ]
            for future in futures:
                future.get(MOST_SECONDS)
        finally:
            producer.close()

    def _partition(self, one: Sent) -> int | None:
        """Keep messages without a key in order where a mock has more partitions than were wanted."""
        if self.broker.is_real or one.key is not None:
            return one.partition
        return one.partition or 0

    def send_events(self, topic: str, events: Iterable[dict[str, Any]], **options: Any) -> None:
        """Send events in structured mode."""
        self.send(topic, [Sent(orjson.dumps(one)) for one in events], **options)

    def read(self, topic: str, count: int) -> list[Any]:
        """Return so many messages of a topic, from its beginning."""
        consumer = KafkaConsumer(**self._options, auto_offset_reset="earliest")
        try:
            partitions = consumer.partitions_for_topic(topic)
            consumer.assign([TopicPartition(topic, one) for one in partitions])
            found: list[Any] = []
            deadline = time.monotonic() + MOST_SECONDS
            while len(found) < count:
                assert time.monotonic() < deadline, f"only {len(found)} of {count} came"
                for records in consumer.poll(timeout_ms=200).values():
                    found += records
            return found
        finally:
            consumer.close()

    def subscription(self, topic: str, **changed: Any) -> Subscription:
        """Return a subscription for a worker whose silence is noticed soon."""
        settings = KafkaSettings(
            session_timeout=SESSION if self.broker.is_real else MOCK_SESSION,
            request_timeout=10,
            broker_version=None if self.broker.is_real else MOCK_VERSION,
        )
        given = {"group": f"group-of-{topic}", "settings": settings} | changed
        return Subscription(topic, (self.broker.bootstrap,), **given)


def binary(event: dict[str, Any], **changed: Any) -> Sent:
    """An event in binary mode: attributes as headers, its data as value."""
    attributes = {name: value for name, value in event.items() if name != "data"}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    headers.append(("content-type", b"application/json"))
    given = {"value": orjson.dumps(event["data"]), "headers": tuple(headers)} | changed
    return Sent(**given)


def structured(event: dict[str, Any]) -> Sent:
    """An event in structured mode, with the header that says so."""
    return Sent(orjson.dumps(event), headers=(("content-type", b"application/cloudevents+json"),))


def received(store: Any) -> Sequence[tuple[str, str]]:
    """Return (source, id) of every interaction in a store, as often as it is there."""
    return [
        (one.fact.personal.source, one.fact.personal.id)
        for one in store.read(0, 10**9)
        if one.fact.TOPIC == "interaction.received"
    ]
