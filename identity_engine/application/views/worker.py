"""A worker that keeps the views at the head of the log, for as long as it is wanted.

Any number of them may run on one store. They share the projections out, and where one dies the others
take over what it held. That is for speed only: what keeps the views right is the compare-and-set of each
position, so a worker that was stopped for long, or a reader who helps itself, does no harm.
"""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from msgspec import Struct, field

from identity_engine.application.views.follower import Follower
from identity_engine.errors import StoreAway
from identity_engine.event_store.place import Holding
from identity_engine.event_store.store import EventStore
from identity_engine.observing.logbook import Logbook
from identity_engine.observing.waits import Waits
from projections.catalogue import PROJECTIONS

book = Logbook(__name__)

POLL_SECONDS: Final = 1.0
"""A wake-up that was missed costs no more than this."""

REPORT_SECONDS: Final = 10.0
STEP: Final = 1_000
"""Events of one batch: who else wants to move or read these views waits no longer than for one."""

NAMES: Final = tuple(projection.name for projection in PROJECTIONS)


class Worked(Struct):
    """What a worker has done so far.

    `events` counts those it brought its views forward by, `batches` how often it did so, `retries` how
    often the store was away or locked for long. `held` are the projections it had last, `position` is
    where they stood.
    """

    events: int = 0
    batches: int = 0
    retries: int = 0
    position: int = 0
    held: list[str] = field(default_factory=list)


class ProjectionWorker:
    """Follows the log with the projections that are its own.

    Args:
        store: the log.
        follower: its views.
        told: is called after each look at the log.
    """

    def __init__(
        self,
        store: EventStore,
        follower: Follower,
        told: Callable[[Worked], object] = lambda _: None,
    ) -> None:
        self._store = store
        self._follower = follower
        self._told = told
        self._reported = time.monotonic()
        self._waits = Waits()
        self.done = Worked()

    def run(self, stopping: Callable[[], bool]) -> Worked:
        """Follow until it is time to stop, which is asked between two batches.

        Raises:
            StoreError: the log was rolled back behind its views; the message says the remedy.
        """
        # It listens before it looks first: nothing comes in between (T5).
        with (
            closing(self._store.watch()) as watch,
            closing(self._store.place.holding("projections", NAMES)) as holding,
        ):
            while not stopping():
                try:
                    is_behind = self._look(holding)
                except StoreAway as failed:
                    self.done.retries += 1
                    self._waits.begin("store", failed.code)
                    is_behind = False
                else:
                    self._waits.end("store")
                self._told(self.done)
                self._report_when_due()
                if not is_behind:
                    watch.wait(POLL_SECONDS)
        return self.done

    def _look(self, holding: Holding) -> bool:
        """Bring what is ours forward by one batch; tell whether there may be more."""
        ours = holding.renew()
        self._note(ours)
        if not ours:
            return False
        count, self.done.position = self._follower.advance(ours, step=STEP)
        if count:
            self.done.events += count
            self.done.batches += 1
        return count > 0

    def _note(self, ours: frozenset[str]) -> None:
        held = [name for name in NAMES if name in ours]
        if held != self.done.held:
            book.info("views_held", views="+".join(held) or "none")
            self.done.held = held

    def _report_when_due(self) -> None:
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._reported = time.monotonic()
            book.info("views_moved", position=self.done.position, count=self.done.events)
