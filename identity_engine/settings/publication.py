"""What is published where, and how to reach it. Nothing here needs a Kafka client."""

import re
from typing import Final

from msgspec import Struct, field

from identity_engine.settings.kafka import KafkaSettings

SOURCE: Final = "/identity-engine"
TOPIC_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Publication(Struct, frozen=True):
    """Two topics of one cluster.

    Args:
        topic: where events go.
        servers: brokers to ask first, each HOST:PORT.
        profile_topic: where the latest profile of each contact goes; None: nowhere. It holds personal
            values, which is what it is for.
        settings: security and time-outs.
        values: fields, and types of identifiers, whose values may stand in events; none by default.
        source: the `ce_source` of all records. Stores that share a topic need one each.
    """

    topic: str
    servers: tuple[str, ...]
    profile_topic: str | None = None
    settings: KafkaSettings = field(default_factory=KafkaSettings)
    values: frozenset[str] = frozenset()
    source: str = SOURCE

    @property
    def shows_people(self) -> bool:
        """Tell whether values of people are published."""
        return self.profile_topic is not None or bool(self.values)

    def cleanup_of(self, topic: str) -> str:
        """Return the `cleanup.policy` of a topic: events stay until they are read, and of profiles the
        latest one of each contact."""
        return "compact" if topic == self.profile_topic else "delete"

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that is written to."""
        return (self.topic, *([self.profile_topic] if self.profile_topic is not None else []))
