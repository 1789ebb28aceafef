"""The tables of the match index, and how the changes of a batch are written: in key order.

No personal text lies here. Natural keys, identifiers and block keys are keyed digests; a match record
is sealed under the data key of its interaction.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain

from aggregates.values import ContactId
from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.match_index.case_tables import (
    CASE_SCHEMA,
    CASE_TABLES,
    HASHED_CASES,
    write_cases,
)
from identity_engine.event_store.match_index.conversation_tables import (
    CONVERSATION_ROWS,
    CONVERSATION_SCHEMA,
    CONVERSATION_TABLES,
    write_conversations,
)
from identity_engine.event_store.match_index.life_tables import (
    LIFE_ROWS,
    LIFE_SCHEMA,
    LIFE_TABLES,
    write_life,
)
from identity_engine.event_store.match_index.rows import CORRECTED, EDGE
from identity_engine.event_store.match_index.sealed_records import SealedRecords
from identity_engine.event_store.match_index.states import pack_contact, pack_identifier
from projections.match_index.identities import microseconds
from projections.match_index.mentions import mention_key, pack_mentions
from projections.match_index.rows import IndexChanges, InteractionRow
from projections.sql import Cursor

INDEX_VERSION = 24
"""Raised whenever the tables change, or a fault that wrote wrong rows is mended: an index of another
version is replaced by a replay of the log."""

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS interaction (
    number INTEGER PRIMARY KEY,
    interaction_id BLOB NOT NULL UNIQUE,
    natural_key BLOB NOT NULL UNIQUE,
    content_digest BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    time INTEGER NOT NULL, -- microseconds since 1970
    division TEXT NOT NULL,
    contact_id BLOB,
    pinned INTEGER NOT NULL,
    mentions BLOB NOT NULL, -- packed one after the other
    compares BOOLEAN NOT NULL, -- whether there is a match record
    sealed BLOB, -- nonce and ciphertext of name and match record, NULL once erased
    hidden BOOLEAN NOT NULL -- whether its contact is gone
);
CREATE INDEX IF NOT EXISTS interaction_of_contact ON interaction (contact_id, number);
CREATE TABLE IF NOT EXISTS posting (
    block_key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (block_key, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identifier (
    digest BLOB PRIMARY KEY,
    identifier_id BLOB NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    state BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contact (
    contact_id BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    state BLOB NOT NULL,
    canonical BLOB NOT NULL,
    revision INTEGER NOT NULL,
    key_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contact_key ON contact (key_id) WHERE key_id > 0;
CREATE INDEX IF NOT EXISTS contact_of_identity ON contact (canonical) WHERE canonical != contact_id;
CREATE TABLE IF NOT EXISTS merge_edge (
    one BLOB NOT NULL,
    other BLOB NOT NULL,
    merge_id BLOB NOT NULL,
    stream BLOB NOT NULL,
    automatic BOOLEAN NOT NULL,
    survivor BLOB,
    identifies BOOLEAN NOT NULL, -- whether its evidence shows a lasting person
    PRIMARY KEY (one, other, merge_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS merge_edge_of_other ON merge_edge (other);
CREATE INDEX IF NOT EXISTS merge_edge_of_merge ON merge_edge (merge_id);
CREATE TABLE IF NOT EXISTS told_apart (
    one BLOB NOT NULL,
    other BLOB NOT NULL,
    until INTEGER, -- microseconds since 1970, NULL for until it is lifted
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_apart_of_other ON told_apart (other);
-- What is to be evaluated again: the numbers above `evaluated.number`, and those in `pending`.
CREATE TABLE IF NOT EXISTS pending (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS evaluated (number INTEGER NOT NULL);
-- Keys that lead to more records than the policy allows, so that finer ones are in use.
CREATE TABLE IF NOT EXISTS crowded (number INTEGER PRIMARY KEY, block_key INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS source_position (source TEXT PRIMARY KEY, position INTEGER NOT NULL)
WITHOUT ROWID;
-- Work for the CRM that failed and is put off. What is not here may be tried at once.
CREATE TABLE IF NOT EXISTS crm_queue (
    named TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL,
    not_before TEXT NOT NULL
) WITHOUT ROWID;
-- Arrivals whose contact is still to be looked up at a source outside.
CREATE TABLE IF NOT EXISTS lookup_queue (
    interaction_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    not_before TEXT NOT NULL,
    reason TEXT NOT NULL -- why it failed last, a code
) WITHOUT ROWID;
"""
    + CONVERSATION_SCHEMA
    + CASE_SCHEMA
    + LIFE_SCHEMA
)
TABLES = (
    *LIFE_TABLES,
    *("interaction", "posting", "identifier", "contact", "merge_edge", "told_apart"),
    *("pending", "evaluated", "crowded"),
    *CONVERSATION_TABLES,
    *CASE_TABLES,
)
INSERT_POSTING = "INSERT OR IGNORE INTO posting VALUES (?, ?)"
POSTINGS_AT_ONCE = 256
INSERT_POSTINGS = INSERT_POSTING + ", (?, ?)" * (POSTINGS_AT_ONCE - 1)
PLACES = ", ".join("?" * 14)


