"""Match weight of two records by Fellegi and Sunter (1969), in whole millibits.

W = log2(prior odds) + sum of log2(m/u) of the level each comparison found + its rarity term.
Whole numbers add up exactly, on every machine and in every order, so the parts of an
explanation sum to the weight that decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import NamedTuple

from matchers.comparison import Comparison, comparison_of
from matchers.model import ComparisonModel, Level, Model, TermFrequencies, hash_term
from matchers.record import MatchRecord

MILLIBITS = 1000
"""Millibits in a bit."""

_IDENTIFIER_KINDS = frozenset({"email", "phone"})
_RARITY_BITS = 7.0
"""The most that the rarity of one word may add or take."""

_RARITY_CACHE = 65_536

_Rarity = Callable[[str], int]


class Part(NamedTuple):
    """What one comparison found: its level and the weight in millibits this level adds."""

    comparison: str
    level: str
    weight: int


class Score(NamedTuple):
    """A weight with its reasons, in millibits: `weight` is `prior` plus the weights of `parts`."""

    weight: int
    prior: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Weighing:
    name: str
    levels: tuple[str, ...]
    compare: Comparison
    weights: tuple[int, ...]
    among_sharers: tuple[int, ...]
    is_identifier: bool
    rarity: _Rarity | None


class Scorer:
    """Weighs pairs of records under one model; every level weight is computed once, here."""

    def __init__(self, model: Model) -> None:
        self.prior = round(MILLIBITS * log2(model.prior / (1 - model.prior)))
        self._clip = round(MILLIBITS * model.clip_bits)
        self._weighings = tuple(_weighing(c, model) for c in model.comparisons)
        self._steps = tuple((w.compare, w.weights, w.rarity) for w in self._weighings)

    def weight(self, one: MatchRecord, other: MatchRecord) -> int:
        """Match weight in millibits, the prior included; symmetric. The fast path."""
        clip = self._clip
        total = self.prior
        for compare, weights, rarity in self._steps:
            agreement = compare(one, other)
            if agreement is None:
                continue
            level, agreed = agreement
            weight = weights[level]
            if agreed and rarity is not None:
                weight += rarity(agreed)
            total += clip if weight > clip else -clip if weight < -clip else weight
        return total

    def explain(self, one: MatchRecord, other: MatchRecord) -> Score:
        """Match weight with the level and weight of every comparison that both records allow."""
        parts = []
        for weighing in self._weighings:
            agreement = weighing.compare(one, other)
            if agreement is None:
                continue
            level, agreed = agreement
            weight = weighing.weights[level]
            if agreed and weighing.rarity is not None:
                weight += weighing.rarity(agreed)
            weight = max(-self._clip, min(self._clip, weight))
            parts.append(Part(weighing.name, weighing.levels[level], weight))
        return Score(self.prior + sum(part.weight for part in parts), self.prior, tuple(parts))

    def corroboration(self, one: MatchRecord, other: MatchRecord) -> int:
        """Evidence in millibits of all but e-mail and phone, given that an identifier is shared.

        Two people who share a phone are often kin: one surname and one address are then no
        evidence for one person, another first name or birth date is evidence against.
        """
        total = 0
        for weighing in self._weighings:
            if weighing.is_identifier:
                continue
            agreement = weighing.compare(one, other)
            if agreement is not None:
                total += weighing.among_sharers[agreement[0]]
        return total


def _weighing(comparison: ComparisonModel, model: Model) -> _Weighing:
    rarity = None
    if comparison.term_frequency:
        terms = model.term_frequencies[comparison.term_frequency]
        rarity = _rarity(terms, comparison.scale, by_word=comparison.kind == "name")
    return _Weighing(
        name=comparison.name,
        levels=tuple(level.name for level in comparison.levels),
        compare=comparison_of(comparison.kind, comparison.field),
        weights=tuple(_millibits(x.m, x.u, comparison.scale) for x in comparison.levels),
        among_sharers=tuple(_among_sharers(x, comparison.scale) for x in comparison.levels),
        is_identifier=comparison.kind in _IDENTIFIER_KINDS,
        rarity=rarity,
    )


def _among_sharers(level: Level, scale: float) -> int:
    return _millibits(level.m, level.u if level.shared is None else level.shared, scale)


def _millibits(m: float, u: float, scale: float) -> int:
    return round(MILLIBITS * scale * log2(m / u))


def _rarity(terms: TermFrequencies, scale: float, *, by_word: bool) -> _Rarity:
    @lru_cache(maxsize=_RARITY_CACHE)
    def of_word(word: str) -> int:
        frequency = terms.frequencies.get(hash_term(word, terms.salt), terms.unseen)
        bits = log2(terms.expected / frequency)
        return round(MILLIBITS * scale * max(-_RARITY_BITS, min(_RARITY_BITS, bits)))

    @lru_cache(maxsize=_RARITY_CACHE)
    def of_phrase(phrase: str) -> int:
        return sum(of_word(word) for word in phrase.split())

    return of_phrase if by_word else of_word
