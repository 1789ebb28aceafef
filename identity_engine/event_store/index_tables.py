"""The match index as SQLite tables: one query per kind of row and batch, writes in key order.

No personal text lies here. Natural keys, identifiers and block keys are keyed digests; a match record
is sealed under the data key of its interaction.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from aggregates.contact import ContactState
from aggregates.identifier import IdentifierState
from aggregates.values import ContactId, IdentifierId, InteractionId
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.keys import KeyRing
from identity_engine.event_store.read_check import RULES_STREAMS
from identity_engine.event_store.sealed_records import SealedRecords
from matchers.record import MatchRecord
from projections.match_index.digests import DIGEST_BYTES
from projections.match_index.index import MatchIndex
from projections.match_index.rows import (
    ContactRow,
    IdentifierRow,
    IndexChanges,
    InteractionRow,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS interaction (
    number INTEGER PRIMARY KEY,
    interaction_id BLOB NOT NULL UNIQUE,
    natural_key BLOB NOT NULL UNIQUE,
    content_digest BLOB NOT NULL,
    key_id INTEGER NOT NULL,
    contact_id BLOB,
    record BLOB -- nonce and ciphertext; NULL where there is nothing to compare
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
    revision INTEGER NOT NULL,
    state BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source_position (source TEXT PRIMARY KEY, position INTEGER NOT NULL)
WITHOUT ROWID;
"""
TABLES = ("interaction", "posting", "identifier", "contact")

IDENTIFIER = "digest, identifier_id, version, state"
INTERACTION = (
    "interaction.number, interaction.interaction_id, interaction.natural_key, "
    "interaction.content_digest, interaction.key_id, interaction.contact_id, interaction.record"
)
IDENTIFIER_STATE = TypeAdapter(IdentifierState)
CONTACT_STATE = TypeAdapter(ContactState)
ACTIVATIONS = "SELECT COUNT(*) FROM stored_events WHERE originator_id IN (?, ?)"
MOST_PARAMETERS = 16_384


