"""How a topic stands: its partitions, where each ends, and how far the store has read them."""

from collections.abc import Mapping

from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from identity_engine.adapters.kafka_client import connection, errors_as_ours, open_client
from identity_engine.ingestion.kafka.reader import source_of
from identity_engine.settings.kafka import Subscription


class PartitionState(Struct, frozen=True):
    """`first` is the oldest offset that the broker still has, `end` the one that it gives next, and
    `position` the one that the store waits for."""

    partition: int
    first: int
    end: int
    position: int

    @property
    def lag(self) -> int:
        """How many messages are not read yet, at most."""
        return max(0, self.end - max(self.position, self.first))

    @property
    def missed(self) -> int:
        """How many messages are gone that were not read."""
        return max(0, self.first - self.position) if self.position else 0


def topic_state(subscription: Subscription, known: Mapping[str, int]) -> list[PartitionState]:
    """Return how each partition of a topic stands; none if there is no such topic.

    Args:
        subscription: the topic; its group is not joined.
        known: the positions of all sources, as the store has them.

    Raises:
        RemoteError: the brokers cannot be reached, or refuse.
        ConfigurationError: the settings do not fit them.
    """
    consumer = open_client(
        KafkaConsumer,
        **connection(subscription.servers, subscription.settings),
        allow_auto_create_topics=False,
        enable_auto_commit=False,
    )
    try:
        with errors_as_ours():
            found = consumer.partitions_for_topic(subscription.topic) or ()
            wanted = [TopicPartition(subscription.topic, number) for number in sorted(found)]
            first = consumer.beginning_offsets(wanted) if wanted else {}
            end = consumer.end_offsets(wanted) if wanted else {}
            return [
                PartitionState(
                    one.partition, first[one], end[one], known.get(source_of(consumer, one), 0)
                )
                for one in wanted
            ]
    finally:
        consumer.close()
