"""What a source outside said of a contact, as far as a person took it over."""

from typing import ClassVar

from pydantic import Field

from aggregates.values import AugmentationId, Erased, Fact, Stored


class AugmentedIdentifier(Stored):
    """An identifier that was taken over; `claimed` tells whether the contact did not hold it before."""

    type: str
    value: str
    claimed: bool


class AugmentedPersonal(Stored):
    """The record, as the source names it, and what was taken from it: `set` stands in front of the
    value that a field had, `added` beside those that it has."""

    reference: str
    set: dict[str, str] = Field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    identifiers: tuple[AugmentedIdentifier, ...] = ()


class ContactAugmented(Fact):
    """A person took values of one record of a source over into the contact."""

    TOPIC: ClassVar[str] = "contact.augmented"

    augmentation_id: AugmentationId
    source: str
    personal: AugmentedPersonal | Erased


class ContactAugmentationReverted(Fact):
    """A person took an augmentation back: the contact is as if it had never been."""

    TOPIC: ClassVar[str] = "contact.augmentation_reverted"

    augmentation_id: AugmentationId


AugmentationFact = ContactAugmented | ContactAugmentationReverted
