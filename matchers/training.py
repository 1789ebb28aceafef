"""Estimation of a model's probabilities from pairs of records.

m and u are blended over several tables, so that no table, however large, decides what an
error looks like: each table gives a distribution over levels, and the distributions are averaged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from matchers.comparison import LEVELS, comparison_of
from matchers.model import Level, TermFrequencies, hash_term
from matchers.record import MatchRecord

_SMALLEST_COUNT = 5
_RAREST = 1e-6


def level_counts(
    kind: str, field: str, pairs: Iterable[tuple[MatchRecord, MatchRecord, float]]
) -> list[float]:
    """Count the levels of one comparison over weighted pairs; pairs with a null do not count.

    Args:
        kind: kind of comparison, a key of `LEVELS`.
        field: field of a `text` or `code` comparison.
        pairs: two records, and the probability (0 to 1) or weight with which the pair counts.
    """
    compare = comparison_of(kind, field)
    counts = [0.0] * len(LEVELS[kind])
    for one, other, weight in pairs:
        agreement = compare(one, other)
        if agreement is not None:
            counts[agreement[0]] += weight
    return counts


def blend(
    distributions: Sequence[tuple[Sequence[float], float]], smoothing: float = 1e-4
) -> list[float]:
    """Average several distributions over the same levels, so that none has a zero.

    Args:
        distributions: counts or probabilities of the levels, each with the weight of its table.
        smoothing: added to every level before the result is made to sum to 1.
    """
    size = len(distributions[0][0])
    total = [0.0] * size
    for counts, weight in distributions:
        whole = sum(counts)
        if whole:
            total = [t + weight * count / whole for t, count in zip(total, counts, strict=True)]
    whole = sum(total) + smoothing * size
    return [(share + smoothing) / whole for share in total]


def levels(
    kind: str, m: Sequence[float], u: Sequence[float], shared: Sequence[float] | None = None
) -> tuple[Level, ...]:
    """Put probabilities together with the level names of a kind."""
    sharers: Sequence[float | None] = shared or [None] * len(m)
    return tuple(
        Level(name=name, m=_rounded(m_), u=_rounded(u_), shared=s_ and _rounded(s_))
        for name, m_, u_, s_ in zip(LEVELS[kind], m, u, sharers, strict=True)
    )


def term_frequencies(
    tables: Sequence[tuple[Counter[str], float]], salt: str, *, unseen: float
) -> TermFrequencies:
    """Snapshot of how common words are: words seen 5 times or more, as salted hashes.

    Args:
        tables: word counts of each table, with the weight of the table.
        salt: 8 to 32 bytes in hexadecimal.
        unseen: relative frequency assumed for every other word.
    """
    whole = sum(weight for _, weight in tables)
    blended: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for counts, weight in tables:
        total = counts.total()
        seen.update(counts)
        for word, count in counts.items():
            blended[word] += weight / whole * count / total  # type: ignore[assignment]
    frequencies: Mapping[str, float] = {
        word: max(_RAREST, share)
        for word, share in blended.items()
        if seen[word] >= _SMALLEST_COUNT
    }
    return TermFrequencies(
        salt=salt,
        expected=_rounded(sum(share * share for share in blended.values())),
        unseen=unseen,
        frequencies={hash_term(w, salt): _rounded(f) for w, f in sorted(frequencies.items())},
    )


def _rounded(probability: float) -> float:
    return min(float(f"{probability:.4g}"), 1 - _RAREST)
