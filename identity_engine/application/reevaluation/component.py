"""The component of interactions that re-evaluation decides at once.

It grows from what was touched: along pairs that may be one person by weight, along values that are not
shared, and along the contacts that interactions are linked to now, until nothing is added. What it
holds is a pure function of the records, so the order of arrival leaves no trace in it; what was said in
messages counts as far as their contact came to hold it (heard.py).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from aggregates.correction import named_by_corrections
from aggregates.values import ContactId, IdentifierClass
from identity_engine.application.reevaluation.corrections import led_to_right, of_row
from identity_engine.application.reevaluation.message_values import Hearing
from identity_engine.application.reevaluation.moments import time_of
from identity_engine.application.reevaluation.people import Crowd, Mentioned, People
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.meaning import Meaning
from identity_engine.application.rules import Rules
from identity_engine.event_store.store import EventStore
from matchers.proposals import Node, Pair, Use, exact_pairs, scored_pairs
from projections.match_index.index import MatchIndex
from projections.match_index.mentions import mention_key, value_key
from projections.match_index.rows import InteractionRow
from projections.sql import Cursor

MOST_USES = 400
"""Mentions of one value that is not exclusive beyond which it is a hub and joins nobody."""

MOST_EQUALS = 5_000
"""Records under a key that stays crowded beyond which not even those that say the same are paired."""

ALL = 1 << 40


class Component:
    """What was reached so far, over the working set of one step.

    Args:
        store: the stored rows.
        cursor: the step's transaction.
        index: its working set.
        rules: those in force.
    """

    def __init__(self, store: EventStore, cursor: Cursor, index: MatchIndex, rules: Rules) -> None:
        self._tables, self._cursor, self._index, self._rules = store.index, cursor, index, rules
        cap = rules.policy.block_cap
        self._crowding = Crowding(store.index, cursor, index, store.digests, cap)
        self._meaning = Meaning(store.digests, rules.policy)
        self._heard = Hearing(store.index, cursor, index, self._meaning)
        self.class_of = self._meaning.class_of
        self._seen: set[int] = set()
        self._weighed: set[int] = set()
        self._values: set[bytes] = set()
        self._contacts: set[ContactId] = set()
        self._waiting: list[InteractionRow] = []
        self._keys: dict[int, tuple[int, ...]] = {}
        self.nodes: dict[int, Node] = {}
        self.pairs: list[Pair] = []
        self._people = People(store.digests, rules)
        self.shared: dict[bytes, Crowd] = {}
        """Values that turned out to be shared."""
        self.unshared: dict[bytes, int] = {}
        """Values that are so no longer -> time of the latest interaction that gives them."""

    def grow(self, seeds: Iterable[int]) -> None:
        """Add the components of these interactions, by their numbers."""
        self._tables.load_interactions(self._cursor, self._index, seeds)
        self._reach(seeds)
        while self._waiting:
            frontier, self._waiting = self._waiting, []
            self._load_around(frontier)
            for row in frontier:
                self.nodes[row.number] = self.node(row)
            for row in frontier:
                self._pair_by_likeness(row)
            for value in self._new_values(frontier):
                self._pair_by_value(value)
            self._follow_links(frontier)

    @property
    def contacts(self) -> set[ContactId]:
        """The contacts that interactions of the component are linked to."""
        return self._contacts

    def by_hand(self) -> dict[int, list[int]]:
        """Return each record of values by hand with the interactions of its contact."""
        of_contact: defaultdict[ContactId | None, list[int]] = defaultdict(list)
        for number in self.nodes:
            if not self.row(number).is_by_hand:
                of_contact[self.row(number).contact_id].append(number)
        return {
            number: of_contact[self.row(number).contact_id]
            for number in self.nodes
            if self.row(number).is_by_hand
        }

    def row(self, number: int) -> InteractionRow:
        """Return the interaction of a node."""
        row = self._index.interaction(number)
        assert row is not None
        return row

    def users_of(self, digest: bytes) -> list[InteractionRow]:
        """Return the interactions that give a value of the component."""
        return [row for row, _ in self._uses(digest)]

    def _reach(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            row = self._index.interaction(number)
            if number not in self._seen and row is not None and takes_part(row):
                self._seen.add(number)
                self._waiting.append(row)

    def _load_around(self, frontier: Sequence[InteractionRow]) -> None:
        """Load what the frontier can be paired with: one query for each kind of row."""
        tables, cursor, index = self._tables, self._cursor, self._index
        contacts = {row.contact_id for row in frontier if row.contact_id is not None}
        tables.load_nearby(cursor, index, (), contacts)
        for row in frontier:
            self._keys[row.number] = self._keys_of(row)
        keys = {key for row in frontier for key in self._keys[row.number]}
        overfull = {key for key in keys if index.is_crowded(key)}
        self._crowding.load(keys - overfull)
        tables.load_postings(cursor, index, overfull - index.keys_read(), MOST_EQUALS)
        self._heard.load(frontier)
        heard = {digest for row in frontier for digest in self._heard.values_of(row)}
        exclusive, others = set[int](), set(map(value_key, heard))
        for row in frontier:
            for mention in row.mentions:
                is_exclusive = self.class_of(mention, row) == IdentifierClass.EXCLUSIVE
                (exclusive if is_exclusive else others).add(mention_key(mention))
        tables.load_postings(cursor, index, exclusive - index.keys_read(), ALL)
        tables.load_postings(cursor, index, others - exclusive - index.keys_read(), MOST_USES)
        numbers = {
            number
            for key in keys
            if len(index.numbers_under(key)) <= MOST_EQUALS
            for number in index.numbers_under(key)
        }
        numbers |= {
            number
            for key in exclusive | others
            if key in exclusive or len(index.numbers_under(key)) <= MOST_USES
            for number in index.numbers_under(key)
        }
        tables.load_interactions(cursor, index, numbers)
        digests = heard.union(mention.digest for row in frontier for mention in row.mentions)
        tables.load_identifiers(
            cursor, index, [one for one in digests if one not in index.identifiers]
        )
        numbers |= set(self._heard.load_users(digests))
        states = (index.identifiers[one].state for one in digests if one in index.identifiers)
        named = {
            contact_id
            for state in states
            if state is not None
            for contact_id in named_by_corrections(state.corrections)
        }
        rows = map(index.interaction, numbers)
        said = {row.contact_id for row in rows if row is not None and row.pinned}
        tables.load_nearby(cursor, index, (), named.union(one for one in said if one is not None))

    def _keys_of(self, row: InteractionRow) -> tuple[int, ...]:
        if row.contact_id is None:
            return ()
        division = self._index.contacts[row.contact_id].state.division
        return self._crowding.keys(row.record, division)

    def _near(self, row: InteractionRow) -> Iterator[int]:
        for key in self._keys[row.number]:
            if self._index.is_crowded(key):
                yield from self._equals(row, key)
            else:
                yield from self._index.numbers_under(key)

    def _equals(self, row: InteractionRow, key: int) -> Iterator[int]:
        """Yield neighbours of a row among those that say the same, under a key that stays crowded.

        The first of them, the one before and the one after join all of them into one component,
        whatever comes between, at a cost that does not grow as the square.
        """
        rows = map(self._index.interaction, self._index.numbers_under(key))
        same = sorted(
            (one.time, one.name, one.number)
            for one in rows
            if one and takes_part(one) and one.record == row.record
        )
        place = bisect_left(same, (row.time, row.name, row.number))
        for _, _, number in {same[0], *same[max(0, place - 1) : place + 2]} if same else ():
            if number != row.number:
                yield number

    def node(self, row: InteractionRow) -> Node:
        """Return an interaction as it takes part in clustering."""
        exclusive = {
            self._meaning.type_of(mention): mention.digest
            for mention in row.mentions
            if self.class_of(mention, row) == IdentifierClass.EXCLUSIVE
        }
        exclusive = self._heard.exclusive(row) | exclusive
        return Node(
            row.number,
            row.name,
            row.time,
            row.record,
            self._rules.policy.channel(row.channel).live,
            exclusive,
            row.contact_id if row.pinned and not row.corrected else None,
        )

    def _pair_by_likeness(self, row: InteractionRow) -> None:
        """Weigh the row against every near record that has not been weighed against it before."""
        self._weighed.add(row.number)
        near = set(self._near(row)) - self._weighed
        others = (self._index.interaction(number) for number in sorted(near))
        # A corrected interaction is where it is by a person's word alone: it ties nobody to it.
        rows = {
            one.number: one
            for one in others
            if one is not None and takes_part(one) and not one.corrected
        }
        if row.corrected:
            return
        nodes = {number: self.nodes.get(number) or self.node(one) for number, one in rows.items()}
        nodes[row.number] = self.nodes[row.number]
        found = list(
            scored_pairs(
                nodes,
                ((row.number, number) for number in rows),
                self._rules.scorer,
                self._rules.link_rules,
            )
        )
        self.pairs += found
        self._reach(number for pair in found for number in (pair.one, pair.other))

    def _new_values(self, frontier: Sequence[InteractionRow]) -> list[bytes]:
        said = {mention.digest for row in frontier for mention in row.mentions}
        fresh = said.union(*map(self._heard.values_of, frontier)) - self._values
        self._values |= fresh
        return sorted(fresh)

    def _pair_by_value(self, digest: bytes) -> None:
        """Pair those who mention a value, unless it is shared; what changes its state touches all."""
        uses = self._uses(digest)
        if not uses:
            return
        nodes = {row.number: self.nodes.get(row.number) or self.node(row) for row, _ in uses}
        before = self._index.identifiers.get(digest)
        state = before.state if before is not None else None
        known = state.shared_by if state is not None else ()
        eras = self._eras(digest, uses)
        crowds = [crowd for era in eras if (crowd := self._people.crowd(digest, era)) is not None]
        if crowds and "names" not in known:
            self.shared[digest] = max(crowds, key=lambda one: (one.people, -one.since))
        elif not crowds and "names" in known:
            self.unshared[digest] = max(row.time for row, _ in uses)
        scorer, rules = self._rules.scorer, self._rules.link_rules
        exact = partial(exact_pairs, nodes, digest, scorer=scorer, rules=rules)
        corrections = self._index.corrections(state) if state is not None else ()
        if state is not None:
            for right in led_to_right(self._index, state, uses):
                self.pairs += exact(right)
        if crowds and "names" in known:
            return
        if not crowds and "person" not in known:
            for era in eras:
                self.pairs += exact(
                    [
                        Use(row.number, class_.value)
                        for row, class_ in era
                        if not row.corrected and not of_row(row, corrections)
                    ]
                )
        self._reach(row.number for row, _ in uses)

    def _uses(self, digest: bytes) -> list[Mentioned]:
        rows = map(self._index.interaction, self._index.numbers_under(value_key(digest)))
        said = [
            (row, self.class_of(mention, row))
            for row in rows
            if row is not None and takes_part(row)
            for mention in row.mentions
            if mention.digest == digest
        ]
        return [
            *said,
            *((row, class_) for row, class_ in self._heard.uses(digest) if takes_part(row)),
        ]

    def _eras(self, digest: bytes, uses: Sequence[Mentioned]) -> list[list[Mentioned]]:
        """Return the uses of a value apart for each time between two ends of its claims: a number that
        a person released or gave to another contact means somebody else from then on."""
        known = self._index.identifiers.get(digest)
        if known is None or known.state is None or not known.state.ends():
            return [list(uses)]
        eras: defaultdict[int, list[Mentioned]] = defaultdict(list)
        for row, class_ in uses:
            since = time_of(row)
            if row.is_by_hand and row.contact_id is not None:
                since = max(
                    (h.valid_from for h in known.state.held_by({row.contact_id})), default=since
                )
            eras[sum(end <= since for end in known.state.ends())].append((row, class_))
        return list(eras.values())

    def _follow_links(self, frontier: Sequence[InteractionRow]) -> None:
        """Reach all interactions of the contacts of the frontier, and of contacts merged with them."""
        index = self._index
        fresh = {
            member
            for row in frontier
            if row.contact_id is not None
            for member in index.members(index.canonical(row.contact_id))
        } - self._contacts
        self._contacts |= fresh
        if fresh:
            self._reach(self._tables.load_all_of(self._cursor, index, fresh))


def takes_part(row: InteractionRow) -> bool:
    """Tell whether an interaction belongs to a contact that is there."""
    return row.contact_id is not None and not row.hidden
