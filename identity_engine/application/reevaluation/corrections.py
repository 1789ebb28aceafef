"""What a person's corrections mean for the final clusters: which values decide nothing any more.

A value that had led to a wrong contact pairs nobody by itself from the correction on, except with what
the person gave to the right contact, if that contact holds the value. It is the same on arrival.
"""

from collections.abc import Iterable, Iterator, Sequence

from aggregates.correction import Correction
from aggregates.identifier import IdentifierState
from aggregates.values import IdentifierClass
from matchers.proposals import Use
from projections.match_index.identities import microseconds
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow


def of_row(row: InteractionRow, corrections: Iterable[Correction]) -> list[Correction]:
    """Return the corrections by which a value decides nothing for a row by itself.

    Args:
        row: an interaction that has the value.
        corrections: those of the value that are in force.
    """
    return [
        one
        for one in corrections
        if row.time >= microseconds(one.since) or row.interaction_id == one.interaction_id
    ]


def led_to_right(
    index: MatchIndex,
    state: IdentifierState,
    uses: Sequence[tuple[InteractionRow, IdentifierClass]],
) -> Iterator[Sequence[Use]]:
    """Yield later interactions each with one that a person gave to the contact that was right, if
    that contact holds the value. The person vouches for it, whatever its class."""
    corrections = index.corrections(state)
    for row, _ in uses if corrections else ():
        right = index.right_holder(state, of_row(row, corrections))
        if row.pinned or right is None:
            continue
        given = (
            (one.time, one.name, one.number)
            for one, _ in uses
            if one.pinned
            and one.contact_id is not None
            and index.canonical(one.contact_id) == right
        )
        for _, _, first in sorted(given)[:1]:
            yield Use(first, "strong"), Use(row.number, "strong")
