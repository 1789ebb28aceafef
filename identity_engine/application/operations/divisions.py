"""Moving contacts between divisions, and saying which are alike over two of them (GX-12)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, convert

from aggregates import across, division, ownership
from aggregates.access import Action
from aggregates.across import AcrossCommand, AcrossState, LiftUnlink, LinkAcross, UnlinkAcross
from aggregates.division import ContactMoved, Move
from aggregates.identifier import (
    ClaimPersonal,
    Holding,
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierTransferred,
)
from aggregates.ownership import Claim
from aggregates.values import ContactId, Erased, Fact, IdentifierId
from aggregates.verification import IdentifierVerified
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id
from identity_engine.application.input_text import ID, checked
from identity_engine.application.operations import reasons
from identity_engine.application.operations.contacts.presence import (
    HeldElsewhere,
    end_claim,
    held_elsewhere,
)
from identity_engine.application.operations.known_divisions import refuse_unknown_division
from identity_engine.application.operations.merging.telling_apart import evaluate_again
from identity_engine.application.operations.remembering import remember_there
from identity_engine.application.permissions import needs
from identity_engine.application.rekeying import rekey
from identity_engine.application.resolution.crowding import Crowding
from projections.match_index.rows import ContactRow, IdentifierRow


class Moved(Struct, frozen=True):
    """What a move did, and the identifiers that others hold in the new division."""

    done: Done
    elsewhere: tuple[HeldElsewhere, ...]


class Divisions(Operations):
    """What a person does over the bounds of divisions."""

    @needs(Action.CONTACT_MOVE)
    def move(
        self,
        contact_id: str,
        to: str,
        *,
        reason: str,
        new_division: bool = False,
        dry_run: bool = False,
    ) -> Moved:
        """Move a contact with its whole set to another division.

        Its interactions stay linked. Its claims end in the old division and are made in the new one,
        where the values are free; what others hold there is listed. What a person corrected goes along.

        Args:
            contact_id: any id of the set.
            to: the division; the actor needs the right there too.
            reason: why, in a person's words.
            new_division: take a division too that nothing knows yet.
            dry_run: decide, and write nothing.

        Raises:
            NotFound: there is no such contact where the actor may look.
            Denied: the actor may not move contacts into that division.
            Refused: `unknown_division`, no contact lies there, this one never did, and neither the
                policy nor a grant names it; the contact is `expired`, `deleted` or `erased`.
        """
        wanted, there = checked_id(contact_id), checked(ID, to, "A division")
        order = Move(there, reasons.needed(reason))
        with self.command(dry_run=dry_run) as command:
            row = command.contact(wanted)
            self.context.allows(self.action, there)
            if not new_division:
                left = _left(command, row.contact_id)
                refuse_unknown_division(command, self.context.policies.access, there, left=left)
            fact = division.decide(row.state.division, order)
            elsewhere: list[HeldElsewhere] = []
            if fact is not None:
                members = sorted(command.index.members(row.canonical))
                elsewhere = self._move(command, members, fact)
        return Moved(command.done(wanted), tuple(elsewhere))

    @needs(Action.IDENTITY_MERGE)
    def link_across(self, one: str, other: str, *, reason: str, dry_run: bool = False) -> Done:
        """Say that two contacts of two divisions are alike; it joins no profile.

        Raises:
            NotFound: one of them is not there for the actor.
            Denied: the actor may not do this in both divisions.
            Refused: `same_division`; one of them is expired or deleted.
        """
        why, first, second = reasons.needed(reason), checked_id(one), checked_id(other)
        with self.command(dry_run=dry_run) as command:
            ours, theirs = command.contact(first), command.contact(second)
            if first not in _across(theirs).linked:
                _tell(command, ours, LinkAcross(second, theirs.state.division, why))
            if first in _across(theirs).unlinked:
                _tell(command, theirs, LiftUnlink(first, why))
        return command.done(first)

    @needs(Action.IDENTITY_MERGE)
    def unlink_across(self, one: str, other: str, *, reason: str, dry_run: bool = False) -> Done:
        """Say that two contacts of two divisions are not alike, whoever said or found so of any of their
        members. Rules find these two no more, until they are linked again or it is lifted.

        Raises:
            NotFound: one of them is not there for the actor.
            Denied: the actor may not do this in both divisions.
            NotYet: nobody said or found that they are alike.
        """
        why, first, second = reasons.needed(reason), checked_id(one), checked_id(other)
        with self.command(dry_run=dry_run) as command:
            ours, theirs = command.contact(first, gone=True), command.contact(second, gone=True)
            two = list(_between(command, ours, theirs))
            linked = [(near, far) for near, far in two if far.contact_id in _across(near).linked]
            is_found = any(far.contact_id in _across(near).found for near, far in two)
            is_denied = any(far.contact_id in _across(near).unlinked for near, far in two)
            is_alike = bool(linked) or (is_found and not is_denied)
            for near, far in linked or [(ours, theirs)]:
                _tell(command, near, UnlinkAcross(far.contact_id, is_alike, why))
            evaluate_again(command, frozenset(near.contact_id for near, _ in two))
        return command.done(first)

    @needs(Action.IDENTITY_MERGE)
    def lift_unlink(self, one: str, other: str, *, reason: str, dry_run: bool = False) -> Done:
        """Take back that two contacts of two divisions are not alike: the rules may find them again.

        Raises:
            NotFound: one of them is not there for the actor.
            Denied: the actor may not do this in both divisions.
            NotYet: nobody said that they are not alike.
        """
        why, first, second = reasons.needed(reason), checked_id(one), checked_id(other)
        with self.command(dry_run=dry_run) as command:
            ours, theirs = command.contact(first, gone=True), command.contact(second, gone=True)
            two = list(_between(command, ours, theirs))
            said = [(near, far) for near, far in two if far.contact_id in _across(near).unlinked]
            for near, far in said or [(ours, theirs)]:
                _tell(command, near, LiftUnlink(far.contact_id, why))
            evaluate_again(command, frozenset(near.contact_id for near, _ in two))
        return command.done(first)

    def _move(
        self, command: Command, members: Sequence[ContactId], fact: ContactMoved
    ) -> list[HeldElsewhere]:
        crowding = Crowding(command.reader, command.rules.policy.block_cap)
        claims = {member: _claims(command, member) for member in members}
        for member in members:
            for row, _ in claims[member]:
                end_claim(command, row, member)
            command.write(member, fact)
            rekey(self.context.store, command.reader, crowding, member, fact)
        elsewhere = []
        values: dict[IdentifierId, tuple[IdentifierRow, IdentifierRow]] = {}
        for member in members:
            for row, held in claims[member]:
                personal = _value(command.facts(row.identifier_id), member, held)
                if personal is None:
                    continue  # erased: there is no value to hold
                there = _row_there(command, personal, fact.division)
                taken = _claim_there(command, member, row, held, personal, there, members)
                elsewhere += [taken] if taken is not None else []
                values[row.identifier_id] = row, there
        # Last, because a newly verified claim ends a correction, and these claims are not new.
        for row, there in values.values():
            remember_there(command, members, row, there)
        return elsewhere


def _left(command: Command, contact_id: ContactId) -> set[str]:
    """Return the divisions that a contact has left."""
    facts = command.facts(contact_id)
    return {one.division_before for one in facts if isinstance(one, ContactMoved)}


def _claims(command: Command, member: ContactId) -> list[tuple[IdentifierRow, Holding]]:
    """Return the identifiers that a contact holds, with the claim in force."""
    rows = command.reader.load_held(member)
    held = [(row, row.state.held_by({member}) if row.state is not None else ()) for row in rows]
    return [(row, claims[-1]) for row, claims in held if claims]


def _row_there(command: Command, personal: ClaimPersonal, division: str) -> IdentifierRow:
    """Return the loaded identifier of a value in a division; it has no state where nobody held it."""
    key = (division, personal.family, personal.scope, personal.value)
    digest, index = command.digests.identifier_key(*key), command.index
    if digest not in index.identifiers:
        command.reader.load_identifiers([digest])
    known = index.identifiers.get(digest)
    return known or index.introduce(digest, IdentifierId(command.new_id()))


def _claim_there(
    command: Command,
    member: ContactId,
    row: IdentifierRow,
    held: Holding,
    personal: ClaimPersonal,
    there: IdentifierRow,
    members: Sequence[ContactId],
) -> HeldElsewhere | None:
    """Let a contact hold a value in its new division; where others do, return what it did not get."""
    state = there.state
    others = frozenset[ContactId]() if state is None else state.holders - frozenset(members)
    if state is not None and others and not state.shared:
        command.load(others)
        return held_elsewhere(command, row.identifier_id, personal, others)
    policy = command.rules.policy
    assert row.state is not None
    class_ = row.state.identifier_class
    claim = Claim(
        contact_id=member,
        interaction_id=held.interaction_id,
        division=command.index.contacts[member].state.division,
        identifier_class=class_,
        verified=held.verified and held.verified_by == held.interaction_id,
        cap=policy.cap_of(class_),
        window=policy.window_of(class_),
        valid_from=command.moment,
        personal=personal,
    )
    sources = [one for one in (held.interaction_id, held.verified_by) if one is not None]
    if sources:
        command.reader.load_linked(sources)
    about = held.interaction_id or member
    for fact in ownership.decide(state, claim):
        command.write(there.identifier_id, fact, about=about)
    if held.verified and not claim.verified:
        vouched = IdentifierVerified(contact_id=member, interaction_id=held.verified_by)
        command.write(there.identifier_id, vouched)
    for described in _description(command.facts(row.identifier_id), member):
        command.write(there.identifier_id, described, about=member)
    return None


def _value(facts: Sequence[Fact], member: ContactId, held: Holding) -> ClaimPersonal | None:
    """Return the value that a claim is on, as it came with that claim."""
    known = [
        (fact.contact_id == member, fact.personal, getattr(fact, "interaction_id", None))
        for fact in facts
        if isinstance(fact, IdentifierClaimed | IdentifierTransferred)
    ]
    usable = [
        (interaction_id == held.interaction_id, own, personal)
        for own, personal, interaction_id in known
        if not isinstance(personal, Erased)
    ]
    if not usable:
        return None
    _, _, best = max(usable, key=lambda one: one[:2])
    return convert(best, ClaimPersonal, from_attributes=True)


def _description(facts: Sequence[Fact], member: ContactId) -> list[IdentifierDescribed]:
    """Return the last description of a holder's use of a value, if there is one."""
    said = [
        fact
        for fact in facts
        if isinstance(fact, IdentifierDescribed) and fact.contact_id == member
    ]
    return said[-1:]


def _across(row: ContactRow) -> AcrossState:
    return row.state.across or AcrossState()


def _between(
    command: Command, ours: ContactRow, theirs: ContactRow
) -> Iterator[tuple[ContactRow, ContactRow]]:
    """Yield each member of one identity with each of the other, in both directions."""
    for here, there in ((ours, theirs), (theirs, ours)):
        for near in sorted(command.index.members(here.canonical)):
            for far in sorted(command.index.members(there.canonical)):
                yield command.index.contacts[near], command.index.contacts[far]


def _tell(command: Command, row: ContactRow, order: AcrossCommand) -> None:
    fact = across.decide(row.state.across, row.state.division, order)
    if fact is not None:
        command.write(row.contact_id, fact)
