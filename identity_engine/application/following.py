"""Views that follow the log: brought up to its head, built anew beside the live ones, verified.

FOLDER/views-N.db       one file with all views; N grows with each rebuild
FOLDER/views.current    the number of the live file, replaced in one step by a rebuild
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from identity_engine.application.alone import alone
from identity_engine.application.unburdened import no_garbage_collection
from identity_engine.errors import StoreError
from identity_engine.event_store.sqlite_files import connect, told_plainly
from identity_engine.event_store.store import EventStore, Writer
from projections.base import Recorded
from projections.catalogue import PROJECTIONS, VIEWS_VERSION
from projections.runner import Views, ViewStatus

BATCH = 4_000
CACHE_MIB = 32
PAGE_BYTES = 16_384
REPLAY_BATCH = 16_000
REPLAY_CACHE_MIB = 128
"""A replay takes larger steps than a follower does: fewer pages are written twice."""
POINTER = "views.current"
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found of one projection; it is sound if nothing speaks against it."""

    name: str
    live_hash: str
    replay_hash: str
    behind: int
    parked: int

    @property
    def is_sound(self) -> bool:
        """Live equals replay, at the head, with no partition waiting."""
        return self.live_hash == self.replay_hash and not self.behind and not self.parked


class Follower:
    """Keeps the views of a store.

    Args:
        store: the log.
        folder: where the view files lie; None keeps them in memory.
    """

    def __init__(self, store: EventStore, folder: Path | None) -> None:
        self._store = store
        self._folder = folder
        self._number = 0
        self._live: Views | None = None

    @property
    def views(self) -> Views:
        """The live views; a rebuild by another process is noticed here.

        Raises:
            StoreError: the views have seen events that the log does not hold.
        """
        current = self._current_number()
        if self._live is None or current != self._number:
            self.close()
            self._number = current
            self._live = self._open(self._path(current))
            self._refuse_rolled_back_log(self._live)
        return self._live

    def follow(self, progress: Progress | None = None, *, within: Writer | None = None) -> int:
        """Bring the views up to the head of the log and return their position.

        `within` reads in the writer's own transaction: nothing can be written behind that head.
        """
        with told_plainly():
            views = self.views
            for events in self._log(views.position(), step=BATCH, within=within):
                views.feed(events)
                if progress is not None:
                    progress(len(events))
            return views.position()

    def rebuild(self, progress: Progress | None = None) -> Sequence[ViewStatus]:
        """Build all views anew beside the live ones and swap them in; readers are never blocked.

        The new views are not swapped in if they park a partition that the live ones do not.

        Raises:
            StoreBusy: another rebuild of this store is running.
        """
        with alone(self._folder, "rebuild.lock", "Another rebuild of these views is running."):
            return self._rebuild(progress)

    def _rebuild(self, progress: Progress | None) -> Sequence[ViewStatus]:
        number = self._current_number() + 1
        path = self._path(number)
        if path is not None:
            _remove(path)
        fresh = self._open(path, durable=False)
        for events in self._log(0):
            fresh.feed(events)
            if progress is not None:
                progress(len(events))
        self._refuse_more_parked(fresh)
        status = fresh.status()
        if path is not None and self._folder is not None:
            fresh.connection.execute("PRAGMA journal_mode = WAL")
            fresh.connection.close()
            _sync(path)
            old = self._path(self._number) if self._live is not None else None
            self.close()
            _replace(self._folder / POINTER, f"{VIEWS_VERSION}.{number}")
            if old is not None and old != path:
                _remove(old)
        else:
            self._live = fresh
        return status

    def verify(self, progress: Progress | None = None) -> list[Verdict]:
        """Replay the log into a private file and compare it with the live views.

        Both are taken at one position, so a writer beside does not disturb; the views are behind
        where they have not reached the head that the log had at the start.
        """
        head = self._store.head()
        status, hashes = self.views.snapshot()
        position = min(one.position for one in status)
        with self._scratch() as replay:
            for events in self._log(0, until=position):
                replay.feed(events)
                if progress is not None:
                    progress(len(events))
            replayed = replay.exact_hashes()
        return [
            Verdict(
                one.name,
                hashes[one.name],
                replayed[one.name],
                max(0, head - one.position),
                one.parked,
            )
            for one in status
        ]

    @contextmanager
    def replayed(self, events: Sequence[Recorded]) -> Iterator[Views]:
        """Open views that know these events only: the world as of some position."""
        connection = connect(None)
        try:
            views = Views(connection, PROJECTIONS)
            views.feed(events)
            yield views
        finally:
            connection.close()

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
        if self._live is not None:
            self._live.connection.close()
            self._live = None

    def _log(
        self,
        after: int,
        until: int | None = None,
        step: int = REPLAY_BATCH,
        within: Writer | None = None,
    ) -> Iterator[list[Recorded]]:
        with no_garbage_collection():
            yield from self._batches(after, until, step, within)

    def _batches(
        self, after: int, until: int | None, step: int, within: Writer | None
    ) -> Iterator[list[Recorded]]:
        while True:
            limit = step if until is None else min(step, until - after)
            events = self._store.read(after, limit, within=within) if limit > 0 else []
            if not events:
                return
            yield events
            after = events[-1].position

    def _open(self, path: Path | None, *, durable: bool = True) -> Views:
        cache_mib = CACHE_MIB if durable else REPLAY_CACHE_MIB
        connection = connect(path, durable=False, cache_mib=cache_mib, page_bytes=PAGE_BYTES)
        if not durable:
            # A file that nobody reads yet: a crash throws it away, so it needs no log on disk.
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
        return Views(connection, PROJECTIONS)

    @contextmanager
    def _scratch(self) -> Iterator[Views]:
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="replay-") as folder:
            path = Path(folder) / "views.db" if self._folder is not None else None
            views = self._open(path, durable=False)
            try:
                yield views
            finally:
                views.connection.close()

    def _current_number(self) -> int:
        if self._folder is None:
            return 1
        try:
            version, _, number = (self._folder / POINTER).read_text().strip().partition(".")
        except FileNotFoundError:
            version, number = str(VIEWS_VERSION), "1"
            _replace(self._folder / POINTER, f"{version}.{number}")
        if version != str(VIEWS_VERSION):
            _remove(self._folder / f"views-{number}.db")
            number = str(int(number) + 1)
            _replace(self._folder / POINTER, f"{VIEWS_VERSION}.{number}")
        return int(number)

    def _path(self, number: int) -> Path | None:
        return self._folder / f"views-{number}.db" if self._folder is not None else None

    def _refuse_rolled_back_log(self, views: Views) -> None:
        for status in views.status():
            if not status.position:
                continue
            events = self._store.read(status.position - 1, 1)
            if not events or events[0].header.event_id != status.last_event_id:
                raise StoreError(
                    f"The view '{status.name}' has seen events that the log does not hold: the "
                    "event store was restored from an older copy. Delete the views-*.db files "
                    "and views.current of this store; they are built anew from the log."
                )

    def _refuse_more_parked(self, fresh: Views) -> None:
        known = {(name, key) for name, key, _, _ in self.views.parked_keys()}
        new = [key for key in fresh.parked_keys() if (key[0], key[1]) not in known]
        if new:
            fresh.connection.close()
            raise StoreError(
                f"The rebuilt views fail on {len(new)} partitions that the live views can read; "
                "they were not swapped in. Report this as a bug."
            )


def _remove(path: Path) -> None:
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(name).unlink()


def _replace(path: Path, text: str) -> None:
    handle, fresh = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(fresh).replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
