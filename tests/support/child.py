"""A process of its own that ingests a file, says how far it got, and may die at a named point.

    python -m tests.support.child STORE FILE BATCH_SIZE [FAULT]

It writes `ready` once it can start, then after each batch the number of lines acknowledged so far:
a number stands there only after the call that stored the batch has returned.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from identity_engine import Engine
from identity_engine.adapters.clock import World, system_time
from identity_engine.event_store.sqlite import views as sqlite_views
from identity_engine.ingestion.dead_letters import DeadLetters
from projections.timeline.projection import TimelineProjection

YEARS_AHEAD = timedelta(days=3_650)
"""So that no simulated interaction lies in the future of this machine's clock."""


def later() -> datetime:
    """The present time, some years ahead; it goes on over restarts, and so do the ids."""
    return system_time() + YEARS_AHEAD


def die(*_: object) -> None:
    """End this process as a power cut would: nothing is flushed, closed or rolled back."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(call: Callable[..., object], times: int = 2) -> Callable[..., None]:
    """`call`, and death after it has been made this often."""
    made = []

    def call_and_die(*arguments: object, **named: object) -> None:
        call(*arguments, **named)
        made.append(call)
        if len(made) == times:
            die()

    return call_and_die


def nothing(*_: object) -> None:
    """Stands where a fault point has no call of its own."""


FAULTS: dict[str, Callable[[Engine], None]] = {}


def fault(point: Callable[[Engine], None]) -> Callable[[Engine], None]:
    """Register a fault point under its name."""
    FAULTS[point.__name__] = point
    return point


@fault
def keys_made_and_events_not_written(engine: Engine) -> None:
    """Between the commit of the key store and the commit of the events."""
    engine.store.keys.reserve = after(engine.store.keys._make)  # type: ignore[method-assign]


@fault
def dead_letters_synced_and_events_not_committed(engine: Engine) -> None:
    """Between the sync of the dead letters and the commit of the batch."""
    DeadLetters.add = after(DeadLetters.add, 1)  # type: ignore[method-assign]


@fault
def events_written_and_not_committed(engine: Engine) -> None:
    """Just before COMMIT."""
    engine.store._before_commit = after(nothing)


@fault
def events_committed_and_not_acknowledged(engine: Engine) -> None:
    """Just after COMMIT."""
    engine.store.log.datastore.checkpoint = after(nothing)  # type: ignore[method-assign]


@fault
def views_half_fed(engine: Engine) -> None:
    """While a projection writes its rows."""
    TimelineProjection.apply = after(TimelineProjection.apply)  # type: ignore[method-assign]


@fault
def views_rebuilt_and_not_swapped_in(engine: Engine) -> None:
    """Between the last row of the new views and the pointer to them."""
    follow = engine.follow

    def follow_and_rebuild() -> None:
        follow()
        sqlite_views._replace = die  # type: ignore[assignment]
        engine.rebuild()

    engine.follow = follow_and_rebuild  # type: ignore[assignment, method-assign]


def main(store: str, file: str, batch_size: str, point: str = "") -> None:
    """Ingest the file from where an earlier run stopped."""
    lines = Path(file).read_bytes().splitlines(keepends=True)
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line))
    say("ready")
    with Engine.open(store, World(now=later)) as engine:
        if point:
            FAULTS[point](engine)

        def acknowledge(_: object, summary: object) -> None:
            resumed = ends.index(getattr(summary, "resumed_at"))  # noqa: B009
            say(resumed + getattr(summary, "read"))  # noqa: B009
            engine.follow()

        engine.ingest_file(file, batch_size=int(batch_size), progress=acknowledge)


def say(word: object) -> None:
    """Write a line at once, past every buffer that a kill would lose."""
    os.write(sys.stdout.fileno(), f"{word}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
