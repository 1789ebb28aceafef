"""What a person wrote on the survivor of a merge goes over to the member that was meant.

The survivor is left as if it had never been written there, the other has it since the time it is true;
what it says is sealed under the key of the contact that has it from now on.
"""

from msgspec import convert

from aggregates import augmenting, editing, notes, ownership
from aggregates import interaction as interactions
from aggregates.access import Action
from aggregates.augmentation import (
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
)
from aggregates.augmenting import Augment
from aggregates.case_facts import CaseGiven, CaseOpened
from aggregates.editing import (
    ContactEdited,
    ContactEditWithdrawn,
    Edit,
    EditPersonal,
    WithdrawnPersonal,
    withdrawn,
    words_of,
)
from aggregates.errors import Refused
from aggregates.identifier import (
    ClaimPersonal,
    DescriptionPersonal,
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierTransferred,
)
from aggregates.interaction import InteractionLinked
from aggregates.notes import GiveNote, NoteAdded, NotePersonal, NoteTakenOver
from aggregates.ownership import Claim, Transfer
from aggregates.values import (
    AugmentationId,
    ContactId,
    Erased,
    IdentifierClass,
    IdentifierId,
    InteractionId,
    NoteId,
)
from identity_engine.application.command import Command
from identity_engine.application.operations.contacts.editing import by_hand
from identity_engine.application.operations.values.claiming import described
from identity_engine.application.operations.values.vouching import settle_claims
from projections.base import Recorded

ManualClaimFact = IdentifierClaimed | IdentifierTransferred


def is_movable(event: Recorded, survivor: ContactId) -> bool:
    """Tell whether an event by a person named the survivor only because it stood for all members."""
    fact = event.fact
    if isinstance(getattr(fact, "personal", None), Erased):
        return False
    match fact:
        case InteractionLinked(contact_id=named, pinned=True):
            return named == survivor
        case (
            ContactEdited() | ContactAugmented() | NoteAdded(interaction_id=None) | NoteTakenOver()
        ):
            return True
        case (
            IdentifierClaimed(contact_id=named, interaction_id=None)
            | IdentifierTransferred(contact_id=named)
        ):
            return named == survivor
        case CaseOpened(contact_id=named, interaction_id=None):
            return named == survivor
        case _:
            return False


