"""The claims of the profile: one row for each time that a contact held a value, and what changes it."""

from typing import Any

from aggregates.identifier import IdentifierClaimed, IdentifierTransferred
from aggregates.values import Erased, instant_text
from projections.base import Recorded
from projections.sql import upsert

CLAIM = (
    "identifier_id", "contact_id", "valid_from", "valid_to", "interaction_id", "verified",
    "verified_by", "shared", "type", "scope", "value", "raw", "label", "described", "is_primary",
)  # fmt: skip
VERIFY = (  # a person vouches for good, an interaction only where nobody did
    "UPDATE profile_claim SET verified = TRUE, verified_by = ?3 WHERE identifier_id = ?1 "
    "AND contact_id = ?2 AND valid_to IS NULL AND (NOT verified OR CAST(?3 AS TEXT) IS NULL)"
)
WITHDRAW = (
    "UPDATE profile_claim SET verified = ?, verified_by = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND verified_by = ?"
)
RELEASE = (
    "UPDATE profile_claim SET valid_to = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND valid_to IS NULL"
)
RECLAIM = (
    "UPDATE profile_claim SET valid_to = NULL "
    "WHERE identifier_id = ? AND contact_id = ? AND valid_to = ?"
)
SHARE = "UPDATE profile_claim SET shared = TRUE WHERE identifier_id = ?"
UNSHARE = "UPDATE profile_claim SET shared = FALSE WHERE identifier_id = ?"
MAKE_ROOM = (  # for the claim that comes from another contact
    "DELETE FROM profile_claim WHERE identifier_id = ?2 AND contact_id = ?1 AND valid_from IN "
    "(SELECT moved.valid_from FROM profile_claim moved WHERE moved.identifier_id = ?2 "
    "AND moved.contact_id = ?3 AND moved.interaction_id = ?4)"
)
REASSIGN = (
    "UPDATE profile_claim SET contact_id = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND interaction_id = ?"
)
INSERT_CLAIM = upsert("profile_claim", CLAIM, CLAIM[:3]).replace(
    "?, ?, ?, ?, ?, ?, ?, ?, ",  # a value that is shared is so for a new holder too
    "?1, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM profile_claim known "
    "WHERE known.identifier_id = ?1 AND known.shared), ",
    1,
)
DESCRIBE = (
    "UPDATE profile_claim SET label = ?, is_primary = ?, described = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND valid_to IS NULL"
)


def claim_row(
    event: Recorded, claimed: IdentifierClaimed | IdentifierTransferred
) -> tuple[Any, ...]:
    """Return the row of a new claim, without whether the value is shared."""
    known = None if isinstance(claimed.personal, Erased) else claimed.personal
    by_interaction = claimed if isinstance(claimed, IdentifierClaimed) else None
    until = by_interaction and by_interaction.valid_to
    return (
        event.stream_id,
        claimed.contact_id,
        instant_text(event.header.valid_from),
        instant_text(until) if until else None,
        by_interaction.interaction_id if by_interaction else None,
        claimed.verified,
        by_interaction.interaction_id if by_interaction and claimed.verified else None,
        known.type if known else None,
        known.scope if known else None,
        known.value if known else None,
        known.raw if known else None,
        *(None, 0, False),
    )
