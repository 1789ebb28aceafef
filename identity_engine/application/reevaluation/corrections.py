"""What a person's corrections mean for the final clusters: which values decide nothing any more.

A value that had led to a wrong contact pairs nobody by itself from the correction on, except with what
the person gave to the right contact, if that contact holds the value.
"""

from collections.abc import Iterator, Sequence

from aggregates.identifier import IdentifierState
from aggregates.values import IdentifierClass
from matchers.proposals import Use
from projections.match_index.identities import microseconds
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow


def is_later(row: InteractionRow, state: IdentifierState | None) -> bool:
    """Tell whether a value that had led to a wrong contact decides nothing for a row by itself."""
    return any(
        row.time >= microseconds(one.since) or row.interaction_id == one.interaction_id
        for one in (state.corrections if state is not None else ())
    )


def led_to_right(
    index: MatchIndex,
    state: IdentifierState,
    uses: Sequence[tuple[InteractionRow, IdentifierClass]],
) -> Iterator[Sequence[Use]]:
    """Yield later interactions each with one that a person gave to the contact that was right, if
    that contact holds the value. The person vouches for it, whatever its class."""
    rights = {index.canonical(one.right) for one in state.corrections if one.right is not None}
    holding = {one for one in rights if state.held_by(index.members(one))}
    given = sorted(
        (row.time, row.name, row.number)
        for row, _ in uses
        if row.pinned and row.contact_id is not None and index.canonical(row.contact_id) in holding
    )
    for row, _ in uses if given else ():
        if not row.pinned and is_later(row, state):
            yield Use(given[0][2], "strong"), Use(row.number, "strong")
