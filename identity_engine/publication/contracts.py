"""The public contracts: what subscribers read, apart from what is stored.

Each class is one version of one type. A field may be added if it is optional; anything else is a new
version of the type, published beside the old one. The JSON Schemas in `schemas/` are those that were
released, and a test holds the classes to them.

Ids are opaque. No value of a person stands in an event unless the publication names its field
(`Publication.values`).
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(description="An opaque id, a UUID in lower case.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Stage = Literal["ephemeral", "identified", "curated"]
Presence = Literal["live", "expired", "deleted"]
ChangeKind = Literal[
    "accepted",
    "message",
    "transferred",
    "unassigned",
    "ended",
    "wrapped_up",
    "corrected",
    "retracted",
]
CaseStateName = Literal["new", "open", "pending", "resolved", "closed"]


class Public(BaseModel):
    """Base of all that is published. A subscriber ignores what it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    TYPE: ClassVar[str]
    ABOUT: ClassVar[str]

    @property
    def subject(self) -> str:
        """The id of what it is about: the key of its record."""
        subject: str = getattr(self, self.ABOUT)
        return subject


class OfContact(Public):
    """An event about one contact: the one that it names, whether or not that is merged with others."""

    ABOUT: ClassVar[str] = "contact_id"

    contact_id: Id


class OfCase(Public):
    """An event about one case."""

    ABOUT: ClassVar[str] = "case_id"

    case_id: Id


class ContactCreated(OfContact):
    """A contact came into being, by an interaction or by hand."""

    TYPE: ClassVar[str] = "identity.contact.created.v1"

    division: str
    interaction_id: Id | None = None


class ContactStageChanged(OfContact):
    """A contact is known better than before, or less well after what said so was undone."""

    TYPE: ClassVar[str] = "identity.contact.stage_changed.v1"

    stage: Stage


class ContactChanged(OfContact):
    """Values of a contact were set, added or taken away, by a person or from a source.

    `fields` names what changed, as far as that is known: what is undone does not name it. `set`, `added`
    and `removed` hold the values of those fields that the publication names, none by default.
    """

    TYPE: ClassVar[str] = "identity.contact.changed.v1"

    by: Literal["person", "source", "undo"]
    fields: tuple[str, ...] = ()
    set: dict[str, str] = Field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    removed: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class ContactMerged(OfContact):
    """Contacts are one person. Each of `contacts` is told by an event of its own.

    `survivor` is the one that stands for all of them at that moment.
    """

    TYPE: ClassVar[str] = "identity.contact.merged.v1"

    merge_id: Id
    survivor: Id
    contacts: tuple[Id, ...]
    automatic: bool


class ContactUnmerged(OfContact):
    """A merge, or a part of it, is undone. Each of `contacts` is told by an event of its own.

    Other merges may still hold some of them together: the profile topic says who stands for whom.
    """

    TYPE: ClassVar[str] = "identity.contact.unmerged.v1"

    merge_id: Id
    contacts: tuple[Id, ...]
    automatic: bool


class ContactMoved(OfContact):
    """A contact lies in another division now."""

    TYPE: ClassVar[str] = "identity.contact.moved.v1"

    division: str
    division_before: str


class ContactExpired(OfContact):
    """Nothing was heard of an ephemeral contact for so long that it is let go."""

    TYPE: ClassVar[str] = "identity.contact.expired.v1"


class ContactDeleted(OfContact):
    """A person deleted a contact. It can be restored; it is not erased."""

    TYPE: ClassVar[str] = "identity.contact.deleted.v1"


class ContactRestored(OfContact):
    """A contact that was expired or deleted is back."""

    TYPE: ClassVar[str] = "identity.contact.restored.v1"

    was: Literal["expired", "deleted"]


class InteractionLinked(OfContact):
    """An interaction belongs to a contact. `rule` says why, `weight` (millibits) how surely; it is
    `pinned` where a person said so. One that moves is unlinked from the contact before."""

    TYPE: ClassVar[str] = "identity.interaction.linked.v1"

    interaction_id: Id
    rule: str
    weight: int
    pinned: bool


class InteractionUnlinked(OfContact):
    """An interaction belongs to this contact no longer; `retracted` where its publisher took it back."""

    TYPE: ClassVar[str] = "identity.interaction.unlinked.v1"

    interaction_id: Id
    pinned: bool
    retracted: bool