def write_changes(cursor: Cursor, changes: IndexChanges, records: SealedRecords) -> None:
    """Write what a batch changed, each table in key order."""
    _write_received(cursor, changes.received, records)
    cursor.executemany(
        "UPDATE interaction SET contact_id = ?, pinned = ?, hidden = ? WHERE interaction_id = ?",
        [
            (_optional(row.contact_id), _pinned(row), row.hidden, id_bytes(row.interaction_id))
            for row in changes.relinked
        ],
    )
    cursor.executemany(
        "INSERT INTO identifier VALUES (?, ?, ?, ?) ON CONFLICT (digest) "
        "DO UPDATE SET version = excluded.version, state = excluded.state",
        [
            (row.digest, id_bytes(row.identifier_id), row.version, pack_identifier(row.state))
            for row in changes.identifiers
        ],
    )
    cursor.executemany(
        "INSERT INTO contact VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (contact_id) DO UPDATE SET "
        "version = excluded.version, touched = excluded.touched, state = excluded.state, "
        "canonical = excluded.canonical, revision = excluded.revision, key_id = excluded.key_id",
        [
            (
                id_bytes(row.contact_id),
                row.version,
                row.touched,
                pack_contact(row.state),
                id_bytes(row.canonical),
                row.revision,
                row.key_id,
            )
            for row in changes.contacts
        ],
    )
    _write_edges(cursor, changes)
    write_cases(cursor, changes.cases)
    cursor.executemany(
        # Counted here: the numbers that PostgreSQL would give do not come back with an undone write.
        "INSERT INTO crowded VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM crowded), ?)",
        [(key,) for key in changes.crowded],
    )
    write_conversations(cursor, changes, records)
    _post(cursor, changes.reposted)
    if changes.all_pending:
        cursor.execute("INSERT OR IGNORE INTO pending SELECT number FROM interaction")
    cursor.executemany(
        "INSERT OR IGNORE INTO pending VALUES (?)", [(number,) for number in changes.pending]
    )
    write_life(cursor, changes.life)


def _write_received(
    cursor: Cursor, received: Sequence[InteractionRow], records: SealedRecords
) -> None:
    cursor.execute("SELECT COALESCE(MAX(number), 0) FROM interaction")
    (last,) = cursor.fetchone()
    cursor.executemany(
        f"INSERT INTO interaction VALUES ({PLACES})",
        [
            (
                number,
                id_bytes(row.interaction_id),
                row.natural_key,
                row.content_digest,
                row.key_id,
                row.channel,
                row.time,
                row.division,
                _optional(row.contact_id),
                _pinned(row),
                pack_mentions(row.mentions),
                row.record is not None,
                sealed,
                row.hidden,
            )
            for number, (row, sealed) in enumerate(
                zip(received, records.seal(received), strict=True), last + 1
            )
        ],
    )
    postings = [
        (key, number)
        for number, row in enumerate(received, last + 1)
        for key in (*row.block_keys, *map(mention_key, row.mentions))
    ]
    _post(cursor, postings)


