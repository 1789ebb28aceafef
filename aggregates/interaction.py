"""One interaction: received once, then linked to a contact, unlinked, or held for review.

An interaction is a whole conversation. What it says about the person stays with it for ever: a
contact's profile is a fold over the interactions linked to it, so a corrected link takes every value
along by itself.
"""

from typing import ClassVar, Literal

from msgspec import Struct, field

from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.values import (
    ContactId,
    Erased,
    Evidence,
    Fact,
    Stored,
)

Direction = Literal["inbound", "outbound"]


class GivenIdentifier(Stored, frozen=True, kw_only=True):
    """An identifier as it came (`value`) and as it is compared (`family`, `normalised`).

    `verified` is what the publisher said; None leaves it to the channel's rule in the policy.
    `normalised` is None where the value is no valid identifier of its type, or one that the policy
    of that day had `blocked`.
    """

    type: str
    value: str
    scope: str | None = None
    verified: bool | None = None
    family: str | None = None
    normalised: str | None = None
    blocked: bool = False


class InteractionPersonal(Stored, frozen=True, kw_only=True):
    """Everything in an interaction that can tell who it was, also its natural key."""

    source: str
    id: str
    identifiers: tuple[GivenIdentifier, ...] = ()
    profile: dict[str, str] = field(default_factory=dict)
    attributes: str | None = None
    mail: str | None = None
    session: str | None = None


class InteractionReceived(Fact, frozen=True, kw_only=True):
    """An upstream system published the interaction.

    `natural_key` is the keyed digest of (source, id), under a key that never rotates: a resend stays
    a duplicate even after erasure and rebuild. `content_digest` is the keyed digest of the content:
    the same key with other content is a conflict.
    """

    TOPIC: ClassVar[str] = "interaction.received"

    natural_key: str
    content_digest: str
    channel: str
    direction: Direction
    division: str
    normaliser: str
    personal: InteractionPersonal | Erased


class LinkPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why the interaction belongs there."""

    reason: str


class InteractionLinked(Fact, frozen=True, kw_only=True):
    """The interaction belongs to this member contact; `pinned` where a person said so."""

    TOPIC: ClassVar[str] = "interaction.linked"

    contact_id: ContactId
    evidence: Evidence
    pinned: bool = False
    personal: LinkPersonal | Erased | None = None


class UnlinkPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why the link was taken away."""

    reason: str


class InteractionUnlinked(Fact, frozen=True, kw_only=True):
    """The interaction belongs to no contact; `contact_id` is the one it was taken from.

    `cause` says why where no person did: the publisher took the interaction back.
    """

    TOPIC: ClassVar[str] = "interaction.unlinked"

    contact_id: ContactId
    pinned: bool = False
    cause: Literal["retracted"] | None = None
    personal: UnlinkPersonal | Erased | None = None


class InteractionHeldForReview(Fact, frozen=True, kw_only=True):
    """A person should decide whether the interaction belongs to `proposed` after all.

    It is linked to its own ephemeral contact meanwhile, by an event of the same transaction.
    """

    TOPIC: ClassVar[str] = "interaction.held_for_review"

    proposed: ContactId
    contact_id: ContactId
    evidence: Evidence


InteractionFact = (
    InteractionReceived | InteractionLinked | InteractionUnlinked | InteractionHeldForReview
)


class Unknown(Struct, frozen=True):
    """Nothing has been received under this id."""


class Unlinked(Struct, frozen=True):
    """Received, and belonging to no contact; `pinned` where a person wants it so, or the publisher has
    `retracted` it."""

    pinned: bool = False
    retracted: bool = False
    taken_from: ContactId | None = None


class Linked(Struct, frozen=True):
    """Received and belonging to a member contact; `proposed` while a review is open."""

    contact_id: ContactId
    pinned: bool = False
    proposed: ContactId | None = None


InteractionState = Unknown | Unlinked | Linked


class Receive(Struct, frozen=True):
    """Record an interaction as it was published."""

    fact: InteractionReceived


class Link(Struct, frozen=True):
    """Give the interaction to a member contact. Giving it to another contact moves it.

    `reason` is a person's. `confirms` that the contact which had it was only a stand-in.
    """

    contact_id: ContactId
    evidence: Evidence
    pinned: bool = False
    reason: str | None = None
    confirms: bool = False


class HoldForReview(Struct, frozen=True):
    """Ask a person whether the interaction belongs to `proposed`."""

    proposed: ContactId
    evidence: Evidence


class Unlink(Struct, frozen=True):
    """Take the interaction from its contact."""

    pinned: bool = False
    reason: str | None = None


InteractionCommand = Receive | Link | HoldForReview | Unlink


def decide(state: InteractionState, command: InteractionCommand) -> tuple[InteractionFact, ...]:
    """Return the facts that carry out `command`, or raise what the rules refuse.

    Raises:
        AlreadyDone: the interaction was received before, or is already where it should go.
        NotYet: it was never received, or has no link to review or take away.
        Refused: `retracted`, the publisher took it back.
    """
    match state, command:
        case Unknown(), Receive(fact=fact):
            return (fact,)
        case _, Receive():
            raise AlreadyDone("This interaction was received before.")
        case Unknown(), _:
            raise NotYet("This interaction was never received.")
        case Linked(contact_id=held), Link(contact_id=wanted) if held == wanted:
            raise AlreadyDone("This interaction is linked to that contact already.")
        case Unlinked(retracted=True), Link():
            raise Refused("retracted", "The publisher took this interaction back.")
        case Linked(contact_id=held), Link():
            taken = command.pinned and not command.confirms
            return (InteractionUnlinked(contact_id=held, pinned=taken), _linked(command))
        case Unlinked(), Link():
            return (_linked(command),)
        case Linked(contact_id=own), HoldForReview(proposed=proposed, evidence=evidence):
            return (
                InteractionHeldForReview(
                    proposed=proposed,
                    contact_id=own,
                    evidence=evidence,
                ),
            )
        case Linked(contact_id=held), Unlink(pinned=pinned, reason=reason):
            personal = None if reason is None else UnlinkPersonal(reason=reason)
            return (InteractionUnlinked(contact_id=held, pinned=pinned, personal=personal),)
        case _:
            raise NotYet("This interaction is linked to no contact.")


def evolve(state: InteractionState, fact: Fact) -> InteractionState:
    """Return the state after `fact`. A fact of a later version that is not known changes nothing."""
    match fact:
        case InteractionReceived():
            return Unlinked()
        case InteractionLinked(contact_id=contact_id, pinned=pinned):
            return Linked(contact_id, pinned)
        case InteractionUnlinked(pinned=pinned, cause=cause, contact_id=contact_id):
            return Unlinked(pinned, cause is not None, contact_id)
        case InteractionHeldForReview(proposed=proposed) if isinstance(state, Linked):
            return Linked(state.contact_id, state.pinned, proposed)
        case _:
            return state


def _linked(command: Link) -> InteractionLinked:
    return InteractionLinked(
        contact_id=command.contact_id,
        evidence=command.evidence,
        pinned=command.pinned,
        personal=None if command.reason is None else LinkPersonal(reason=command.reason),
    )
