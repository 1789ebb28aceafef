"""The event store: one log, its match index and its keys, opened and closed together."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from eventsourcing.persistence import IntegrityError

from identity_engine.adapters.clock import World
from identity_engine.errors import ConfigurationError, Conflict, ConnectionLost, Fenced
from identity_engine.event_store import source_positions
from identity_engine.event_store.closed import CLOSED, kept_open
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.keys import SCHEMA as KEYS_SCHEMA
from identity_engine.event_store.keys import KeyRing
from identity_engine.event_store.mapper import (
    EventMapper,
    Pending,
    StoredRow,
    event_id,
    recorded_at,
)
from identity_engine.event_store.match_index.evaluation_queue import settle
from identity_engine.event_store.match_index.read_check import has_moved
from identity_engine.event_store.match_index.tables import IndexTables
from identity_engine.event_store.match_index.writing import (
    is_current,
    prepare_tables,
    write_changes,
)
from identity_engine.event_store.pairing import Belonging
from identity_engine.event_store.place import EventLog, LogWatch, StorePlace
from identity_engine.event_store.source_positions import SourcePosition
from projections.base import Recorded
from projections.match_index.digests import DigestKeys
from projections.match_index.index import MatchIndex
from projections.match_index.rows import IndexChanges, ReadSet
from projections.sql import Cursor, select


class EventStore:
    """Reads and appends events; the only way to either.

    Args:
        place: where it lies.
        world: clock, ids and random bytes.
    """

    def __init__(self, place: StorePlace, world: World) -> None:
        self._world = world
        self.place = place
        self._before_commit: Callable[[], None] | None = None
        self.index_is_outdated = False
        key = place.key_encryption_key(world.entropy)
        with kept_open(place.keys(KEYS_SCHEMA)) as keys:
            self.keys = KeyRing(keys, key, world.entropy)
            self.digests = DigestKeys(
                natural=self.keys.named("natural-key"),
                identifier=self.keys.named("identifier-key/1"),
                block=self.keys.named("block-key/1"),
            )
            self.mapper = EventMapper(self.keys, world.entropy)
            self.index = IndexTables(self.keys, self.digests, world.entropy)
            self._belonging = Belonging(self.keys)
            self.log: EventLog = place.log(world.new_id())
            with kept_open(self.log):
                self._prepare_index()
                self._refuse_strangers()

    def now(self) -> datetime:
        """Return the present time of the store's clock."""
        return self._world.now()

    def close(self) -> None:
        """Close all connections; keys that were never used are taken back."""
        self.log.close()
        self.log = CLOSED
        self.keys.close()

    def _prepare_index(self) -> None:
        with self.log.reading() as cursor:
            is_ready = is_current(cursor)
        if not is_ready:  # else a store that is written to for long could not be opened to read
            with self.log.writing() as cursor:
                self.index_is_outdated = prepare_tables(cursor)

    def _refuse_strangers(self) -> None:
        self._belonging.refuse_emptied_log(self.head())
        if not self.index_is_outdated:  # else its replay would find a key missing
            with self.reading() as cursor:
                self._belonging.refuse_older_keys(self.index.newest_key(cursor))

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Open one consistent view of the store for the look-ups of a batch."""
        with self.log.reading() as cursor:
            yield cursor

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Hold the write lock; what is appended within is stored together or not at all.

        Where the connection is lost with the answer to the commit, the log tells whether it was done
        (T6).

        Raises:
            ConnectionLost: it was not done, or nobody can tell yet.
        """
        last: Sequence[Pending] = ()
        try:
            with self.log.writing() as cursor:
                if not self.index_is_outdated and not is_current(cursor):
                    raise ConfigurationError(
                        "Another version has replaced the match index of this store while this one "
                        "had it open. End this process; nothing was written."
                    )
                writer = Writer(self, cursor, self._world.now())
                yield writer
                if self._before_commit is not None:
                    self._before_commit()
                last = writer.last_appended
        except ConnectionLost:
            if not last or not self._is_stored(last):
                raise
        if last:
            self._belonging.note_events()
        self.log.after_commit()

    def read(
        self, after: int, limit: int, *, within: "Writer | None" = None, topics: Sequence[str] = ()
    ) -> list[Recorded]:
        """Return up to `limit` events of the log behind position `after`, decoded.

        `within` reads in the writer's own transaction; `topics`, if given, leave out all others.
        """
        among = f" AND topic IN ({', '.join('?' * len(topics))})" if topics else ""
        return self.mapper.decode(
            self.log.select(
                f"rowid > ?{among}",
                [after, *topics],
                order="rowid",
                limit=limit,
                cursor=within.cursor if within is not None else None,
            )
        )

    def read_on(
        self, after: int, last_event_id: str, limit: int, *, within: "Writer | None" = None
    ) -> list[Recorded] | None:
        """Return up to `limit` events behind position `after`, decoded; None where the log no longer
        holds the event there that was seen last.

        `within` reads in the writer's own transaction.
        """
        if not after:
            return self.read(0, limit, within=within)
        cursor = within.cursor if within is not None else None
        rows = self.log.select("rowid >= ?", [after], order="rowid", limit=limit + 1, cursor=cursor)
        if not rows or rows[0].position != after or event_id(rows[0].state) != last_event_id:
            return None
        return self.mapper.decode(rows[1:])

    def still_holds(self, position: int, last_event_id: str) -> bool:
        """Tell whether the log holds at a position the event that was seen last; it always does so at 0,
        where nothing was seen, and is not asked."""
        return position == 0 or self.read_on(position, last_event_id, 0) is not None

    def read_positions(
        self, positions: Sequence[int], *, cursor: Cursor | None = None
    ) -> list[Recorded]:
        """Return the events at these positions, in log order; `cursor` reads in its own transaction."""
        if not positions:
            return []
        listed = ",".join(str(int(position)) for position in positions)
        rows = self.log.select(f"rowid IN ({listed})", [], order="rowid", cursor=cursor)
        return self.mapper.decode(rows)

    def read_stream(self, stream_id: str, *, cursor: Cursor | None = None) -> list[Recorded]:
        """Return all events of one stream, first to last; `cursor` reads in its own transaction."""
        return self.mapper.decode(
            self.log.select(
                "originator_id = ?",
                [id_bytes(stream_id)],
                order="originator_version",
                cursor=cursor,
            )
        )

    def read_streams(self, stream_ids: Sequence[str], *, cursor: Cursor) -> list[Recorded]:
        """Return all events of several streams, in log order; one query for a batch of them."""
        found = select(
            cursor,
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events "
            "WHERE originator_id IN (%s)",
            [id_bytes(stream_id) for stream_id in stream_ids],
        )
        rows = {row[0]: StoredRow._make(row) for row in found}
        return self.mapper.decode([rows[position] for position in sorted(rows)])

    def head(self) -> int:
        """Return the last position of the log, 0 where it is empty."""
        return self.log.head()

    def watch(self) -> LogWatch:
        """Begin to watch for new events; open it before the first read, and close it."""
        return self.log.watch()

    def position_at(self, moment: datetime) -> int:
        """Return the last position recorded at or before `moment`, 0 where there is none.

        `recorded_at` never goes back along the log, so a binary search needs no index.
        """
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            found = self.log.select("rowid >= ?", [middle], order="rowid", limit=1)
            if found and recorded_at(found[0].state) <= moment:
                low = max(middle, found[0].position) if found[0].position <= high else middle
            else:
                high = middle - 1
        return low

    def stored_bytes(self, position: int) -> StoredRow | None:
        """Return the event at a position as it is stored, for checks on the bytes."""
        found = self.log.select("rowid = ?", [position], order="rowid", limit=1)
        return found[0] if found else None

    def source_positions(self) -> dict[str, int]:
        """Return how far each source has been read."""
        with self.reading() as cursor:
            return source_positions.positions(cursor)

    def append(
        self,
        events: Sequence[Pending],
        *,
        index: MatchIndex | None = None,
        sources: Sequence[SourcePosition] = (),
    ) -> range:
        """Store events, their index rows and the source positions in one transaction.

        Returns:
            The positions given to the events, in order.

        Raises:
            Conflict: what the decision read has moved, or another writer took a stream's version.
        """
        with self.stage(events, index=index, sources=sources) as staged:
            return staged.positions

    def stage(
        self,
        events: Sequence[Pending],
        *,
        index: MatchIndex | None = None,
        sources: Sequence[SourcePosition] = (),
        evaluated: Collection[int] = (),
    ) -> "Staged":
        """Write events, their index rows and the source positions; the caller commits.

        Interactions that were `evaluated`, by their numbers, wait for re-evaluation no longer.

        The commit is the wait for the disk: the caller may close what is returned in another thread
        and go on with work that does not touch the store. Until then the write lock is held.

        Raises:
            Conflict: what the decision read has moved, or another writer took a stream's version.
        """
        changes = index.changes() if index is not None else IndexChanges()
        try:
            with ExitStack() as undone:
                writer = undone.enter_context(self.writing())
                if index is not None:
                    writer.refuse_if_moved(index.read_set())
                positions = writer.append(events, changes, sources)
                if evaluated:
                    settle(writer.cursor, evaluated)
                return Staged(positions, undone.pop_all())
        except (IntegrityError, Conflict) as error:
            done = self._stored_before(events)
            if done is None and isinstance(error, Fenced):
                raise
            if done is None:
                raise Conflict("Another writer was first on one of these streams.") from error
            return Staged(done)

    def _is_stored(self, events: Sequence[Pending]) -> bool:
        """Tell whether the transaction of these events was done. It held the write lock, so who gets
        that lock sees how it ended."""
        with self.log.writing() as cursor:
            return self._stored_before(events, cursor) is not None

    def _stored_before(
        self, events: Sequence[Pending], cursor: Cursor | None = None
    ) -> range | None:
        """Find the events already stored by the same commands: the answer to COMMIT got lost (T6)."""
        positions = []
        for event in events:
            stream = self.read_stream(event.stream_id, cursor=cursor)
            found = [e for e in stream if e.version == event.version]
            if not found or found[0].header.event_id != event.header.event_id:
                return None
            positions.append(found[0].position)
        return range(positions[0], positions[-1] + 1) if positions else None


