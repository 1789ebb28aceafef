"""Reading a topic as one member of a consumer group, from positions that the store keeps.

The group only deals out partitions. How far a partition is read stands in the store, written with the
events of the messages: a worker that begins with a partition seeks to it, and each batch names the
position that it went on from, so that a worker that was thought dead cannot write what its successor
has written. What is committed to the group is a hint for those who watch it, never read here.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CorruptRecordError
from msgspec import Struct

from identity_engine.adapters.kafka_client import (
    MILLISECONDS,
    connection,
    errors_as_ours,
    open_client,
)
from identity_engine.errors import ConfigurationError
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.ingestion.kafka.dead_letter_topic import stood_at
from identity_engine.ingestion.kafka.messages import Message, Read, read
from identity_engine.observing.logbook import Logbook
from identity_engine.settings.kafka import Subscription

book = Logbook(__name__)

LOOK_SECONDS: Final = 0.2
"""How long a wait for messages goes on before it is asked again whether to stop."""

WAIT_SECONDS: Final = 0.05
"""How long one wait for partitions, or for better times, goes on."""

MOST_MESSAGES: Final = 1_500
"""In one batch, however small they are: as many as an ingest of a file takes at once."""

FETCH_BYTES: Final = 1024 * 1024
"""Of one partition at once, and the least: a broker gives a larger message whole."""

HEARTBEATS: Final = 5
"""In the time after which a silent worker is given up."""


class PartitionLag(Struct, frozen=True):
    """How far one partition is read: `position` is the next offset that the store waits for, `end` the
    one that the broker will give next, `lag` how many messages are between them at most."""

    topic: str
    partition: int
    position: int
    end: int
    lag: int


class _Partition(Struct):
    """A partition that this worker reads. `stored` is the position that the store has, `taken` the one
    that it will have once all that was taken is written; `end` is where the partition ended when the
    worker began with it, `seen` where it ended when it was measured last."""

    source: str
    stored: int
    taken: int
    end: int
    seen: int


class MessageBatch(Struct, frozen=True):
    """Messages of one topic, in the order of each partition; `sources` say how far each is then read."""

    messages: list[Message]
    sources: tuple[SourcePosition, ...]
    places: list[tuple[str, int]]

    def read(self, *, now: datetime) -> list[Read]:
        """Decode every message, in order; `now` is aware UTC."""
        return [read(message, now=now) for message in self.messages]


class _Dealing(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears what the group deals out, on the client's own thread, so it takes note and no more."""

    def __init__(self, pause: Callable[..., None]) -> None:
        self._pause = pause
        self.dealt: frozenset[TopicPartition] | None = None
        self.times = 0

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        self.dealt = None

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.dealt = frozenset(assigned)
        self.times += 1
        self._pause(*self.dealt)  # until they are sought out in the store


