"""The relay: follows the log, which is the outbox, and tells the topics of a cluster what happened.

What is told is with the brokers before the position in the log moves, so a crash repeats and loses
nothing. One relay at a time publishes from a store; another one waits for its turn. The positions are
moved by compare-and-set, and the brokers refuse what a relay sends that was thought dead, so one that
hung does no harm when it wakes up.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final, Protocol

from msgspec import Struct

from identity_engine.errors import Fenced, RemoteError, StoreAway
from identity_engine.event_store.place import LogWatch
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.event_store.store import EventStore
from identity_engine.observing.logbook import Logbook
from identity_engine.observing.waits import Waits
from identity_engine.publication.cloud_events import Record
from identity_engine.publication.lanes import Lane, Portion

book = Logbook(__name__)

LOOK_SECONDS: Final = 0.1
"""Between two looks at whether to stop."""

PAUSE_SECONDS: Final = 1.0
"""Before another try where the store or the brokers are away, or another relay is at work."""

REPORT_SECONDS: Final = 10.0


class Writer(Protocol):
    """Writes records to topics, as `publication.kafka.TopicWriter` does."""

    topic_ids: dict[str, str]

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Write records; they are there when this returns."""

    def close(self) -> None:
        """Close the connection."""


class TopicLag(Struct):
    """How far one topic is told: `position` of `head` events of the log, `lag` still to be told;
    `records` were sent by this relay."""

    topic: str
    position: int = 0
    head: int = 0
    records: int = 0

    @property
    def lag(self) -> int:
        """How many events of the log are still to be told."""
        return max(0, self.head - self.position)


class Published(Struct):
    """What a relay has done so far. `sessions` is how often it began, `fenced` how often another relay
    took its place, `retries` how often it waited for the store, the brokers or its turn."""

    topics: list[TopicLag]
    sessions: int = 0
    fenced: int = 0
    retries: int = 0


class Relay:
    """Publishes until it is to stop.

    Args:
        store: whose log is followed.
        lanes: what each topic is told.
        connect: opens a writer; what it raises is tried again if it may pass.
        stopping: is asked often; a portion that is on its way is still told.
        told: is called after each portion.
    """

    def __init__(
        self,
        store: EventStore,
        lanes: Sequence[Lane],
        connect: Callable[[], Writer],
        stopping: Callable[[], bool],
        told: Callable[[Published], object],
    ) -> None:
        self._store, self._lanes, self._connect = store, lanes, connect
        self._stopping, self._told = stopping, told
        self._reported = time.monotonic()
        self._waits = Waits()
        self.done = Published([TopicLag(lane.topic) for lane in lanes])

    def run(self, *, once: bool = False) -> Published:
        """Publish until it is time to stop, or up to the head of the log.

        Raises:
            RemoteError: the brokers refuse; with `once` also where they are away.
            ConfigurationError: a topic is not what it should be.
            StoreBusy: with `once`, another relay is at work.
        """
        has_ended = False
        while not (has_ended or self._stopping()):
            try:
                with self._store.place.alone("publish", BUSY):
                    has_ended = self._session(once)
            except Fenced as fenced:
                self.done.fenced += 1
                book.warning("fenced", source=fenced.source)
                self._pause()
            except StoreAway as failed:
                if once:
                    raise
                self._put_off("store", failed.code)
            except RemoteError as failed:
                if once or not failed.may_pass:
                    raise
                self._put_off("brokers", failed.reason)
        self._report()
        return self.done

    def _session(self, once: bool) -> bool:
        """Publish with one writer; tell whether everything is told that was wanted."""
        with closing(self._connect()) as writer, closing(self._store.watch()) as watch:
            self._waits.end("store", "brokers")
            known = self._store.source_positions()
            for lag in self.done.topics:
                lag.position = known.get(_source(writer, lag.topic), 0)
            self.done.sessions += 1
            self._report()
            while not self._stopping():
                self._catch_up(writer)
                if once:
                    return not self._stopping()
                self._wait(watch)
        return False

    def _catch_up(self, writer: Writer) -> None:
        """Tell every topic what is new, a portion of each in turn."""
        head = self._store.head()
        waiting = [
            (lag, lane.after(lag.position))
            for lag, lane in zip(self.done.topics, self._lanes, strict=True)
        ]
        for lag in self.done.topics:
            lag.head = max(head, lag.position)
        while waiting and not self._stopping():
            waiting = [(lag, more) for lag, more in waiting if self._tell_some(writer, lag, more)]
            self._report_when_due()

    def _tell_some(self, writer: Writer, lag: TopicLag, portions: Iterator[Portion]) -> bool:
        portion = next(portions, None)
        if portion is None:
            return False
        writer.publish(lag.topic, portion.records)
        lag.records += len(portion.records)
        if portion.reached is not None:
            source = _source(writer, lag.topic)
            moved = SourcePosition(source, portion.reached, moved_from=lag.position)
            self._store.append([], sources=[moved])
            lag.position = portion.reached
            lag.head = max(lag.head, lag.position)
        self._told(self.done)
        return True

    def _wait(self, watch: LogWatch) -> None:
        """Wait until the log moves, or it is time to stop."""
        told = min(lag.position for lag in self.done.topics)
        while not self._stopping() and self._store.head() <= told:
            self._report_when_due()
            watch.wait(LOOK_SECONDS)

    def _put_off(self, on: str, code: str) -> None:
        self.done.retries += 1
        self._waits.begin(on, code)
        self._pause()

    def _pause(self) -> None:
        until = time.monotonic() + PAUSE_SECONDS
        while not self._stopping() and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)

    def _report_when_due(self) -> None:
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        self._reported = time.monotonic()
        for one in self.done.topics:
            book.info("topic_told", topic=one.topic, position=one.position, lag=one.lag)


BUSY: Final = "Another relay publishes from this store."


def _source(writer: Writer, topic: str) -> str:
    """Name a topic among the positions: one that was made anew is another one."""
    return f"published:{topic}:{writer.topic_ids.get(topic, '')}"
