"""Views that follow the log: brought up to its head, built anew beside the live ones, verified."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from identity_engine.application.gc_pause import no_garbage_collection
from identity_engine.errors import ConnectionLost, StoreError, ViewsDamaged
from identity_engine.event_store.closed import CLOSED, kept_open
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.sqlite.views import unlogged
from identity_engine.event_store.sqlite_files import connect, told_plainly
from identity_engine.event_store.store import EventStore, Writer
from identity_engine.observing.logbook import Logbook
from projections.base import Recorded
from projections.catalogue import PROJECTIONS
from projections.runner import Views, ViewStatus

book = Logbook(__name__)

BATCH = 4_000
REPLAY_BATCH = 16_000
Progress = Callable[[int], None]


class Verdict(Struct, frozen=True):
    """What verification found of one projection; it is sound if nothing speaks against it.

    `is_whole` tells that the index by which its rows are found agrees with them.
    """

    name: str
    live_hash: str
    replay_hash: str
    behind: int
    parked: int
    is_whole: bool = True

    @property
    def is_sound(self) -> bool:
        """Live equals replay, at the head, whole, with no partition waiting."""
        is_same = self.live_hash == self.replay_hash
        return is_same and self.is_whole and not self.behind and not self.parked


class Advanced(NamedTuple):
    """A batch that views were brought forward by: how many events, 0 where they stood at the head, and
    the position behind it."""

    events: int
    position: int


class Follower:
    """Keeps the views of a store.

    Args:
        store: the log.
        place: where its views lie.
    """

    def __init__(self, store: EventStore, place: StorePlace) -> None:
        self._store = store
        self._place = place
        self._shelf = place.views()
        self._number = 0
        self._live: Views | None = None

    @property
    def views(self) -> Views:
        """The live views; a rebuild by another process is noticed here.

        Raises:
            StoreError: the views have seen events that the log does not hold.
        """
        current = self._shelf.current()
        if self._live is None or current != self._number:
            self._close_live()
            self._number = current
            with kept_open(self._shelf.open(current)) as connection:
                self._live = Views(connection, PROJECTIONS)
            self._refuse_rolled_back_log(self._live)
        return self._live

    def follow(self, progress: Progress | None = None, *, within: Writer | None = None) -> int:
        """Bring the views up to the head of the log and return their position.

        Where workers do the same, whoever comes first with a batch does it; mostly nothing is to do.
        `within` reads in the writer's own transaction: nothing can be written behind that head.
        """
        while (done := self.advance(within=within)).events:
            if progress is not None:
                progress(done.events)
        return done.position

    def advance(
        self,
        names: Collection[str] | None = None,
        *,
        step: int = BATCH,
        within: Writer | None = None,
    ) -> Advanced:
        """Bring all views, or these, forward by one batch.

        Args:
            names: of the projections.
            step: how many events at most.
            within: reads in the writer's own transaction.
        """
        try:
            with told_plainly(), no_garbage_collection():
                views = self.views
                after, events = self._unseen(views, names, step, within)
                views.feed(events, names=names, after=after)
                if not events:
                    self._shelf.show(self._number)
                return Advanced(len(events), events[-1].position if events else after)
        except ConnectionLost:
            self._close_live()
            raise

    def rebuild(self, progress: Progress | None = None) -> Sequence[ViewStatus]:
        """Build all views anew beside the live ones and swap them in; readers are never blocked.

        The new views are not swapped in if they park a partition that the live ones do not. Where these
        are damaged, they are replaced in any case.

        Raises:
            StoreBusy: another rebuild of this store is running.
        """
        with self._place.alone("rebuild", "Another rebuild of these views is running."):
            return self._rebuild(progress)

    def _rebuild(self, progress: Progress | None) -> Sequence[ViewStatus]:
        number = self._shelf.next()
        with kept_open(self._shelf.begin(number)) as connection:
            fresh = Views(connection, PROJECTIONS)
            for events in self._log(0):
                fresh.feed(events)
                book.info("events_replayed", count=len(events), position=events[-1].position)
                if progress is not None:
                    progress(len(events))
            self._refuse_more_parked(fresh)
            status = fresh.status()
            self._shelf.publish(number, connection)
        book.info("views_swapped", position=min(one.position for one in status))
        return status

    def verify(self, progress: Progress | None = None) -> list[Verdict]:
        """Replay the log into a private file and compare it with the live views.

        Both are taken at one position of each view, so writers and workers beside do not disturb; the
        views are behind where they have not reached the head that the log had at the start.
        """
        head = self._store.head()
        status, hashes = self.views.snapshot()
        with told_plainly():
            broken = self.views.broken()
        replayed, reached = dict[str, str](), 0
        with self._scratch() as replay:
            for position in sorted({one.position for one in status}):
                for events in self._log(reached, until=position):
                    replay.feed(events)
                    if progress is not None:
                        progress(len(events))
                reached = position
                there = {one.name for one in status if one.position == position}
                replayed |= replay.exact_hashes(there)
        return [
            Verdict(
                one.name,
                hashes[one.name],
                replayed[one.name],
                max(0, head - one.position),
                one.parked,
                one.name not in broken,
            )
            for one in status
        ]

    @contextmanager
    def replayed(self, events: Sequence[Recorded]) -> Iterator[Views]:
        """Open views that know these events only: the world as of some position."""
        with closing(connect(None)) as connection:
            views = Views(connection, PROJECTIONS)
            views.feed(events)
            yield views

    @contextmanager
    def as_of(self, position: int, progress: Progress | None = None) -> Iterator[Views]:
        """Open views that are the replay of the log up to a position."""
        with self._scratch() as views:
            for events in self._log(0, until=position):
                views.feed(events)
                if progress is not None:
                    progress(len(events))
            yield views

    def redrive(self) -> int:
        """Replay the parked partitions and return how many still wait."""
        return self.views.redrive(self._store.read_positions)

    def close(self) -> None:
        """Close the live views."""
        self._close_live()
        self._shelf.close()
        self._shelf = CLOSED

    def _close_live(self) -> None:
        if self._live is not None:
            self._live.connection.close()
            self._live = None

    def _log(
        self,
        after: int,
        until: int | None = None,
    ) -> Iterator[list[Recorded]]:
        with no_garbage_collection():
            yield from self._batches(after, until)

    def _batches(self, after: int, until: int | None) -> Iterator[list[Recorded]]:
        while True:
            limit = REPLAY_BATCH if until is None else min(REPLAY_BATCH, until - after)
            events = self._store.read(after, limit) if limit > 0 else []
            if not events:
                return
            yield events
            after = events[-1].position

    @contextmanager
    def _scratch(self) -> Iterator[Views]:
        on_disk = self._place.scratch is not None
        with (
            tempfile.TemporaryDirectory(dir=self._place.scratch, prefix="replay-") as folder,
            closing(unlogged(Path(folder) / "views.db" if on_disk else None)) as connection,
        ):
            yield Views(connection, PROJECTIONS)

    def _unseen(
        self, views: Views, names: Collection[str] | None, step: int, within: Writer | None
    ) -> tuple[int, Sequence[Recorded]]:
        """Return how far the last of these views has come, and the events behind that.

        The event that it has seen last is read once more: whoever restores an older log does not always
        stop the workers, and what comes next in that log follows from events that no view has seen.
        """
        last = min(
            (one for one in views.status() if names is None or one.name in names),
            key=lambda status: status.position,
        )
        events = self._store.read_on(last.position, last.last_event_id, step, within=within)
        if events is None:
            raise self._another_log(last)
        return last.position, events

    def _refuse_rolled_back_log(self, views: Views) -> None:
        for status in views.status():
            if not self._store.still_holds(status.position, status.last_event_id):
                raise self._another_log(status)

    def _another_log(self, status: ViewStatus) -> StoreError:
        return StoreError(
            f"The view '{status.name}' has seen events that the log does not hold: the event store was "
            "restored from an older copy. Restore a newer one if there is any. Else: "
            f"{self._shelf.remedy}; they are built anew from the log."
        )

    def _refuse_more_parked(self, fresh: Views) -> None:
        try:
            known = {(name, key) for name, key, _, _ in self.views.parked_keys()}
        except ViewsDamaged:
            book.warning("damaged_views_replaced")
            return
        new = [key for key in fresh.parked_keys() if (key[0], key[1]) not in known]
        if new:
            raise StoreError(
                f"The rebuilt views fail on {len(new)} partitions that the live views can read; "
                "they were not swapped in. Report this as a bug."
            )
