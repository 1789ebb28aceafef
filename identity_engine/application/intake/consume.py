"""From a topic to durable decisions, for as long as it is wanted.

The life of a worker is a row of sessions. A session begins when the group has dealt out the partitions:
it asks the store how far each is read, and goes on from there until the group deals anew. A batch that
another worker was faster with ends the session, nothing of it written.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from msgspec import Struct, field

from identity_engine.application.intake.preparing import (
    Arrival,
    BatchPreparation,
    IngestSummary,
    LinePosition,
    PreparedBatch,
    PublisherRights,
    Unusable,
)
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.resolve import Portion
from identity_engine.errors import Fenced, NothingDealt, RemoteError, StoreAway
from identity_engine.ingestion.kafka.dead_letter_topic import DeadLetterTopic
from identity_engine.ingestion.kafka.reader import (
    LOOK_SECONDS,
    MessageBatch,
    PartitionLag,
    TopicReader,
)
from identity_engine.observing.logbook import Logbook
from identity_engine.observing.waits import Waits

book = Logbook(__name__)

BURST: Final = 64
"""Batches after which the worker takes breath: the collector of cycles is off while batches follow one
another without a pause."""

PAUSE_SECONDS: Final = 1.0
"""Before another try where the store or the brokers are away."""

REPORT_SECONDS: Final = 10.0

SESSIONS_WITHOUT: Final = 2
"""So many session time-outs long a worker that is to read a topic to its end waits for a partition: a
member that died keeps its own for one, and a leader that first hears of a topic deals it out later."""


class Consumed(Struct):
    """What a worker has done so far.

    `summary` counts messages as an ingest counts lines. `sessions` is how often it began with the
    partitions it was dealt, `fenced` how many of its batches another worker was faster with, `retries`
    how often it waited for the store or the brokers, `missed` how many messages Kafka had deleted
    before they were read. `partitions` are those it had last.
    """

    summary: IngestSummary = field(default_factory=IngestSummary)
    sessions: int = 0
    fenced: int = 0
    retries: int = 0
    missed: int = 0
    partitions: Sequence[PartitionLag] = ()


class _Going(NamedTuple):
    """A batch that is on its way to the disk."""

    batch: MessageBatch
    prepared: PreparedBatch


class Consumption:
    """Feeds the batches of a topic to the resolver, until the reader is to stop.

    Args:
        reader: of the topic.
        topic: where dead letters are published besides, if anywhere.
        preparation: where batches go.
        publishing: says what the publisher may publish now; asked for each batch.
        written: is called after each batch that is on disk, and now and then while waiting.
    """

    def __init__(
        self,
        reader: TopicReader,
        topic: DeadLetterTopic | None,
        preparation: BatchPreparation,
        publishing: Callable[[], PublisherRights],
        written: Callable[[Consumed], object],
    ) -> None:
        self._reader = reader
        self._topic = topic
        self._preparation = preparation
        self._publishing = publishing
        self._written = written
        self._going: deque[_Going] = deque()
        self._trouble: RemoteError | None = None
        self._reported = self._connected = time.monotonic()
        self._has_nothing_since: float | None = None
        self._waits = Waits()
        self.done = Consumed()

    def run(self, *, until_caught_up: bool = False) -> Consumed:
        """Read until the reader is to stop, or until all is read that was there at the beginning.

        Raises:
            RemoteError: the brokers refuse, and waiting would not help.
            NothingDealt: all is to be read, and the group gives this worker nothing to read.
        """
        has_ended = False
        while not (self._reader.stopping() or has_ended):
            try:
                has_ended = self._session(until_caught_up)
            except Fenced as fenced:
                self.done.fenced += 1
                book.warning("fenced", source=fenced.source)
            except StoreAway as failed:
                self._wait("store", failed.code)
            except RemoteError as failed:
                if not failed.may_pass:
                    raise
                self._wait("brokers", failed.reason)
        with suppress(RemoteError):
            self._reader.measure()
        self._report()
        return self.done

    def _session(self, until_caught_up: bool) -> bool:
        """Read our partitions until they are dealt anew; tell whether all is read that was wanted."""
        reader = self._reader
        self._going.clear()
        while not reader.has_partitions:
            if reader.stopping():
                return False
            reader.wait()
            self._notice_brokers()
        reader.begin(self._preparation.store.source_positions())
        self._waits.end("store", "brokers")
        self.done.sessions += 1
        self._report()
        while not (reader.is_over or reader.stopping()):
            for outcomes in self._preparation.resolver.resolve_each(self._burst()):
                self._acknowledge(outcomes)
            if self._trouble is not None:
                trouble, self._trouble = self._trouble, None
                raise trouble
            if until_caught_up:
                if reader.is_caught_up:
                    return True
                self._refuse_nothing()
            self._notice_brokers()
            self._report_when_due()
        return False

    def _refuse_nothing(self) -> None:
        """Make sure that the group gives us something to read, in the end."""
        if not self._reader.has_nothing:
            self._has_nothing_since = None
            return
        now = time.monotonic()
        if self._has_nothing_since is None:
            self._has_nothing_since = now
        subscription = self._reader.subscription
        patience = SESSIONS_WITHOUT * subscription.settings.session_timeout
        if now - self._has_nothing_since >= patience:
            raise NothingDealt(subscription.topic, subscription.group, patience)

    def _notice_brokers(self) -> None:
        """Tell when no broker is connected: the client goes on asking them without a word."""
        if self._reader.is_connected:
            self._connected = time.monotonic()
            self._waits.end("brokers")
        elif time.monotonic() - self._connected >= PAUSE_SECONDS:
            self._waits.begin("brokers", "unreachable")

    def _burst(self) -> Iterator[Portion]:
        """Yield batches as long as they follow one another without a pause.

        It ends by itself, so that the last one is acknowledged, and where the brokers fail: what is on
        its way to the disk gets there first.
        """
        patience = LOOK_SECONDS
        for _ in range(BURST):
            try:
                batch = self._reader.next_batch(patience)
                if batch is None:
                    return
                prepared = self._prepare(batch)
            except RemoteError as failed:
                self._trouble = failed
                return
            self._going.append(_Going(batch, prepared))
            yield prepared.portion
            patience = self._reader.subscription.batch_seconds

    def _prepare(self, batch: MessageBatch) -> PreparedBatch:
        now = self._preparation.world.now()
        read = batch.read(now=now)
        arrived = Arrival(
            [one.line for one in read],
            [one.decoded for one in read],
            [LinePosition(*place) for place in batch.places],
            batch.sources,
        )
        topic = self._topic
        if topic is None:
            return self._preparation.prepare(arrived, self._publishing(), now)

        def publish(unusable: Unusable) -> None:
            rejected = [
                (batch.messages[index], batch.places[index][0], one) for index, one in unusable
            ]
            topic.publish(rejected, now)

        topic.begin_batch()
        return self._preparation.prepare(arrived, self._publishing(), now, publish)

    def _acknowledge(self, outcomes: Sequence[Outcome]) -> None:
        batch, prepared = self._going.popleft()
        prepared.add_to(self.done.summary, outcomes)
        self._reader.note_stored(batch)
        self._reader.hint(batch)
        self._written(self.done)
        self._report_when_due()

    def _wait(self, on: str, code: str) -> None:
        self.done.retries += 1
        self._waits.begin(on, code)
        self._pause()

    def _pause(self) -> None:
        """Wait before another try; the group must hear of us meanwhile."""
        until = time.monotonic() + PAUSE_SECONDS
        while time.monotonic() < until and not self._reader.stopping():
            with suppress(RemoteError):
                self._reader.wait()
                if self._is_report_due:
                    self._measure()

    def _report_when_due(self) -> None:
        if self._is_report_due:
            self._report()
            self._written(self.done)

    @property
    def _is_report_due(self) -> bool:
        return time.monotonic() - self._reported >= REPORT_SECONDS

    def _measure(self) -> None:
        """Say how far behind we fall while nothing can be read."""
        self._reported = time.monotonic()  # also where it fails: it may have taken its time
        self._reader.measure()
        self._report()

    def _report(self) -> None:
        self._reported = time.monotonic()
        self.done.missed = self._reader.missed
        self.done.partitions = self._reader.lags()
        for one in self.done.partitions:
            book.info(
                "partition_read",
                topic=one.topic,
                partition=one.partition,
                position=one.position,
                end=one.end,
                lag=one.lag,
            )
