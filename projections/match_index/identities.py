"""The contacts of a batch, and which of them are one: merge edges come and go, nothing else moves."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from aggregates import contact as contacts
from aggregates.augmentation import ContactAugmentationReverted, ContactAugmented
from aggregates.contact import (
    ContactEdited,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactState,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
)
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierTransferred,
)
from aggregates.identity import Edge, Identity, Member, canonical_id, components
from aggregates.values import ContactId, Fact, IdentifierId
from projections.match_index.rows import ContactRow

STAGING = (ContactIdentified, ContactPromoted, ContactPromotionUndone)
"""Facts that change the stage of a contact."""

REVISING = (ContactAugmented, ContactAugmentationReverted, ContactEdited, *STAGING)
"""Facts of a contact that raise its revision. Links and notes do not, so that a save is not refused
because messages keep arriving; merges and unmerges do, for all whom they touch."""


class Identities:
    """Contact rows with the id that stands for each, the edges between them and who was told apart."""

    def __init__(self) -> None:
        self.contacts: dict[ContactId, ContactRow] = {}
        self.edges: set[Edge] = set()
        self.apart: set[frozenset[ContactId]] = set()
        self._of_identity: defaultdict[ContactId, set[ContactId]] = defaultdict(set)
        self._stored_edges: set[Edge] = set()
        self._stored_apart: set[frozenset[ContactId]] = set()
        self._changed_contacts: dict[ContactId, ContactRow] = {}
        self._read_contacts: dict[ContactId, int] = {}

    def add_contacts(self, rows: Iterable[ContactRow]) -> None:
        """Take in the states of contacts."""
        for row in rows:
            if row.contact_id not in self.contacts:
                self._read_contacts[row.contact_id] = row.touched
                self._place_contact(row)

    def add_edges(self, edges: Iterable[Edge], apart: Iterable[frozenset[ContactId]]) -> None:
        """Take in merge edges in force, and pairs that were told apart."""
        fresh, pairs = set(edges) - self._stored_edges, set(apart) - self._stored_apart
        self._stored_edges |= fresh
        self.edges |= fresh
        self._stored_apart |= pairs
        self.apart |= pairs

    def canonical(self, contact_id: ContactId) -> ContactId:
        """Return the id that stands for the identity of a loaded contact."""
        return self.contacts[contact_id].canonical

    def members(self, canonical: ContactId) -> set[ContactId]:
        """Return the loaded members of the identity that an id stands for."""
        return self._of_identity[canonical]

    def identity(self, contact_id: ContactId) -> Identity:
        """Return the identity of a loaded contact, as the rules of merging see it."""
        canonical = self.canonical(contact_id)
        if len(self.members(canonical)) == 1:
            state = self.contacts[canonical].state
            return Identity(canonical, frozenset((canonical,)), state.stage, state.division)
        states = [self.contacts[member].state for member in self.members(canonical)]
        stage = max((state.stage for state in states), key=lambda one: one.rank)
        return Identity(canonical, frozenset(self.members(canonical)), stage, states[0].division)

    def _revise(
        self, contact_id: ContactId, change: Callable[[ContactState], ContactState]
    ) -> None:
        """Change a contact by something that lies in another stream."""
        row = self.contacts[contact_id]
        self._change(replace(row, touched=row.touched + 1, state=change(row.state)))

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

    def _count(self, contact_id: ContactId) -> None:
        """Raise the revision of an identity that a contact is a member of."""
        rows = [row for _, row in self._rows(self.members(self.canonical(contact_id)))]
        revision = 1 + max(row.revision for row in rows)
        for row in rows:
            self._change(replace(row, touched=row.touched + 1, revision=revision))

    def seal(self, subject: str, key_id: int) -> None:
        """Note the data key of what was written about a contact by hand; other subjects are passed."""
        row = self.contacts.get(ContactId(subject))
        if row is not None and not row.key_id:
            self._change(replace(row, touched=row.touched + 1, key_id=key_id))

    def _change_contact(
        self, contact_id: ContactId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        row = self.contacts.get(contact_id)
        state = contacts.evolve(row.state if row is not None else None, fact, valid_from)
        if state is None:
            return
        if row is None:
            self._change(ContactRow(contact_id, version, 1, state, contact_id))
            return
        self._change(replace(row, version=version, touched=row.touched + 1, state=state))
        if isinstance(fact, REVISING):
            self._count(contact_id)

    def _change_identity(self, stream: ContactId, fact: contacts.ContactFact) -> None:
        """Let edges come and go, and say which id stands for each identity that they touch."""
        match fact:
            case ContactMerged() as merged:
                for one, other in ((edge.one, edge.other) for edge in merged.edges):
                    self.edges.add(
                        Edge(merged.merge_id, one, other, stream, merged.automatic, merged.survivor)
                    )
            case ContactUnmerged(merge_id=merge_id, edges=edges):
                gone = {(edge.one, edge.other) for edge in edges}
                self.edges -= {
                    edge
                    for edge in self.edges
                    if edge.merge_id == merge_id and (edge.one, edge.other) in gone
                }
            case ContactToldApart(other=other):
                self.apart.add(frozenset((stream, other)))
            case ContactToldApartLifted(other=other):
                self.apart.discard(frozenset((stream, other)))
        if isinstance(fact, ContactMerged | ContactUnmerged):
            self._stand_in({id_ for edge in fact.edges for id_ in (edge.one, edge.other)})
        elif isinstance(fact, STAGING) and len(self.members(self.canonical(stream))) > 1:
            self._stand_in({stream})

    def _stand_in(self, touched: set[ContactId]) -> None:
        before = {member for one in touched for member in self.members(self.canonical(one))}
        edges = [edge for edge in self.edges if edge.one in before]
        for members in components(sorted(before), edges):
            canonical = canonical_id(
                (Member(id_, row.state.stage, row.state.born) for id_, row in self._rows(members)),
                [edge for edge in edges if edge.one in members],
            )
            for _, row in self._rows(members):
                self._change(replace(row, canonical=canonical, touched=row.touched + 1))
            self._count(canonical)

    def _rows(self, members: Iterable[ContactId]) -> list[tuple[ContactId, ContactRow]]:
        return [(member, self.contacts[member]) for member in sorted(members)]

    def _change(self, row: ContactRow) -> None:
        self._place_contact(row)
        self._changed_contacts[row.contact_id] = row

    def _place_contact(self, row: ContactRow) -> None:
        before = self.contacts.get(row.contact_id)
        if before is not None and before.canonical != row.canonical:
            self._of_identity[before.canonical].discard(row.contact_id)
        self.contacts[row.contact_id] = row
        self._of_identity[row.canonical].add(row.contact_id)
