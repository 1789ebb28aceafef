"""The component of interactions that re-evaluation decides at once.

It grows from what was touched: along pairs that may be one person by weight, along values that are not
shared, and along the contacts that interactions are linked to now, until nothing is added. What it
holds is a pure function of the records, so the order of arrival leaves no trace in it; what was said in
messages counts as far as their contact came to hold it (`message_values.py`).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from aggregates.correction import named_by_corrections
from aggregates.values import ContactId, IdentifierClass, Stage
from identity_engine.application.reevaluation.corrections import led_to_right, of_row
from identity_engine.application.reevaluation.message_values import Hearing
from identity_engine.application.reevaluation.moments import time_of
from identity_engine.application.reevaluation.people import Crowd, Mentioned, People
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.meaning import Meaning
from identity_engine.application.rules import Rules
from identity_engine.event_store.match_index.index_reader import IndexReader
from matchers.proposals import Node, Pair, Use, exact_pairs, scored_pairs
from projections.match_index.mentions import value_key
from projections.match_index.rows import InteractionRow

MOST_USES = 400
"""Mentions of a shared value beyond which nobody counts its people again: it stays shared."""

MOST_EQUALS = 5_000
"""Records under a key that stays crowded beyond which not even those that say the same are paired."""

ALL = 1 << 40
JOIN_NOBODY = frozenset(("names", "person"))
"""Reasons to be shared that hold for interactions too; the others count contacts."""


class Component:
    """What was reached so far, over the working set of one step.

    Args:
        reader: of the step.
        rules: those in force.
    """

    def __init__(self, reader: IndexReader, rules: Rules) -> None:
        self._reader, self._index, self._rules = reader, reader.index, rules
        self._crowding = Crowding(reader, rules.policy.block_cap)
        self._meaning = Meaning(reader.digests, rules.policy)
        self._heard = Hearing(reader, self._meaning)
        self.class_of = self._meaning.class_of
        self.lasting_values = self._meaning.lasting_values
        self._seen: set[int] = set()
        self._weighed: set[int] = set()
        self._values: set[bytes] = set()
        self._contacts: set[ContactId] = set()
        self._waiting: list[InteractionRow] = []
        self._keys: dict[int, tuple[int, ...]] = {}
        self.nodes: dict[int, Node] = {}
        self.pairs: list[Pair] = []
        self._people = People(reader.digests, rules)
        self.shared: dict[bytes, Crowd] = {}
        """Values that turned out to be shared."""
        self.unshared: dict[bytes, int] = {}
        """Values that are so no longer -> time of the latest interaction that gives them."""

    def grow(self, seeds: Iterable[int]) -> None:
        """Add the components of these interactions, by their numbers."""
        self._reader.load_interactions(seeds)
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
        self._mark_curated()

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

    def eras(self, digest: bytes, uses: Sequence[Mentioned]) -> list[list[Mentioned]]:
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

    def _reach(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            row = self._index.interaction(number)
            if number not in self._seen and row is not None and takes_part(row):
                self._seen.add(number)
                self._waiting.append(row)

    def _load_around(self, frontier: Sequence[InteractionRow]) -> None:
        """Load what the frontier can be paired with: one query for each kind of row."""
        reader, index = self._reader, self._index
        contacts = {row.contact_id for row in frontier if row.contact_id is not None}
        reader.load_nearby((), contacts)
        alike = self._load_alike(frontier)
        self._heard.load(frontier)
        heard = {digest for row in frontier for digest in self._heard.values_of(row)}
        digests = heard.union(mention.digest for row in frontier for mention in row.mentions)
        reader.load_identifiers([one for one in digests if one not in index.identifiers])
        near = alike | self._load_naming(digests)
        reader.load_interactions(near)
        self._load_right_ones(digests, near.union(self._heard.load_users(digests)))

    def _load_alike(self, frontier: Sequence[InteractionRow]) -> set[int]:
        """Load which records stand under the block keys of the frontier, and return their numbers."""
        index = self._index
        for row in frontier:
            self._keys[row.number] = self._keys_of(row)
        keys = {key for row in frontier for key in self._keys[row.number]}
        overfull = {key for key in keys if index.is_crowded(key)}
        self._crowding.load(keys - overfull)
        self._reader.load_postings(overfull - index.keys_read(), MOST_EQUALS)
        return self._numbers_under(keys, MOST_EQUALS)

    def _load_naming(self, digests: Collection[bytes]) -> set[int]:
        """Load which interactions mention some values, and return their numbers."""
        index = self._index
        shared = {value_key(digest) for digest in digests if self._is_shared(digest)}
        others = {value_key(digest) for digest in digests} - shared
        for keys, most in ((others, ALL), (shared, MOST_USES)):
            self._reader.load_postings(keys - index.keys_read(), most)
        return self._numbers_under(others, ALL) | self._numbers_under(shared, MOST_USES)

    def _numbers_under(self, keys: Iterable[int], most: int) -> set[int]:
        """Return who stands under some keys, those under which more than `most` stand left out."""
        under = map(self._index.numbers_under, keys)
        return {number for numbers in under if len(numbers) <= most for number in numbers}

    def _load_right_ones(self, digests: Iterable[bytes], near: Iterable[int]) -> None:
        """Load the contacts that corrections of some values name, and those that people linked to."""
        identifiers, rows = self._index.identifiers, self._index.interactions(near)
        states = (identifiers[one].state for one in digests if one in identifiers)
        named = {
            contact_id
            for state in states
            if state is not None
            for contact_id in named_by_corrections(state.corrections)
        }
        said = {row.contact_id for row in rows if row.pinned and row.contact_id is not None}
        self._reader.load_nearby((), named | said)

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
            self._is_lasting(row),
        )

    def _is_lasting(self, row: InteractionRow) -> bool:
        """Tell whether a row alone makes an identified contact, or a person put it into one."""
        if self.lasting_values(row):
            return True
        known = self._index.contacts.get(row.contact_id) if row.contact_id is not None else None
        is_placed = row.pinned and not row.corrected
        return is_placed and known is not None and known.state.stage is not Stage.EPHEMERAL

    def _mark_curated(self) -> None:
        """Let what came first to a curated contact stand for whom a person vouched for. What was
        linked to it later may be moved away again, so it tells nothing."""
        for contact_id in self._contacts:
            if self._index.contacts[contact_id].state.stage is Stage.CURATED:
                rows = self._index.interactions_of(contact_id)
                first = min((row.number for row in rows if row.number in self.nodes), default=None)
                if first is not None:
                    self.nodes[first] = self.nodes[first]._replace(lasting=True)

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
        corrections = self._index.corrections(state) if state is not None else ()
        scorer, rules = self._rules.scorer, self._rules.link_rules
        exact = partial(exact_pairs, nodes, digest, scorer=scorer, rules=rules)
        if state is not None:
            for right in led_to_right(self._index, state, uses):
                self.pairs += exact(right)
        if self._is_hub(digest):
            return
        eras = self.eras(digest, uses)
        crowds = [crowd for era in eras if (crowd := self._people.crowd(digest, era)) is not None]
        if crowds and "names" not in known:
            self.shared[digest] = max(crowds, key=lambda one: (one.people, -one.since))
        elif not crowds and "names" in known:
            self.unshared[digest] = max(row.time for row, _ in uses)
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

    def _is_shared(self, digest: bytes) -> bool:
        """Tell whether a loaded value joins nobody: it speaks of many, or a person said so."""
        known = self._index.identifiers.get(digest)
        marks = known.state.shared_by if known is not None and known.state is not None else ()
        return not JOIN_NOBODY.isdisjoint(marks)

    def _is_hub(self, digest: bytes) -> bool:
        numbers = self._index.numbers_under(value_key(digest))
        return self._is_shared(digest) and len(numbers) > MOST_USES

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

    def _follow_links(self, frontier: Sequence[InteractionRow]) -> None:
        """Reach all interactions of the contacts of the frontier, and of contacts merged with them."""
        index = self._index
        fresh = {
            member
            for row in frontier
            if row.contact_id is not None
            for member in index.members_of(row.contact_id)
        } - self._contacts
        self._contacts |= fresh
        if fresh:
            self._reach(self._reader.load_all_of(fresh))


def takes_part(row: InteractionRow) -> bool:
    """Tell whether an interaction belongs to a contact that is there."""
    return row.contact_id is not None and not row.hidden
