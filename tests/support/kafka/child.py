"""A worker in a process of its own, which tells what it does and may die or stop at a named point.

    python -m tests.support.kafka.child STORE SUBSCRIPTION [POINT] [--until-caught-up]

SUBSCRIPTION is JSON. It writes `dealt N` when it begins with N partitions, `fetched N` while N messages
are in hand, `written N` once N are on the disk, `retries N` when it waits for the Nth time for the
database or the broker, and at its end its numbers as JSON.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.application.intake.consume import Consumption
from identity_engine.application.resolution import resolve
from identity_engine.cli.consume import _numbers
from identity_engine.cli.long_running import until_signalled
from identity_engine.ingestion.kafka.reader import TopicReader
from identity_engine.observing.logbook import logged
from identity_engine.settings.kafka import KafkaSettings, Subscription
from tests.support.child import die, later, say

Point = Callable[[Engine], None]


def stop(*_: object) -> None:
    """Stop this process as a machine that hangs would, until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def on_call(number: int, do: Callable[..., None], call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, before whose call of this number something is done."""
    made: list[int] = []

    def called(*given: Any, **named: Any) -> Any:
        made.append(1)
        if len(made) == number:
            do()
        return call(*given, **named)

    return called


def decided_and_not_written(engine: Engine) -> None:
    """Between the decisions of a batch and its transaction."""
    resolve._announce = on_call(2, die, resolve._announce)


def decided_and_not_written_stopped(engine: Engine) -> None:
    """The same, but it hangs there and may wake up later."""
    resolve._announce = on_call(2, stop, resolve._announce)


def written_and_not_committed(engine: Engine) -> None:
    """Just before COMMIT."""
    engine.store._before_commit = on_call(2, die, lambda: None)


def committed_and_not_told(engine: Engine) -> None:
    """Behind COMMIT and before the group hears of it."""
    TopicReader.hint = on_call(2, die, TopicReader.hint)  # type: ignore[method-assign]


POINTS: dict[str, Point] = {
    point.__name__: point
    for point in (
        decided_and_not_written,
        decided_and_not_written_stopped,
        written_and_not_committed,
        committed_and_not_told,
    )
}


def main(store: str, given: str, *words: str) -> None:
    """Consume until a signal, or until all is read that was there."""
    document = orjson.loads(given)
    settings = KafkaSettings.model_validate(document.pop("settings"))
    servers = tuple(document.pop("servers"))
    subscription = Subscription(servers=servers, settings=settings, **document)
    _talkative()
    with (
        logged("consume", lasting=True),
        until_signalled() as stopping,
        Engine.open(store, World(now=later)) as engine,
    ):
        for word in words:
            if word in POINTS:
                POINTS[word](engine)
        done = engine.consume(
            subscription,
            stopping=stopping,
            until_caught_up="--until-caught-up" in words,
            progress=lambda done: say(f"written {done.summary.read}"),
        )
    say(msgspec.json.encode(_numbers(done)).decode())


def _talkative() -> None:
    begin, fetch = TopicReader.begin, TopicReader._fetch

    def begin_and_tell(self: TopicReader, known: Any) -> None:
        begin(self, known)
        say(f"dealt {len(self._partitions)}")

    def fetch_and_tell(self: TopicReader, seconds: float) -> None:
        fetch(self, seconds)
        if self._waiting:
            say(f"fetched {len(self._waiting)}")

    pause = Consumption._pause

    def pause_and_tell(self: Consumption) -> None:
        say(f"retries {self.done.retries}")
        pause(self)

    Consumption._pause = pause_and_tell  # type: ignore[method-assign]
    TopicReader.begin = begin_and_tell  # type: ignore[method-assign]
    TopicReader._fetch = fetch_and_tell  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
