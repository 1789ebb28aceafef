"""The contacts of a batch, and which of them are one: merge edges come and go, nothing else moves."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from aggregates import across
from aggregates import contact as contacts
from aggregates.across import ContactAcrossEnded, ContactAcrossFound
from aggregates.augmentation import ContactAugmentationReverted, ContactAugmented
from aggregates.contact import (
    ContactIdentificationUndone,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactState,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
)
from aggregates.division import ContactMoved
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.identity import (
    Edge,
    Identity,
    Member,
    canonical_id,
    components,
    edges_of,
    stage_of,
)
from aggregates.values import ContactId, Fact, MergeId, Stage
from projections.match_index.rows import ContactRow, LifeChanges

STAGING = (
    *(ContactIdentified, ContactIdentificationUndone),
    *(ContactPromoted, ContactPromotionUndone),
)
"""Facts that change the stage of a contact."""

REVISING = (
    *(ContactAugmented, ContactAugmentationReverted, ContactMoved),
    *(ContactEdited, ContactEditWithdrawn),
    *STAGING,
)
"""Facts of a contact that raise its revision. Links and notes do not, so that a save is not refused
because messages keep arriving; merges and unmerges do, for all whom they touch."""


OF_IDENTITY = frozenset(
    (
        *(ContactMerged, ContactUnmerged),
        *(ContactToldApart, ContactToldApartLifted),
        *(ContactAcrossFound, ContactAcrossEnded),
        *STAGING,
    )
)
"""Facts of a contact that may concern its identity, or another contact."""


class Identities:
    """Contact rows with the id that stands for each, the edges between them and who was told apart."""

    def __init__(self) -> None:
        self.contacts: dict[ContactId, ContactRow] = {}
        self.edges: set[Edge] = set()
        self.apart: dict[frozenset[ContactId], datetime | None] = {}
        """Pairs that were told apart, until when; None for until it is lifted."""
        self.versions: dict[str, int] = {}
        """The last version of each stream that was written here, that has a row here with a version, or
        that was asked for; any other is taken for new."""
        self.life = LifeChanges()
        self._of_identity: defaultdict[ContactId, set[ContactId]] = defaultdict(set)
        self._stored_edges: set[Edge] = set()
        self._stored_apart: dict[frozenset[ContactId], datetime | None] = {}
        self._edges_at: defaultdict[ContactId, set[Edge]] = defaultdict(set)
        self._changed_contacts: dict[ContactId, ContactRow] = {}
        self._read_contacts: dict[ContactId, int] = {}

    def add_contacts(self, rows: Iterable[ContactRow]) -> None:
        """Take in the states of contacts."""
        for row in rows:
            if row.contact_id not in self.contacts:
                self._read_contacts[row.contact_id] = row.touched
                self._place_contact(row)

    def add_edges(
        self, edges: Iterable[Edge], apart: Mapping[frozenset[ContactId], datetime | None]
    ) -> None:
        """Take in merge edges in force, and pairs that were told apart, with until when."""
        fresh = set(edges) - self._stored_edges
        self._stored_edges |= fresh
        for edge in fresh:
            self._put_in_force(edge)
        pairs = {pair: until for pair, until in apart.items() if pair not in self._stored_apart}
        self._stored_apart |= pairs
        self.apart |= pairs

    def apart_at(self, moment: datetime) -> set[frozenset[ContactId]]:
        """Return the loaded pairs that are told apart at a moment."""
        return {pair for pair, until in self.apart.items() if until is None or moment < until}

    def edges_among(self, members: Iterable[ContactId]) -> set[Edge]:
        """Return the loaded edges in force at these contacts."""
        return {edge for member in members for edge in self._edges_at.get(member, ())}

    def canonical(self, contact_id: ContactId) -> ContactId:
        """Return the id that stands for the identity of a loaded contact."""
        return self.contacts[contact_id].canonical

    def members(self, canonical: ContactId) -> set[ContactId]:
        """Return the loaded members of the identity that an id stands for."""
        return self._of_identity[canonical]

    def members_of(self, contact_id: ContactId) -> set[ContactId]:
        """Return the loaded members of the identity of a loaded contact."""
        return self._of_identity[self.contacts[contact_id].canonical]

    def are_one(self, one: ContactId, other: ContactId) -> bool:
        """Tell whether two loaded contacts are members of one identity."""
        return self.contacts[one].canonical == self.contacts[other].canonical

    def identity(self, contact_id: ContactId) -> Identity:
        """Return the identity of a loaded contact, as the rules of merging see it."""
        canonical = self.canonical(contact_id)
        if len(self.members(canonical)) == 1:
            state = self.contacts[canonical].state
            alone = frozenset((canonical,))
            return Identity(canonical, alone, state.stage, state.division, state.presence)
        members = frozenset(self.members(canonical))
        states = [self.contacts[member].state for member in members]
        stage = stage_of((state.stage for state in states), self.edges_among(members))
        own = self.contacts[canonical].state
        return Identity(canonical, members, stage, own.division, own.presence)

    def stage(self, canonical: ContactId) -> Stage:
        """Return the stage of the identity that an id stands for."""
        if len(self.members(canonical)) == 1:
            return self.contacts[canonical].state.stage
        return self.identity(canonical).stage

    def _revise(
        self, contact_id: ContactId, change: Callable[[ContactState], ContactState]
    ) -> None:
        """Change a contact by something that lies in another stream."""
        row = self.contacts[contact_id]
        first_seen, row.state = row.state.first_seen, change(row.state)
        self._touch(row)
        if row.state.first_seen != first_seen:
            self._wait(contact_id, row.state)
            self.life.recounted.add(contact_id)

    def _count(self, contact_id: ContactId) -> None:
        """Raise the revision of an identity that a contact is a member of."""
        rows = [self.contacts[member] for member in self.members_of(contact_id)]
        revision = 1 + max([row.revision for row in rows])
        for row in rows:
            row.revision = revision
            self._touch(row)

    def seal(self, subject: str, key_id: int) -> None:
        """Note the data key of what was written about a contact by hand; other subjects are passed."""
        row = self.contacts.get(ContactId(subject))
        if row is not None and not row.key_id:
            row.key_id = key_id
            self._touch(row)

    def _change_contact(
        self, contact_id: ContactId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        row = self.contacts.get(contact_id)
        state = contacts.evolve(row.state if row is not None else None, fact, valid_from)
        if state is None:
            return
        if row is None:
            self._change(ContactRow(contact_id, version, 1, state, contact_id))
            self._wait(contact_id, state)
            return
        before, row.version, row.state = row.state, version, state
        self._touch(row)
        if state.quiet_from != before.quiet_from:
            self._wait(contact_id, state)
            self.life.recounted.add(contact_id)
        if state.is_live != before.is_live:
            self._hide(contact_id, hidden=not state.is_live)
        if isinstance(fact, REVISING):
            self._count(contact_id)

    def _wait(self, contact_id: ContactId, state: ContactState) -> None:
        """Note since when a contact waits for something meaningful."""
        quiet_from = state.quiet_from
        self.life.waiting[contact_id] = None if quiet_from is None else microseconds(quiet_from)

    def _hide(self, contact_id: ContactId, *, hidden: bool) -> None:
        """Note that the interactions of a contact can no longer be found, or can again."""
        self.life.hidden[contact_id] = hidden

    def _change_identity(self, stream: ContactId, fact: Fact) -> None:
        """Let edges come and go, and say which id stands for each identity that they touch."""
        if type(fact) not in OF_IDENTITY:
            return
        match fact:
            case ContactMerged() as merged:
                for edge in edges_of(merged, stream):
                    self._put_in_force(edge)
            case ContactUnmerged(merge_id=merge_id, edges=edges):
                for gone in edges:
                    self._take_back(merge_id, gone.one, gone.other)
            case ContactToldApart(other=other, until=until):
                self.apart[frozenset((stream, other))] = until
            case ContactToldApartLifted(other=other):
                self.apart.pop(frozenset((stream, other)), None)
            case ContactAcrossFound(other=other) | ContactAcrossEnded(other=other):
                turned = replace(fact, other=stream)
                self._revise(
                    other, lambda state: replace(state, across=across.evolve(state.across, turned))
                )
        if isinstance(fact, ContactMerged | ContactUnmerged):
            self._stand_in({id_ for edge in fact.edges for id_ in (edge.one, edge.other)})
        elif isinstance(fact, STAGING) and len(self.members_of(stream)) > 1:
            self._stand_in({stream})

    def _stand_in(self, touched: set[ContactId]) -> None:
        before = {member for one in touched for member in self.members_of(one)}
        edges = sorted(self.edges_among(before))
        for members in components(sorted(before), edges):
            canonical = canonical_id(
                (Member(id_, row.state.stage, row.state.born) for id_, row in self._rows(members)),
                [edge for edge in edges if edge.one in members],
            )
            for _, row in self._rows(members):
                self._change(replace(row, canonical=canonical, touched=row.touched + 1))
            self._count(canonical)

    def is_live(self, contact_id: ContactId) -> bool:
        """Tell whether a loaded contact can be found."""
        return self.contacts[contact_id].state.is_live

    def _put_in_force(self, edge: Edge) -> None:
        self.edges.add(edge)
        self._edges_at[edge.one].add(edge)
        self._edges_at[edge.other].add(edge)

    def _take_back(self, merge_id: MergeId, one: ContactId, other: ContactId) -> None:
        for edge in [*self._edges_at[one]]:
            if (edge.merge_id, edge.one, edge.other) == (merge_id, one, other):
                self.edges.discard(edge)
                self._edges_at[one].discard(edge)
                self._edges_at[other].discard(edge)

    def _touch(self, row: ContactRow) -> None:
        """Note that a row of the working set was changed in place: it belongs to this batch alone."""
        row.touched += 1
        self._changed_contacts[row.contact_id] = row

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
        self.versions.setdefault(row.contact_id, row.version)
        self._of_identity[row.canonical].add(row.contact_id)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(time: int) -> datetime:
    """Return microseconds since 1970, UTC, as a moment."""
    return EPOCH + timedelta(microseconds=time)


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, UTC."""
    return round(moment.timestamp() * 1_000_000)
