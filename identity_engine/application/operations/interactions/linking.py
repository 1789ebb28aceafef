"""One interaction that a person gives to another contact, or to none, within a command."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec.structs import replace

from aggregates import contact, interaction, ownership, review
from aggregates.access import Action
from aggregates.across import ContactAcrossEnded
from aggregates.contact import ContactCreated, ContactToldApart, ReasonPersonal
from aggregates.correction import Correction, IdentifierCorrectionEnded, IdentifierLinkCorrected
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.identifier import IdentifierReassigned
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
    Linked,
    Unlinked,
)
from aggregates.ownership import OwnershipCommand, Share, Transfer
from aggregates.release import IdentifierReleased
from aggregates.review import ReviewState
from aggregates.values import ContactId, Evidence, Fact, InteractionId, Stage, instant_text
from identity_engine.application.command import Command
from identity_engine.application.operations.contacts.stages import fall
from identity_engine.application.operations.values.vouching import load_values, settle_claims
from identity_engine.application.resolution.claiming import claim_of
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import Considered
from identity_engine.application.resolution.statements import Statement, statements
from projections.match_index.rows import ContactRow, IdentifierRow

Identifiers = Literal["keep", "transfer", "share"]
"""What becomes of the values that the wrong contact holds and the interaction carries."""

OF_LINK = (InteractionLinked, InteractionUnlinked, InteractionHeldForReview)
RIGHTS = {"transfer": Action.IDENTITY_TRANSFER, "share": Action.IDENTITY_SHARE}


class LinkByHand:
    """What a command does to the link of one interaction.

    Args:
        command: under way.
        interaction_id: the interaction; its contact and the holders of its values are loaded.

    Raises:
        NotFound, Denied: as `Command.interaction`.
        Refused: `before_interaction`, the command is to take effect before the interaction was.
    """

    def __init__(self, command: Command, interaction_id: InteractionId) -> None:
        self._command, self.interaction_id = command, interaction_id
        self._row = command.interaction(interaction_id)
        events = command.stream(interaction_id)
        received, self._time = events[0].fact, events[0].header.valid_from
        assert isinstance(received, InteractionReceived)
        self.received = received
        self.state = ReviewState()
        if command.moment < min(self._time, command.now):
            raise Refused(
                "before_interaction",
                f"The interaction is of {instant_text(self._time)}; whom it belongs to cannot be "
                "corrected from before it on.",
            )
        for fact in (*(event.fact for event in events), *command.written(interaction_id)):
            self.state = review.evolve(self.state, fact)
        self._said = statements(events, self.division, command.rules.policy, command.digests)
        given = (value.digest for said in self._said for value in said.values)
        self._digests = load_values(command, self._row, given)
        taken_from = () if self.wrong is None else (self.wrong,)
        command.load({*command.index.holders(), *taken_from})

    @property
    def division(self) -> str:
        """Where the interaction lies."""
        return self._row.division

    @property
    def evidence(self) -> Evidence:
        """What a person's link rests on: the person's word."""
        rules = self._command.rules
        return Evidence(rule="person", model=rules.model_version, policy=rules.policy_version)

    @property
    def wrong(self) -> ContactId | None:
        """The member contact that has it, or that a person took it from; None where there is none."""
        match self.state.link:
            case Linked(contact_id=held):
                return held
            case Unlinked(taken_from=before, retracted=False):
                return before
            case _:
                return None

    def own_contact(self) -> ContactId | None:
        """Return the contact that was made for this interaction, on its arrival or by a person, if it
        has that and nothing else and is one with nobody; None where there is no such one."""
        link, index = self.state.link, self._command.index
        if not isinstance(link, Linked):
            return None
        held = link.contact_id
        created, state = self._command.stream(held)[0].fact, index.contacts[held].state
        is_made_for_it = (
            isinstance(created, ContactCreated)
            and created.interaction_id == self.interaction_id
            and state.stage in (Stage.EPHEMERAL, Stage.CURATED)
        )
        is_alone = index.members_of(held) == {held}
        return held if is_made_for_it and is_alone and state.interactions == 1 else None

    def keep(self, own: ContactId, reason: str) -> None:
        """Let the interaction belong for good to the contact that was made for it, which is a person's
        own from now on; nothing is written where that is so already."""
        state, link = self._command.index.contacts[own].state, self.state.link
        if isinstance(link, Linked) and not link.pinned:
            self._again(own)
            wanted = interaction.Link(own, self.evidence, pinned=True, reason=reason)
            self.write(InteractionUnlinked(contact_id=own))
            self.write(*interaction.decide(Unlinked(), wanted))
        self._command.write(own, *contact.decide(state, contact.Promote()))

    def unlink(self, reason: str) -> None:
        """Let the interaction belong to nobody, and remember whom it was taken from."""
        wrong = self.wrong
        if not isinstance(self.state.link, Linked) or wrong is None:
            raise NotYet("This interaction is linked to no contact.")
        self._again(wrong)
        self.write(
            *interaction.decide(self.state.link, interaction.Unlink(pinned=True, reason=reason))
        )
        self.lower(wrong)
        self.settle_claims(wrong)
        self._remember(wrong, None)

    def give(
        self, target: ContactId, reason: str, identifiers: Identifiers, *, tell_apart: bool
    ) -> None:
        """Let the interaction belong to a contact, and remember whom it was taken from.

        Raises:
            AlreadyDone: it belongs there.
            Refused: `retracted`, the publisher took it back.
            Denied: the actor may not also transfer, share or tell apart.
        """
        before, wrong = self.state.link, self.wrong
        are_one = wrong is not None and self._command.index.are_one(wrong, target)
        if are_one and isinstance(self.state.link, Linked):
            raise AlreadyDone("This interaction is linked to that contact already.")
        if wrong == target:
            wrong = None
        if identifiers in RIGHTS:
            self._command.require(RIGHTS[identifiers], self.division, self.interaction_id)
        link = interaction.Link(target, self.evidence, pinned=True, reason=reason)
        alone = wrong is not None and self._is_stand_in(wrong)
        self._again(target, *((wrong,) if wrong is not None else ()))
        self.write(*interaction.decide(self.state.link, replace(link, confirms=alone)))
        self._end_corrections(target)
        if wrong is not None and alone:
            self.take_along(wrong, target)
        elif wrong is not None:
            if not are_one:
                self._hand_over(wrong, target, identifiers, reason)
            self._remember(wrong, target)
        self.settle_claims(target, *((before.contact_id,) if isinstance(before, Linked) else ()))
        if isinstance(before, Linked):
            self.lower(before.contact_id)
        if tell_apart and wrong is not None and not are_one:
            self._tell_apart(target, wrong, reason)
        self.identify(target)

    def write(self, *facts: Fact) -> None:
        """Write into the interaction's own stream. A link is true from the time of the interaction."""
        own = self.interaction_id
        for fact in facts:
            time = self._time if isinstance(fact, OF_LINK) else None
            self._command.write(own, fact, about=own, valid_from=time)

    def identify(self, target: ContactId) -> None:
        """Raise a contact whose link a person vouches for (GX-0).

        A member is judged by its own stage, not by that of its identity, which an unmerge may take.
        """
        state = self._command.index.contacts[target].state
        command = contact.Identify(by="confirmed", interaction_id=self.interaction_id)
        self._command.write(target, *contact.decide(state, command))

    def lower(self, contact_id: ContactId) -> None:
        """Let the contact that a person took the interaction from fall again, if it was identified by
        such a link and nothing else holds it up (GX-0)."""
        fall(self._command, contact_id, self.interaction_id)

    def take_along(self, stand_in: ContactId, target: ContactId) -> None:
        """Give the claims that rest on the interaction to the contact that it belongs to."""
        for row in self._rows():
            assert row.state is not None
            if any(
                held.interaction_id == self.interaction_id and held.contact_id == stand_in
                for held in row.state.holdings
            ):
                self._command.write(
                    row.identifier_id,
                    IdentifierReassigned(
                        contact_id=target,
                        from_contact_id=stand_in,
                        interaction_id=self.interaction_id,
                    ),
                )

    def settle_claims(self, *contact_ids: ContactId) -> None:
        """Let what the interaction shows of its values hold where it belongs now, and nowhere else."""
        settle_claims(self._command, self._row, *contact_ids)

    def _is_stand_in(self, held: ContactId) -> bool:
        """Tell whether a contact is there only because this interaction had none."""
        state = self._command.index.contacts[held].state
        return (
            state.stage is Stage.EPHEMERAL
            and state.interactions == 1
            and self.state.asked is not None
        )

    def _hand_over(
        self, wrong: ContactId, target: ContactId, choice: Identifiers, reason: str
    ) -> None:
        if choice == "keep":
            return
        index, command = self._command.index, self._command
        theirs = frozenset(index.members_of(wrong))
        for row, said, given in self._held_by(wrong):
            claim = claim_of(
                target,
                self.interaction_id,
                said.received,
                command.moment,
                given,
                command.rules.policy,
            )
            # What the interaction shows, and nothing else, is said once it belongs there.
            claim = replace(claim, interaction_id=None, verified=False)
            wanted: OwnershipCommand = (
                Transfer(claim, theirs, reason) if choice == "transfer" else Share(claim, reason)
            )
            for fact in ownership.decide(row.state, wanted):
                about = fact.contact_id if isinstance(fact, IdentifierReleased) else target
                command.write(row.identifier_id, fact, about=about)

    def _remember(self, wrong: ContactId, right: ContactId | None) -> None:
        """Let the values that led to the wrong contact lead there no more by themselves."""
        for row, _, _ in list(self._held_by(wrong)):
            fact = IdentifierLinkCorrected(
                contact_id=wrong, right=right, interaction_id=self.interaction_id
            )
            self._command.write(row.identifier_id, fact)

    def _end_corrections(self, target: ContactId) -> None:
        """Let the values lead to the contact after all, which they skipped."""
        for row in self._rows():
            assert row.state is not None
            if any(
                isinstance(one, Correction) and self._command.index.are_one(one.contact_id, target)
                for one in row.state.corrections
            ):
                ended = IdentifierCorrectionEnded(contact_id=target)
                self._command.write(row.identifier_id, ended)

    def _tell_apart(self, target: ContactId, wrong: ContactId, reason: str) -> None:
        self._command.require(Action.IDENTITY_TELL_APART, self.division, target)
        fact = ContactToldApart(other=wrong, personal=ReasonPersonal(reason=reason))
        self._command.write(target, fact)

    def _held_by(
        self, contact_id: ContactId
    ) -> Iterator[tuple[IdentifierRow, Statement, Considered]]:
        """Yield the values of the interaction that an identity holds now, and where it said them."""
        index = self._command.index
        members = frozenset(index.members_of(contact_id))
        first = {
            value.digest: (said, value) for said in reversed(self._said) for value in said.values
        }
        for digest, (said, value) in first.items():
            row = index.identifiers.get(digest)
            if row is not None and row.state is not None and row.state.held_by(members):
                yield row, said, value

    def _rows(self) -> Sequence[IdentifierRow]:
        rows = (self._command.index.identifiers.get(digest) for digest in self._digests)
        return [row for row in rows if row is not None and row.state is not None]

    def _again(self, *contact_ids: ContactId) -> None:
        """Let everything that these contacts have be evaluated again, and whoever gave the same values.
        A merge that was refused because of this interaction is so no more, unless the rules say it
        again."""
        index, command = self._command.index, self._command
        members = {one for id_ in contact_ids for one in index.members_of(id_)}
        index.evaluate_again(command.reader.load_all_of(members))
        for mention in self._row.mentions:
            command.evaluate_mentions(mention.digest)
        Crowding(command.reader, command.rules.policy.block_cap).evaluate_near(self._row)
        for member in sorted(members):
            state = index.contacts[member].state
            for other, why in sorted(state.refused.items()):
                if why.rests_on(self.interaction_id):
                    command.write(member, *contact.decide(state, contact.EndRefusal(other)))
            self._end_across(member, state)

    def _end_across(self, member: ContactId, state: contact.ContactState) -> None:
        found = state.across.found if state.across is not None else {}
        mine = [
            o
            for o, why in found.items()
            if self.interaction_id in (why.interaction_id, why.against)
        ]
        self._command.load(mine)
        for other in sorted(mine):
            fact = ContactAcrossEnded(other=max(member, other))
            self._command.write(min(member, other), fact)


def refuse_elsewhere(command: Command, contact_id: ContactId, division: str) -> None:
    """Let an interaction be linked within its division only.

    Raises:
        Refused: the contact, which is loaded, belongs to another one.
    """
    if command.index.contacts[contact_id].state.division != division:
        raise Refused("other_division", "The contact belongs to another division.")


def target_row(command: Command, contact_id: ContactId, division: str) -> ContactRow:
    """Return the contact that an interaction of a division is given to.

    Raises:
        Refused: it belongs to another division.
    """
    row = command.contact(contact_id)
    refuse_elsewhere(command, contact_id, division)
    return row
