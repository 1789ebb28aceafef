"""What keeps two records apart although a rung of the ladder, or a weight, would join them."""

from __future__ import annotations

from matchers.record import MatchRecord
from matchers.scoring import Compared, Scorer

_SAYS_LITTLE = frozenset({"gender", "language", "country", "region"})
NAME_ONLY = _SAYS_LITTLE | {"name"}
"""Comparisons that together are still a bare name match."""
IDENTIFIER_ONLY = _SAYS_LITTLE | {"phone", "email"}
"""Comparisons that together are still no more than an identifier."""

HOUSEHOLD = _SAYS_LITTLE | {"address", "postcode", "city", "organisation"}
"""Comparisons on which the members of a household, or of a firm, agree."""
KIN_LEVELS = {
    "name": frozenset({"family", "family_near", "one_part", "one_part_close"}),
    "phone": frozenset({"one_edit"}),
    "email": frozenset({"close", "similar"}),
}
"""Levels on which kin agree: the family name, numbers bought together, addresses made after one form."""


def rests_on(comparisons: frozenset[str], pair: Compared) -> bool:
    """Tell whether nothing but these comparisons speaks for the pair."""
    parts = pair.score.parts
    return all(part.comparison in comparisons for part in parts if part.weight > 0)


def rests_on_household(pair: Compared) -> bool:
    """Tell whether nothing speaks for the pair but what kin or colleagues have in common: a family
    name, an address, an employer."""
    return all(
        part.comparison in HOUSEHOLD or part.level in KIN_LEVELS.get(part.comparison, ())
        for part in pair.score.parts
        if part.weight > 0
    )


def speaks_for_person(pair: Compared) -> bool:
    """Tell whether something speaks for one person that people at one place do not have in common."""
    return any(
        part.weight > 0
        and part.comparison not in HOUSEHOLD
        and part.comparison not in IDENTIFIER_ONLY
        and part.level not in KIN_LEVELS.get(part.comparison, ())
        for part in pair.score.parts
    )


def reach_elsewhere(pair: Compared) -> bool:
    """Tell whether both give a mailbox, or both a number, and the two are different."""
    parts = pair.score.parts
    return any(part.comparison in ("phone", "email") and part.weight < 0 for part in parts)


def share_identifier(one: MatchRecord, other: MatchRecord) -> bool:
    """Tell whether both records carry one phone or one e-mail address."""
    return not (
        set(one.phones).isdisjoint(other.phones) and set(one.emails).isdisjoint(other.emails)
    )


def contradict(
    one: MatchRecord | None, other: MatchRecord | None, scorer: Scorer, limit: int
) -> bool:
    """Tell whether the attributes of two records that share an identifier speak of two people.

    Args:
        limit: evidence in millibits, below 0, from which they do. A silent record contradicts none.
    """
    if one is None or other is None:
        return False
    return scorer.corroboration(one, other) < limit