class Reassignment:
    """Moves what was written on one contact.

    Args:
        command: under way; it has taken the merge back already.
        survivor: on whom it was written; loaded.
        reason: why, in the person's words; None in a preview, which writes nothing.
    """

    def __init__(self, command: Command, survivor: ContactId, reason: str | None) -> None:
        self._command, self._survivor = command, survivor
        self._reason = reason

    def give(self, event: Recorded, member: ContactId) -> bool:
        """Give what an event wrote to another contact; tell whether there was still something to give.

        Raises:
            Denied: the actor may not write such a thing by itself either.
            Refused: `exclusive_conflict`, the contact holds another value of a type of which a person
                has one.
        """
        if member == self._survivor:
            return True
        match event.fact:
            case InteractionLinked() as link:
                return self._link(event, link, member)
            case ContactEdited(personal=EditPersonal() as changed):
                return self._edit(event, changed, member)
            case ContactAugmented(personal=AugmentedPersonal() as taken) as fact:
                return self._augmentation(event, fact, taken, member)
            case NoteAdded() | NoteTakenOver() as note:
                return self._note(event, note, member)
            case IdentifierClaimed() | IdentifierTransferred() as claim:
                return self._claim(event, claim, member)
            case _:
                return self._case(event, member)

    def _require(self, action: Action) -> None:
        division = self._command.index.contacts[self._survivor].state.division
        self._command.require(action, division, self._survivor)

    def _link(self, event: Recorded, fact: InteractionLinked, member: ContactId) -> bool:
        command = self._command
        self._require(Action.CONVERSATION_ASSOCIATE)
        row = command.interaction(InteractionId(event.stream_id))
        if row.contact_id != fact.contact_id:
            return False
        link = interactions.Link(contact_id=member, evidence=fact.evidence, pinned=True)
        state = interactions.Linked(fact.contact_id, fact.pinned)
        for moved in interactions.decide(state, link):
            command.write(event.stream_id, moved)
        settle_claims(command, row, fact.contact_id, member)
        return True

    def _edit(self, event: Recorded, changed: EditPersonal, member: ContactId) -> bool:
        """Let the survivor say what it says without the save, and save the same on the other."""
        command, own = self._command, self._survivor
        self._require(Action.CONTACT_EDIT)
        gone = withdrawn(command.facts(own))
        if event.version in gone:
            return False
        left = words_of(
            (one.fact.personal, one.header.actor, one.header.valid_from)
            for one in command.stream(own)
            if one.version not in gone | {event.version}
            and isinstance(one.fact, ContactEdited)
            and isinstance(one.fact.personal, EditPersonal)
        )
        touched = sorted({*changed.set, *changed.added, *changed.removed})
        personal = WithdrawnPersonal(words={name: left.get(name, ()) for name in touched})
        fact = ContactEditWithdrawn(save=event.version, given_to=member, personal=personal)
        command.write(own, fact)
        save = Edit(set=changed.set, add=changed.added, remove=changed.removed)
        said = by_hand(command, command.index.contacts[member])
        moment = event.header.valid_from
        command.write(member, *editing.decide(said, save), valid_from=moment)
        return True

    def _augmentation(
        self, event: Recorded, fact: ContactAugmented, taken: AugmentedPersonal, member: ContactId
    ) -> bool:
        """Take what a source said back from the survivor, and over into the other, with the claims."""
        command, own = self._command, self._survivor
        self._require(Action.AUGMENTATION_RUN)
        known = command.facts(own)
        if any(
            isinstance(one, ContactAugmentationReverted)
            and one.augmentation_id == fact.augmentation_id
            for one in known
        ):
            return False
        command.write(own, ContactAugmentationReverted(augmentation_id=fact.augmentation_id))
        values = {one.value for one in taken.identifiers}
        for row in command.reader.load_held(own):
            for claimed in command.stream(row.identifier_id):
                claim = claimed.fact
                if (
                    isinstance(claim, IdentifierClaimed)
                    and claimed.header.command_id == event.header.command_id
                    and getattr(claim.personal, "raw", None) in values
                ):
                    self._claim(claimed, claim, member)
        order = Augment(
            AugmentationId(command.new_id()),
            fact.source,
            taken.reference,
            taken.set,
            taken.added,
            taken.identifiers,
        )
        said = by_hand(command, command.index.contacts[member])
        moment = event.header.valid_from
        command.write(member, *augmenting.decide(said, order), valid_from=moment)
        return True

    def _note(self, event: Recorded, fact: NoteAdded | NoteTakenOver, member: ContactId) -> bool:
        """Write the note, as it says now, on the other, and take it from the survivor."""
        command, own = self._command, self._survivor
        self._require(Action.NOTE_EDIT)
        known = notes.notes_of(command.facts(own))
        taken = notes.decide(known, GiveNote(fact.note_id, member))
        text = known[fact.note_id].text
        if not taken or text is None:
            return False
        author = fact.author if isinstance(fact, NoteTakenOver) else event.header.actor
        given = NoteTakenOver(
            note_id=NoteId(command.new_id()),
            given_from=own,
            author=author,
            personal=NotePersonal(text=text),
        )
        command.write(own, *taken)
        command.write(member, given, valid_from=event.header.valid_from)
        return True

    def _claim(self, event: Recorded, fact: ManualClaimFact, member: ContactId) -> bool:
        """Let the other hold the value since when the survivor held it, who then never did."""
        command, own = self._command, self._survivor
        self._require(Action.IDENTITY_TRANSFER)
        id_ = IdentifierId(event.stream_id)
        command.reader.load_identifier_streams([id_])
        row = command.index.identifier(id_)
        assert row is not None
        assert row.state is not None
        assert isinstance(fact.personal, ClaimPersonal)
        moment = event.header.valid_from
        held = [one for one in row.state.held_by({own}) if one.valid_from == moment]
        if not held or held[0].interaction_id is not None:
            return False
        theirs = frozenset(command.index.members_of(member))
        if fact.identifier_class is IdentifierClass.EXCLUSIVE:
            self._refuse_a_second(theirs, fact.personal.type, id_)
        command.load({one.contact_id for one in row.state.holdings})
        claim = Claim(
            contact_id=member,
            interaction_id=None,
            division=fact.division,
            identifier_class=fact.identifier_class,
            verified=held[0].is_vouched_for,
            cap=0,
            valid_from=moment,
            personal=convert(fact.personal, ClaimPersonal, from_attributes=True),
        )
        label, primary = described(command.facts(id_), own)
        transfer = Transfer(claim, frozenset({own}), self._reason or "")
        for given in ownership.decide(row.state, transfer):
            about = member if isinstance(given, IdentifierTransferred) else own
            command.write(id_, given, about=about, valid_from=moment)
        if label is not None or primary:
            said = DescriptionPersonal(label=label) if label is not None else None
            description = IdentifierDescribed(contact_id=member, primary=primary, personal=said)
            command.write(id_, description, about=member)
        command.evaluate_mentions(row.digest)
        return True

    def _refuse_a_second(
        self, members: frozenset[ContactId], type_: str, id_: IdentifierId
    ) -> None:
        rows = (self._command.index.contacts[one] for one in members)
        if any(row.state.exclusive.get(type_, id_) != id_ for row in rows):
            raise Refused(
                "exclusive_conflict",
                "The contact has another identifier of this type, of which a person has one. "
                "Release one of them first, or leave this one where it is.",
            )

    def _case(self, event: Recorded, member: ContactId) -> bool:
        self._require(Action.CASE_EDIT)
        row = self._command.case(event.stream_id)
        if row.contact_id != self._survivor:
            return False
        fact = CaseGiven(contact_id=member, given_from=self._survivor)
        self._command.write(row.case_id, fact)
        return True
