"""The match index as SQLite tables: one query for each kind of row and batch."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import orjson

from aggregates.values import ContactId, IdentifierId, MergeId
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.keys import KeyRing
from identity_engine.event_store.match_index.case_tables import cases_by_id
from identity_engine.event_store.match_index.read_check import RULES_STREAMS
from identity_engine.event_store.match_index.rows import (
    CONTACT,
    CONTACT_ID,
    EDGE,
    IDENTIFIER,
    INTERACTION,
    INTERACTION_ID,
    KEY_ID,
    MERGED_UNDER,
    NUMBER,
    SEALED,
    contact_row,
    edge,
    identifier_row,
    interaction_row,
    told_apart,
)
from identity_engine.event_store.match_index.sealed_records import Opened, SealedRecords
from projections.match_index.index import MatchIndex
from projections.match_index.rows import BY_HAND, IdentifierRow, InteractionRow
from projections.sql import Cursor, select

ACTIVATIONS = "SELECT COUNT(*) FROM stored_events WHERE originator_id IN (?, ?, ?, ?)"
NOTHING: Opened = ("", None)


class IndexTables:
    """Reads the rows of a batch and writes its changes.

    Args:
        keys: opens and seals match records.
        entropy: source of nonces.
    """

    def __init__(self, keys: KeyRing, entropy: Callable[[int], bytes]) -> None:
        self.records = SealedRecords(keys, entropy)
        self._crowded: set[int] = set()

    @property
    def crowded(self) -> set[int]:
        """The crowded keys, as of the last `begin`; they only ever become more."""
        return self._crowded

    def forget(self) -> None:
        """Drop what is kept in memory, after rows were undone or replaced."""
        self.records.forget()
        self._crowded = set()

    def begin(self, cursor: Cursor) -> MatchIndex:
        """Return an empty working set that knows where the store stands."""
        cursor.execute(
            "SELECT COALESCE((SELECT MAX(rowid) FROM stored_events), 0), "
            f"COALESCE((SELECT MAX(number) FROM interaction), 0), ({ACTIVATIONS}), "
            "COALESCE((SELECT MAX(number) FROM crowded), 0), "
            "COALESCE((SELECT MAX(number) FROM waiting_change), 0)",
            RULES_STREAMS,
        )
        head, last_number, rules, crowded, waiting = cursor.fetchone()
        if crowded > len(self._crowded):
            # Their numbers count up from 1, so those above are the ones that are not known here.
            cursor.execute("SELECT block_key FROM crowded WHERE number > ?", (len(self._crowded),))
            self._crowded.update(key for (key,) in cursor.fetchall())
        return MatchIndex(head, last_number, rules, self._crowded, waiting)

    def newest_key(self, cursor: Cursor) -> int:
        """Return the number of the newest key in use, 0 where there is none."""
        cursor.execute(
            "SELECT (SELECT key_id FROM interaction WHERE channel != ? "
            "ORDER BY number DESC LIMIT 1), (SELECT MAX(key_id) FROM contact WHERE key_id > 0), "
            "(SELECT MAX(key_id) FROM waiting_change), (SELECT MAX(key_id) FROM case_row)",
            (BY_HAND,),
        )
        return max(newest or 0 for newest in cursor.fetchone())

    def load_natural_keys(self, cursor: Cursor, index: MatchIndex, wanted: Sequence[bytes]) -> None:
        """Load the interactions known under these natural keys, without their records."""
        rows = select(
            cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE natural_key IN (%s)",
            wanted,
        )
        index.add_natural_keys(wanted, [interaction_row(row) for row in rows])

    def load_identifiers(self, cursor: Cursor, index: MatchIndex, wanted: Sequence[bytes]) -> None:
        """Load the identifiers known under these digests."""
        rows = select(cursor, f"SELECT {IDENTIFIER} FROM identifier WHERE digest IN (%s)", wanted)
        index.add_identifiers(wanted, [identifier_row(row) for row in rows])

    def load_identifier_streams(
        self, cursor: Cursor, index: MatchIndex, wanted: Iterable[IdentifierId]
    ) -> None:
        """Load identifiers by their stream ids."""
        rows = select(
            cursor,
            f"SELECT {IDENTIFIER} FROM identifier WHERE identifier_id IN (%s)",
            [id_bytes(identifier_id) for identifier_id in wanted],
        )
        index.add_identifiers((), [identifier_row(row) for row in rows])

    def load_held(
        self, cursor: Cursor, index: MatchIndex, contact_id: ContactId
    ) -> list[IdentifierRow]:
        """Load what a contact holds or held, and return it in the order of the stream ids."""
        cursor.execute(
            "SELECT identifier_id FROM holder WHERE contact_id = ? ORDER BY identifier_id",
            (id_bytes(contact_id),),
        )
        ids = [IdentifierId(id_text(identifier_id)) for (identifier_id,) in cursor.fetchall()]
        fresh = [one for one in ids if index.identifier(one) is None]
        self.load_identifier_streams(cursor, index, fresh)
        rows = map(index.identifier, ids)
        return [row for row in rows if row is not None]

    def load_linked(self, cursor: Cursor, index: MatchIndex, wanted: Iterable[str]) -> None:
        """Load interactions by their ids, those that there are."""
        rows = select(
            cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE interaction_id IN (%s)",
            [id_bytes(interaction_id) for interaction_id in wanted],
        )
        index.add_interactions(self._open(rows))

    def load_cases(self, cursor: Cursor, index: MatchIndex, wanted: Iterable[str]) -> None:
        """Load cases by their ids, those that there are."""
        index.cases.add(cases_by_id(cursor, wanted))

    def load_postings(
        self, cursor: Cursor, index: MatchIndex, block_keys: Iterable[int], block_cap: int
    ) -> None:
        """Load the numbers under these block keys, of a fuller key one more than `block_cap`."""
        wanted = list(block_keys)
        if not wanted:
            return
        cursor.execute(
            "SELECT value, (SELECT group_concat(number) FROM (SELECT number FROM posting "
            "WHERE block_key = CAST(value AS BIGINT) LIMIT ?) AS first) FROM json_each(?)",
            (block_cap + 1, orjson.dumps(wanted).decode()),
        )
        index.add_postings(
            {
                int(key): [int(number) for number in listed.split(",")] if listed else []
                for key, listed in cursor.fetchall()
            }
        )

    def load_interactions(self, cursor: Cursor, index: MatchIndex, numbers: Iterable[int]) -> None:
        """Load what is not loaded of these interactions, with their records."""
        wanted = [number for number in numbers if index.interaction(number) is None]
        index.add_interactions(self._open(self._select_interactions(cursor, wanted)))

    def load_nearby(
        self,
        cursor: Cursor,
        index: MatchIndex,
        numbers: Iterable[int],
        contact_ids: Iterable[ContactId],
    ) -> None:
        """Load what is not loaded of these interactions, of their contacts and of these contacts."""
        known = {number: index.interaction(number) for number in numbers}
        found = self._select_interactions(
            cursor, [number for number, row in known.items() if row is None]
        )
        linked = {row[CONTACT_ID] for row in found}
        linked |= {id_bytes(row.contact_id) for row in known.values() if row and row.contact_id}
        wanted = linked.union(map(id_bytes, contact_ids)) - {None}
        rows = select(
            cursor,
            f"SELECT {MERGED_UNDER}, {CONTACT} FROM contact WHERE contact_id IN (%s)",
            [one for one in wanted if ContactId(id_text(one)) not in index.contacts],
        )
        merged = {canonical for canonical, *_ in rows if canonical is not None}
        contacts = [row[1:] for row in rows]
        if merged:
            contacts += select(
                cursor,
                f"SELECT {CONTACT} FROM contact WHERE canonical IN (%s) "
                "AND canonical != contact_id",
                list(merged),
            )
            contacts += select(
                cursor, f"SELECT {CONTACT} FROM contact WHERE contact_id IN (%s)", list(merged)
            )
            # A contact that rises may change who stands for its identity, which its edges tell.
            self.load_edges(cursor, index, [ContactId(id_text(row[0])) for row in contacts])
        index.add_contacts(map(contact_row, contacts))
        index.add_interactions(self._open(found))

    def load_all_of(
        self, cursor: Cursor, index: MatchIndex, contact_ids: Iterable[ContactId]
    ) -> list[int]:
        """Load every interaction linked to these contacts, and return their numbers."""
        rows = select(
            cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in contact_ids],
        )
        index.add_interactions(
            self._open([row for row in rows if index.interaction(row[NUMBER]) is None])
        )
        return list(dict.fromkeys(row[NUMBER] for row in rows))

    def load_edges(
        self, cursor: Cursor, index: MatchIndex, contact_ids: Iterable[ContactId]
    ) -> None:
        """Load the merge edges at these contacts and the pairs told apart that name them."""
        wanted = list(map(id_bytes, contact_ids))
        edges = [
            row
            for end in ("one", "other")
            for row in select(
                cursor,
                f"SELECT {EDGE} FROM merge_edge WHERE {end} IN (%s)",
                wanted,
            )
        ]
        apart = [
            row
            for end in ("one", "other")
            for row in select(
                cursor, f"SELECT one, other, until FROM told_apart WHERE {end} IN (%s)", wanted
            )
        ]
        index.add_edges(map(edge, edges), dict(map(told_apart, apart)))

    def ends_of_merge(self, cursor: Cursor, merge_id: MergeId) -> list[ContactId]:
        """Return the contacts at the edges that a merge has in force; none where it has no more."""
        cursor.execute(
            "SELECT one FROM merge_edge WHERE merge_id = ?1 "
            "UNION SELECT other FROM merge_edge WHERE merge_id = ?1",
            (id_bytes(merge_id),),
        )
        return [ContactId(id_text(end)) for (end,) in cursor.fetchall()]

    def numbers_of(self, cursor: Cursor, contact_ids: Iterable[ContactId]) -> list[int]:
        """Return the numbers of the interactions that are linked to these contacts."""
        rows = select(
            cursor,
            "SELECT number FROM interaction WHERE contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in contact_ids],
        )
        return list(dict.fromkeys(number for (number,) in rows))

    def load_members(
        self,
        cursor: Cursor,
        index: MatchIndex,
        contact_ids: Iterable[ContactId],
        members: int,
    ) -> None:
        """Load as many of the newest records of these contacts as `members`, and their states."""
        wanted = index.without_members(contact_ids)
        if not wanted:
            return
        self.load_nearby(cursor, index, (), wanted)
        rows = select(
            cursor,
            f"SELECT {INTERACTION} FROM contact JOIN interaction ON number IN ("
            "SELECT number FROM interaction WHERE contact_id = contact.contact_id "
            f"AND compares ORDER BY number DESC LIMIT {int(members)}) "
            "WHERE contact.contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in wanted],
        )
        index.add_interactions(
            self._open([row for row in rows if index.interaction(row[0]) is None])
        )

    def _select_interactions(self, cursor: Cursor, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        return select(
            cursor, f"SELECT {INTERACTION} FROM interaction WHERE number IN (%s)", numbers
        )

    def _open(self, rows: Collection[tuple[Any, ...]]) -> list[InteractionRow]:
        opened = self.records.open(
            [(row[NUMBER], row[INTERACTION_ID], row[KEY_ID], row[SEALED]) for row in rows]
        )
        return [interaction_row(row, *opened.get(row[NUMBER], NOTHING)) for row in rows]
