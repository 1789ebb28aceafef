"""Match weight of two records by Fellegi and Sunter (1969), in whole millibits.

W = log2(prior odds) + sum of log2(m/u) of the level each comparison found + its rarity term.
Whole numbers add up exactly, on every machine and in every order, so the parts of an
explanation sum to the weight that decided.

The comparisons of two strangers are taken as independent. Those of kin are not: people of one
household share phone, address, postcode and surname at once. So where two records share a phone, an
e-mail address or a postal address, the strongest of these counts against strangers (u), and all the
rest against people who share such a thing (`shared` in the model).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import log2

from msgspec import Struct
from msgspec.structs import astuple

from matchers.comparison import Comparison, comparison_of, field_of
from matchers.model import ComparisonModel, Level, Model, TermFrequencies, hash_term
from matchers.record import MatchRecord

MILLIBITS = 1000
"""Millibits in a bit."""

_IDENTIFIER_KINDS = frozenset({"email", "phone"})
_SHARED_UP_TO = {"email": 0, "phone": 0, "address": 1}
"""Kind of what a household may share -> the worst level at which it is the same thing."""

_NEVER_SHARED = -1
_RARITY_BITS = 7.0
"""The most that the rarity of one word may add or take."""

_RARITY_CACHE = 65_536

_Rarity = Callable[[str], int]


class Part(Struct, frozen=True):
    """What one comparison found: its level and the weight in millibits this level adds."""

    comparison: str
    level: str
    weight: int


class Score(Struct, frozen=True):
    """A weight with its reasons, in millibits: `weight` is `prior` plus the weights of `parts`."""

    weight: int
    prior: int
    parts: tuple[Part, ...]


class _Weighing(Struct, frozen=True):
    """One comparison ready to weigh; `place` is the field of a record without which it is silent."""

    name: str
    place: int
    levels: tuple[str, ...]
    compare: Comparison
    weights: tuple[int, ...]
    among_sharers: tuple[int, ...]
    shared_up_to: int
    is_identifier: bool
    rarity: _Rarity | None


_Found = tuple[tuple[_Weighing, int, int], ...]
"""Each comparison that both records allow, its level and its weight among strangers."""


class Compared:
    """Two records compared once: whatever is asked of the pair is read from this."""

    __slots__ = ("_found", "_prior", "_score")

    def __init__(self, found: _Found, prior: int) -> None:
        self._found, self._prior = found, prior
        self._score: Score | None = None

    @property
    def score(self) -> Score:
        """The match weight with the level and weight of every comparison that both records allow."""
        if self._score is None:
            self._score = self._explained()
        return self._score

    @property
    def corroboration(self) -> int:
        """What `Scorer.corroboration` says of the pair."""
        return sum(
            [
                weighing.among_sharers[level]
                for weighing, level, _ in self._found
                if not weighing.is_identifier
            ]
        )

    def _explained(self) -> Score:
        found = self._found
        gains = [
            weight - weighing.among_sharers[level] if level <= weighing.shared_up_to else None
            for weighing, level, weight in found
        ]
        most = max([gain for gain in gains if gain is not None], default=None)
        strongest = None if most is None else gains.index(most)
        parts = tuple(
            [
                Part(
                    weighing.name,
                    weighing.levels[level],
                    weight
                    if strongest is None or strongest == place
                    else weighing.among_sharers[level],
                )
                for place, (weighing, level, weight) in enumerate(found)
            ]
        )
        return Score(self._prior + sum([part.weight for part in parts]), self._prior, parts)


class Scorer:
    """Weighs pairs of records under one model; every level weight is computed once, here."""

    def __init__(self, model: Model) -> None:
        self.prior = round(MILLIBITS * log2(model.prior / (1 - model.prior)))
        self._clip = round(MILLIBITS * model.clip_bits)
        self._weighings = tuple(_weighing(c, model) for c in model.comparisons)
        self._steps = tuple(
            (w.place, w.compare, w.weights, w.rarity, w.among_sharers, w.shared_up_to)
            for w in self._weighings
        )

    def weight(self, one: MatchRecord, other: MatchRecord) -> int:
        """Match weight in millibits, the prior included; symmetric. The fast path."""
        ours, theirs, clip = astuple(one), astuple(other), self._clip
        total = among_sharers = self.prior
        most = None
        for place, compare, weights, rarity, sharing, shared_up_to in self._steps:
            # Most records leave most fields empty: asking here saves a call for each of them.
            if not ours[place] or not theirs[place]:
                continue
            agreement = compare(one, other)
            if agreement is None:
                continue
            level, agreed = agreement
            weight = weights[level]
            if agreed and rarity is not None:
                weight += rarity(agreed)
            weight = clip if weight > clip else -clip if weight < -clip else weight
            total += weight
            among = sharing[level]
            among_sharers += among
            if level <= shared_up_to and (most is None or weight - among > most):
                most = weight - among
        return total if most is None else among_sharers + most

    def explain(self, one: MatchRecord, other: MatchRecord) -> Score:
        """Match weight with the level and weight of every comparison that both records allow."""
        return self.compare(one, other).score

    def compare(self, one: MatchRecord, other: MatchRecord) -> Compared:
        """Compare two records for all that may be asked of the pair."""
        ours, theirs = astuple(one), astuple(other)
        found, clip = [], self._clip
        for weighing in self._weighings:
            if not ours[weighing.place] or not theirs[weighing.place]:
                continue
            agreement = weighing.compare(one, other)
            if agreement is None:
                continue
            level, agreed = agreement
            weight = weighing.weights[level]
            if agreed and weighing.rarity is not None:
                weight += weighing.rarity(agreed)
            weight = clip if weight > clip else -clip if weight < -clip else weight
            found.append((weighing, level, weight))
        return Compared(tuple(found), self.prior)

    def corroboration(self, one: MatchRecord, other: MatchRecord) -> int:
        """Evidence in millibits of all but e-mail and phone, given that an identifier is shared.

        Two people who share a phone are often kin: one surname and one address are then no
        evidence for one person, another first name or birth date is evidence against.
        """
        ours, theirs, total = astuple(one), astuple(other), 0
        for weighing in self._weighings:
            place = weighing.place
            if weighing.is_identifier or not ours[place] or not theirs[place]:
                continue
            agreement = weighing.compare(one, other)
            if agreement is not None:
                total += weighing.among_sharers[agreement[0]]
        return total


def _weighing(comparison: ComparisonModel, model: Model) -> _Weighing:
    clip = round(MILLIBITS * model.clip_bits)
    rarity = None
    if comparison.term_frequency:
        terms = model.term_frequencies[comparison.term_frequency]
        rarity = _rarity(terms, comparison.scale, by_word=comparison.kind == "name")
    return _Weighing(
        name=comparison.name,
        place=MatchRecord.__struct_fields__.index(field_of(comparison.kind, comparison.field)),
        levels=tuple(level.name for level in comparison.levels),
        compare=comparison_of(comparison.kind, comparison.field),
        weights=tuple(millibits(x.m, x.u, comparison.scale) for x in comparison.levels),
        among_sharers=tuple(
            max(-clip, min(clip, _among_sharers(x, comparison.scale))) for x in comparison.levels
        ),
        shared_up_to=_SHARED_UP_TO.get(comparison.kind, _NEVER_SHARED),
        is_identifier=comparison.kind in _IDENTIFIER_KINDS,
        rarity=rarity,
    )


def _among_sharers(level: Level, scale: float) -> int:
    return millibits(level.m, level.u if level.shared is None else level.shared, scale)


def in_bits(weight: int) -> float:
    """Return a weight of millibits in bits."""
    return weight / MILLIBITS


def millibits(m: float, u: float, scale: float) -> int:
    """Return the weight of a level that equal people show with probability `m`, others with `u`."""
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
