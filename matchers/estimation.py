"""Expectation maximisation over counted comparison vectors (Fellegi and Sunter, 1969; Winkler, 1988).

Thousands of pairs show the same few vectors of levels, so each distinct vector is weighed once and
counts as often as it was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp, log

from msgspec import Struct

from matchers.comparison import Comparison
from matchers.record import MatchRecord

Vector = tuple[int, ...]
"""Level of each comparison; -1 where a record says nothing."""

Table = list[list[float]]
"""For each comparison, a number for each of its levels."""

SILENT = -1
_ROUNDS = 30
_SETTLED = 1e-4
_LARGEST_LOG_ODDS = 40.0


class Estimate(Struct, frozen=True):
    """What was learned: expected counts of matches by level, and the share of matches."""

    matches: Table
    share: float


def count_vectors(
    comparisons: Sequence[Comparison], pairs: Iterable[tuple[MatchRecord, MatchRecord]]
) -> Counter[Vector]:
    """Count the vectors of levels that pairs show."""
    return Counter(
        tuple([SILENT if (a := c(one, other)) is None else a[0] for c in comparisons])
        for one, other in pairs
    )


def level_counts(sizes: Sequence[int], vectors: Counter[Vector]) -> Table:
    """Count each level of each comparison; the silent do not count.

    Args:
        sizes: number of levels of each comparison.
        vectors: counted vectors.
    """
    counts = [[0.0] * size for size in sizes]
    for vector, seen in vectors.items():
        for level_count, level in zip(counts, vector, strict=True):
            if level != SILENT:
                level_count[level] += seen
    return counts


def posterior(vector: Vector, m: Table, u: Table, share: float) -> float:
    """Probability that a pair with this vector is a match.

    Args:
        vector: levels; the silent ones are no evidence.
        m: probability of each level among matches.
        u: the same among non-matches.
        share: share of matches among the pairs, above 0 and below 1.
    """
    odds = log(share / (1 - share))
    for m_, u_, level in zip(m, u, vector, strict=True):
        if level != SILENT:
            odds += log(m_[level] / u_[level])
    odds = max(-_LARGEST_LOG_ODDS, min(_LARGEST_LOG_ODDS, odds))
    return 1 / (1 + exp(-odds))


def maximise(vectors: Counter[Vector], m: Table, u: Table, share: float = 0.5) -> Estimate:
    """Learn m and the share of matches, with u fixed, until they settle.

    Args:
        vectors: counted vectors of the pairs of one blocking round.
        m: where to start; none may be 0.
        u: probabilities among non-matches; none may be 0.
        share: share of matches to start with.
    """
    smoothed = m
    for _ in range(_ROUNDS):
        matches = [[0.0] * len(levels) for levels in m]
        expected = 0.0
        for vector, seen in sorted(vectors.items()):
            likely = seen * posterior(vector, smoothed, u, share)
            expected += likely
            for level_count, level in zip(matches, vector, strict=True):
                if level != SILENT:
                    level_count[level] += likely
        before, share = share, _inside(expected / max(1, vectors.total()))
        smoothed = [smooth(counts, start, 1.0) for counts, start in zip(matches, m, strict=True)]
        if abs(share - before) < _SETTLED:
            break
    return Estimate(matches, share)


def smooth(counts: Sequence[float], start: Sequence[float], weight: float) -> list[float]:
    """Probabilities from counts and what was believed before, so that no zero sticks.

    Args:
        counts: how often each level was seen.
        start: probabilities believed before; they sum to 1.
        weight: as how many pairs the belief counts.
    """
    whole = sum(counts) + weight * sum(start)
    return [(count + weight * p) / whole for count, p in zip(counts, start, strict=True)]


def _inside(share: float) -> float:
    return min(0.999, max(0.001, share))