class InteractionChanged(OfContact):
    """The interaction of a contact went on: what it said may have changed with it."""

    TYPE: ClassVar[str] = "identity.interaction.changed.v1"

    interaction_id: Id
    change: ChangeKind


class IdentifierClaimed(OfContact):
    """A contact holds an identifier from now on. `type` and `value` are there only where the
    publication names the type."""

    TYPE: ClassVar[str] = "identity.identifier.claimed.v1"

    identifier_id: Id
    interaction_id: Id | None = None
    type: str | None = None
    value: str | None = None


class IdentifierVerified(OfContact):
    """It was shown that an identifier is the contact's own."""

    TYPE: ClassVar[str] = "identity.identifier.verified.v1"

    identifier_id: Id


class IdentifierUnverified(OfContact):
    """What had shown that an identifier is the contact's own turned out to be another's."""

    TYPE: ClassVar[str] = "identity.identifier.unverified.v1"

    identifier_id: Id


class IdentifierReleased(OfContact):
    """A contact holds an identifier no longer."""

    TYPE: ClassVar[str] = "identity.identifier.released.v1"

    identifier_id: Id


class ReviewSuggested(OfContact):
    """A contact, or one of its interactions, may belong to the `proposed` one; a person is asked."""

    TYPE: ClassVar[str] = "identity.review.suggested.v1"

    proposed: Id
    kind: Literal["interaction", "merge"]
    interaction_id: Id | None = None
    rule: str
    weight: int


class ReviewDecided(OfContact):
    """A person answered about an interaction, or took the answer back."""

    TYPE: ClassVar[str] = "identity.review.decided.v1"

    proposed: Id
    interaction_id: Id
    decision: Literal["confirmed", "rejected", "deferred", "taken_back"]


class CaseOpened(OfCase):
    """A case was opened. Its contact is the one of the interaction, else the contact named here."""

    TYPE: ClassVar[str] = "identity.case.opened.v1"

    number: int
    division: str
    place: str
    interaction_id: Id | None = None
    contact_id: Id | None = None
    follow_up_of: Id | None = None


class CaseStateChanged(OfCase):
    """A case is in another state; `before` is not said of one that closed by itself."""

    TYPE: ClassVar[str] = "identity.case.state_changed.v1"

    state: CaseStateName
    before: CaseStateName | None = None
    cause: Literal["hand", "use", "mail", "sweep"]


class CaseGiven(OfCase):
    """A case belongs to another contact now."""

    TYPE: ClassVar[str] = "identity.case.given.v1"

    contact_id: Id
    contact_before: Id


class HeldIdentifier(BaseModel):
    """An identifier that a contact holds now. One that is `shared` says nothing about who it is."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    identifier_id: Id
    type: str | None = None
    scope: str | None = None
    value: str | None = None
    label: str | None = None
    verified: bool
    shared: bool
    primary: bool


class ContactProfile(OfContact):
    """What is known of a contact and of all that are one with it (`members`).

    `fields` holds the values of each field, the one that counts first. One that is expired or deleted
    says so, and since when, and shows no values. `position` is that of the log: of two records about a
    contact the one with the higher position is the later. `is_cut` tells that a list had more entries
    than a record has room for.
    """

    TYPE: ClassVar[str] = "identity.contact.profile.v1"

    position: int
    division: str
    stage: Stage
    presence: Presence
    first_seen: Time
    since: Time | None = None
    members: tuple[Id, ...]
    fields: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    identifiers: tuple[HeldIdentifier, ...] = ()
    interactions: int
    is_cut: bool = False


class ContactRedirect(OfContact):
    """Another contact stands for this one, as long as they are merged; read its profile."""

    TYPE: ClassVar[str] = "identity.contact.redirect.v1"

    position: int
    replaced_by: Id


EVENTS: tuple[type[Public], ...] = (
    ContactCreated,
    ContactStageChanged,
    ContactChanged,
    ContactMerged,
    ContactUnmerged,
    ContactMoved,
    ContactExpired,
    ContactDeleted,
    ContactRestored,
    InteractionLinked,
    InteractionUnlinked,
    InteractionChanged,
    IdentifierClaimed,
    IdentifierVerified,
    IdentifierUnverified,
    IdentifierReleased,
    ReviewSuggested,
    ReviewDecided,
    CaseOpened,
    CaseStateChanged,
    CaseGiven,
)
"""What may stand on the event topic."""

PROFILES: tuple[type[Public], ...] = (ContactProfile, ContactRedirect)
"""What may stand on the profile topic, besides a tombstone."""
