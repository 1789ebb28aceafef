"""Snapshots of how common words are, as keyed hashes: rarity without any word.

A word is listed from five occurrences in one training on, so that the snapshot tells nothing about
a single person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from matchers.model import ComparisonModel, Model, TermFrequencies, hash_term
from matchers.record import MatchRecord

_SMALLEST_COUNT = 5
_LOUDEST = 20_000
"""Words as which one table, or the snapshot before, counts at most."""

_LEAST, _MOST = 1e-6, 0.99


def term_frequencies(
    tables: Sequence[Sequence[MatchRecord]], start: Model
) -> dict[str, TermFrequencies]:
    """Renew the snapshots of a model from tables of records.

    Args:
        tables: each counts by its number of words, up to a bound.
        start: its snapshots count as one more table, its salts and `unseen` are kept.
    """
    wanted = {c.term_frequency: c for c in start.comparisons if c.term_frequency}
    return {
        name: _renewed(old, [Counter(_terms(records, wanted[name])) for records in tables])
        if name in wanted
        else old
        for name, old in start.term_frequencies.items()
    }


def _terms(records: Iterable[MatchRecord], comparison: ComparisonModel) -> Iterable[str]:
    if comparison.kind == "name":
        return (word for record in records for word in record.name)
    field = comparison.field or comparison.kind
    return (text for record in records if (text := record.text(field)))


def _renewed(old: TermFrequencies, counts: Sequence[Counter[str]]) -> TermFrequencies:
    spoken = sorted((c for c in counts if c), key=lambda c: (c.total(), sorted(c.items())[:5]))
    if not spoken:
        return old
    seen: Counter[str] = Counter()
    for one in spoken:
        seen.update(one)
    believed = _LOUDEST if old.frequencies else 0
    whole = sum(min(_LOUDEST, one.total()) for one in spoken) + believed
    shares = {term: share * believed / whole for term, share in old.frequencies.items()}
    expected = old.expected * believed / whole
    for one in spoken:
        voice, total = min(_LOUDEST, one.total()) / whole, one.total()
        expected += voice * sum((count / total) ** 2 for count in one.values())
        for word, count in one.items():
            if seen[word] >= _SMALLEST_COUNT:
                term = hash_term(word, old.salt)
                shares[term] = shares.get(term, 0.0) + voice * count / total
    return TermFrequencies(
        salt=old.salt,
        expected=_rounded(expected),
        unseen=old.unseen,
        frequencies={term: _rounded(share) for term, share in sorted(shares.items())},
    )


def _rounded(share: float) -> float:
    return min(_MOST, max(_LEAST, float(f"{share:.4g}")))
