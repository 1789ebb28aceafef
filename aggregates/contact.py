"""One contact: born ephemeral, identified by evidence, curated by a person.

A contact keeps its own stream for ever. It holds no profile value that came from an interaction:
those stay with the interaction and reach the contact through the link.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates import across
from aggregates.across import AcrossFact, AcrossState
from aggregates.augmentation import AugmentationFact
from aggregates.division import ContactMoved
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.errors import AlreadyDone, NotYet
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactHoldLifted,
    ContactHoldSet,
    ContactRestored,
    LifecycleFact,
    Presence,
)
from aggregates.refused_merge import (
    ContactMergeRefusalEnded,
    ContactMergeRefused,
    Refusal,
    refusal,
)
from aggregates.values import (
    ContactId,
    Erased,
    Evidence,
    Fact,
    IdentifierId,
    Instant,
    InteractionId,
    MergeId,
    Stage,
    Stored,
)

IdentifiedBy = Literal["second_interaction", "exclusive", "verified", "confirmed"]


class ContactCreated(Fact, frozen=True, kw_only=True):
    """A contact came into being; `interaction_id` names the interaction that made it, if one did."""

    TOPIC: ClassVar[str] = "contact.created"

    division: str
    interaction_id: InteractionId | None = None


class ContactIdentified(Fact, frozen=True, kw_only=True):
    """Evidence showed that the contact is a lasting person; it rises to `identified`."""

    TOPIC: ClassVar[str] = "contact.identified"

    by: IdentifiedBy
    interaction_id: InteractionId | None = None
    identifier_id: IdentifierId | None = None


class ContactIdentificationUndone(Fact, frozen=True, kw_only=True):
    """What raised the contact is gone or proves it no longer, and nothing else holds it up; it is
    `ephemeral` again. `interaction_id` is the interaction that is gone or shows it no longer."""

    TOPIC: ClassVar[str] = "contact.identification_undone"

    interaction_id: InteractionId


class ContactPromoted(Fact, frozen=True, kw_only=True):
    """A person vouches for the contact; it rises to `curated` and never expires."""

    TOPIC: ClassVar[str] = "contact.promoted"

    stage_before: Stage


class ReasonPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why."""

    reason: str


class ContactPromotionUndone(Fact, frozen=True, kw_only=True):
    """A person took back the promotion; the contact has the stage again that it had before it."""

    TOPIC: ClassVar[str] = "contact.promotion_undone"

    stage: Stage
    personal: ReasonPersonal | Erased | None = None


class MergeEdge(Stored, frozen=True, kw_only=True):
    """Two member contacts that were found to be one person: the two ids that were asked for, or that
    the evidence named, never the canonical ids of the day."""

    one: ContactId
    other: ContactId


class MergePersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why, and the values that the person chose: profile field -> value.

    The choices go with the merge: once it is undone they hold no longer.
    """

    reason: str | None = None
    choices: dict[str, str] = field(default_factory=dict)


class ContactMerged(Fact, frozen=True, kw_only=True):
    """Contacts are one person, until the merge is undone; it stands in the survivor's stream.

    Nothing moves: each contact keeps its own stream, links and claims, and the identity is the
    component of the edges in force. `survivor` is set where a person named one; `automatic` where
    the rules acted, with the evidence that they rested on. A second merge under the same id keeps the
    other members one when one of them was taken out.
    """

    TOPIC: ClassVar[str] = "contact.merged"

    merge_id: MergeId
    edges: tuple[MergeEdge, ...]
    survivor: ContactId | None = None
    automatic: bool = False
    evidence: Evidence | None = None
    personal: MergePersonal | Erased | None = None


class ContactUnmerged(Fact, frozen=True, kw_only=True):
    """Edges of a merge are taken back, in the stream that holds the merge.

    `cause` says why the rules took it back; a person's reason is personal.
    """

    TOPIC: ClassVar[str] = "contact.unmerged"

    merge_id: MergeId
    edges: tuple[MergeEdge, ...]
    automatic: bool = False
    cause: str | None = None
    personal: ReasonPersonal | Erased | None = None


class ContactToldApart(Fact, frozen=True, kw_only=True):
    """A person said that this contact and `other` are two people. It holds for all members of both
    identities, until `until`, or until it is lifted."""

    TOPIC: ClassVar[str] = "contact.told_apart"

    other: ContactId
    until: Instant | None = None
    personal: ReasonPersonal | Erased | None = None


class ContactToldApartLifted(Fact, frozen=True, kw_only=True):
    """The contact and `other` may be merged again: a person said so, or the time has come until which
    they were told apart."""

    TOPIC: ClassVar[str] = "contact.told_apart_lifted"

    other: ContactId
    personal: ReasonPersonal | Erased | None = None


ContactFact = (
    ContactCreated
    | AugmentationFact
    | ContactEdited
    | ContactEditWithdrawn
    | ContactIdentified
    | ContactIdentificationUndone
    | ContactPromoted
    | ContactPromotionUndone
    | ContactMerged
    | ContactUnmerged
    | ContactToldApart
    | ContactToldApartLifted
    | LifecycleFact
    | ContactMoved
    | AcrossFact
    | ContactMergeRefused
    | ContactMergeRefusalEnded
)


NONE: Mapping[str, IdentifierId] = {}
NONE_REFUSED: Mapping[ContactId, Refusal] = {}
"""Nothing held, let go or refused: shared by all states, none of which is ever changed in place."""


class ContactState(Struct, frozen=True, array_like=True):
    """What the rules and the resolution need to know of a contact.

    `born` is the valid time of its creation, `first_seen` the earliest of it and of its interactions,
    `interactions` how many are linked. `exclusive` maps the type of each exclusive identifier held to
    the identifier's id: another value of the same type is a conflict; `let_go` those whose claim has
    ended. `presence` tells whether the contact is there at all, `gone_since` since when it is not, and
    `restored` when it last came back. `on_hold` tells whether a legal hold names it. `refused` maps
    each contact that the rules keep apart from this one, of those with a greater id, to the reason.
    `across` is what is known of likeness over divisions, None for nothing.
    """

    stage: Stage
    division: str
    born: datetime
    first_seen: datetime
    exclusive: Mapping[str, IdentifierId] = NONE
    interactions: int = 0
    presence: Presence = "live"
    gone_since: datetime | None = None
    restored: datetime | None = None
    on_hold: bool = False
    let_go: Mapping[str, IdentifierId] = NONE
    refused: Mapping[ContactId, Refusal] = NONE_REFUSED
    across: AcrossState | None = None

    @property
    def is_live(self) -> bool:
        """Whether it can be found."""
        return self.presence == "live"

    @property
    def quiet_from(self) -> datetime | None:
        """When it began to wait for something meaningful to come; None where it never expires."""
        if self.stage is Stage.CURATED or not self.is_live:
            return None
        return max(self.first_seen, self.restored or self.first_seen)


class Create(Struct, frozen=True):
    """Bring a contact into being."""

    division: str
    interaction_id: InteractionId | None = None


class Identify(Struct, frozen=True):
    """Raise an ephemeral contact to identified, naming the evidence."""

    by: IdentifiedBy
    interaction_id: InteractionId | None = None
    identifier_id: IdentifierId | None = None


class UndoIdentification(Struct, frozen=True):
    """Take back a stage that rested on an interaction."""

    interaction_id: InteractionId


class Promote(Struct, frozen=True):
    """Raise a contact to curated, by hand."""


class UndoPromotion(Struct, frozen=True):
    """Take back the promotion; `stage` is the one that it raised the contact from."""

    stage: Stage
    reason: str | None = None


class RefuseMerge(Struct, frozen=True):
    """Keep the contact apart from `other`, although the evidence is strong enough."""

    other: ContactId
    guard: str
    evidence: Evidence


class EndRefusal(Struct, frozen=True):
    """Note that there is no merge to be refused any more."""

    other: ContactId


ContactCommand = (
    Create | Identify | UndoIdentification | Promote | UndoPromotion | RefuseMerge | EndRefusal
)


def decide(state: ContactState | None, command: ContactCommand) -> tuple[ContactFact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    Raises:
        AlreadyDone: the contact exists already.
        NotYet: the contact does not exist, or was not promoted.
    """
    match state, command:
        case None, Create(division=division, interaction_id=interaction_id):
            return (ContactCreated(division=division, interaction_id=interaction_id),)
        case None, _:
            raise NotYet("This contact does not exist.")
        case _, Create():
            raise AlreadyDone("This contact exists already.")
        case ContactState(stage=Stage.EPHEMERAL), Identify():
            return (
                ContactIdentified(
                    by=command.by,
                    interaction_id=command.interaction_id,
                    identifier_id=command.identifier_id,
                ),
            )
        case ContactState(stage=Stage.IDENTIFIED), UndoIdentification(interaction_id):
            return (ContactIdentificationUndone(interaction_id=interaction_id),)
        case ContactState(stage=stage), Promote() if stage is not Stage.CURATED:
            return (ContactPromoted(stage_before=stage),)
        case ContactState(stage=now), UndoPromotion(stage, reason):
            if now is not Stage.CURATED:
                raise NotYet("This contact was not promoted.")
            why = None if reason is None else ReasonPersonal(reason=reason)
            return (ContactPromotionUndone(stage=stage, personal=why),)
        case ContactState(), RefuseMerge(other, guard, evidence):
            refused = ContactMergeRefused(other=other, guard=guard, evidence=evidence)
            return () if state.refused.get(other) == refusal(refused) else (refused,)
        case ContactState(), EndRefusal(other) if other in state.refused:
            return (ContactMergeRefusalEnded(other=other),)
        case _:
            return ()