class TopicReader:
    """Reads one topic; used by one thread.

    Args:
        subscription: what is read, and how.
        stopping: whether to come to an end.

    Raises:
        RemoteError: the brokers cannot be reached, or refuse.
        ConfigurationError: there is no such topic, or the settings do not fit.
    """

    def __init__(self, subscription: Subscription, stopping: Callable[[], bool]) -> None:
        self.subscription, self.stopping = subscription, stopping
        self.missed = 0
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._waiting: deque[Message] = deque()
        self._begun = 0
        self._gone: set[TopicPartition] = set()
        settings, topic = self.subscription.settings, self.subscription.topic
        session = round(settings.session_timeout * MILLISECONDS)
        self._consumer = open_client(
            KafkaConsumer,
            **connection(self.subscription.servers, settings),
            group_id=self.subscription.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // HEARTBEATS,
            max_partition_fetch_bytes=max(FETCH_BYTES, self.subscription.batch_bytes),
        )
        self._dealing = _Dealing(self._consumer.pause)
        self._notice_resets()
        wanted = [topic, self.subscription.dead_letter_topic or topic]
        with errors_as_ours():
            # First, so that the client knows the partitions when it joins: those that it hears of
            # afterwards would make it join again at once.
            self._consumer.subscribe([topic], listener=self._dealing)
            missing = [one for one in wanted if not self._consumer.partitions_for_topic(one)]
            if not missing:
                return
        self._consumer.close()
        raise ConfigurationError(f"Kafka has no topic {missing[0]}. Make it first.")

    @property
    def has_partitions(self) -> bool:
        """Tell whether the group has dealt out the partitions, none to us perhaps."""
        return self._dealing.dealt is not None

    @property
    def dealt(self) -> int:
        """How often the group dealt out the partitions."""
        return self._dealing.times

    def wait(self, seconds: float = WAIT_SECONDS) -> None:
        """Stay in the group for a while without reading."""
        with errors_as_ours():
            if dealt := self._dealing.dealt:
                self._consumer.pause(*dealt)
            elif dealt is None:
                self._join_if_forgotten()
            self._consumer.poll(timeout_ms=seconds * MILLISECONDS)
            # What was fetched before the pause is fetched again from where `begin` seeks to.

    def begin(self, known: Mapping[str, int]) -> None:
        """Go on in every partition of ours from where the store is.

        Args:
            known: the positions of all sources.
        """
        self._waiting.clear()
        self._partitions.clear()
        gone, self._gone = self._gone, set()
        dealt = list(self._dealing.dealt or ())
        with errors_as_ours():
            first = self._consumer.beginning_offsets(dealt) if dealt else {}
            ends = self._consumer.end_offsets(dealt) if dealt else {}
            for one in dealt:
                source = source_of(self._consumer, one)
                stored = known.get(source, 0)
                self._partitions[one] = _Partition(source, stored, stored, ends[one], ends[one])
                end = 0 if one in gone else ends[one]
                self._consumer.seek(one, self._start(source, stored, first[one], end))
            self._consumer.resume(*dealt)
        self._begun = self._dealing.times
        book.info("partitions_dealt", topic=self.subscription.topic, count=len(dealt))

    @property
    def is_connected(self) -> bool:
        """Tell whether any broker is connected."""
        # A copy, because the client's own thread connects and drops them.
        return any(one.connected for one in list(self._consumer._manager._conns.values()))

    @property
    def is_over(self) -> bool:
        """Tell whether the partitions were dealt anew since `begin`, or what comes next in one is gone:
        `begin` is then due again."""
        dealing = self._dealing
        return bool(self._gone) or dealing.dealt is None or dealing.times != self._begun

    @property
    def has_nothing(self) -> bool:
        """Tell whether the group dealt us no partition at `begin`."""
        return not self._partitions

    @property
    def is_caught_up(self) -> bool:
        """Tell whether all is read that was there at `begin`. What had arrived when the partitions were
        dealt anew is not: it is dropped, to be read again. Who is dealt nothing cannot tell."""
        return not (self._waiting or self.is_over or self.has_nothing) and all(
            self._fetched(one) >= partition.end for one, partition in self._partitions.items()
        )

    def next_batch(self, patience: float) -> MessageBatch | None:
        """Return what arrives next, None if nothing does, or not for us any more.

        A batch ends with its bytes, or with the time since its first message, or when it is time to
        stop: what has arrived by then is still returned.

        Args:
            patience: how many seconds to wait for its first message.
        """
        taken: list[Message] = []
        size, deadline = 0, time.monotonic() + patience
        while size < self.subscription.batch_bytes and len(taken) < MOST_MESSAGES:
            if not self._waiting:
                if (left := deadline - time.monotonic()) < 0 or self.stopping():
                    break
                self._fetch(min(left, LOOK_SECONDS))
                if self._gone and taken:
                    break  # they may be gone too
                if self.is_over:
                    return None
                continue
            if not taken:
                deadline = time.monotonic() + self.subscription.batch_seconds
            elif self.stopping():
                break
            message = self._waiting.popleft()
            taken.append(message)
            size += len(message.value or b"")
        return self._batch(taken) if taken else None

    def note_stored(self, batch: MessageBatch) -> None:
        """Note that a batch is on disk."""
        reached = {source.source: source.position for source in batch.sources}
        for partition in self._partitions.values():
            partition.stored = reached.get(partition.source, partition.stored)

    def measure(self) -> None:
        """Ask the brokers where our partitions end, which nobody tells who does not read on."""
        if not (self._partitions and self.is_connected):
            return
        with errors_as_ours():
            for one, end in self._consumer.end_offsets(list(self._partitions)).items():
                self._partitions[one].seen = end

    def hint(self, batch: MessageBatch) -> None:
        """Tell the group how far we are; nobody waits for it, and a refusal changes nothing."""
        with errors_as_ours():
            self._consumer.commit_async(
                {
                    one: OffsetAndMetadata(source.position, "", -1)
                    for source in batch.sources
                    for one, partition in self._partitions.items()
                    if partition.source == source.source
                },
                callback=_note_refusal,
            )

    def lags(self) -> list[PartitionLag]:
        """Say how far each partition of ours is read."""
        behind = {one.partition for one in self._waiting}
        told = []
        for (topic, number), partition in sorted(self._partitions.items()):
            one = TopicPartition(topic, number)
            if one not in self._consumer.assignment():
                continue
            end = max(self._consumer.highwater(one) or 0, partition.seen)
            is_all_stored = partition.stored == partition.taken and number not in behind
            # Markers of transactions take offsets and are no messages: the client is past them.
            done = self._fetched(one) if is_all_stored and not self.is_over else partition.stored
            told.append(PartitionLag(topic, number, partition.stored, end, max(0, end - done)))
        return told

    def close(self) -> None:
        """Leave the group, so that others get our partitions at once."""
        self._consumer.close()

    def _notice_resets(self) -> None:
        """Let no partition go on elsewhere unnoticed: what is gone is counted by `begin`."""
        subscription = self._consumer._subscription
        reset = subscription.request_offset_reset

        def noticed(one: TopicPartition, *how: object) -> None:  # on the client's own thread
            self._gone.add(one)
            reset(one, *how)

        subscription.request_offset_reset = noticed

    def _join_if_forgotten(self) -> None:
        """Let the client go on with a join that it has forgotten.

        One that it began because the topic has other partitions than before is due until it leads the
        group and deals those out, which is before the group has answered. A poll that ends in between
        leaves the join where it is, and none after it takes it up again: no partitions, no heartbeats.
        """
        coordinator = self._consumer._coordinator
        if coordinator.rejoining and not coordinator.need_rejoin():
            coordinator.request_rejoin()

    def _fetch(self, seconds: float) -> None:
        with errors_as_ours():
            try:
                self._poll(seconds)
            except CorruptRecordError:
                self._step_over()
        if self.is_over:
            self._waiting.clear()

    def _poll(self, seconds: float) -> None:
        arrived = self._consumer.poll(timeout_ms=seconds * MILLISECONDS)
        for records in arrived.values():
            for one in records:
                message = one.topic, one.partition, one.offset, one.key, one.value, one.headers
                self._waiting.append(Message(*message))

    def _step_over(self) -> None:
        """Go on behind a message that the client cannot read, with nothing of it but its place.

        The client would ask itself for the same message for ever, so it is made to forget what it has
        of that partition. What stands behind the message in the same batch cannot be read either and
        comes here in its turn.
        """
        unread = self._consumer._fetcher._next_partition_records
        if unread is None:
            raise CorruptRecordError
        one, offset = unread.topic_partition, unread.next_fetch_offset
        unread.drain()
        self._consumer.seek(one, offset + 1)
        book.error("message_unreadable", topic=one.topic, partition=one.partition, position=offset)
        self._waiting.append(
            Message(one.topic, one.partition, offset, None, None, (), is_readable=False)
        )

    def _fetched(self, one: TopicPartition) -> int:
        """Return the offset that the client will ask for next."""
        with errors_as_ours():
            return self._consumer.position(one, timeout_ms=0) or 0

    def _batch(self, taken: list[Message]) -> MessageBatch:
        reached = {TopicPartition(one.topic, one.partition): one.offset + 1 for one in taken}
        sources = []
        for one, position in reached.items():
            partition = self._partitions[one]
            sources.append(SourcePosition(partition.source, position, partition.taken))
            partition.taken = position
        return MessageBatch(taken, tuple(sources), [self._place(one) for one in taken])

    def _place(self, one: Message) -> tuple[str, int]:
        """Return under which place a message is kept if it cannot be used: of one that is driven again,
        where it stood at first, so that it is not kept twice."""
        stood = stood_at(one) if self.subscription.drives_again else None
        return stood or (self._source(one), one.offset)

    def _source(self, one: Message) -> str:
        return self._partitions[TopicPartition(one.topic, one.partition)].source

    def _start(self, source: str, stored: int, first: int, end: int) -> int:
        if 0 < stored < first:
            self.missed += first - stored
            book.error("messages_missed", source=source, count=first - stored)
        elif stored > end:
            book.error("end_lost", source=source)
            return first
        return max(stored, first)


def source_of(consumer: KafkaConsumer, one: TopicPartition) -> str:
    """Name a partition for the store. The id that the broker gave the topic belongs to it: a topic
    that was made anew under an old name, or one of another cluster, begins at its beginning."""
    topic_id = consumer._cluster.topic_id(one.topic)
    made = f":{topic_id}" if topic_id is not None else ""
    return f"kafka:{one.topic}:{one.partition}{made}"


def _note_refusal(_: object, answer: object) -> None:
    if isinstance(answer, Exception):
        book.debug("hint_refused", error=type(answer).__name__)
