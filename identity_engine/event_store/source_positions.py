"""How far each source has been read, and each follower that writes what it found: one row a name.

A row moves in the transaction that stores what was read up to there, so nothing is lost and nothing is
taken twice. The names of the followers are none that a source has.
"""

from msgspec import Struct

from identity_engine.errors import Fenced
from projections.sql import Cursor


class SourcePosition(Struct, frozen=True):
    """How far a source has been read: `position` counts in the source's own unit.

    `moved_from` is given where several workers may read the source: the position that this one went
    on from, 0 where none was stored. What it read is refused once another has moved the position.
    `instead_of` is the name under which the source was known before, where its name tells what was
    read; that row goes.
    """

    source: str
    position: int
    moved_from: int | None = None
    instead_of: str | None = None


def positions(cursor: Cursor) -> dict[str, int]:
    """Return how far each source has been read."""
    cursor.execute("SELECT source, position FROM source_position")
    return dict(cursor.fetchall())


def position(cursor: Cursor, source: str) -> int:
    """Return how far a source has been read, 0 where none was stored."""
    cursor.execute("SELECT position FROM source_position WHERE source = ?", (source,))
    row = cursor.fetchone()
    return int(row[0]) if row is not None else 0


def move(cursor: Cursor, to: SourcePosition) -> None:
    """Store how far a source is read: the row is the fencing token of those who may read it.

    Raises:
        Fenced: another worker has read on in it.
    """
    if to.moved_from is not None and position(cursor, to.source) != to.moved_from:
        raise Fenced(to.source)
    if to.instead_of is not None:
        cursor.execute("DELETE FROM source_position WHERE source = ?", (to.instead_of,))
    cursor.execute(
        "INSERT INTO source_position VALUES (?, ?) "
        "ON CONFLICT (source) DO UPDATE SET position = excluded.position",
        (to.source, to.position),
    )
