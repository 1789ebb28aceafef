"""The runner: brings views forward by decoded events, and keeps going when one of them fails.

Rows and position move in one transaction, so a view is always the replay of a prefix of the log. A
failure parks the partition it happened in: its later events and those of its stream wait, all others
go on, and re-driving replays the wait. A rebuild feeds a fresh file by the same code.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from projections.base import Projection, Recorded
from projections.profile.query import names_of_ids
from projections.sql import Connection, dialect_of, transaction, upsert

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
IS_MADE = {
    "sqlite": "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'parked_event')",
    "postgres": "SELECT to_regclass('parked_event') IS NOT NULL",
}
PARKED = ("projection", "key", "position", "stream_id", "error")


@dataclass(frozen=True, slots=True)
class ViewStatus:
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
        (is_made,) = connection.execute(IS_MADE[dialect_of(connection)]).fetchone()
        if not is_made:  # else who may only read could not open them
            connection.executescript(SCHEMA)
        known = {status.name for status in self.status()}
        for projection in projections:
            if projection.name not in known:
                self._create(projection)

    def status(self) -> list[ViewStatus]:
        """Return where each projection stands."""
        rows = self.connection.execute(
            "SELECT name, position, event_id, (SELECT COUNT(DISTINCT key) FROM parked_event "
            "WHERE projection = name) FROM projection_state ORDER BY name"
        )
        return [ViewStatus(*row) for row in rows]

    def position(self) -> int:
        """Return the position up to which every projection has followed."""
        return min((status.position for status in self.status()), default=0)

    def feed(self, events: Sequence[Recorded]) -> None:
        """Bring all projections forward by events that follow each other in the log.

        A projection that is ahead skips what it has seen, so feeding twice changes nothing.
        """
        if not events:
            return
        with transaction(self.connection):
            positions = {status.name: status.position for status in self.status()}
            for projection in self._projections:
                seen = positions[projection.name]
                unseen = [event for event in events if event.position > seen]
                if unseen:
                    self._bring_forward(projection, unseen)

    def redrive(self, load: Callable[[Sequence[int]], Iterable[Recorded]]) -> int:
        """Replay the parked partitions and return how many are still parked.

        Args:
            load: returns the events at these positions, in order.
        """
        for projection in self._projections:
            rows = self.connection.execute(
                "SELECT position FROM parked_event WHERE projection = ? ORDER BY position",
                (projection.name,),
            ).fetchall()
            if not rows:
                continue
            events = list(load([position for (position,) in rows]))
            with transaction(self.connection):
                self.connection.execute(
                    "DELETE FROM parked_event WHERE projection = ?", (projection.name,)
                )
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

    def exact_hashes(self) -> dict[str, str]:
        """Return the exact hash of each projection."""
        return {p.name: p.exact_hash(self.connection) for p in self._projections}

    def canonical_hashes(self) -> dict[str, str]:
        """Return the canonical hash of each projection."""
        names = names_of_ids(self.connection)
        return {p.name: p.canonical_hash(self.connection, names) for p in self._projections}

    def _create(self, projection: Projection) -> None:
        with transaction(self.connection):
            new = self.connection.execute(
                "INSERT OR IGNORE INTO projection_state VALUES (?, 0, '')", (projection.name,)
            )
            if new.rowcount:  # else another process has made it meanwhile
                projection.create(self.connection)

    def _bring_forward(self, projection: Projection, events: Sequence[Recorded]) -> None:
        # After a command most projections have nothing to do but to move on.
        if any(projection.is_followed(event) for event in events):
            self._apply(projection, events)
        self.connection.execute(
            "UPDATE projection_state SET position = ?, event_id = ? WHERE name = ?",
            (events[-1].position, events[-1].header.event_id, projection.name),
        )

    def _apply(self, projection: Projection, events: Sequence[Recorded]) -> None:
        ready, held = self._split(projection, events)
        self.connection.execute("SAVEPOINT batch")
        try:
            projection.apply(self.connection, ready)
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
