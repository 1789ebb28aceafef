"""The reads of one transaction: what they find in the match index goes into its working set."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson

from aggregates.values import ContactId, IdentifierId, MergeId
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.match_index.case_tables import cases_by_id
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
from projections.match_index.digests import DigestKeys
from projections.match_index.index import MatchIndex
from projections.match_index.rows import IdentifierRow, InteractionRow
from projections.sql import Cursor, select

NOTHING: Opened = ("", None)


class IndexReader:
    """Loads rows into the working set of one transaction: one query for each kind of row and batch.

    `IndexTables.begin` makes it. The working set may be read after the transaction has ended; then
    nothing more is loaded.

    Args:
        cursor: the open transaction.
        index: its working set, empty.
        records: opens match records.
        digests: the keyed digests that rows are found by.
    """

    def __init__(
        self, cursor: Cursor, index: MatchIndex, records: SealedRecords, digests: DigestKeys
    ) -> None:
        self.cursor, self.index, self.digests = cursor, index, digests
        self._records = records

    def load_natural_keys(self, wanted: Sequence[bytes]) -> None:
        """Load the interactions known under these natural keys, without their records."""
        rows = select(
            self.cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE natural_key IN (%s)",
            wanted,
        )
        self.index.add_natural_keys(wanted, [interaction_row(row) for row in rows])

    def load_identifiers(self, wanted: Sequence[bytes]) -> None:
        """Load the identifiers known under these digests."""
        rows = select(
            self.cursor, f"SELECT {IDENTIFIER} FROM identifier WHERE digest IN (%s)", wanted
        )
        self.index.add_identifiers(wanted, [identifier_row(row) for row in rows])

    def load_identifier_streams(self, wanted: Iterable[IdentifierId]) -> None:
        """Load identifiers by their stream ids."""
        rows = select(
            self.cursor,
            f"SELECT {IDENTIFIER} FROM identifier WHERE identifier_id IN (%s)",
            [id_bytes(identifier_id) for identifier_id in wanted],
        )
        self.index.add_identifiers((), [identifier_row(row) for row in rows])

    def load_held(self, contact_id: ContactId) -> list[IdentifierRow]:
        """Load what a contact holds or held, and return it in the order of the stream ids."""
        self.cursor.execute(
            "SELECT identifier_id FROM holder WHERE contact_id = ? ORDER BY identifier_id",
            (id_bytes(contact_id),),
        )
        ids = [IdentifierId(id_text(identifier_id)) for (identifier_id,) in self.cursor.fetchall()]
        fresh = [one for one in ids if self.index.identifier(one) is None]
        self.load_identifier_streams(fresh)
        rows = map(self.index.identifier, ids)
        return [row for row in rows if row is not None]

    def load_linked(self, wanted: Iterable[str]) -> None:
        """Load interactions by their ids, those that there are."""
        rows = select(
            self.cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE interaction_id IN (%s)",
            [id_bytes(interaction_id) for interaction_id in wanted],
        )
        self.index.add_interactions(self._open(rows))

    def load_cases(self, wanted: Iterable[str]) -> None:
        """Load cases by their ids, those that there are."""
        self.index.cases.add(cases_by_id(self.cursor, wanted))

    def load_postings(self, block_keys: Iterable[int], block_cap: int) -> None:
        """Load the numbers under these block keys, of a fuller key one more than `block_cap`."""
        wanted = list(block_keys)
        if not wanted:
            return
        self.cursor.execute(
            "SELECT value, (SELECT group_concat(number) FROM (SELECT number FROM posting "
            "WHERE block_key = CAST(value AS BIGINT) ORDER BY number LIMIT ?) AS first) "
            "FROM json_each(?)",
            (block_cap + 1, orjson.dumps(wanted).decode()),
        )
        self.index.add_postings(
            {
                int(key): [int(number) for number in listed.split(",")] if listed else []
                for key, listed in self.cursor.fetchall()
            }
        )

    def numbers_under(self, block_key: int) -> list[int]:
        """Return all stored numbers under a block key, in order."""
        self.cursor.execute(
            "SELECT number FROM posting WHERE block_key = ? ORDER BY number", (block_key,)
        )
        return [number for (number,) in self.cursor.fetchall()]

    def load_interactions(self, numbers: Iterable[int]) -> None:
        """Load what is not loaded of these interactions, with their records."""
        index = self.index
        wanted = [number for number in numbers if index.interaction(number) is None]
        index.add_interactions(self._open(self._select_interactions(wanted)))

    def load_nearby(self, numbers: Iterable[int], contact_ids: Iterable[ContactId]) -> None:
        """Load what is not loaded of these interactions, of their contacts and of these contacts."""
        index = self.index
        known = {number: index.interaction(number) for number in numbers}
        found = self._select_interactions([number for number, row in known.items() if row is None])
        linked = {row[CONTACT_ID] for row in found}
        linked |= {id_bytes(row.contact_id) for row in known.values() if row and row.contact_id}
        wanted = linked.union(map(id_bytes, contact_ids)) - {None}
        rows = select(
            self.cursor,
            f"SELECT {MERGED_UNDER}, {CONTACT} FROM contact WHERE contact_id IN (%s)",
            [one for one in wanted if ContactId(id_text(one)) not in index.contacts],
        )
        merged = {canonical for canonical, *_ in rows if canonical is not None}
        contacts = [row[1:] for row in rows]
        if merged:
            contacts += select(
                self.cursor,
                f"SELECT {CONTACT} FROM contact WHERE canonical IN (%s) "
                "AND canonical != contact_id",
                list(merged),
            )
            contacts += select(
                self.cursor, f"SELECT {CONTACT} FROM contact WHERE contact_id IN (%s)", list(merged)
            )
            # A contact that rises may change who stands for its identity, which its edges tell.
            self.load_edges([ContactId(id_text(row[0])) for row in contacts])
        index.add_contacts(map(contact_row, contacts))
        index.add_interactions(self._open(found))

    def load_all_of(self, contact_ids: Iterable[ContactId]) -> list[int]:
        """Load every interaction linked to these contacts, and return their numbers."""
        index = self.index
        rows = select(
            self.cursor,
            f"SELECT {INTERACTION} FROM interaction WHERE contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in contact_ids],
        )
        index.add_interactions(
            self._open([row for row in rows if index.interaction(row[NUMBER]) is None])
        )
        return list(dict.fromkeys(row[NUMBER] for row in rows))

    def load_edges(self, contact_ids: Iterable[ContactId]) -> None:
        """Load the merge edges at these contacts and the pairs told apart that name them."""
        wanted = list(map(id_bytes, contact_ids))
        edges = [
            row
            for end in ("one", "other")
            for row in select(
                self.cursor,
                f"SELECT {EDGE} FROM merge_edge WHERE {end} IN (%s)",
                wanted,
            )
        ]
        apart = [
            row
            for end in ("one", "other")
            for row in select(
                self.cursor, f"SELECT one, other, until FROM told_apart WHERE {end} IN (%s)", wanted
            )
        ]
        self.index.add_edges(map(edge, edges), dict(map(told_apart, apart)))

    def ends_of_merge(self, merge_id: MergeId) -> list[ContactId]:
        """Return the contacts at the edges that a merge has in force; none where it has no more."""
        self.cursor.execute(
            "SELECT one FROM merge_edge WHERE merge_id = ?1 "
            "UNION SELECT other FROM merge_edge WHERE merge_id = ?1",
            (id_bytes(merge_id),),
        )
        return [ContactId(id_text(end)) for (end,) in self.cursor.fetchall()]

    def numbers_of(self, contact_ids: Iterable[ContactId]) -> list[int]:
        """Return the numbers of the interactions that are linked to these contacts."""
        rows = select(
            self.cursor,
            "SELECT number FROM interaction WHERE contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in contact_ids],
        )
        return list(dict.fromkeys(number for (number,) in rows))

    def load_members(self, contact_ids: Iterable[ContactId], members: int) -> None:
        """Load as many of the newest records of these contacts as `members`, and their states."""
        index = self.index
        wanted = index.without_members(contact_ids)
        if not wanted:
            return
        self.load_nearby((), wanted)
        rows = select(
            self.cursor,
            f"SELECT {INTERACTION} FROM contact JOIN interaction ON number IN ("
            "SELECT number FROM interaction WHERE contact_id = contact.contact_id "
            f"AND compares ORDER BY number DESC LIMIT {int(members)}) "
            "WHERE contact.contact_id IN (%s)",
            [id_bytes(contact_id) for contact_id in wanted],
        )
        index.add_interactions(
            self._open([row for row in rows if index.interaction(row[0]) is None])
        )

    def _select_interactions(self, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        return select(
            self.cursor, f"SELECT {INTERACTION} FROM interaction WHERE number IN (%s)", numbers
        )

    def _open(self, rows: Collection[tuple[Any, ...]]) -> list[InteractionRow]:
        opened = self._records.open(
            [(row[NUMBER], row[INTERACTION_ID], row[KEY_ID], row[SEALED]) for row in rows]
        )
        return [interaction_row(row, *opened.get(row[NUMBER], NOTHING)) for row in rows]