def evolve(state: ContactState | None, fact: Fact, valid_from: datetime) -> ContactState | None:
    """Return the state after `fact`, which became true at `valid_from`."""
    match fact:
        case ContactCreated(division=division):
            return ContactState(
                stage=Stage.EPHEMERAL, division=division, born=valid_from, first_seen=valid_from
            )
        case ContactIdentified() if state is not None:
            return replace(state, stage=Stage.IDENTIFIED)
        case ContactIdentificationUndone() if state is not None:
            return replace(state, stage=Stage.EPHEMERAL)
        case ContactPromoted() if state is not None:
            return replace(state, stage=Stage.CURATED)
        case ContactPromotionUndone(stage=stage) if state is not None:
            return replace(state, stage=stage)
        case ContactMoved(division=division) if state is not None:
            return replace(state, division=division)
        case ContactExpired() if state is not None:
            return replace(state, presence="expired", gone_since=valid_from)
        case ContactDeleted() if state is not None:
            return replace(state, presence="deleted", gone_since=state.gone_since or valid_from)
        case ContactRestored() if state is not None:
            return replace(state, presence="live", gone_since=None, restored=valid_from)
        case ContactHoldSet() | ContactHoldLifted() if state is not None:
            return replace(state, on_hold=isinstance(fact, ContactHoldSet))
        case ContactMergeRefused(other=other) if state is not None:
            return replace(state, refused={**state.refused, other: refusal(fact)})
        case ContactMergeRefusalEnded(other=other) if state is not None:
            return replace(state, refused={k: v for k, v in state.refused.items() if k != other})
        case _ if state is not None and isinstance(fact, AcrossFact):
            return replace(state, across=across.evolve(state.across, fact))
        case _:
            return state


def linked(state: ContactState, time: datetime) -> ContactState:
    """Return the state of a contact that an interaction of this valid time was linked to."""
    first_seen = min(state.first_seen, time)
    return replace(state, first_seen=first_seen, interactions=state.interactions + 1)


def unlinked(state: ContactState) -> ContactState:
    """Return the state of a contact that an interaction was taken from."""
    return replace(state, interactions=state.interactions - 1)


def holding(state: ContactState, type_: str, identifier_id: IdentifierId) -> ContactState:
    """Return the state of a contact that now holds this exclusive identifier."""
    return replace(state, exclusive={**state.exclusive, type_: identifier_id})


def letting_go(state: ContactState, type_: str) -> ContactState:
    """Return the state of a contact that holds no exclusive identifier of this type any more."""
    kept = {known: id_ for known, id_ in state.exclusive.items() if known != type_}
    ended = {known: id_ for known, id_ in state.exclusive.items() if known == type_}
    return replace(state, exclusive=kept, let_go={**state.let_go, **ended})


def reclaimed(state: ContactState, identifier_id: IdentifierId) -> ContactState:
    """Return the state of a contact whose claim on an identifier goes on after all."""
    back = {type_: id_ for type_, id_ in state.let_go.items() if id_ == identifier_id}
    still = {type_: id_ for type_, id_ in state.let_go.items() if id_ != identifier_id}
    return replace(state, exclusive={**state.exclusive, **back}, let_go=still) if back else state
