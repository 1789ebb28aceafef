"""Who may hold an identifier value: what the rules and what people do to it.

The engine claims what an interaction brings and never takes a value from anybody. What a person lets a
contact hold stands on exactly that contact, also where one that is merged with it holds the value, so
that an unmerge leaves it what was said of it. `identity` in a command is every contact that is one with
the contact it names: none of them keeps a value from it, and what ends, ends for all.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from aggregates.errors import NotYet, Refused
from aggregates.identifier import (
    ClaimPersonal,
    Holding,
    IdentifierClaimed,
    IdentifierShared,
    IdentifierState,
    IdentifierTransferred,
    IdentifierUnshared,
    SharePersonal,
    TransferPersonal,
)
from aggregates.release import IdentifierReleased, ReleasePersonal
from aggregates.values import ContactId, Fact, IdentifierClass, InteractionId
from aggregates.verification import IdentifierVerified

Members = AbstractSet[ContactId]


class Claim(Struct, frozen=True):
    """Let a contact hold the value from `valid_from` on.

    `cap` contacts may hold it, of those whose claims began within one `window`; None counts all.
    """

    contact_id: ContactId
    interaction_id: InteractionId | None
    division: str
    identifier_class: IdentifierClass
    verified: bool
    cap: int
    valid_from: datetime
    personal: ClaimPersonal
    window: timedelta | None = None


class Release(Struct, frozen=True):
    """End the contact's claim at `valid_from`."""

    contact_id: ContactId
    valid_from: datetime
    reason: str | None = None


class ClaimByHand(Struct, frozen=True):
    """A person lets a contact hold a value that nobody outside its identity holds, or only together with
    another member of it."""

    claim: Claim
    identity: Members


class Verify(Struct, frozen=True):
    """A person vouches that the value reaches its holder."""

    identity: Members


class Transfer(Struct, frozen=True):
    """A person gives the value of one identity to a contact of another, from the claim's time on."""

    claim: Claim
    from_identity: Members
    reason: str


class Share(Struct, frozen=True):
    """A person says that a contact uses a value that others hold too."""

    claim: Claim
    reason: str


class Unshare(Struct, frozen=True):
    """A person takes back that several people use the value."""

    reason: str


OwnershipCommand = Claim | Release | ClaimByHand | Verify | Transfer | Share | Unshare


