"""Reads what was published as a subscriber does: each topic from its beginning to its present end."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from kafka import KafkaConsumer, TopicPartition

MOST_SECONDS = 60


class Heard(NamedTuple):
    """One record, decoded."""

    partition: int
    offset: int
    key: str
    told: Any
    headers: dict[str, str]

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.headers["ce_id"]

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.headers["ce_type"]


def read_all(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[Heard]:
    """Return every record of a topic, in the order of each partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level=isolation
    )
    try:
        wanted = [TopicPartition(topic, one) for one in consumer.partitions_for_topic(topic) or ()]
        assert wanted, f"there is no topic {topic}"
        ends = _ends(bootstrap, wanted)
        consumer.assign(wanted)
        heard: list[Heard] = []
        deadline = time.monotonic() + MOST_SECONDS
        while any(consumer.position(one) < ends[one] for one in wanted):
            assert time.monotonic() < deadline, f"{topic} was not read to its end"
            for records in consumer.poll(timeout_ms=200).values():
                heard += [_heard(one) for one in records]
        return heard
    finally:
        consumer.close()


def _ends(bootstrap: str, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Return where partitions end, with what is committed and not yet marked so: a broker does that a
    moment after it has said that the transaction is done."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_uncommitted")
    try:
        ends: dict[TopicPartition, int] = consumer.end_offsets(wanted)
        return ends
    finally:
        consumer.close()


def last_of_each(heard: Sequence[Heard]) -> dict[str, Any]:
    """Return what compaction leaves: the last value of each key, None for a tombstone."""
    return {one.key: one.told for one in heard}


def _heard(one: Any) -> Heard:
    headers = {name: text.decode() for name, text in one.headers}
    told = orjson.loads(one.value) if one.value is not None else None
    return Heard(one.partition, one.offset, one.key.decode(), told, headers)
