"""The working set of one batch: the rows it loaded, and all that its own events change in them.

A decision reads here, its events are applied here at once, and so the next decision of the batch sees
them. The same `apply` rebuilds the whole index from the log.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from aggregates import contact as contacts
from aggregates import identifier as identifiers
from aggregates.contact import ContactState
from aggregates.identifier import IdentifierClaimed, IdentifierFact
from aggregates.interaction import InteractionLinked, InteractionReceived, InteractionUnlinked
from aggregates.values import ContactId, Fact, IdentifierClass, IdentifierId, InteractionId
from matchers.record import MatchRecord
from projections.match_index.rows import (
    ContactRow,
    IdentifierRow,
    IndexChanges,
    InteractionRow,
    ReadSet,
)


class MatchIndex:
    """Rows by every key that a decision asks for. `head` and `last_number` are those of the read."""

    def __init__(self, head: int = 0, last_number: int = 0, rules: int = 0) -> None:
        self.head = head
        self.last_number = last_number
        self.rules = rules
        self.identifiers: dict[bytes, IdentifierRow] = {}
        self.contacts: dict[ContactId, ContactRow] = {}
        self._by_natural_key: dict[bytes, InteractionRow] = {}
        self._by_id: dict[InteractionId, InteractionRow] = {}
        self._by_number: dict[int, InteractionRow] = {}
        self._of_contact: defaultdict[ContactId, list[InteractionRow]] = defaultdict(list)
        self._postings: defaultdict[int, list[int]] = defaultdict(list)
        self._by_stream: dict[IdentifierId, IdentifierRow] = {}
        self._changed_identifiers: dict[bytes, IdentifierRow] = {}
        self._changed_contacts: dict[ContactId, ContactRow] = {}
        self._received: list[InteractionRow] = []
        self._relinked: dict[InteractionId, InteractionRow] = {}
        self._read_identifiers: dict[bytes, int] = {}
        self._read_contacts: dict[ContactId, int] = {}
        self._read_links: dict[int, ContactId | None] = {}
        self._read_natural_keys: set[bytes] = set()
        self._read_block_keys: set[int] = set()
        self._with_members: set[ContactId] = set()

    # What was read from the store

    def add_natural_keys(self, asked: Iterable[bytes], rows: Iterable[InteractionRow]) -> None:
        """Take in the interactions that the store knows among the natural keys asked for."""
        self._read_natural_keys.update(asked)
        for row in rows:
            self._by_natural_key[row.natural_key] = row

    def add_identifiers(self, asked: Iterable[bytes], rows: Iterable[IdentifierRow]) -> None:
        """Take in the identifiers that the store knows among the digests asked for."""
        self._read_identifiers.update(dict.fromkeys(asked, 0))
        for row in rows:
            self._read_identifiers[row.digest] = row.version
            self._place_identifier(row)

    def add_postings(self, postings: dict[int, list[int]]) -> None:
        """Take in the numbers of the interactions under each block key asked for."""
        self._read_block_keys.update(postings)
        for key, numbers in postings.items():
            self._postings[key] = numbers

    def add_interactions(self, rows: Iterable[InteractionRow]) -> None:
        """Take in interactions with their match records."""
        for row in rows:
            if row.number not in self._by_number:
                self._read_links[row.number] = row.contact_id
                self._place_interaction(row)

    def add_contacts(self, rows: Iterable[ContactRow]) -> None:
        """Take in the states of contacts."""
        for row in rows:
            self._read_contacts[row.contact_id] = row.revision
            self.contacts[row.contact_id] = row

    def without_members(self, contact_ids: Iterable[ContactId]) -> list[ContactId]:
        """Return those stored contacts whose newest records were not asked for, and note them."""
        fresh = [
            one
            for one in contact_ids
            if one not in self._with_members
            and (one in self._read_contacts or one not in self.contacts)
        ]
        self._with_members.update(fresh)
        return fresh

    # What a decision asks

    def known(self, natural_key: bytes) -> InteractionRow | None:
        """Return the interaction that was received under this natural key."""
        return self._by_natural_key.get(natural_key)

    def numbers_under(self, block_key: int) -> list[int]:
        """Return the numbers of the interactions that share a block key."""
        return self._postings.get(block_key, [])

    def interaction(self, number: int) -> InteractionRow | None:
        """Return a loaded interaction by its number."""
        return self._by_number.get(number)

    def interactions_of(self, contact_id: ContactId) -> list[InteractionRow]:
        """Return the loaded interactions that are linked to a contact."""
        return self._of_contact.get(contact_id, [])

    def holders(self) -> set[ContactId]:
        """Return every contact that holds or held a loaded identifier."""
        return {
            holding.contact_id
            for row in self.identifiers.values()
            if row.state is not None
            for holding in row.state.holdings
        }

    def read_set(self) -> ReadSet:
        """Return what was read, for the check under the write lock."""
        return ReadSet(
            self.head,
            self.last_number,
            self.rules,
            dict(self._read_identifiers),
            dict(self._read_contacts),
            dict(self._read_links),
            frozenset(self._read_natural_keys),
            frozenset(self._read_block_keys),
        )

    # What an event changes

    def introduce(self, digest: bytes, identifier_id: IdentifierId) -> IdentifierRow:
        """Give a value that has no stream yet the stream it will have."""
        row = IdentifierRow(digest, identifier_id, 0)
        self._place_identifier(row)
        return row

    def receive(
        self,
        interaction_id: InteractionId,
        fact: InteractionReceived,
        key_id: int,
        record: MatchRecord | None,
        block_keys: tuple[int, ...],
    ) -> None:
        """Take in a received interaction together with what matching made of it."""
        row = InteractionRow(
            number=-1 - len(self._received),
            interaction_id=interaction_id,
            natural_key=bytes.fromhex(fact.natural_key),
            content_digest=bytes.fromhex(fact.content_digest),
            key_id=key_id,
            record=record,
            block_keys=block_keys,
        )
        self._received.append(row)
        self._by_natural_key[row.natural_key] = row
        self._place_interaction(row)
        for key in block_keys:
            self._postings[key].append(row.number)

    def apply(self, stream_id: str, version: int, valid_from: datetime, fact: Fact) -> None:
        """Let an event change the rows. Facts the index does not follow change nothing."""
        match fact:
            case InteractionLinked(contact_id=contact_id):
                self._link(InteractionId(stream_id), contact_id, valid_from)
            case InteractionUnlinked():
                self._link(InteractionId(stream_id), None, valid_from)
            case _ if isinstance(fact, IdentifierFact):
                self._change_identifier(IdentifierId(stream_id), version, valid_from, fact)
            case _ if isinstance(fact, contacts.ContactFact):
                self._change_contact(ContactId(stream_id), version, valid_from, fact)

    def changes(self) -> IndexChanges:
        """Return all changed rows, in the order of their keys, so that writes stay local."""
        return IndexChanges(
            received=self._received,
            relinked=list(self._relinked.values()),
            identifiers=[row for _, row in sorted(self._changed_identifiers.items())],
            contacts=[row for _, row in sorted(self._changed_contacts.items())],
        )

    def _link(
        self, interaction_id: InteractionId, contact_id: ContactId | None, time: datetime
    ) -> None:
        row = self._by_id[interaction_id]
        if row.contact_id is not None:
            if row in self._of_contact[row.contact_id]:
                self._of_contact[row.contact_id].remove(row)
            self._revise(row.contact_id, contacts.unlinked)
        row.contact_id = contact_id
        if contact_id is not None:
            self._of_contact[contact_id].append(row)
            self._revise(contact_id, lambda state: contacts.linked(state, time))
        if row.number > 0:
            self._relinked[interaction_id] = row

    def _change_identifier(
        self, identifier_id: IdentifierId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        row = self._by_stream.get(identifier_id)
        if row is None:
            return  # erased: nobody can be found by the value any more
        row.state = identifiers.evolve(row.state, fact, valid_from)
        row.version = version
        self._changed_identifiers[row.digest] = row
        if (
            isinstance(fact, IdentifierClaimed)
            and fact.identifier_class is IdentifierClass.EXCLUSIVE
        ):
            self._note_exclusive(fact, identifier_id)

    def _note_exclusive(self, fact: IdentifierClaimed, identifier_id: IdentifierId) -> None:
        type_ = getattr(fact.personal, "type", None)
        if type_ is not None:
            self._revise(
                fact.contact_id, lambda state: contacts.holding(state, type_, identifier_id)
            )

    def _revise(
        self, contact_id: ContactId, change: Callable[[ContactState], ContactState]
    ) -> None:
        """Change a contact by something that lies in another stream."""
        row = self.contacts[contact_id]
        changed = ContactRow(contact_id, row.version, row.revision + 1, change(row.state))
        self.contacts[contact_id] = changed
        self._changed_contacts[contact_id] = changed

    def _change_contact(
        self, contact_id: ContactId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        row = self.contacts.get(contact_id)
        state = contacts.evolve(row.state if row is not None else None, fact, valid_from)
        if state is None:
            return
        revision = row.revision + 1 if row is not None else 1
        changed = ContactRow(contact_id, version, revision, state)
        self.contacts[contact_id] = changed
        self._changed_contacts[contact_id] = changed

    def _place_identifier(self, row: IdentifierRow) -> None:
        self.identifiers[row.digest] = row
        self._by_stream[row.identifier_id] = row

    def _place_interaction(self, row: InteractionRow) -> None:
        self._by_number[row.number] = row
        self._by_id[row.interaction_id] = row
        if row.contact_id is not None:
            self._of_contact[row.contact_id].append(row)
