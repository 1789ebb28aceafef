"""One identifier value in one division: who held it, from when to when, and on whose word.

The value itself never names the stream; it stands in the claim's personal part. A recycled number
keeps its past, because a claim ends, it is not overwritten.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregates.correction import (
    Corrections,
    IdentifierCorrectionEnded,
    IdentifierLinkCorrected,
    corrected,
    ended,
)
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import (
    ContactId,
    Erased,
    Fact,
    IdentifierClass,
    Instant,
    InteractionId,
    Stored,
)
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified

SharedBy = Literal["cap", "names", "person"]


class ClaimPersonal(Stored, frozen=True, kw_only=True):
    """The identifier as it is compared (`family`, `value`) and as it came (`type`, `raw`).

    `normaliser` is the version that led from one to the other.
    """

    type: str
    family: str
    scope: str | None = None
    value: str
    raw: str
    normaliser: str


class IdentifierClaimed(Fact, frozen=True, kw_only=True):
    """A contact holds the value from the event's `valid_from` until `valid_to`, or on.

    A claim that rests on an interaction goes along when that interaction is given to another
    contact, and is encrypted under the interaction's key.
    """

    TOPIC: ClassVar[str] = "identifier.claimed"

    contact_id: ContactId
    interaction_id: InteractionId | None = None
    division: str
    identifier_class: IdentifierClass
    verified: bool
    valid_to: Instant | None = None
    personal: ClaimPersonal | Erased


class TransferPersonal(ClaimPersonal, frozen=True, kw_only=True):
    """The value as its new holder has it, and a person's words on why it went over."""

    reason: str


class IdentifierTransferred(Fact, frozen=True, kw_only=True):
    """A person gave the value to another contact, from the event's `valid_from` on.

    The claim of `from_contact_id` ends then; what it meant before, and every past interaction, stays.
    """

    TOPIC: ClassVar[str] = "identifier.transferred"

    contact_id: ContactId
    from_contact_id: ContactId
    division: str
    identifier_class: IdentifierClass
    verified: bool
    personal: TransferPersonal | Erased


class SharePersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why several people use one value, or do so no longer."""

    reason: str


class IdentifierShared(Fact, frozen=True, kw_only=True):
    """The value stops linking by itself.

    `cap`: more contacts hold it than its class allows. `names`: the interactions that mention it speak
    of more people than its class allows. `person`: a person said that they share it. `holders` counts
    the contacts, for `names` the people.
    """

    TOPIC: ClassVar[str] = "identifier.shared"

    by: SharedBy
    holders: int
    cap: int | None = None
    personal: SharePersonal | Erased | None = None


class IdentifierReassigned(Fact, frozen=True, kw_only=True):
    """The claim of an interaction went along when the engine gave the interaction to another contact.

    From its beginning the claim is `contact_id`'s and no longer `from_contact_id`'s.
    """

    TOPIC: ClassVar[str] = "identifier.reassigned"

    contact_id: ContactId
    from_contact_id: ContactId
    interaction_id: InteractionId


class IdentifierUnshared(Fact, frozen=True, kw_only=True):
    """What the mark rested on is gone: the value links by itself again."""

    TOPIC: ClassVar[str] = "identifier.unshared"

    by: Literal["names", "person"]
    personal: SharePersonal | Erased | None = None


class DescriptionPersonal(Stored, frozen=True, kw_only=True):
    """What a person calls the value, such as `work`."""

    label: str


class IdentifierDescribed(Fact, frozen=True, kw_only=True):
    """How a holder uses the value: under which label, and whether it is the first of its type."""

    TOPIC: ClassVar[str] = "identifier.described"

    contact_id: ContactId
    primary: bool
    personal: DescriptionPersonal | Erased | None = None


IdentifierFact = (
    IdentifierClaimed
    | IdentifierVerified
    | IdentifierVerificationWithdrawn
    | IdentifierReleased
    | IdentifierReclaimed
    | IdentifierShared
    | IdentifierReassigned
    | IdentifierUnshared
    | IdentifierTransferred
    | IdentifierDescribed
    | IdentifierLinkCorrected
    | IdentifierCorrectionEnded
)


class Holding(Struct, frozen=True, array_like=True):
    """One contact's claim on the value; `valid_to` is None while it is held.

    `given_up` tells that the contact let the value go. A claim that only reaches back to where a later
    one of the same contact begins has an end too, and lets nothing go. `verified_by` is the interaction
    that shows that it is verified, None where a person said so.
    """

    contact_id: ContactId
    interaction_id: InteractionId | None
    valid_from: datetime
    valid_to: datetime | None
    verified: bool
    given_up: bool = False
    verified_by: InteractionId | None = None

    @property
    def is_vouched_for(self) -> bool:
        """Whether a person said that the value is this contact's."""
        return self.verified and self.verified_by is None

    def covers(self, moment: datetime) -> bool:
        """Tell whether the value was held at `moment`."""
        return self.valid_from <= moment and (self.valid_to is None or moment < self.valid_to)


