"""A process of its own that works for the CRM and dies at a named point.

    python -m tests.support.crm_child STORE POINT

It ends with SIGKILL, as a power cut would end it, or with 0 where the point was never reached.
"""

import sys
from collections.abc import Callable

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.adapters.crm_rest import RestCrm
from identity_engine.application.crm.due import Due
from identity_engine.application.crm.worker import Worker
from tests.support.child import after, die, later, nothing

POINTS: dict[str, Callable[[Engine], None]] = {}


def point(named: Callable[[Engine], None]) -> Callable[[Engine], None]:
    """Register a point at which to die under its name."""
    POINTS[named.__name__] = named
    return named


@point
def what_fell_due_written_and_not_committed(engine: Engine) -> None:
    """Just before the COMMIT of what fell due and of the follower's position."""
    engine.store._before_commit = after(nothing, 1)


@point
def what_fell_due_committed_and_nothing_sent(_: Engine) -> None:
    """Between what fell due and the first call."""
    Due.follow = after(Due.follow, 1)  # type: ignore[method-assign]


@point
def activity_not_yet_sent(_: Engine) -> None:
    """Just before the call."""
    RestCrm.write = die  # type: ignore[method-assign, assignment]


@point
def activity_sent_and_answer_not_noted(_: Engine) -> None:
    """Between the CRM's answer and our event."""
    RestCrm.write = after(RestCrm.write, 1)  # type: ignore[method-assign]


@point
def answer_written_and_not_committed(engine: Engine) -> None:
    """Just before the COMMIT of our event about the answer."""
    engine.store._before_commit = after(nothing, 2)


@point
def answer_noted_and_run_not_ended(_: Engine) -> None:
    """Just after our event about the answer."""
    Worker._note = after(Worker._note, 1)  # type: ignore[method-assign]


def main(store: str, named: str) -> None:
    """Work once."""
    with Engine.open(store, World(now=later)) as engine:
        POINTS[named](engine)
        engine.desk.crm.work()


if __name__ == "__main__":
    main(*sys.argv[1:])
