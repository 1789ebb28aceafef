"""Looks at a store from beside the worker: on connections of its own, and never waiting for long."""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from threading import Lock
from time import monotonic
from typing import Final, TypeVar

from msgspec import Struct

from identity_engine.application.engine import Engine
from identity_engine.errors import ConfigurationError, IdentityEngineError
from identity_engine.event_store.place import StorePlace
from identity_engine.observing.origin import origin_of
from projections.runner import ViewStatus

T = TypeVar("T")

FRESH_SECONDS: Final = 1.0
"""A look is good for so long, however often it is asked for."""

PATIENCE_SECONDS: Final = 3.0


class Look(Struct, frozen=True):
    """What was seen: the head of the log, the views, how many interactions wait for re-evaluation, how
    many dead letters are open; and why nothing was seen, if so. What the role of the process may not
    see is none and None."""

    head: int = 0
    views: Sequence[ViewStatus] = ()
    waiting: int = 0
    dead_letters: int | None = 0
    problem: str | None = None


class Looks:
    """Looks at one store, one after the other, in a thread of their own.

    Args:
        place: of the store. It is opened when it is first looked at, and anew after a failure.
    """

    def __init__(self, place: StorePlace) -> None:
        self._place = place
        self._engine: Engine | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._lock = Lock()
        self._last: Future[Look] | None = None
        self._asked_at = 0.0

    def take(self) -> Look:
        """Look, or return what was seen a moment ago."""
        with self._lock:
            is_old = monotonic() - self._asked_at > FRESH_SECONDS
            if self._last is None or (is_old and self._last.done()):
                self._asked_at = monotonic()
                self._last = self._thread.submit(self._look)
            last = self._last
        try:
            return last.result(PATIENCE_SECONDS)
        except TooLate:
            return Look(problem=f"The store has not answered for {PATIENCE_SECONDS:.0f} seconds.")

    def close(self) -> None:
        """Close the connections, after the look that is under way."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _look(self) -> Look:
        try:
            self._place.refuse_unless_current()
            if self._engine is None:
                self._engine = Engine(self._place)
            return _seen(self._engine)
        except IdentityEngineError as error:
            problem = str(error)
        except sqlite3.Error as error:
            problem = f"SQLite says: {error}."
        except Exception as error:  # a look must never end the thread that looks
            problem = (
                f"Something unforeseen happened ({type(error).__name__} at {origin_of(error)})."
            )
        self._close()
        return Look(problem=problem)

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(Exception):  # it is given up anyway
                engine.close()


def _seen(engine: Engine) -> Look:
    head = engine.store.head()
    nothing: Sequence[ViewStatus] = ()
    views = _if_allowed(lambda: engine.follower.views.status(), nothing)
    if not all(engine.store.still_holds(view.position, view.last_event_id) for view in views):
        problem = (
            "The views have seen events that the log does not hold: the event store was restored from "
            "an older copy. Stop the workers and see the page on operations."
        )
        return Look(problem=problem)
    letters = _if_allowed(lambda: sum(engine.dead_letters.counts("open").values()), None)
    return Look(head, views, engine.reevaluation.waiting(), letters)


def _if_allowed(look: Callable[[], T], otherwise: T) -> T:
    """Return what the role of the process may see: one that only writes has no business with views."""
    try:
        return look()
    except ConfigurationError:
        return otherwise
