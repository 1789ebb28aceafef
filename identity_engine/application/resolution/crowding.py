"""Block keys in use: a key that leads to too many records is crowded, and gives way to finer ones.

The moment at which a key becomes crowded is fixed by the log alone: with the record that brings it
over the cap. All its records then stand under finer keys too, and what re-evaluation had made of them
is to be looked at again, because some pairs are no longer brought together.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from identity_engine.application.resolution.prepare import all_hashed_keys, hashed_keys
from identity_engine.event_store.match_index.index_reader import IndexReader
from matchers.blocking import hash_key, hash_keys, keys_in_use, refined_keys
from matchers.record import MatchRecord
from projections.match_index.mentions import mention_key
from projections.match_index.rows import Comparable, InteractionRow


class Crowding:
    """Watches the keys of one batch.

    Args:
        reader: of the batch.
        cap: how many records a key may lead to.
    """

    def __init__(self, reader: IndexReader, cap: int) -> None:
        self._reader, self._cap = reader, cap
        self._index, self._digests = reader.index, reader.digests
        self._index.block_cap = cap

    def keys(self, record: MatchRecord | None, division: str) -> tuple[int, ...]:
        """Return the keys under which a record stands now."""
        return hashed_keys(record, self._digests.block_secret(division), self._index.is_crowded)

    def replace(self, row: InteractionRow, made: Comparable, division: str) -> None:
        """Let a row stand under the keys of what it says now, and no more under the old ones: it was
        corrected, or its contact moved to this division."""
        secret = self._digests.block_secret(row.division)
        is_crowded = self._index.is_crowded
        stood_under = all_hashed_keys(row.record, secret, is_crowded)
        made = replace(made, block_keys=self.keys(made.record, division))
        row.division = division
        mentioned = {mention_key(one) for one in (*row.mentions, *made.mentions)}
        self.load((*stood_under, *made.block_keys, *mentioned))
        for key in stood_under:
            self._load_rest(key)
        self._index.correct(row, made, stood_under)
        self.settle(row)

    def evaluate_near(self, row: InteractionRow) -> None:
        """Let those that likeness may bring together with a row be evaluated again: it is about to say
        something else, or to belong elsewhere."""
        keys = [
            key for key in self.keys(row.record, row.division) if not self._index.is_crowded(key)
        ]
        self.load(keys, may_grow=True)
        self._index.evaluate_again(n for key in keys for n in self._index.numbers_under(key))

    def load(self, keys: Iterable[int], *, may_grow: bool = False) -> None:
        """Load the numbers under those keys that are not loaded, of a fuller key one above the cap.

        Args:
            keys: block keys and mention keys.
            may_grow: what is decided by them holds even if another writer puts further records under
                them meanwhile.
        """
        asked = set(keys)
        wanted = asked - self._index.keys_read()
        self._reader.load_postings(wanted, self._cap)
        self._index.reading.rely_on(wanted if may_grow else asked, may_grow=may_grow)

    def settle(self, row: InteractionRow) -> None:
        """Refine each key of a new row that it has brought over the cap."""
        self.load(row.block_keys, may_grow=True)
        waiting = self._index.fuller_than(self._cap, row.block_keys)
        while waiting:
            key = waiting.pop()
            if not self._index.is_crowded(key):
                finer = self._refine(key, self._digests.block_secret(row.division))
                waiting += self._index.fuller_than(self._cap, finer)

    def _refine(self, key: int, secret: bytes) -> set[int]:
        """Put the records of a key under finer ones, and return those."""
        self._load_rest(key)
        numbers = list(self._index.numbers_under(key))
        self._reader.load_interactions(numbers)
        rows = [row for row in map(self._index.interaction, numbers) if row is not None]
        text = self._text_of(key, rows, secret)
        finer = {row.number: _finer(row.record, text, secret) for row in rows}
        all_finer = {one for keys in finer.values() for one in keys}
        self._index.begin_keys(all_finer - self._index.keys_read())
        self._index.crowd(key)
        for row in rows:
            self._index.post(row, finer[row.number])
        self._index.evaluate_again(numbers)
        return all_finer

    def _load_rest(self, key: int) -> None:
        """Load all that stand under a key that leads to more records than are loaded of it."""
        if sum(number > 0 for number in self._index.numbers_under(key)) > self._cap:
            self._index.add_rest(key, self._reader.numbers_under(key))

    def _text_of(self, key: int, rows: Iterable[InteractionRow], secret: bytes) -> str | None:
        """Return what a key says, which is the same for all the records that stand under it."""
        is_crowded = self._index.is_crowded
        for record in (row.record for row in rows if row.record is not None):
            in_use, _ = keys_in_use(record, lambda one: is_crowded(hash_key(one, secret)))
            for text in in_use:
                if hash_key(text, secret) == key:
                    return text
        return None


def _finer(record: MatchRecord | None, text: str | None, secret: bytes) -> list[int]:
    return [] if record is None or text is None else hash_keys(refined_keys(record, text), secret)
