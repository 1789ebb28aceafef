"""A worker process that stops or dies at a named point: otherwise `identity-engine projections run`.

    python -m tests.support.projection_child STORE POINT

It writes the point's name once it is there.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from identity_engine.cli.main import run
from projections.runner import Views
from tests.support.child import die, say


def stop() -> None:
    """Stop as a paused machine does, until somebody says go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def read_and_not_moved(end: Callable[[], None]) -> None:
    """Events are read, and the position does not move yet."""
    feed = Views.feed

    def feed_later(self: Views, events: Any, **named: Any) -> None:
        if events:
            Views.feed = feed  # type: ignore[method-assign]
            say("read")
            end()
        feed(self, events, **named)

    Views.feed = feed_later  # type: ignore[method-assign]


def moved_and_not_committed(end: Callable[[], None]) -> None:
    """The position and the rows of a view are written, and not committed."""
    apply = Views._apply

    def apply_and_end(self: Views, *arguments: Any) -> None:
        apply(self, *arguments)
        Views._apply = apply  # type: ignore[method-assign]
        say("moved")
        end()

    Views._apply = apply_and_end  # type: ignore[method-assign]


POINTS: dict[str, Callable[[], None]] = {
    "stops_after_reading": lambda: read_and_not_moved(stop),
    "stops_before_commit": lambda: moved_and_not_committed(stop),
    "dies_after_reading": lambda: read_and_not_moved(die),
    "dies_before_commit": lambda: moved_and_not_committed(die),
}


def main(store: str, point: str = "") -> None:
    """Follow until a signal."""
    if point:
        POINTS[point]()
    sys.exit(run(["projections", "run", "--store", store, "--json"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
