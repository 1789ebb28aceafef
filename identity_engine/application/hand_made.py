"""What people said of a contact, as a record that is found and compared like that of an interaction.

It is one row of the match index for each contact with values or identifiers by hand, under the
contact's own id, pinned to it and sealed under its key. It counts as no interaction. Each fact that
changes what people said makes the row anew, in the same way on writing and in a rebuild.
"""

from collections.abc import Callable, Iterable, Sequence

from aggregates.augmentation import ContactAugmentationReverted, ContactAugmented
from aggregates.division import ContactMoved
from aggregates.editing import (
    ContactEdited,
    ContactEditWithdrawn,
    EditPersonal,
    HandMade,
    hand_made,
    withdrawn,
)
from aggregates.identifier import ClaimPersonal, IdentifierClaimed, IdentifierTransferred
from aggregates.interaction import GivenIdentifier, InteractionPersonal
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import ContactId, Erased, Fact, IdentifierId, InteractionId
from aggregates.verification import IdentifierVerified
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import comparable
from identity_engine.event_store.match_index.index_reader import IndexReader
from projections.match_index.identities import microseconds
from projections.match_index.rows import IdentifierRow, InteractionRow

FactsOf = Callable[[str], Sequence[Fact]]
"""Stream id -> its facts, up to the one that is followed."""

SOURCE = "by hand"


class HandMadeRecords:
    """Keeps the rows of what people said, over the working set of a batch or command.

    A row that says the same as before is left alone: a batch does not follow the facts that it writes,
    none of which changes what people said, and a replay follows them all.

    Args:
        reader: of the batch or command.
        cap: how many records a block key may lead to.
    """

    def __init__(self, reader: IndexReader, cap: int) -> None:
        self._reader = reader
        self._index, self._digests = reader.index, reader.digests
        self._crowding = Crowding(reader, cap)

    def follow(self, stream_id: str, fact: Fact, facts_of: FactsOf) -> None:
        """Make anew the rows that a fact changes, which the index has followed already."""
        for contact_id in _said_of(stream_id, fact):
            self._make(contact_id, stream_id, facts_of)

    def _make(self, contact_id: ContactId, stream_id: str, facts_of: FactsOf) -> None:
        contact = self._index.contacts.get(contact_id)
        if contact is None or not contact.key_id:
            return
        row = self._known(contact_id)
        given = self._given(contact_id, row, stream_id, facts_of)
        said = hand_made(_edits(facts_of(contact_id)))
        if row is None and not given and not said.values:
            return
        division = contact.state.division
        personal = InteractionPersonal(
            source=SOURCE,
            id=contact_id,
            identifiers=tuple(given),
            profile=first_values(said),
        )
        made = comparable(personal, division, self._digests, self._index.is_crowded)
        if row is not None:
            if (row.record, row.mentions, row.division) != (made.record, made.mentions, division):
                self._crowding.replace(row, made, division)
            return
        self._crowding.load(made.block_keys)
        new = self._index.receive_by_hand(
            contact_id,
            self._digests.natural_key(SOURCE, contact_id),
            contact.key_id,
            microseconds(contact.state.born),
            division,
            made,
        )
        self._crowding.settle(new)

    def _known(self, contact_id: ContactId) -> InteractionRow | None:
        known = self._index.interaction_by_id(InteractionId(contact_id))
        if known is None:
            self._reader.load_linked([contact_id])
            known = self._index.interaction_by_id(InteractionId(contact_id))
        return known

    def _given(
        self,
        contact_id: ContactId,
        row: InteractionRow | None,
        stream_id: str,
        facts_of: FactsOf,
    ) -> list[GivenIdentifier]:
        """Return the identifiers that people gave the contact and that it holds."""
        digests = {mention.digest for mention in row.mentions} if row is not None else set()
        wanted = [digest for digest in digests if digest not in self._index.identifiers]
        self._reader.load_identifiers(wanted)
        rows = [self._index.identifiers[digest] for digest in digests]
        changed = self._index.identifier(IdentifierId(stream_id))
        if changed is not None and changed.digest not in digests:
            rows.append(changed)
        ordered = sorted(rows, key=lambda one: one.identifier_id)
        return [one for row in ordered for one in _held_by_hand(contact_id, row, facts_of)]


def _edits(facts: Sequence[Fact]) -> Iterable[Fact]:
    """Yield the edits of a contact, and what people took over from a source as if they had typed it."""
    taken_back = {f.augmentation_id for f in facts if isinstance(f, ContactAugmentationReverted)}
    gone = withdrawn(facts)
    for fact in (fact for version, fact in enumerate(facts, 1) if version not in gone):
        if not isinstance(fact, ContactAugmented):
            yield fact
        elif fact.augmentation_id not in taken_back and not isinstance(fact.personal, Erased):
            taken = EditPersonal(set=fact.personal.set, added=fact.personal.added)
            yield ContactEdited(personal=taken)


def first_values(said: HandMade) -> dict[str, str]:
    """Return values by hand as the envelope has them: one of each field, of other names all."""
    return {
        name: " ".join(some) if name == "other_names" else some[0]
        for name, some in said.values.items()
    }


def _said_of(stream_id: str, fact: Fact) -> tuple[ContactId, ...]:
    """Return the contacts of which a fact changes what people said."""
    match fact:
        case (
            ContactEdited()
            | ContactEditWithdrawn()
            | ContactAugmented()
            | ContactAugmentationReverted()
            | ContactMoved()
        ):
            return (ContactId(stream_id),)
        case IdentifierClaimed(interaction_id=None) | IdentifierVerified(interaction_id=None):
            return (fact.contact_id,)
        case IdentifierReleased() | IdentifierReclaimed():
            return (fact.contact_id,)
        case IdentifierTransferred(contact_id=contact_id, from_contact_id=before):
            return (before, contact_id)
        case _:
            return ()


def _held_by_hand(
    contact_id: ContactId, row: IdentifierRow, facts_of: FactsOf
) -> Iterable[GivenIdentifier]:
    held = row.state.held_by({contact_id}) if row.state is not None else ()
    by_hand = [one for one in held if one.interaction_id is None]
    said = _claimed(contact_id, facts_of(row.identifier_id)) if by_hand else None
    if said is not None:
        yield GivenIdentifier(
            type=said.type,
            value=said.raw,
            scope=said.scope,
            verified=any(one.is_vouched_for for one in by_hand),
            family=said.family,
            normalised=said.value,
        )


def _claimed(contact_id: ContactId, facts: Iterable[Fact]) -> ClaimPersonal | None:
    """Return the value as people last gave it to the contact; None where it was erased."""
    said: ClaimPersonal | Erased | None = None
    for fact in facts:
        match fact:
            case IdentifierTransferred(contact_id=holder) if holder == contact_id:
                said = fact.personal
            case IdentifierClaimed(contact_id=holder, interaction_id=None) if holder == contact_id:
                said = fact.personal
    return None if isinstance(said, Erased) else said
