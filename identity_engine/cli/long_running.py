"""What verbs have in common that work until they are stopped: signals, the logbook, health and metrics.

with at_work("consume", store, settings.monitor) as (engine, stopping):
    engine.consume(subscription, stopping=stopping)
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from identity_engine.application.engine import Engine
from identity_engine.cli.opening import opened
from identity_engine.observing.logbook import logged
from identity_engine.settings.model import Monitor

if TYPE_CHECKING:
    from identity_engine.monitoring.monitor import Check

MonitorAt = Annotated[
    str | None,
    Parameter(
        name="--monitor",
        help="Answer /livez, /readyz and /metrics at HOST:PORT, or at a port of the loopback.",
    ),
]


@contextmanager
def at_work(
    verb: str,
    store: str | None,
    monitor: Monitor,
    needs: "Mapping[str, Check] | None" = None,
    *,
    make: bool = False,
) -> Iterator[tuple[Engine, Callable[[], bool]]]:
    """Open a store for work that goes on until SIGTERM or Ctrl-C, logged, and monitored if wanted.

    Args:
        verb: as it is typed.
        store: as for `opened`.
        monitor: where health and metrics are answered, if anywhere.
        needs: what else must answer before the worker is ready, by name.
        make: make the store if it is not there.

    Yields:
        The engine, and what the loop asks whether to stop: often, for that shows that it turns.
    """
    from identity_engine.monitoring.monitor import monitored

    with (
        logged(verb, lasting=True),
        until_signalled() as signalled,
        opened(store, make=make) as engine,
        monitored(
            engine,
            monitor.address,
            signalled,
            needs=needs,
            stall_seconds=monitor.stall_seconds,
        ) as stopping,
    ):
        yield engine, stopping


@contextmanager
def until_signalled() -> Iterator[Callable[[], bool]]:
    """Let the first SIGTERM or Ctrl-C ask for an orderly end, and the next one end at once.

    Yields:
        Whether to stop.
    """
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)
        restore()

    for number in before:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    finally:
        restore()
