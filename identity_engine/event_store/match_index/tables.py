"""The match index as tables, and what of it is kept in memory from one transaction to the next."""

from collections.abc import Callable

from identity_engine.event_store.keys import KeyRing
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.match_index.read_check import RULES_STREAMS
from identity_engine.event_store.match_index.sealed_records import SealedRecords
from projections.match_index.digests import DigestKeys
from projections.match_index.index import MatchIndex
from projections.match_index.rows import BY_HAND
from projections.sql import Cursor

ACTIVATIONS = "SELECT COUNT(*) FROM stored_events WHERE originator_id IN (?, ?, ?, ?)"


class IndexTables:
    """Begins the reads of each transaction, over what lasts as long as the store is open.

    Args:
        keys: opens and seals match records.
        digests: the keyed digests that rows are found by.
        entropy: source of nonces.
    """

    def __init__(self, keys: KeyRing, digests: DigestKeys, entropy: Callable[[int], bytes]) -> None:
        self.records = SealedRecords(keys, entropy)
        self._digests = digests
        self._crowded: set[int] = set()

    @property
    def crowded(self) -> set[int]:
        """The crowded keys, as of the last `begin`; they only ever become more."""
        return self._crowded

    def forget(self) -> None:
        """Drop what is kept in memory, after rows were undone or replaced."""
        self.records.forget()
        self._crowded = set()

    def begin(self, cursor: Cursor) -> IndexReader:
        """Begin to read in a transaction, its working set empty but for where the store stands."""
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
        index = MatchIndex(head, last_number, rules, self._crowded, waiting)
        return IndexReader(cursor, index, self.records, self._digests)

    def newest_key(self, cursor: Cursor) -> int:
        """Return the number of the newest key in use, 0 where there is none."""
        cursor.execute(
            "SELECT (SELECT key_id FROM interaction WHERE channel != ? "
            "ORDER BY number DESC LIMIT 1), (SELECT MAX(key_id) FROM contact WHERE key_id > 0), "
            "(SELECT MAX(key_id) FROM waiting_change), (SELECT MAX(key_id) FROM case_row)",
            (BY_HAND,),
        )
        return max(newest or 0 for newest in cursor.fetchone())