def _post(cursor: Cursor, postings: Iterable[tuple[int, int]]) -> None:
    """Insert postings, which are by far the most rows, many in one statement."""
    in_order = sorted(postings)
    whole = len(in_order) - len(in_order) % POSTINGS_AT_ONCE
    for first in range(0, whole, POSTINGS_AT_ONCE):
        rows = in_order[first : first + POSTINGS_AT_ONCE]
        cursor.execute(INSERT_POSTINGS, list(chain.from_iterable(rows)))
    cursor.executemany(INSERT_POSTING, in_order[whole:])


def _write_edges(cursor: Cursor, changes: IndexChanges) -> None:
    cursor.executemany(
        "DELETE FROM merge_edge WHERE one = ? AND other = ? AND merge_id = ?",
        [
            (id_bytes(edge.one), id_bytes(edge.other), id_bytes(edge.merge_id))
            for edge in changes.edges_gone
        ],
    )
    cursor.executemany(
        "INSERT OR IGNORE INTO merge_edge VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                id_bytes(edge.one),
                id_bytes(edge.other),
                id_bytes(edge.merge_id),
                id_bytes(edge.stream),
                edge.automatic,
                _optional(edge.survivor),
                edge.identifies,
            )
            for edge in changes.edges
        ],
    )
    cursor.executemany(
        "DELETE FROM told_apart WHERE one = ? AND other = ?", map(_pair, changes.apart_gone)
    )
    cursor.executemany(
        "INSERT INTO told_apart VALUES (?, ?, ?) "
        "ON CONFLICT (one, other) DO UPDATE SET until = excluded.until",
        [
            (*_pair(pair), microseconds(until) if until is not None else None)
            for pair, until in changes.apart.items()
        ],
    )


def hash_rows(cursor: Cursor) -> str:
    """Return the SHA-256 of all rows; of a sealed record only whether there is one.

    What waits for re-evaluation is left out: it is work, not knowledge, and a rebuild queues all.
    """
    digest = hashlib.sha256()
    for statement in (
        "SELECT number, interaction_id, natural_key, content_digest, key_id, channel, time, "
        "division, contact_id, pinned, mentions, compares, sealed IS NULL, hidden FROM interaction "
        "ORDER BY number",
        "SELECT block_key, number FROM posting ORDER BY block_key, number",
        "SELECT digest, identifier_id, version, state FROM identifier ORDER BY digest",
        "SELECT contact_id, version, touched, state, canonical, revision, key_id FROM contact "
        "ORDER BY contact_id",
        f"SELECT {EDGE} FROM merge_edge ORDER BY one, other, merge_id",
        "SELECT one, other, until FROM told_apart ORDER BY one, other",
        "SELECT number, block_key FROM crowded ORDER BY number",
        *LIFE_ROWS,
        *CONVERSATION_ROWS,
        *HASHED_CASES,
    ):
        for row in cursor.execute(statement):
            digest.update(repr(row).encode())
    return digest.hexdigest()


def is_current(cursor: Cursor) -> bool:
    """Tell whether the tables are those of this version."""
    version = cursor.execute("SELECT COALESCE(MAX(number), 0) FROM index_version").fetchone()
    return bool(version == (INDEX_VERSION,))


def prepare_tables(cursor: Cursor) -> bool:
    """Make the tables of a new store, and tell whether those of an older one are to be replaced."""
    cursor.execute(
        "SELECT COALESCE(MAX(number), 0), EXISTS (SELECT 1 FROM stored_events) FROM index_version"
    )
    version, has_events = cursor.fetchone()
    if version == INDEX_VERSION:
        return False
    if not has_events:
        replace_tables(cursor)
    return bool(has_events)


def replace_tables(cursor: Cursor) -> None:
    """Put empty tables of this version in place, before a rebuild in the same transaction."""
    for table in TABLES:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in SCHEMA.split(";"):
        if statement.strip():
            cursor.execute(statement)
    cursor.execute("DELETE FROM index_version")
    cursor.execute("INSERT INTO index_version VALUES (?)", (INDEX_VERSION,))


def _pinned(row: InteractionRow) -> int:
    return CORRECTED if row.corrected else int(row.pinned)


def _optional(contact_id: ContactId | None) -> bytes | None:
    return id_bytes(contact_id) if contact_id is not None else None


def _pair(contacts: frozenset[ContactId]) -> tuple[bytes, ...]:
    return tuple(map(id_bytes, sorted(contacts)))
