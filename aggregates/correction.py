"""A corrected link, remembered at the values that had led to the wrong contact.

A person took an interaction from a contact. Later interactions that carry nothing but the same values
would go there again, so those values skip the contact, until a person or a newly verified claim of the
contact ends it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from aggregates.values import ContactId, Fact, InteractionId


class IdentifierLinkCorrected(Fact):
    """From the event's `valid_from` on the value alone leads nobody to `contact_id`.

    `right` is the contact that the person gave the interaction to, None where to none.
    """

    TOPIC: ClassVar[str] = "identifier.link_corrected"

    contact_id: ContactId
    right: ContactId | None = None
    interaction_id: InteractionId


class IdentifierCorrectionEnded(Fact):
    """A person said that the value leads to `contact_id` after all."""

    TOPIC: ClassVar[str] = "identifier.correction_ended"

    contact_id: ContactId


CorrectionFact = IdentifierLinkCorrected | IdentifierCorrectionEnded


@dataclass(frozen=True, slots=True)
class Correction:
    """One contact that a value skips from `since` on, and the one that was right, if any was."""

    contact_id: ContactId
    right: ContactId | None
    interaction_id: InteractionId
    since: datetime


Corrections = tuple[Correction, ...]


def corrected(known: Corrections, fact: IdentifierLinkCorrected, since: datetime) -> Corrections:
    """Return the corrections of a value after one more; of one contact the last one holds."""
    fresh = Correction(fact.contact_id, fact.right, fact.interaction_id, since)
    return (*ended(known, fact.contact_id), fresh)


def ended(known: Corrections, contact_id: ContactId) -> Corrections:
    """Return the corrections of a value after those that skip a contact have ended."""
    return tuple(one for one in known if one.contact_id != contact_id)
