"""A relay in a process of its own, which tells how much it has sent and may die at a named point.

    python -m tests.support.kafka.relaying STORE SERVER TOPIC PROFILE_TOPIC [POINT]

It writes `told N` once N records are with the brokers and the position has moved, and at its end its
numbers as JSON. It reads few events at once, so that there is much to interrupt.
"""

import sys
from collections.abc import Callable

import orjson

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.cli.long_running import until_signalled
from identity_engine.cli.publish import _numbers
from identity_engine.observing.logbook import logged
from identity_engine.publication import lanes
from identity_engine.publication.kafka import TopicWriter
from identity_engine.publication.relay import Published
from identity_engine.settings.publication import Publication
from tests.support.child import after, die, later, nothing, say
from tests.support.kafka.child import on_call, stop
from tests.support.kafka.workers import Child

MODULE = "tests.support.kafka.relaying"
FEW = 50


def sent_and_not_moved(engine: Engine) -> None:
    """Behind the acknowledgement of the brokers and before the position moves."""
    TopicWriter.publish = after(TopicWriter.publish, 3)  # type: ignore[method-assign]


def half_sent(engine: Engine) -> None:
    """While a batch is on its way."""
    send = TopicWriter._write

    def send_half(self: TopicWriter, topic: str, records: list, futures: list) -> None:  # type: ignore[type-arg]
        self._producer.begin_transaction()
        for one in records[: len(records) // 2 + 1]:
            headers = list(one.headers)
            self._producer.send(topic, key=one.key.encode(), value=one.value, headers=headers)
        self._producer.flush(20)
        die()

    TopicWriter._write = send  # type: ignore[method-assign]
    calls: list[int] = []

    def third(self: TopicWriter, topic: str, records: list, futures: list) -> None:  # type: ignore[type-arg]
        calls.append(1)
        (send_half if len(calls) == 3 else send)(self, topic, records, futures)

    TopicWriter._write = third  # type: ignore[method-assign]


def stopped_before_it_sends(engine: Engine) -> None:
    """It hangs with a batch in hand, and may wake up later."""
    TopicWriter._write = on_call(3, stop, TopicWriter._write)  # type: ignore[method-assign]


def moved_and_not_told(engine: Engine) -> None:
    """Just behind the commit of the position."""
    engine.store.log.after_commit = after(nothing, 3)  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Engine], None]] = {
    point.__name__: point
    for point in (sent_and_not_moved, half_sent, stopped_before_it_sends, moved_and_not_told)
}
DEADLY = [name for name in POINTS if not name.startswith("stopped")]


class Relaying(Child):
    """A relay in a process of its own."""

    def __init__(self, store: object, publication: Publication, *words: str) -> None:
        (server,) = publication.servers
        topics = (publication.topic, publication.profile_topic or "")
        super().__init__(MODULE, str(store), server, *topics, *words)


def main(store: str, server: str, topic: str, profile_topic: str, *words: str) -> None:
    """Publish until a signal, or with `--once` up to the head."""
    publication = Publication(topic, (server,), profile_topic or None)
    lanes.BATCH = FEW  # type: ignore[misc]

    def tell(done: Published) -> None:
        say(f"told {sum(one.records for one in done.topics)}")

    with (
        logged("publish", lasting=True),
        until_signalled() as stopping,
        Engine.open(store, World(now=later)) as engine,
    ):
        for word in words:
            if word in POINTS:
                POINTS[word](engine)
        say("ready 1")
        done = engine.desk.publishing.run(
            publication, stopping=stopping, once="--once" in words, progress=tell
        )
    say(orjson.dumps(_numbers(done)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
