"""Quality of links against the truth: over pairs, and per record by B-cubed.

B-cubed (Bagga and Baldwin, 1998) counts each record once, so that one large cluster cannot
decide the result as it does over pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping

from msgspec import Struct

Interaction = tuple[str, str]
"""(source, interaction id)."""


class Quality(Struct, frozen=True):
    """Measures between 0 and 1, with the numbers they rest on."""

    precision: float
    recall: float
    f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    interactions: int
    clusters: int
    people: int
    true_pairs: int
    linked_pairs: int
    correct_pairs: int


def evaluate(links: Mapping[Interaction, str], truth: Mapping[Interaction, str]) -> Quality:
    """Compare links (interaction -> contact) with the truth (interaction -> person).

    An interaction of the truth that is not linked stands alone; a link of an interaction that
    the truth does not know is left out.
    """
    cells: Counter[tuple[Hashable, str]] = Counter()
    for interaction, person in truth.items():
        cells[links.get(interaction, interaction), person] += 1
    contacts: Counter[Hashable] = Counter()
    people: Counter[str] = Counter()
    for (contact, person), size in cells.items():
        contacts[contact] += size
        people[person] += size
    correct, linked, true = (_pairs(counts) for counts in (cells, contacts, people))
    precision, recall = _ratio(correct, linked), _ratio(correct, true)
    bcubed_precision = _ratio(
        sum(size * size / contacts[contact] for (contact, _), size in cells.items()), len(truth)
    )
    bcubed_recall = _ratio(
        sum(size * size / people[person] for (_, person), size in cells.items()), len(truth)
    )
    return Quality(
        precision=precision,
        recall=recall,
        f1=_harmonic_mean(precision, recall),
        bcubed_precision=bcubed_precision,
        bcubed_recall=bcubed_recall,
        bcubed_f1=_harmonic_mean(bcubed_precision, bcubed_recall),
        interactions=len(truth),
        clusters=len(contacts),
        people=len(people),
        true_pairs=true,
        linked_pairs=linked,
        correct_pairs=correct,
    )


def _pairs(counts: Counter[tuple[Hashable, str]] | Counter[Hashable] | Counter[str]) -> int:
    return sum(size * (size - 1) // 2 for size in counts.values())


def _ratio(part: float, whole: float) -> float:
    """1 where there is nothing to be wrong about."""
    return part / whole if whole else 1.0


def _harmonic_mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