def decide(state: IdentifierState | None, command: OwnershipCommand) -> tuple[Fact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    A claim on an own value changes nothing but may raise it to verified; one that came late and
    lies before all own claims records the earlier time. The claim that brings the holders over the
    cap also marks the value shared.

    Raises:
        NotYet: it names a holder who does not hold the value, or a mark that no person made.
        Refused: `ends_before_it_begins`, a claim would end before it began; `held_by_another`, a
            person claims what somebody else holds then or later.
    """
    match command:
        case Claim():
            return _claim(state, command)
        case Release(contact_id=contact_id, valid_from=moment, reason=reason):
            _held(state, {contact_id}, moment)
            said = None if reason is None else ReleasePersonal(reason=reason)
            return (IdentifierReleased(contact_id=contact_id, personal=said),)
        case ClaimByHand(claim=claim, identity=identity):
            if own := _own(state, {claim.contact_id}, claim.valid_from):
                return _vouched(own) if claim.verified else ()
            if _own(state, identity, claim.valid_from):
                return _claim_too(state, claim)
            if state is not None and state.others_from(claim.valid_from, identity):
                raise Refused("held_by_another", "Another contact holds this identifier.")
            return _claim(state, claim)
        case Verify(identity=identity):
            return _vouched(_held(state, identity))
        case Transfer():
            return _transfer(state, command)
        case Share():
            return _share(state, command)
        case Unshare(reason=reason):
            if state is None or "person" not in state.shared_by:
                raise NotYet("No person has marked this identifier as shared.")
            return (IdentifierUnshared(by="person", personal=SharePersonal(reason=reason)),)


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
    before, holders = _holders(holdings, command), _holders((*holdings, _held_by(command)), command)
    if state is not None and not state.shared and holders > max(before, command.cap):
        shared = IdentifierShared(by="cap", holders=holders, cap=command.cap)
        return (*verified, claimed, shared)
    return (*verified, claimed)


def _claim_too(state: IdentifierState | None, command: Claim) -> tuple[Fact, ...]:
    """Claim a value that others hold, and say nothing of how many those are: a person let it be."""
    return tuple(fact for fact in _claim(state, command) if not isinstance(fact, IdentifierShared))


def _held_by(command: Claim) -> Holding:
    return Holding(
        command.contact_id, command.interaction_id, command.valid_from, None, command.verified
    )


def _holders(holdings: Sequence[Holding], command: Claim) -> int:
    """Return how many contacts hold the value: the most of them whose claims began within one window
    of the command."""
    began: dict[ContactId, datetime] = {}
    for held in holdings:
        if held.valid_to is None:
            earlier = began.get(held.contact_id, held.valid_from)
            began[held.contact_id] = min(earlier, held.valid_from)
    if command.window is None:
        return len(began)
    window, starts = command.window, sorted(began.values())
    counts = (sum(first <= one <= first + window for one in starts) for first in starts)
    return max(counts, default=0)


def _verify(command: Claim, own: Sequence[Holding]) -> tuple[Fact, ...]:
    """Raise the claim that is in force to verified, where the new evidence is."""
    if not command.verified or all(h.verified or h.valid_to is not None for h in own):
        return ()
    return (
        IdentifierVerified(contact_id=command.contact_id, interaction_id=command.interaction_id),
    )


def _transfer(state: IdentifierState | None, command: Transfer) -> tuple[Fact, ...]:
    claim = command.claim
    # Of several members of one identity that hold the value, the last one hands it over.
    *further, before = _held(state, command.from_identity, claim.valid_from)
    released = tuple(IdentifierReleased(contact_id=held.contact_id) for held in further)
    if own := _own(state, {claim.contact_id}, claim.valid_from):
        said = ReleasePersonal(reason=command.reason)
        last = IdentifierReleased(contact_id=before.contact_id, personal=said)
        return (*released, last, *(_vouched(own) if claim.verified else ()))
    transferred = IdentifierTransferred(
        contact_id=claim.contact_id,
        from_contact_id=before.contact_id,
        division=claim.division,
        identifier_class=claim.identifier_class,
        verified=claim.verified,
        personal=TransferPersonal(**asdict(claim.personal), reason=command.reason),
    )
    return (*released, transferred)


def _share(state: IdentifierState | None, command: Share) -> tuple[Fact, ...]:
    claim, holdings = command.claim, state.holdings if state is not None else ()
    if state is None or not any(held.valid_to is None for held in holdings):
        raise NotYet("Nobody holds this identifier, so it can be added without sharing it.")
    claimed: tuple[Fact, ...] = ()
    if not _own(state, {claim.contact_id}, claim.valid_from):
        claimed = _claim_too(state, claim)
    if "person" in state.shared_by:
        return claimed
    holders = {held.contact_id for held in holdings if held.valid_to is None}
    count = len(holders | ({claim.contact_id} if claimed else set()))
    said = SharePersonal(reason=command.reason)
    return (*claimed, IdentifierShared(by="person", holders=count, personal=said))


def _own(state: IdentifierState | None, identity: Members, moment: datetime) -> tuple[Holding, ...]:
    held = state.held_by(identity) if state is not None else ()
    return tuple(one for one in held if one.covers(moment))


def _vouched(own: Sequence[Holding]) -> tuple[Fact, ...]:
    """Let a person vouch, also where only an interaction did, which may turn out to be another's."""
    return tuple(
        IdentifierVerified(contact_id=held.contact_id)
        for held in own
        if not held.verified or held.verified_by is not None
    )


def _held(
    state: IdentifierState | None, identity: Members, moment: datetime | None = None
) -> tuple[Holding, ...]:
    """Return the claims of an identity that are in force and, where they are to end, began before."""
    held = state.held_by(identity) if state is not None else ()
    if not held:
        raise NotYet("This contact does not hold that identifier.")
    if moment is not None and any(one.valid_from > moment for one in held):
        raise Refused("ends_before_it_begins", "A claim cannot end before it begins.")
    return held