class IdentifierState(Struct, frozen=True, array_like=True):
    """Every claim on the value, in the order they were made, why it is shared, if it is, and what is
    said of contacts that it skips because a person corrected a link."""

    identifier_class: IdentifierClass
    holdings: tuple[Holding, ...] = ()
    shared_by: tuple[SharedBy, ...] = ()
    corrections: Corrections = ()

    @property
    def shared(self) -> bool:
        """Whether the value stopped linking by itself."""
        return bool(self.shared_by)

    def holders_at(self, moment: datetime) -> tuple[Holding, ...]:
        """Return the claims in force at `moment`, earliest first.

        Before the first claim the earliest holder answers: nobody else is known to have held the
        value, and an interaction that comes late was often made before the one that came first.
        """
        covering = [holding for holding in self.holdings if holding.covers(moment)]
        if not covering and (ever := self._ever()):
            first = min(ever, key=_age)
            covering = [first] if moment < first.valid_from else []
        return tuple(sorted(covering, key=_age) if len(covering) > 1 else covering)

    def is_held_by(self, contact_id: ContactId) -> bool:
        """Tell whether the contact has a claim that has not ended."""
        return contact_id in self.holders

    @property
    def holders(self) -> frozenset[ContactId]:
        """The contacts whose claim has not ended."""
        return frozenset(h.contact_id for h in self.holdings if h.valid_to is None)

    def held_by(self, contact_ids: AbstractSet[ContactId]) -> tuple[Holding, ...]:
        """Return the claims of these contacts that have not ended, earliest first."""
        held = [h for h in self.holdings if h.valid_to is None and h.contact_id in contact_ids]
        return tuple(sorted(held, key=_age))

    def ends(self) -> tuple[datetime, ...]:
        """Return the moments at which a contact ceased to hold the value for good, in order."""
        ever = self._ever()
        return tuple(
            sorted(
                {
                    ended.valid_to
                    for ended in ever
                    if ended.given_up
                    and ended.valid_to is not None
                    and not any(
                        later.contact_id == ended.contact_id and later.valid_from >= ended.valid_to
                        for later in ever
                    )
                }
            )
        )

    def _ever(self) -> list[Holding]:
        """Return the claims that ever held: one that ends where it began was taken back."""
        return [held for held in self.holdings if held.valid_to != held.valid_from]

    def others_from(
        self, moment: datetime, contact_ids: AbstractSet[ContactId]
    ) -> tuple[Holding, ...]:
        """Return the claims of all other contacts that hold at `moment` or later, earliest first."""
        held = [
            h
            for h in self.holdings
            if h.contact_id not in contact_ids and (h.valid_to is None or h.valid_to > moment)
        ]
        return tuple(sorted(held, key=_age))


def evolve(
    state: IdentifierState | None, fact: Fact, valid_from: datetime
) -> IdentifierState | None:
    """Return the state after `fact`, which became true at `valid_from`."""
    after = _held(state, fact, valid_from)
    if after is None or not (after.corrections or isinstance(fact, IdentifierLinkCorrected)):
        return after
    return replace(after, corrections=_corrected(after.corrections, fact, valid_from))


