"""The runner: brings views forward by decoded events, and keeps going when one of them fails.

Rows and position of a projection move in one transaction, so its rows are always the replay of a prefix
of the log. The position moves first, by compare-and-set: whoever was overtaken, or was stopped for long,
writes nothing, so several processes may bring the same views forward. A failure parks the partition it
happened in: its later events and those of its stream wait, all others go on, and re-driving replays the
wait. A rebuild feeds a fresh file by the same code.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec import Struct

from projections.base import Projection, Recorded
from projections.profile.query import names_of_ids
from projections.sql import (
    Connection,
    DatabaseFailed,
    has_table,
    statements,
    transaction,
    upsert,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS projection_state (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    event_id TEXT NOT NULL -- the last event applied: a rolled-back log is seen by it
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked_event (
    projection TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    stream_id TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (projection, key, position)
) WITHOUT ROWID;
"""
MOVE = (
    "UPDATE projection_state SET position = ?, event_id = ? "
    "WHERE name = ? AND position = ? AND event_id = ?"
)
STAND = "UPDATE projection_state SET position = position WHERE name = ?"
"""Moves nothing, and lets nobody else move it meanwhile."""
PARKED = ("projection", "key", "position", "stream_id", "error")


class ViewStatus(Struct, frozen=True):
    """How far one projection is. `parked` counts the partitions that wait after a failure."""

    name: str
    position: int
    last_event_id: str
    parked: int


