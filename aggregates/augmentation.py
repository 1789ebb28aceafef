"""What a source outside said of a contact, as far as a person took it over."""

from typing import ClassVar, Literal

from msgspec import field

from aggregates.values import AugmentationId, Erased, Fact, InteractionId, Stored

Outcome = Literal["taken", "nothing_new", "several", "no_match"]


class AugmentedIdentifier(Stored, frozen=True, kw_only=True):
    """An identifier that was taken over; `claimed` tells whether the contact did not hold it before."""

    type: str
    value: str
    claimed: bool


class AugmentedPersonal(Stored, frozen=True, kw_only=True):
    """The record, as the source names it, and what was taken from it: `set` stands in front of the
    value that a field had, `added` beside those that it has."""

    reference: str
    set: dict[str, str] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)
    identifiers: tuple[AugmentedIdentifier, ...] = ()


class ContactAugmented(Fact, frozen=True, kw_only=True):
    """Values of one record of a source were taken over into the contact, by a person or on arrival."""

    TOPIC: ClassVar[str] = "contact.augmented"

    augmentation_id: AugmentationId
    source: str
    personal: AugmentedPersonal | Erased


class ContactAugmentationReverted(Fact, frozen=True, kw_only=True):
    """A person took an augmentation back: the contact is as if it had never been."""

    TOPIC: ClassVar[str] = "contact.augmentation_reverted"

    augmentation_id: AugmentationId


class ContactLookedUp(Fact, frozen=True, kw_only=True):
    """A source was asked about the contact because an interaction arrived on a channel that looks up.

    `taken`: one record matched and its values were taken over; `nothing_new`: it had none that were
    wanted; `several` matched and are for a person to choose from; `no_match`: "No data.". `asked` is the
    keyed digest of the identifiers that were sent: the same question is not asked again.
    """

    TOPIC: ClassVar[str] = "contact.looked_up"

    source: str
    interaction_id: InteractionId
    outcome: Outcome
    records: int
    asked: str


AugmentationFact = ContactAugmented | ContactAugmentationReverted | ContactLookedUp