def _corrected(known: Corrections, fact: Fact, valid_from: datetime) -> Corrections:
    """A newly verified claim of the contact, and a person who gives it the value, end a correction."""
    match fact:
        case IdentifierLinkCorrected():
            return corrected(known, fact, valid_from)
        case (
            IdentifierCorrectionEnded(contact_id=contact_id)
            | IdentifierVerified(contact_id=contact_id)
            | IdentifierClaimed(contact_id=contact_id, verified=True)
            | IdentifierClaimed(contact_id=contact_id, interaction_id=None)
            | IdentifierTransferred(contact_id=contact_id)
        ):
            return ended(known, contact_id)
        case _:
            return known


def _held(
    state: IdentifierState | None, fact: Fact, valid_from: datetime
) -> IdentifierState | None:
    match fact:
        case IdentifierClaimed():
            holding = Holding(
                contact_id=fact.contact_id,
                interaction_id=fact.interaction_id,
                valid_from=valid_from,
                valid_to=fact.valid_to,
                verified=fact.verified,
                verified_by=fact.interaction_id if fact.verified else None,
            )
            before = state or IdentifierState(identifier_class=fact.identifier_class)
            return replace(before, holdings=(*before.holdings, holding))
        case IdentifierVerified(contact_id=contact_id, interaction_id=by) if state is not None:
            # A person vouches for good; an interaction only where nobody did.
            return _changed(
                state,
                lambda held: _is_open(held, contact_id) and (by is None or not held.verified),
                verified=True,
                verified_by=by,
            )
        case IdentifierVerificationWithdrawn(still_by=still) if state is not None:
            return _changed(
                state,
                lambda held: (
                    (held.contact_id, held.verified_by) == (fact.contact_id, fact.interaction_id)
                ),
                verified=still is not None,
                verified_by=still,
            )
        case IdentifierReleased(contact_id=contact_id) if state is not None:
            return _let_go(state, contact_id, valid_from)
        case IdentifierReclaimed() if state is not None:
            return _changed(
                state,
                lambda held: (held.contact_id, held.valid_to) == (fact.contact_id, fact.ended),
                valid_to=None,
                given_up=False,
            )
        case IdentifierTransferred(from_contact_id=former):
            given = state or IdentifierState(identifier_class=fact.identifier_class)
            without = _let_go(given, former, valid_from)
            holding = Holding(fact.contact_id, None, valid_from, None, fact.verified)
            return replace(without, holdings=(*without.holdings, holding))
        case IdentifierShared(by=by) if state is not None:
            others = tuple(known for known in state.shared_by if known != by)
            return replace(state, shared_by=(*others, by))
        case IdentifierUnshared(by=by) if state is not None:
            others = tuple(known for known in state.shared_by if known != by)
            return replace(state, shared_by=others)
        case IdentifierReassigned() if state is not None:
            return _changed(
                state,
                lambda held: (
                    (held.contact_id, held.interaction_id)
                    == (fact.from_contact_id, fact.interaction_id)
                ),
                contact_id=fact.contact_id,
            )
        case _:
            return state


def _let_go(state: IdentifierState, contact_id: ContactId, moment: datetime) -> IdentifierState:
    return _changed(state, lambda held: _is_open(held, contact_id), valid_to=moment, given_up=True)


def _is_open(held: Holding, contact_id: ContactId) -> bool:
    return held.contact_id == contact_id and held.valid_to is None


def _changed(
    state: IdentifierState, which: Callable[[Holding], bool], **values: Any
) -> IdentifierState:
    """Return the state with these values in some of its claims."""
    holdings = (replace(held, **values) if which(held) else held for held in state.holdings)
    return replace(state, holdings=tuple(holdings))


def _age(holding: Holding) -> tuple[datetime, str]:
    return holding.valid_from, holding.contact_id