class Views:
    """One file of views and the projections that fill it.

    Args:
        connection: a private SQLite connection in autocommit mode.
        projections: those that this file holds.
    """

    def __init__(self, connection: Connection, projections: Sequence[Projection]) -> None:
        self.connection = connection
        self._projections = projections
        if not has_table(connection, "projection_state") or self._missing():
            self._create()

    def status(self) -> list[ViewStatus]:
        """Return where each projection stands."""
        rows = self.connection.execute(
            "SELECT name, position, event_id, (SELECT COUNT(DISTINCT key) FROM parked_event "
            "WHERE projection = name) FROM projection_state ORDER BY name"
        )
        return [ViewStatus(*row) for row in rows]

    def position(self, names: Collection[str] | None = None) -> int:
        """Return the position up to which every projection, or each of these, has followed."""
        return min(
            (one.position for one in self.status() if names is None or one.name in names), default=0
        )

    def feed(
        self, events: Sequence[Recorded], *, names: Collection[str] | None = None, after: int = 0
    ) -> None:
        """Bring all projections, or these, forward by events that follow each other in the log.

        A projection that is ahead skips what it has seen, and one that somebody else moves meanwhile is
        left to them, so feeding twice changes nothing.

        Args:
            events: all there are behind a position, in order.
            names: of the projections.
            after: that position; no projection may stand before it.
        """
        if not events:
            return
        seen = {status.name: status for status in self.status()}
        kinds = {type(event.fact) for event in events}
        for projection in self._projections:
            if names is None or projection.name in names:
                here = seen[projection.name]
                if here.position < after:
                    raise ValueError(f"{here.name} stands at {here.position}, before {after}")
                # After a command most projections have nothing to do but to move on.
                self._bring_forward(projection, here, events, changes=projection.follows_any(kinds))

    def redrive(self, load: Callable[[Sequence[int]], Iterable[Recorded]]) -> int:
        """Replay the parked partitions and return how many are still parked.

        Args:
            load: returns the events at these positions, in order.
        """
        for name in [status.name for status in self.status() if status.parked]:
            projection = next(one for one in self._projections if one.name == name)
            with transaction(self.connection, whole=False):
                self.connection.execute(STAND, (name,))
                rows = self.connection.execute(
                    "SELECT position FROM parked_event WHERE projection = ? ORDER BY position",
                    (name,),
                ).fetchall()
                events = list(load([position for (position,) in rows]))
                self.connection.execute("DELETE FROM parked_event WHERE projection = ?", (name,))
                self._apply_one_by_one(projection, events)
        return sum(status.parked for status in self.status())

    def parked_keys(self) -> list[tuple[str, str, int, str]]:
        """Return (projection, key, first position, error) of what waits."""
        return self.connection.execute(
            "SELECT projection, key, position, error FROM parked_event later WHERE NOT EXISTS "
            "(SELECT 1 FROM parked_event first WHERE first.projection = later.projection "
            "AND first.key = later.key AND first.position < later.position) "
            "ORDER BY projection, key"
        ).fetchall()

    def snapshot(self) -> tuple[list[ViewStatus], dict[str, str]]:
        """Return where each projection stands and its exact hash, at one moment."""
        self.connection.execute("BEGIN")
        try:
            return self.status(), self.exact_hashes()
        finally:
            self.connection.execute("COMMIT")

    def exact_hashes(self, names: Collection[str] | None = None) -> dict[str, str]:
        """Return the exact hash of each projection, or of each of these."""
        return {
            projection.name: projection.exact_hash(self.connection)
            for projection in self._projections
            if names is None or projection.name in names
        }

    def broken(self) -> set[str]:
        """Return the projections whose rows cannot be found as they should; their hashes do not tell."""
        return {one.name for one in self._projections if not one.is_whole(self.connection)}

    def canonical_hashes(self) -> dict[str, str]:
        """Return the canonical hash of each projection."""
        names = names_of_ids(self.connection)
        return {p.name: p.canonical_hash(self.connection, names) for p in self._projections}

    def _create(self) -> None:
        """Make what is missing; another process may have made it meanwhile."""
        with transaction(self.connection):
            for statement in statements(SCHEMA):
                self.connection.execute(statement)
            for projection in self._missing():
                self.connection.execute(
                    "INSERT INTO projection_state VALUES (?, 0, '')", (projection.name,)
                )
                projection.create(self.connection)

    def _missing(self) -> list[Projection]:
        known = {status.name for status in self.status()}
        return [projection for projection in self._projections if projection.name not in known]

    def _bring_forward(
        self,
        projection: Projection,
        seen: ViewStatus,
        events: Sequence[Recorded],
        *,
        changes: bool,
    ) -> None:
        unseen = events
        if events[0].position <= seen.position:
            unseen = [event for event in events if event.position > seen.position]
        if not unseen:
            return
        with transaction(self.connection, whole=False):
            last = unseen[-1]
            moved = self.connection.execute(
                MOVE,
                (last.position, last.header.event_id, seen.name, seen.position, seen.last_event_id),
            )
            if moved.rowcount and changes:
                self._apply(projection, unseen)

    def _apply(self, projection: Projection, events: Sequence[Recorded]) -> None:
        ready, held = self._split(projection, events)
        self.connection.execute("SAVEPOINT batch")
        try:
            projection.apply(self.connection, ready)
        except DatabaseFailed:
            raise
        except Exception:  # any fault of a projection parks a key, it never stops the log
            self.connection.execute("ROLLBACK TO batch")
            self._apply_one_by_one(projection, events)
        else:
            for event in held:
                self._park(projection, event, "waits")
        self.connection.execute("RELEASE batch")

    def _apply_one_by_one(self, projection: Projection, events: Sequence[Recorded]) -> None:
        waiting = self._parked(projection)
        for event in events:
            parts = _parts(projection, event)
            if not waiting.isdisjoint(parts):
                self._park(projection, event, "waits")
                waiting |= parts
                continue
            self.connection.execute("SAVEPOINT event")
            try:
                projection.apply(self.connection, [event])
            except DatabaseFailed:
                raise
            except Exception as error:  # see above
                self.connection.execute("ROLLBACK TO event")
                self._park(projection, event, type(error).__name__)
                waiting |= parts
            self.connection.execute("RELEASE event")

    def _split(
        self, projection: Projection, events: Sequence[Recorded]
    ) -> tuple[Sequence[Recorded], Sequence[Recorded]]:
        """Part the events that can be applied from those that must wait behind a parked one."""
        waiting = self._parked(projection)
        if not waiting:
            return events, ()
        ready, held = [], []
        for event in events:
            parts = _parts(projection, event)
            if waiting.isdisjoint(parts):
                ready.append(event)
            else:
                held.append(event)
                waiting |= parts
        return ready, held

    def _parked(self, projection: Projection) -> set[str]:
        rows = self.connection.execute(
            "SELECT key, stream_id FROM parked_event WHERE projection = ?", (projection.name,)
        )
        return {part for row in rows for part in row}

    def _park(self, projection: Projection, event: Recorded, error: str) -> None:
        self.connection.execute(
            upsert("parked_event", PARKED, PARKED[:3]),
            (projection.name, projection.key(event), event.position, event.stream_id, error),
        )


def _parts(projection: Projection, event: Recorded) -> set[str]:
    """Return what an event must not overtake: its partition, and its stream, which may lead on to
    another partition (an interaction is received before it has a contact)."""
    return {projection.key(event), event.stream_id}
