"""Changes of interactions in the match index: what is known, what waits, and corrected records."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from aggregates.values import InteractionId
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.match_index.sealed_records import SealedRecords
from projections.match_index.conversations import ChangeRow, Heard, WaitingChange
from projections.match_index.mentions import mention_key, pack_mentions
from projections.match_index.rows import IndexChanges
from projections.sql import Cursor, select

CONVERSATION_SCHEMA = """
-- Changes of interactions by what names them. Those that wait came before their interaction.
CREATE TABLE IF NOT EXISTS change (
    natural_key BLOB PRIMARY KEY,
    content_digest BLOB NOT NULL,
    interaction_id BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting_change (
    number INTEGER PRIMARY KEY,
    natural_key BLOB NOT NULL UNIQUE,
    interaction_key BLOB NOT NULL,
    interaction_id BLOB NOT NULL,
    stream BLOB NOT NULL,
    key_id INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_change_of ON waiting_change (interaction_key);
-- Values that a contact holds on the word of a message in an interaction, or held before it.
CREATE TABLE IF NOT EXISTS heard (
    interaction_id BLOB NOT NULL,
    digest BLOB NOT NULL,
    verified BOOLEAN NOT NULL,
    kind BLOB NOT NULL,
    PRIMARY KEY (interaction_id, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heard_of_digest ON heard (digest);
"""
CONVERSATION_TABLES = ("change", "waiting_change", "heard")
WAITING = "natural_key, interaction_key, interaction_id, stream, key_id"
CONVERSATION_ROWS = (
    "SELECT natural_key, content_digest, interaction_id FROM change ORDER BY natural_key",
    f"SELECT {WAITING} FROM waiting_change ORDER BY natural_key",
    "SELECT interaction_id, digest, verified, kind FROM heard ORDER BY interaction_id, digest",
)


def load_changes(reader: IndexReader, wanted: Sequence[bytes]) -> None:
    """Load the changes known under these natural keys of their own."""
    rows = select(
        reader.cursor,
        "SELECT natural_key, content_digest, interaction_id FROM change WHERE natural_key IN (%s)",
        wanted,
    )
    reader.index.conversations.add_changes(
        wanted, [ChangeRow(key, digest, InteractionId(id_text(id_))) for key, digest, id_ in rows]
    )


def load_waiting(reader: IndexReader, interaction_keys: Sequence[bytes]) -> list[WaitingChange]:
    """Load the changes that wait for these interactions, in the order in which they came."""
    rows = select(
        reader.cursor,
        f"SELECT number, {WAITING} FROM waiting_change WHERE interaction_key IN (%s)",
        interaction_keys,
    )
    found = [_waiting(row[1:]) for row in sorted(set(rows))]
    reader.index.conversations.add_waiting(found)
    return found


def all_waiting(cursor: Cursor, limit: int) -> list[WaitingChange]:
    """Return changes that wait, the oldest first."""
    cursor.execute(f"SELECT {WAITING} FROM waiting_change ORDER BY number LIMIT ?", (limit,))
    return [_waiting(row) for row in cursor.fetchall()]


def count_waiting_changes(cursor: Cursor) -> int:
    """Return how many changes wait for their interaction."""
    cursor.execute("SELECT COUNT(*) FROM waiting_change")
    return int(cursor.fetchone()[0])


def load_heard(
    cursor: Cursor, interaction_ids: Iterable[InteractionId]
) -> dict[InteractionId, list[bytes]]:
    """Return the digests of what messages of these interactions made contacts claim."""
    rows = select(
        cursor,
        "SELECT interaction_id, digest FROM heard WHERE interaction_id IN (%s)",
        [id_bytes(interaction_id) for interaction_id in interaction_ids],
    )
    found: dict[InteractionId, list[bytes]] = {}
    for interaction_id, digest in sorted(set(rows)):
        found.setdefault(InteractionId(id_text(interaction_id)), []).append(digest)
    return found


def load_hearers(cursor: Cursor, digests: Iterable[bytes]) -> list[Heard]:
    """Return in which interactions messages made contacts hold these values."""
    rows = select(
        cursor,
        "SELECT interaction_id, digest, verified, kind FROM heard WHERE digest IN (%s)",
        list(digests),
    )
    return [
        Heard(InteractionId(id_text(id_)), digest, bool(verified), kind)
        for id_, digest, verified, kind in sorted(rows)
    ]


def write_conversations(cursor: Cursor, changes: IndexChanges, records: SealedRecords) -> None:
    """Write what conversations changed; nothing where there were none."""
    went_on = changes.conversations
    if went_on.received:
        cursor.executemany(
            "INSERT INTO change VALUES (?, ?, ?)",
            [
                (row.natural_key, row.content_digest, id_bytes(row.interaction_id))
                for row in sorted(went_on.received, key=attrgetter("natural_key"))
            ],
        )
    if went_on.came:
        cursor.executemany(
            "DELETE FROM waiting_change WHERE natural_key = ?", [(key,) for key in went_on.came]
        )
    if went_on.deferred:
        cursor.executemany(
            f"INSERT INTO waiting_change ({WAITING}) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    row.natural_key,
                    row.interaction_key,
                    id_bytes(row.interaction_id),
                    id_bytes(row.stream),
                    row.key_id,
                )
                for row in went_on.deferred
            ],
        )
    if went_on.heard:
        cursor.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (interaction_id, digest) "
            "DO UPDATE SET verified = heard.verified OR excluded.verified, kind = "
            "CASE WHEN excluded.kind > heard.kind THEN excluded.kind ELSE heard.kind END",
            [
                (id_bytes(one.interaction_id), one.digest, one.verified, one.kind)
                for one in went_on.heard
            ],
        )
    if changes.corrected:
        _correct(cursor, changes, records)


def _correct(cursor: Cursor, changes: IndexChanges, records: SealedRecords) -> None:
    rows = [one.row for one in changes.corrected]
    cursor.executemany(
        "UPDATE interaction SET division = ?, mentions = ?, compares = ?, sealed = ? WHERE number = ?",
        [
            (row.division, pack_mentions(row.mentions), row.record is not None, sealed, row.number)
            for row, sealed in zip(rows, records.seal(rows), strict=True)
        ],
    )
    gone = {(key, one.row.number) for one in changes.corrected for key in one.gone}
    stands = {
        (key, row.number)
        for row in rows
        for key in (*row.block_keys, *map(mention_key, row.mentions))
    }
    cursor.executemany("DELETE FROM posting WHERE block_key = ? AND number = ?", sorted(gone))
    cursor.executemany("INSERT OR IGNORE INTO posting VALUES (?, ?)", sorted(stands))


def _waiting(row: tuple[bytes, bytes, bytes, bytes, int]) -> WaitingChange:
    natural_key, interaction_key, interaction_id, stream, key_id = row
    return WaitingChange(
        natural_key,
        interaction_key,
        InteractionId(id_text(interaction_id)),
        InteractionId(id_text(stream)),
        key_id,
    )
