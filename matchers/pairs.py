"""Pairs of records to learn from, chosen by hash: the same records give the same pairs.

No chance and no order of arrival: records are put in the order of a hash of what they say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

from matchers.dates import FULL
from matchers.record import MatchRecord, pack

Pair = tuple[int, int]
"""Places of two records in their table."""

_LARGEST_BLOCK = 40
"""Records under one value of a blocking rule; more say that the value is common, not shared."""


class BlockingRound(NamedTuple):
    """A rule that brings records together, and the kind of comparison that it thereby fixes."""

    kind: str
    values: Callable[[MatchRecord], Iterable[str]]


ROUNDS = (
    BlockingRound("name", lambda r: [" ".join(sorted(r.name))] if len(r.name) > 1 else []),
    BlockingRound("birth_date", lambda r: [r.birth_date] if len(r.birth_date) == FULL else []),
    BlockingRound("email", lambda r: r.emails),
    BlockingRound("phone", lambda r: r.phones),
    BlockingRound("national_id", lambda r: [r.national_id] if r.national_id else []),
    BlockingRound("address", lambda r: [r.address] if r.address else []),
)
"""One round each: a comparison is learned in the rounds that do not fix it (as Splink does)."""


def in_hash_order(records: Iterable[MatchRecord]) -> list[int]:
    """Places of the records, in the order of a hash of what each says."""
    hashes = [blake2b(pack(record), digest_size=16).digest() for record in records]
    return sorted(range(len(hashes)), key=lambda place: hashes[place])


def sampled_pairs(order: Sequence[int], most: int) -> Iterator[Pair]:
    """Pairs that stand for all pairs: neighbours in hash order, then the next but one, and so on.

    Args:
        order: from `in_hash_order`.
        most: how many pairs at most.
    """
    given = 0
    for stride in range(1, len(order)):
        for one, other in zip(order, order[stride:], strict=False):
            if given == most:
                return
            given += 1
            yield one, other


def blocked_pairs(
    records: Sequence[MatchRecord], order: Sequence[int], round_: BlockingRound, most: int
) -> list[Pair]:
    """Pairs of records that share a value of a rule, at most so many, rare and common alike."""
    under: dict[str, list[int]] = defaultdict(list)
    for place in order:
        for value in round_.values(records[place]):
            under[value].append(place)
    pairs: list[Pair] = []
    for places in under.values():
        if 1 < len(places) <= _LARGEST_BLOCK:
            pairs.extend(combinations(places, 2))
            if len(pairs) >= most:
                break
    return pairs[:most]


def labelled_pairs(
    order: Sequence[int], people: Mapping[int, str], most_of_one: int
) -> Iterator[Pair]:
    """Pairs of one person each; of a person with many records only some, so that nobody prevails.

    Args:
        order: from `in_hash_order`.
        people: place of a record -> who it is.
        most_of_one: pairs of one person at most.
    """
    records_of: dict[str, list[int]] = defaultdict(list)
    for place in order:
        if place in people:
            records_of[people[place]].append(place)
    for places in records_of.values():
        yield from sampled_pairs(places, most_of_one)
