"""Corrections that go along with the contact that they are about (GX-8, GX-12)."""

from collections.abc import Collection

from aggregates.correction import (
    Correction,
    Corrections,
    IdentifierCorrectionEnded,
    IdentifierLinkCorrected,
)
from aggregates.values import ContactId
from identity_engine.application.command import Command
from projections.match_index.rows import IdentifierRow


def remember_there(
    command: Command, members: Collection[ContactId], here: IdentifierRow, there: IdentifierRow
) -> None:
    """Let a value that a set held skip its contacts in their new division as it did in the old one.

    What was said there before the set left once, and was taken back since, is taken back there too.

    Args:
        command: under way.
        members: the set, which has moved, with its claims.
        here: the value in the division that the set left; nobody is skipped there who is not there.
        there: the same value in the division where the set is now.
    """
    said, before = _about(here, members), _about(there, members)
    for one in said:
        if isinstance(one, Correction):
            fact = IdentifierLinkCorrected(
                contact_id=one.contact_id, right=one.right, interaction_id=one.interaction_id
            )
            # What came since the correction is in dispute there too.
            command.write(there.identifier_id, fact, valid_from=one.since)
        else:
            command.write(there.identifier_id, IdentifierCorrectionEnded(contact_id=one.contact_id))
    for one in before:
        if isinstance(one, Correction) and one.contact_id not in {o.contact_id for o in said}:
            command.write(there.identifier_id, IdentifierCorrectionEnded(contact_id=one.contact_id))


def _about(row: IdentifierRow, members: Collection[ContactId]) -> Corrections:
    """Return what was said of a set, in the order it was said; nothing where nobody of it is skipped."""
    known = row.state.corrections if row.state is not None else ()
    said = tuple(one for one in known if one.contact_id in members)
    return said if any(isinstance(one, Correction) for one in said) else ()
