"""One identifier value in one division: who held it, from when to when, and on whose word.

The value itself never names the stream; it stands in the claim's personal part. A recycled number
keeps its past, because a claim ends, it is not overwritten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from aggregates.errors import NotYet, Refused
from aggregates.values import (
    ContactId,
    Erased,
    Fact,
    IdentifierClass,
    Instant,
    InteractionId,
    Stored,
)

SharedBy = Literal["cap", "names", "person"]


class ClaimPersonal(Stored):
    """The identifier as it is compared (`family`, `value`) and as it came (`type`, `raw`).

    `normaliser` is the version that led from one to the other.
    """

    type: str
    family: str
    scope: str | None = None
    value: str
    raw: str
    normaliser: str


class IdentifierClaimed(Fact):
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


class IdentifierVerified(Fact):
    """It was shown that the holder can be reached by, or signs in with, this value."""

    TOPIC: ClassVar[str] = "identifier.verified"

    contact_id: ContactId
    interaction_id: InteractionId | None = None


class ReleasePersonal(Stored):
    """A person's words on why the claim ended."""

    reason: str


class IdentifierReleased(Fact):
    """The contact holds the value no longer, from the event's `valid_from` on."""

    TOPIC: ClassVar[str] = "identifier.released"

    contact_id: ContactId
    personal: ReleasePersonal | Erased | None = None


class IdentifierShared(Fact):
    """The value stops linking by itself.

    `cap`: more contacts hold it than its class allows. `names`: the interactions that mention it speak
    of more people than its class allows. `holders` counts the one or the other.
    """

    TOPIC: ClassVar[str] = "identifier.shared"

    by: SharedBy
    holders: int
    cap: int | None = None


class IdentifierReassigned(Fact):
    """The claim of an interaction went along when the engine gave the interaction to another contact.

    From its beginning the claim is `contact_id`'s and no longer `from_contact_id`'s.
    """

    TOPIC: ClassVar[str] = "identifier.reassigned"

    contact_id: ContactId
    from_contact_id: ContactId
    interaction_id: InteractionId


class IdentifierUnshared(Fact):
    """What the mark rested on is gone: the value links by itself again."""

    TOPIC: ClassVar[str] = "identifier.unshared"

    by: Literal["names", "person"]


IdentifierFact = (
    IdentifierClaimed
    | IdentifierVerified
    | IdentifierReleased
    | IdentifierShared
    | IdentifierReassigned
    | IdentifierUnshared
)


@dataclass(frozen=True, slots=True)
class Holding:
    """One contact's claim on the value; `valid_to` is None while it is held."""

    contact_id: ContactId
    interaction_id: InteractionId | None
    valid_from: datetime
    valid_to: datetime | None
    verified: bool

    def covers(self, moment: datetime) -> bool:
        """Tell whether the value was held at `moment`."""
        return self.valid_from <= moment and (self.valid_to is None or moment < self.valid_to)


@dataclass(frozen=True, slots=True)
class IdentifierState:
    """Every claim on the value, in the order they were made, and why it is shared, if it is."""

    identifier_class: IdentifierClass
    holdings: tuple[Holding, ...] = ()
    shared_by: tuple[SharedBy, ...] = ()

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
        if not covering and self.holdings:
            first = min(self.holdings, key=_age)
            covering = [first] if moment < first.valid_from else []
        return tuple(sorted(covering, key=_age) if len(covering) > 1 else covering)

    def is_held_by(self, contact_id: ContactId) -> bool:
        """Tell whether the contact has a claim that has not ended."""
        return any(h.contact_id == contact_id and h.valid_to is None for h in self.holdings)


@dataclass(frozen=True, slots=True)
class Claim:
    """Let a contact hold the value from `valid_from` on."""

    contact_id: ContactId
    interaction_id: InteractionId | None
    division: str
    identifier_class: IdentifierClass
    verified: bool
    cap: int
    valid_from: datetime
    personal: ClaimPersonal


@dataclass(frozen=True, slots=True)
class Release:
    """End the contact's claim at `valid_from`."""

    contact_id: ContactId
    valid_from: datetime
    reason: str | None = None


IdentifierCommand = Claim | Release


