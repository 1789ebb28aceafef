"""The bars of an explanation: the prior, each comparison, what rarity added, and the thresholds.

Bits only: the same for evidence that was stored and for a pair that is weighed now.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from aggregates.values import Evidence
from matchers.model import ComparisonModel, Model
from matchers.scoring import Score, in_bits, millibits

PRIOR = "prior"
Kind = Literal["prior", "comparison", "rarity"]
Weighed = tuple[str, str, int]
"""A comparison, the level it found, and its weight in millibits."""


class Part(Struct, frozen=True):
    """One bar: the prior, a comparison at its level, or what the rarity of its text added, in bits."""

    kind: Kind
    name: str
    level: str
    bits: float


class Thresholds(Struct, frozen=True):
    """In bits: `review` asks a person, `attach` links, `merge` fuses two contacts of several records."""

    review: float
    attach: float
    merge: float


def thresholds_of(model: Model) -> Thresholds:
    """Return the thresholds of a model."""
    given = model.thresholds
    return Thresholds(given.review, given.attach, given.merge)


def parts_of_evidence(evidence: Evidence, model: Model) -> tuple[Part, ...]:
    """Return the bars of stored evidence; none where nothing was compared.

    Args:
        evidence: as it was stored.
        model: the one that it names.
    """
    weighed = ((one.name, one.level, one.weight) for one in evidence.comparisons)
    return _parts(evidence.prior, weighed, model) if evidence.comparisons else ()


def parts_of_score(score: Score, model: Model) -> tuple[Part, ...]:
    """Return the bars of a pair that was weighed under a model."""
    weighed = ((one.comparison, one.level, one.weight) for one in score.parts)
    return _parts(score.prior, weighed, model)


def _parts(prior: int, weighed: Iterable[Weighed], model: Model) -> tuple[Part, ...]:
    """Return bars that add up to the weight: first the prior, then comparisons, then rarities."""
    known = {comparison.name: comparison for comparison in model.comparisons}
    bars, rarities = [Part("prior", PRIOR, "", in_bits(prior))], []
    for name, level, weight in weighed:
        rarity = _rarity(known.get(name), level, weight)
        bars.append(Part("comparison", name, level, in_bits(weight - rarity)))
        if rarity:
            rarities.append(Part("rarity", name, level, in_bits(rarity)))
    return (*bars, *rarities)


def _rarity(comparison: ComparisonModel | None, level: str, weight: int) -> int:
    """Return how much of a weight is due to how rare the text is that both sides agree on.

    It is what the level alone does not account for. A level that was weighed among people who share
    something, such as a household, has no rarity in it.
    """
    if comparison is None or comparison.term_frequency is None:
        return 0
    found = next((one for one in comparison.levels if one.name == level), None)
    if found is None:
        return 0
    among_sharers = found.u if found.shared is None else found.shared
    if weight == millibits(found.m, among_sharers, comparison.scale):
        return 0
    return weight - millibits(found.m, found.u, comparison.scale)
