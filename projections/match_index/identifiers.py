"""The identifiers of a batch: which values are known, who holds them, what an event changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from aggregates import contact as contacts
from aggregates import identifier as identifiers
from aggregates.correction import Correction, in_force, named_by_corrections
from aggregates.identifier import (
    Holding,
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierReassigned,
    IdentifierState,
    IdentifierTransferred,
)
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import ContactId, Fact, IdentifierClass, IdentifierId
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from projections.match_index.identities import Identities
from projections.match_index.rows import IdentifierRow

OF_HOLDER = (
    *(IdentifierClaimed, IdentifierVerified, IdentifierVerificationWithdrawn),
    *(IdentifierReleased, IdentifierReassigned),
    *(IdentifierTransferred, IdentifierDescribed, IdentifierReclaimed),
)
"""Facts of an identifier that change what its holder shows."""


class Identifiers(Identities):
    """Identifier rows by the digest of their value and by their stream."""

    def __init__(self) -> None:
        super().__init__()
        self.identifiers: dict[bytes, IdentifierRow] = {}
        self._by_stream: dict[IdentifierId, IdentifierRow] = {}
        self._changed_identifiers: dict[bytes, IdentifierRow] = {}
        self._read_identifiers: dict[bytes, int] = {}

    def add_identifiers(self, asked: Iterable[bytes], rows: Iterable[IdentifierRow]) -> None:
        """Take in the identifiers that the store knows among the digests asked for."""
        for digest in asked:
            self._read_identifiers.setdefault(digest, 0)
        for row in rows:
            if row.digest not in self.identifiers:  # else it may have been changed here
                self._read_identifiers[row.digest] = row.version
                self._place_identifier(row)

    def identifiers_read(self) -> Mapping[bytes, int]:
        """Return the version of each identifier asked for when it was read, 0 for what was not there."""
        return self._read_identifiers

    def identifier(self, identifier_id: IdentifierId) -> IdentifierRow | None:
        """Return a loaded identifier by its stream."""
        return self._by_stream.get(identifier_id)

    def holdings(self, identifier_id: IdentifierId) -> Sequence[Holding]:
        """Return the claims on a loaded identifier."""
        row = self._by_stream.get(identifier_id)
        return row.state.holdings if row is not None and row.state is not None else ()

    def holders(self) -> set[ContactId]:
        """Return every contact that holds or held a loaded identifier, or that a correction names."""
        states = [row.state for row in self.identifiers.values() if row.state is not None]
        named = (named_by_corrections(state.corrections) for state in states)
        return {held.contact_id for state in states for held in state.holdings}.union(*named)

    def holders_at(self, state: IdentifierState, moment: datetime) -> tuple[Holding, ...]:
        """Return the claims of contacts that are there, in force at a moment, earliest first."""
        return tuple(held for held in state.holders_at(moment) if self.is_live(held.contact_id))

    def holds(self, contact_id: ContactId, digest: bytes, moment: datetime) -> bool:
        """Tell whether the identity of a loaded contact, if it is there, holds a value at a moment."""
        row = self.identifiers.get(digest)
        if row is None or row.state is None or not self.is_live(contact_id):
            return False
        members = self.members_of(contact_id)
        return any(h.contact_id in members and h.covers(moment) for h in row.state.holdings)

    def corrections(self, state: IdentifierState) -> tuple[Correction, ...]:
        """Return the corrections in force of a value, the last one last: those of identities that hold
        it now. It leads nobody to another, whatever is corrected there."""
        return tuple(
            one
            for one in (in_force(state.corrections, self.canonical) if state.corrections else ())
            if state.held_by(self.members_of(one.contact_id))
        )

    def right_holder(
        self, state: IdentifierState, corrections: Iterable[Correction]
    ) -> ContactId | None:
        """Return the identity that some corrections in force name as the right one: the last of those
        that hold the value and were themselves not wrong; None where there is none."""
        named = [one for one in corrections if one.right is not None]
        wrong = {self.canonical(one.contact_id) for one in self.corrections(state)}
        for one in reversed(named):
            assert one.right is not None
            right = self.canonical(one.right)
            if right not in wrong and state.held_by(self.members(right)):
                return right
        return None

    def introduce(self, digest: bytes, identifier_id: IdentifierId) -> IdentifierRow:
        """Give a value that has no stream yet the stream it will have."""
        row = IdentifierRow(digest, identifier_id, 0)
        self._place_identifier(row)
        return row

    def _change_identifier(
        self, identifier_id: IdentifierId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        row = self._by_stream.get(identifier_id)
        if row is None:
            return  # erased: nobody can be found by the value any more
        row.state = identifiers.evolve(row.state, fact, valid_from)
        row.version = version
        self._changed_identifiers[row.digest] = row
        match fact:
            case IdentifierClaimed(identifier_class=IdentifierClass.EXCLUSIVE):
                self._note_exclusive(fact, identifier_id)
            case IdentifierReleased(contact_id=contact_id):
                self._let_go_exclusive(contact_id, identifier_id)
            case IdentifierTransferred(from_contact_id=before):
                self._let_go_exclusive(before, identifier_id)
                self._count(before)
                if fact.identifier_class is IdentifierClass.EXCLUSIVE:
                    self._note_exclusive(fact, identifier_id)
            case IdentifierReassigned():
                self._move_exclusive(fact, identifier_id)
                self._count(fact.from_contact_id)
            case IdentifierReclaimed(contact_id=contact_id):
                self._revise(contact_id, partial(contacts.reclaimed, identifier_id=identifier_id))
        if isinstance(fact, IdentifierClaimed | IdentifierTransferred | IdentifierReassigned):
            self.life.held.add((fact.contact_id, identifier_id))
        if isinstance(fact, OF_HOLDER):
            self._count(fact.contact_id)

    def _move_exclusive(self, fact: IdentifierReassigned, identifier_id: IdentifierId) -> None:
        for type_ in self._let_go_exclusive(fact.from_contact_id, identifier_id):
            taken = partial(contacts.holding, type_=type_, identifier_id=identifier_id)
            self._revise(fact.contact_id, taken)

    def _let_go_exclusive(self, contact_id: ContactId, identifier_id: IdentifierId) -> list[str]:
        """Let a contact hold an exclusive identifier no longer; return the types it was held as."""
        exclusive = self.contacts[contact_id].state.exclusive
        types = [type_ for type_, held_id in exclusive.items() if held_id == identifier_id]
        for type_ in types:
            self._revise(contact_id, partial(contacts.letting_go, type_=type_))
        return types

    def _note_exclusive(
        self, fact: IdentifierClaimed | IdentifierTransferred, identifier_id: IdentifierId
    ) -> None:
        type_ = getattr(fact.personal, "type", None)
        if type_ is not None:
            self._revise(
                fact.contact_id, lambda state: contacts.holding(state, type_, identifier_id)
            )

    def _place_identifier(self, row: IdentifierRow) -> None:
        self.identifiers[row.digest] = row
        self.versions.setdefault(row.identifier_id, row.version)
        self._by_stream[row.identifier_id] = row
