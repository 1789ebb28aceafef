"""Writing to topics, a batch at a time: it is there as a whole before the position in the log moves.

A batch is one transaction of Kafka. That is not for readers, who may see repeats in any case; it is what
fences a relay that hung: its late records are refused once another one has begun, so an older profile
never comes behind a newer one.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaProducer, errors

from identity_engine.adapters.kafka_client import (
    MILLISECONDS,
    connection,
    errors_as_ours,
    open_client,
)
from identity_engine.adapters.kafka_reach import SYSTEM
from identity_engine.errors import ConfigurationError, Fenced, RemoteError
from identity_engine.publication.cloud_events import Record
from identity_engine.publication.kafka_topics import ids_of_topics, prepare_topics
from identity_engine.settings.publication import Publication

DELIVERY_SECONDS: Final = 20.0
TRANSACTION_SECONDS: Final = 30.0
"""After which the brokers give up the batch of a relay that died; until then, or until the next relay
begins, readers of committed records wait."""

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of one record here, more than there can be; the topic has a limit of its own, and it decides."""

FENCED: Final = (errors.ProducerFencedError, errors.InvalidProducerEpochError)
LOST: Final = (
    errors.InvalidProducerIdMappingError,
    errors.InvalidTxnStateError,
    errors.OutOfOrderSequenceNumberError,
    errors.UnknownProducerIdError,
)
"""The brokers know no more of our transaction: another writer begins another one."""
TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class TopicWriter:
    """Writes to the topics of a publication; used by one thread.

    Raises:
        RemoteError: the brokers cannot be reached, or refuse.
        ConfigurationError: a topic is not there and may not be made, or is not what it should be.
    """

    def __init__(self, publication: Publication) -> None:
        options = connection(publication.servers, publication.settings)
        self._publication, self._options = publication, options
        self.topic_ids = prepare_topics(publication, options)
        self._reached: dict[Any, int] = {}
        self._producer = open_client(
            KafkaProducer,
            **options | {"request_timeout_ms": round(DELIVERY_SECONDS * MILLISECONDS / 2)},
            acks="all",
            enable_idempotence=True,
            transactional_id=f"identity-engine {publication.source} {publication.topic}",
            transaction_timeout_ms=round(TRANSACTION_SECONDS * MILLISECONDS),
            delivery_timeout_ms=round(DELIVERY_SECONDS * MILLISECONDS),
            max_block_ms=round(DELIVERY_SECONDS * MILLISECONDS),
            max_request_size=MOST_BYTES,
            linger_ms=0,
            allow_auto_create_topics=False,
        )
        try:
            with errors_as_ours():
                self._producer.init_transactions()
        except BaseException:
            self.close()
            raise

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Write records in their order; they are with the brokers when this returns.

        After an error the writer is of no use any more: open another one and publish all again.

        Raises:
            RemoteError: the brokers did not take them in time, or refuse them.
            ConfigurationError: the topic takes no record of that size.
            Fenced: another relay publishes to this topic now.
        """
        if not records:
            return
        futures: list[Any] = []
        try:
            with errors_as_ours():
                self._write(topic, records, futures)
        except RemoteError as failed:
            if isinstance(failed.__cause__, FENCED):
                raise Fenced(f"the publication to {topic}") from failed
            if isinstance(failed.__cause__, LOST):
                raise RemoteError(SYSTEM, "unavailable") from failed
            given_up = [
                record
                for record, future in zip(records, futures, strict=False)
                if future.is_done and isinstance(future.exception, TOO_LARGE)
            ]
            if given_up:  # with the one that is too large those that waited behind it
                largest = max(given_up, key=_size)
                raise ConfigurationError(
                    f"The topic {topic} does not take the record of {largest.key}, which has "
                    f"{_size(largest)} bytes. Raise its max.message.bytes."
                ) from failed
            raise

    def close(self) -> None:
        """Close the connection; what is not committed is given up."""
        sender = self._producer._sender
        sender.force_close()  # else it goes on trying what is given up
        sender.join(DELIVERY_SECONDS)
        with suppress(errors.KafkaError):
            self._producer.close(timeout=0)

    def _write(self, topic: str, records: Sequence[Record], futures: list[Any]) -> None:
        producer, transactions = self._producer, self._producer._transaction_manager
        try:
            producer.begin_transaction()
            for one in records:
                key, headers = one.key.encode(), list(one.headers)
                futures.append(producer.send(topic, key=key, value=one.value, headers=headers))
            # The client commits also without what it gave up, and without what it did not notice yet.
            deadline = time.monotonic() + DELIVERY_SECONDS
            self._note([future.get(max(0.0, deadline - time.monotonic())) for future in futures])
            # As `commit_transaction` does, which waits for ever where the brokers are away.
            committed = transactions.begin_commit()
            producer._sender.wakeup()
            if not committed.wait(timeout_ms=DELIVERY_SECONDS * MILLISECONDS):
                raise errors.KafkaTimeoutError
        except errors.KafkaError as failed:
            # Of an error that came first the client may only say that there was one, or wrap it.
            first = transactions.last_error or failed
            wrapped = next((one for one in first.args if isinstance(one, errors.KafkaError)), first)
            raise wrapped from failed

    def _note(self, there: Sequence[Any]) -> None:
        """Note where records are. Offsets that begin anew are those of another topic under the old
        name, which another writer finds out, so that it is told everything. Where nothing was written
        before, offsets tell nothing, and the brokers are asked which topic it is."""
        reached = dict(self._reached)
        for one in there:
            if 0 <= one.offset <= reached.get(one.topic_partition, -1):
                raise RemoteError(SYSTEM, "unavailable")
            reached[one.topic_partition] = one.offset
        if reached.keys() != self._reached.keys() and self.topic_ids != ids_of_topics(
            self._publication, self._options
        ):
            raise RemoteError(SYSTEM, "unavailable")
        self._reached = reached


def _size(record: Record) -> int:
    return len(record.value or b"")
