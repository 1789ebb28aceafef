"""Which interactions stand under which keys: the part of the working set that likeness asks."""

from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from projections.match_index.rows import InteractionRow


def arrival(number: int) -> tuple[bool, int]:
    """Order numbers of interactions as these came: stored ones count up from 1, those of the batch down
    from -1."""
    return number < 0, abs(number)


class Postings:
    """Numbers of interactions by block key and mention key, as far as they are loaded.

    Args:
        crowded: the keys that led to too many records when the batch began.
    """

    def __init__(self, crowded: AbstractSet[int]) -> None:
        self.block_cap: int | None = None
        """How many records a block key may lead to, where records are posted."""
        self.posted = 0
        """How often it has changed who stands where, what was loaded aside."""
        self._crowded = crowded
        self._crowded_here: dict[int, None] = {}
        self._reposted: list[tuple[int, int]] = []
        self._withdrawn: defaultdict[int, set[int]] = defaultdict(set)
        self._postings: defaultdict[int, list[int]] = defaultdict(list)

    def numbers_under(self, block_key: int) -> list[int]:
        """Return the numbers of the interactions that share a block key."""
        return self._postings.get(block_key, [])

    def fuller_than(self, count: int, keys: Iterable[int]) -> list[int]:
        """Return those of some loaded keys that more interactions than this share."""
        postings = self._postings
        return [key for key in keys if key in postings and len(postings[key]) > count]

    def crowd(self, key: int) -> None:
        """Note that a key leads to too many records, for good."""
        self._crowded_here[key] = None

    def is_crowded(self, key: int) -> bool:
        """Tell whether a key leads to too many records, so that finer ones are in use."""
        return key in self._crowded or key in self._crowded_here

    def are_crowded(self, keys: Iterable[int]) -> bool:
        """Tell whether any of these keys is."""
        return not (self._crowded.isdisjoint(keys) and self._crowded_here.keys().isdisjoint(keys))

    def have_become_crowded(self, keys: Iterable[int]) -> bool:
        """Tell whether any of these keys has become crowded since the batch began."""
        return not self._crowded_here.keys().isdisjoint(keys)

    def stand(self, number: int, key: int) -> bool:
        """Let an interaction stand under a key, at its place; return whether it did not before."""
        there = self._postings[key]
        if number in there:
            return False
        insort(there, number, key=arrival)
        self.posted += 1
        return True

    def withdraw(self, number: int, keys: Collection[int]) -> None:
        """Take an interaction from under some keys."""
        self.posted += 1
        for key in keys:
            self._withdrawn[key].add(number)
            if number in self._postings[key]:
                self._postings[key].remove(number)
        self._reposted = [one for one in self._reposted if one[1] != number or one[0] not in keys]

    def add_rest(self, key: int, stored: Iterable[int]) -> None:
        """Take in all stored interactions under a key, of which only the oldest were loaded."""
        there = self._postings[key]
        rest = set(stored).difference(self._withdrawn.get(key, ()), there)
        there += rest
        there.sort(key=arrival)
        self.posted += 1

    def post(self, row: InteractionRow, keys: Iterable[int]) -> None:
        """Put a row under further keys, whose numbers are loaded."""
        for key in keys:
            if self.stand(row.number, key):
                if row.number < 0:
                    row.block_keys = (*row.block_keys, key)
                else:
                    self._reposted.append((key, row.number))
