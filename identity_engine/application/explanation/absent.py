"""What would tip it: comparisons in which one of two records is silent, and what each could bring."""

from msgspec import Struct
from msgspec.structs import replace

from identity_engine.application.rules import Rules
from matchers.comparison import field_of
from matchers.model import ComparisonModel
from matchers.record import MatchRecord
from matchers.scoring import in_bits
from projections.match_index.rows import InteractionRow

NAME_FIELDS = ("given", "family", "name", "other_name")


class Absent(Struct, frozen=True):
    """A comparison that was not made because one record says nothing.

    `interaction_id` is the one whose record is silent. `bits` is what it would add if that record
    said the same as the other; `is_enough` whether that alone would reach the threshold.
    """

    name: str
    interaction_id: str
    bits: float
    is_enough: bool


def absent_comparisons(
    one: InteractionRow, other: InteractionRow, rules: Rules, needed: int
) -> list[Absent]:
    """Return the comparisons that could be made, the one that would bring most first.

    Each is weighed as the model weighs it: rarity, and what people of one household have in common,
    are in the number.

    Args:
        one, other: the interactions that were compared.
        rules: those in force.
        needed: the weight that has to be reached, in millibits.
    """
    if one.record is None or other.record is None:
        return []
    weight, found = rules.scorer.weight(one.record, other.record), []
    for comparison in rules.model.comparisons:
        ours, theirs = _said(one.record, comparison), _said(other.record, comparison)
        if any(ours.values()) == any(theirs.values()):
            continue
        if any(ours.values()):
            silent, completed = other, _completed(other.record, ours)
            reached = rules.scorer.weight(one.record, completed)
        else:
            silent, completed = one, _completed(one.record, theirs)
            reached = rules.scorer.weight(completed, other.record)
        if reached > weight:
            gain = in_bits(reached - weight)
            found.append(Absent(comparison.name, silent.interaction_id, gain, reached >= needed))
    return sorted(found, key=lambda one: (-one.bits, one.name))


def _said(record: MatchRecord, comparison: ComparisonModel) -> dict[str, object]:
    """Return what a record says in the fields of a comparison."""
    if comparison.kind == "name":
        return {name: getattr(record, name) for name in NAME_FIELDS}
    place = field_of(comparison.kind, comparison.field)
    if place == "further":
        said = tuple(pair for pair in record.further if pair[0] == comparison.field)
        return {"further": said}
    return {place: getattr(record, place)}


def _completed(record: MatchRecord, said: dict[str, object]) -> MatchRecord:
    further = said.get("further")
    if isinstance(further, tuple):
        return replace(record, further=(*record.further, *further))
    return replace(record, **said)
