"""The topic where messages go that cannot be used: as they came, with the reasons in headers.

They also lie in the dead letters beside the store. The topic is for those who look at Kafka first, and
for driving them again by consuming it: key, value and headers are those of the original.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import orjson
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from identity_engine.adapters.kafka_client import (
    MILLISECONDS,
    connection,
    errors_as_ours,
    open_client,
)
from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.kafka.messages import Message
from identity_engine.settings.kafka import Subscription

PREFIX: Final = "identity_engine_"
STREAM: Final = re.compile(rb"kafka:[A-Za-z0-9._:-]{1,400}")
OFFSET: Final = re.compile(rb"\d{1,18}")
DELIVERY_SECONDS: Final = 10.0
MOST_BYTES: Final = 128 * 1024 * 1024
"""Of one message here, more than can be read; the broker has a limit of its own, and it decides."""


class DeadLetterTopic:
    """Publishes rejected messages; each is with the broker when `publish` returns.

    A batch that is decided again publishes nothing twice; after a crash between the broker and the
    store a message may be there twice, with the same place in its headers.
    """

    def __init__(self, topic: str, subscription: Subscription) -> None:
        self._topic = topic
        self._published: set[tuple[str, int, int]] = set()
        self._producer = open_client(
            KafkaProducer,
            **connection(subscription.servers, subscription.settings)
            | {"request_timeout_ms": round(DELIVERY_SECONDS * MILLISECONDS / 2)},
            max_block_ms=round(DELIVERY_SECONDS * MILLISECONDS),
            delivery_timeout_ms=round(DELIVERY_SECONDS * MILLISECONDS),
            max_request_size=MOST_BYTES,
            allow_auto_create_topics=False,
        )

    def begin_batch(self) -> None:
        """Forget what was published of the batch before."""
        self._published.clear()

    def publish(self, rejected: Sequence[tuple[Message, str, Rejected]], now: datetime) -> None:
        """Publish messages with their faults and where they stood, and wait for the broker.

        One that the broker finds too large with its headers is left out: it is kept beside the store
        all the same.

        Args:
            rejected: each message, the name that its partition has in the store, and its faults.
            now: aware UTC.

        Raises:
            RemoteError: the broker did not take them.
        """
        fresh = [one for one in rejected if _place(one[0]) not in self._published]
        with errors_as_ours():
            for future in [self._send(*one, now) for one in fresh]:
                with suppress(MessageSizeTooLargeError, RecordListTooLargeError):
                    future.get(DELIVERY_SECONDS)
        self._published.update(_place(message) for message, _, _ in fresh)

    def close(self) -> None:
        """Close the connection."""
        self._producer.close(timeout=DELIVERY_SECONDS)

    def _send(self, message: Message, source: str, rejected: Rejected, now: datetime) -> Any:
        own = {
            "source": source.encode(),
            "topic": message.topic.encode(),
            "partition": str(message.partition).encode(),
            "offset": str(message.offset).encode(),
            "rejected_at": now.isoformat().encode(),
            "faults": orjson.dumps([[f.code, f.message, f.pointer] for f in rejected.faults]),
        }
        as_came = [
            (name, text or b"")  # the client sends no header without a text
            for name, text in message.headers
            if not name.startswith(PREFIX)
        ]
        return self._producer.send(
            self._topic,
            key=message.key,
            # The client refuses a message that has neither key nor value.
            value=b"" if message.value is None and message.key is None else message.value,
            headers=[*as_came, *((f"{PREFIX}{name}", text) for name, text in own.items())],
        )


def stood_at(message: Message) -> tuple[str, int] | None:
    """Return where a message of the topic of dead letters stood before: the name that its partition has
    in the store, and its offset. None where its headers do not say so."""
    said = dict(message.headers)
    source, offset = said.get(f"{PREFIX}source") or b"", said.get(f"{PREFIX}offset") or b""
    if STREAM.fullmatch(source) and OFFSET.fullmatch(offset):
        return source.decode(), int(offset)
    return None


def _place(message: Message) -> tuple[str, int, int]:
    return message.topic, message.partition, message.offset