class IndexTables:
    """Reads the rows of a batch and writes its changes.

    Args:
        keys: opens and seals match records.
        entropy: source of nonces.
    """

    def __init__(self, keys: KeyRing, entropy: Callable[[int], bytes]) -> None:
        self.records = SealedRecords(keys, entropy)

    def begin(self, cursor: sqlite3.Cursor) -> MatchIndex:
        """Return an empty working set that knows where the store stands."""
        cursor.execute(
            "SELECT COALESCE((SELECT MAX(rowid) FROM stored_events), 0), "
            f"COALESCE((SELECT MAX(number) FROM interaction), 0), ({ACTIVATIONS})",
            RULES_STREAMS,
        )
        return MatchIndex(*cursor.fetchone())

    def newest_key(self, cursor: sqlite3.Cursor) -> int:
        """Return the number of the key that seals the newest interaction, 0 where there is none."""
        cursor.execute("SELECT key_id FROM interaction ORDER BY number DESC LIMIT 1")
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    def load_natural_keys(
        self, cursor: sqlite3.Cursor, index: MatchIndex, wanted: Sequence[bytes]
    ) -> None:
        """Load the interactions known under these natural keys, without their records."""
        rows = _select(
            cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE natural_key IN (%s)",
            wanted,
        )
        index.add_natural_keys(wanted, [_interaction_row(row) for row in rows])

    def load_identifiers(
        self, cursor: sqlite3.Cursor, index: MatchIndex, wanted: Sequence[bytes]
    ) -> None:
        """Load the identifiers known under these digests."""
        rows = _select(cursor, f"SELECT {IDENTIFIER} FROM identifier WHERE digest IN (%s)", wanted)
        index.add_identifiers(wanted, [_identifier_row(row) for row in rows])

    def load_identifier_streams(
        self, cursor: sqlite3.Cursor, index: MatchIndex, wanted: Iterable[IdentifierId]
    ) -> None:
        """Load identifiers by their stream ids."""
        rows = _select(
            cursor,
            f"SELECT {IDENTIFIER} FROM identifier WHERE identifier_id IN (%s)",
            [id_bytes(identifier_id) for identifier_id in wanted],
        )
        index.add_identifiers((), [_identifier_row(row) for row in rows])

    def load_linked(self, cursor: sqlite3.Cursor, index: MatchIndex, wanted: Iterable[str]) -> None:
        """Load interactions by their ids, those that there are."""
        rows = _select(
            cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE interaction_id IN (%s)",
            [id_bytes(interaction_id) for interaction_id in wanted],
        )
        index.add_interactions(self._open(rows))

    def load_postings(
        self, cursor: sqlite3.Cursor, index: MatchIndex, block_keys: Iterable[int], block_cap: int
    ) -> None:
        """Load the numbers under these block keys, of a fuller key one more than `block_cap`."""
        wanted = list(block_keys)
        if not wanted:
            return
        cursor.execute(
            "SELECT value, (SELECT group_concat(number) FROM (SELECT number FROM posting "
            "WHERE block_key = value LIMIT ?)) FROM json_each(?)",
            (block_cap + 1, orjson.dumps(wanted).decode()),
        )
        index.add_postings(
            {
                key: [int(number) for number in listed.split(",")] if listed else []
                for key, listed in cursor.fetchall()
            }
        )

    def load_nearby(
        self,
        cursor: sqlite3.Cursor,
        index: MatchIndex,
        numbers: Iterable[int],
        contact_ids: Iterable[ContactId],
    ) -> None:
        """Load what is not loaded of these interactions, of their contacts and of these contacts."""
        found = self._select_interactions(
            cursor, [number for number in numbers if index.interaction(number) is None]
        )
        wanted = {id_text(row[5]) for row in found if row[5] is not None}.union(contact_ids)
        contacts = _select(
            cursor,
            "SELECT contact_id, version, revision, state FROM contact WHERE contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in wanted if contact_id not in index.contacts],
        )
        index.add_contacts(map(_contact_row, contacts))
        index.add_interactions(self._open(found))

    def load_members(
        self,
        cursor: sqlite3.Cursor,
        index: MatchIndex,
        contact_ids: Iterable[ContactId],
        members: int,
    ) -> None:
        """Load as many of the newest records of these contacts as `members`, and their states."""
        wanted = index.without_members(contact_ids)
        if not wanted:
            return
        self.load_nearby(cursor, index, (), wanted)
        rows = _select(
            cursor,
            f"SELECT {INTERACTION} FROM contact JOIN interaction ON number IN ("
            "SELECT number FROM interaction WHERE contact_id = contact.contact_id "
            f"AND record IS NOT NULL ORDER BY number DESC LIMIT {int(members)}) "
            "WHERE contact.contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in wanted],
        )
        index.add_interactions(
            self._open([row for row in rows if index.interaction(row[0]) is None])
        )

    def _select_interactions(
        self, cursor: sqlite3.Cursor, numbers: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        if not numbers:
            return []
        cursor.execute(
            f"SELECT {INTERACTION} FROM interaction "
            "WHERE number IN (SELECT value FROM json_each(?))",
            (orjson.dumps(numbers).decode(),),
        )
        return cursor.fetchall()

    def write(self, cursor: sqlite3.Cursor, changes: IndexChanges) -> None:
        """Write what a batch changed, each table in key order."""
        cursor.execute("SELECT COALESCE(MAX(number), 0) FROM interaction")
        base = cursor.fetchone()[0]
        sealed = self.records.seal(changes.received)
        interactions = [
            (
                number,
                id_bytes(row.interaction_id),
                row.natural_key,
                row.content_digest,
                row.key_id,
                id_bytes(row.contact_id) if row.contact_id is not None else None,
                record,
            )
            for number, (row, record) in enumerate(
                zip(changes.received, sealed, strict=True), base + 1
            )
        ]
        postings = [
            (key, number)
            for number, row in enumerate(changes.received, base + 1)
            for key in row.block_keys
        ]
        cursor.executemany("INSERT INTO interaction VALUES (?, ?, ?, ?, ?, ?, ?)", interactions)
        cursor.executemany("INSERT OR IGNORE INTO posting VALUES (?, ?)", sorted(postings))
        cursor.executemany(
            "UPDATE interaction SET contact_id = ? WHERE interaction_id = ?",
            [
                (id_bytes(row.contact_id) if row.contact_id else None, id_bytes(row.interaction_id))
                for row in changes.relinked
            ],
        )
        cursor.executemany(
            "INSERT INTO identifier VALUES (?, ?, ?, ?) ON CONFLICT (digest) "
            "DO UPDATE SET version = excluded.version, state = excluded.state",
            [
                (row.digest, id_bytes(row.identifier_id), row.version, _json(row.state))
                for row in changes.identifiers
            ],
        )
        cursor.executemany(
            "INSERT INTO contact VALUES (?, ?, ?, ?) ON CONFLICT (contact_id) DO UPDATE SET "
            "version = excluded.version, revision = excluded.revision, state = excluded.state",
            [
                (id_bytes(row.contact_id), row.version, row.revision, _json(row.state))
                for row in changes.contacts
            ],
        )

    def hash(self, cursor: sqlite3.Cursor) -> str:
        """Return the SHA-256 of all rows; of a sealed record only whether there is one."""
        digest = hashlib.sha256()
        for statement in (
            "SELECT number, interaction_id, natural_key, content_digest, key_id, contact_id, "
            "record IS NULL FROM interaction ORDER BY number",
            "SELECT block_key, number FROM posting ORDER BY block_key, number",
            "SELECT digest, identifier_id, version, state FROM identifier ORDER BY digest",
            "SELECT contact_id, version, revision, state FROM contact ORDER BY contact_id",
        ):
            for row in cursor.execute(statement):
                digest.update(repr(row).encode())
        return digest.hexdigest()

    def clear(self, cursor: sqlite3.Cursor) -> None:
        """Empty the tables, before a rebuild in the same transaction."""
        self.records.forget()
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")

    def _open(self, rows: Collection[tuple[Any, ...]]) -> list[InteractionRow]:
        opened = self.records.open([(row[0], row[1], row[4], row[6]) for row in rows])
        return [_interaction_row(row, opened.get(row[0])) for row in rows]


def _select(
    cursor: sqlite3.Cursor, statement: str, wanted: Sequence[bytes]
) -> list[tuple[Any, ...]]:
    """Run a statement whose `%s` becomes a list of parameters.

    The list is filled up to a power of two with its last value, so that few different statements
    are ever prepared, and split where SQLite would take no more.
    """
    rows: list[tuple[Any, ...]] = []
    for first in range(0, len(wanted), MOST_PARAMETERS):
        some = list(wanted[first : first + MOST_PARAMETERS])
        places = 1 << (len(some) - 1).bit_length()
        some += [some[-1]] * (places - len(some))
        rows += cursor.execute(_with_places(statement, places), some)
    return rows


@lru_cache(maxsize=128)
def _with_places(statement: str, places: int) -> str:
    return statement % ",".join("?" * places)


def _identifier_row(row: tuple[Any, ...]) -> IdentifierRow:
    digest, identifier_id, version, state = row
    return IdentifierRow(
        digest, IdentifierId(id_text(identifier_id)), version, IDENTIFIER_STATE.validate_json(state)
    )


def _contact_row(row: tuple[Any, ...]) -> ContactRow:
    contact_id, version, revision, state = row
    return ContactRow(
        ContactId(id_text(contact_id)), version, revision, CONTACT_STATE.validate_json(state)
    )


def _interaction_row(row: tuple[Any, ...], record: MatchRecord | None = None) -> InteractionRow:
    number, interaction_id, natural_key, content_digest, key_id, contact_id, _ = row
    return InteractionRow(
        number,
        InteractionId(id_text(interaction_id)),
        natural_key,
        content_digest,
        key_id,
        ContactId(id_text(contact_id)) if contact_id is not None else None,
        record,
    )


def _json(state: IdentifierState | ContactState | None) -> bytes:
    if state is None:
        raise ValueError("an index row is written only after a first event")
    return orjson.dumps(state)


assert len(id_bytes("0" * 32)) == DIGEST_BYTES  # both travel packed by 16
