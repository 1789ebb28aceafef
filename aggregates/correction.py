"""A corrected link, remembered at the values that had led to the wrong contact.

A person took an interaction from a contact. Later interactions that carry nothing but the same values
would go there again, so those values skip the contact, until a person or a newly verified claim of the
contact ends it. Each is said of one member contact; of an identity that counts which was said last of
any of its members, so that an unmerge leaves each what was said of it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from aggregates.values import ContactId, Fact, InteractionId


class IdentifierLinkCorrected(Fact, frozen=True, kw_only=True):
    """From the event's `valid_from` on the value alone leads nobody to `contact_id`.

    `right` is the contact that the person gave the interaction to, None where to none.
    """

    TOPIC: ClassVar[str] = "identifier.link_corrected"

    contact_id: ContactId
    right: ContactId | None = None
    interaction_id: InteractionId


class IdentifierCorrectionEnded(Fact, frozen=True, kw_only=True):
    """A person said that the value leads to `contact_id` after all."""

    TOPIC: ClassVar[str] = "identifier.correction_ended"

    contact_id: ContactId


class Correction(Struct, frozen=True, array_like=True, tag="skips"):
    """One contact that a value skips from `since` on, and the one that was right, if any was."""

    contact_id: ContactId
    right: ContactId | None
    interaction_id: InteractionId
    since: datetime


class LeadsAfterAll(Struct, frozen=True, array_like=True, tag="leads"):
    """The value leads to this contact, whatever was corrected before."""

    contact_id: ContactId


Corrections = tuple[Correction | LeadsAfterAll, ...]
"""What was said of the contacts that a value led to, of each the last, in the order it was said."""


def corrected(known: Corrections, fact: IdentifierLinkCorrected, since: datetime) -> Corrections:
    """Return the corrections of a value after one more."""
    fresh = Correction(fact.contact_id, fact.right, fact.interaction_id, since)
    return (*_of_others(known, fact.contact_id), fresh)


def ended(known: Corrections, contact_id: ContactId) -> Corrections:
    """Return the corrections of a value after it was said to lead to a contact after all."""
    others = _of_others(known, contact_id)
    if any(isinstance(one, Correction) for one in others):
        return (*others, LeadsAfterAll(contact_id))
    return ()


def in_force(
    known: Corrections, identity_of: Callable[[ContactId], ContactId]
) -> tuple[Correction, ...]:
    """Return the corrections that hold for identities, the last one last.

    One says nothing where the wrong contact and the right one have become one.

    Args:
        known: the corrections of a value.
        identity_of: the id that stands for the identity of a contact.
    """
    said: dict[ContactId, Correction | LeadsAfterAll] = {}
    for one in known:
        identity = identity_of(one.contact_id)
        said.pop(identity, None)
        said[identity] = one
    return tuple(
        one
        for identity, one in said.items()
        if isinstance(one, Correction) and (one.right is None or identity_of(one.right) != identity)
    )


def named_by_corrections(known: Corrections) -> set[ContactId]:
    """Return every contact that the corrections of a value name, the right ones too."""
    right = {one.right for one in known if isinstance(one, Correction) and one.right is not None}
    return right | {one.contact_id for one in known}


def _of_others(known: Corrections, contact_id: ContactId) -> Corrections:
    return tuple(one for one in known if one.contact_id != contact_id)