class Staged(ExitStack):
    """Events that are written and not yet committed; closing it commits them.

    `positions` are theirs, in order.
    """

    def __init__(self, positions: range, transaction: ExitStack | None = None) -> None:
        super().__init__()
        self.positions = positions
        if transaction is not None:
            self.push(transaction)


class Writer:
    """The store under its write lock."""

    def __init__(self, store: EventStore, cursor: Cursor, now: datetime) -> None:
        self._store = store
        self.cursor = cursor
        """Reads that nobody can overtake."""
        self.last_appended: Sequence[Pending] = ()
        """The last event that was appended, if any."""
        self._now = now

    def refuse_if_moved(self, read: ReadSet) -> None:
        """Raise `Conflict` where anything that a decision read has changed since."""
        if has_moved(self.cursor, read):
            raise Conflict("Another writer changed what this batch had read.")

    def append(
        self,
        events: Sequence[Pending],
        changes: IndexChanges | None = None,
        sources: Sequence[SourcePosition] = (),
    ) -> range:
        """Stamp and store events with their index rows and source positions.

        Raises:
            Fenced: another worker has read on in one of the sources.
        """
        now = self._not_before_the_last()
        stored = [self._store.mapper.encode(event, now) for event in events]
        positions = self._store.log.insert(self.cursor, stored)
        self.last_appended = events[-1:] or self.last_appended
        if changes is not None:
            write_changes(self.cursor, changes, self._store.index.records)
        for source in sources:
            source_positions.move(self.cursor, source)
        return positions

    def _not_before_the_last(self) -> datetime:
        self.cursor.execute("SELECT state FROM stored_events ORDER BY rowid DESC LIMIT 1")
        row = self.cursor.fetchone()
        return self._now if row is None else max(self._now, recorded_at(row[0]))


def stream_versions(cursor: Cursor, stream_ids: Sequence[str]) -> dict[str, int]:
    """Return the last version of each of these streams, one query for all."""
    rows = select(
        cursor,
        "SELECT originator_id, MAX(originator_version) FROM stored_events "
        "WHERE originator_id IN (%s) GROUP BY originator_id",
        [id_bytes(stream_id) for stream_id in stream_ids],
    )
    return {id_text(stream): version for stream, version in rows}