def decide(state: IdentifierState | None, command: IdentifierCommand) -> tuple[Fact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    A claim on an own value changes nothing but may raise it to verified; one that came late and
    lies before all own claims records the earlier time. The claim that brings the holders over the
    cap also marks the value shared.

    Raises:
        NotYet: a release of a value that the contact does not hold.
        Refused: a release before the claim began.
    """
    match command:
        case Claim():
            return _claim(state, command)
        case Release(contact_id=contact_id, reason=reason):
            if state is None or not state.is_held_by(contact_id):
                raise NotYet("This contact does not hold that identifier.")
            if any(
                held.contact_id == contact_id and held.valid_from > command.valid_from
                for held in state.holdings
                if held.valid_to is None
            ):
                raise Refused("ends_before_it_begins", "A claim cannot end before it begins.")
            said = None if reason is None else ReleasePersonal(reason=reason)
            return (IdentifierReleased(contact_id=contact_id, personal=said),)


def _claim(state: IdentifierState | None, command: Claim) -> tuple[Fact, ...]:
    holdings = state.holdings if state is not None else ()
    own = [h for h in holdings if h.contact_id == command.contact_id]
    verified = _verify(command, own)
    if any(h.covers(command.valid_from) for h in own):
        return verified
    later = [h.valid_from for h in own if h.valid_from > command.valid_from]
    claimed = IdentifierClaimed(
        contact_id=command.contact_id,
        interaction_id=command.interaction_id,
        division=command.division,
        identifier_class=command.identifier_class,
        verified=command.verified,
        valid_to=min(later, default=None),
        personal=command.personal,
    )
    holders = {h.contact_id for h in holdings if h.valid_to is None} | {command.contact_id}
    if state is not None and not state.shared and len(holders) > command.cap:
        shared = IdentifierShared(by="cap", holders=len(holders), cap=command.cap)
        return (*verified, claimed, shared)
    return (*verified, claimed)


def _verify(command: Claim, own: Sequence[Holding]) -> tuple[Fact, ...]:
    """Raise the claim that is in force to verified, where the new evidence is."""
    if not command.verified or all(h.verified or h.valid_to is not None for h in own):
        return ()
    return (
        IdentifierVerified(contact_id=command.contact_id, interaction_id=command.interaction_id),
    )


def evolve(
    state: IdentifierState | None, fact: Fact, valid_from: datetime
) -> IdentifierState | None:
    """Return the state after `fact`, which became true at `valid_from`."""
    match fact:
        case IdentifierClaimed():
            holding = Holding(
                contact_id=fact.contact_id,
                interaction_id=fact.interaction_id,
                valid_from=valid_from,
                valid_to=fact.valid_to,
                verified=fact.verified,
            )
            before = state or IdentifierState(identifier_class=fact.identifier_class)
            return replace(before, holdings=(*before.holdings, holding))
        case IdentifierVerified(contact_id=contact_id) if state is not None:
            return _with_holdings(state, contact_id, lambda held: replace(held, verified=True))
        case IdentifierReleased(contact_id=contact_id) if state is not None:
            return _with_holdings(
                state, contact_id, lambda held: replace(held, valid_to=valid_from)
            )
        case IdentifierShared(by=by) if state is not None:
            others = tuple(known for known in state.shared_by if known != by)
            return replace(state, shared_by=(*others, by))
        case IdentifierUnshared(by=by) if state is not None:
            others = tuple(known for known in state.shared_by if known != by)
            return replace(state, shared_by=others)
        case IdentifierReassigned() if state is not None:
            return replace(
                state,
                holdings=tuple(
                    replace(held, contact_id=fact.contact_id)
                    if held.interaction_id == fact.interaction_id
                    and held.contact_id == fact.from_contact_id
                    else held
                    for held in state.holdings
                ),
            )
        case _:
            return state


def _with_holdings(
    state: IdentifierState, contact_id: ContactId, change: Callable[[Holding], Holding]
) -> IdentifierState:
    return replace(
        state,
        holdings=tuple(
            change(held) if held.contact_id == contact_id and held.valid_to is None else held
            for held in state.holdings
        ),
    )


def _age(holding: Holding) -> tuple[datetime, str]:
    return holding.valid_from, holding.contact_id
