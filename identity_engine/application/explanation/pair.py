"""Two identities, or two interactions, side by side: what the index knows of each.

Read under the rules in force; nothing is written.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct, field

from aggregates.correction import named_by_corrections
from aggregates.values import ContactId, IdentifierClass, InteractionId, Stage
from identity_engine.application.reevaluation.component import (
    MOST_USES,
    Component,
    takes_part,
)
from identity_engine.application.reevaluation.corrections import led_to_right, of_row
from identity_engine.application.reevaluation.difference import by_strength
from identity_engine.application.reevaluation.reevaluate import final_clusters
from identity_engine.application.resolution.prepare import hashed_keys
from identity_engine.application.rules import Rules
from identity_engine.errors import NotFound
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from matchers.proposals import Node, Use
from projections.match_index.mentions import Mention, mention_key
from projections.match_index.rows import InteractionRow

MOST_RECORDS = 200
"""Records of a side that are compared with the other's, the newest first."""


class Side(Struct, frozen=True):
    """One of the two: the id that stands for its contact, that contact's members, its interactions.

    `refused` holds each member with a contact that re-evaluation keeps apart from it, if the member's
    stream says so. Of an interaction that was asked for, `rows` holds itself alone.
    """

    asked: str
    canonical: ContactId
    members: frozenset[ContactId]
    division: str
    stage: Stage
    refused: frozenset[tuple[ContactId, ContactId]]
    rows: tuple[InteractionRow, ...]
    is_live: bool = True

    @property
    def records(self) -> Iterator[InteractionRow]:
        """The interactions that say something to compare, the newest first, at most so many."""
        newest = sorted(self.rows, key=lambda row: (-row.time, row.name))
        return islice((row for row in newest if row.record is not None), MOST_RECORDS)


class Common(Struct):
    """A value that both sides mention, with everybody who does; `is_shared` where it stands for more
    people than the policy allows, or a person said so.

    `corrected` are those of them whom it does not lead to others, because a person corrected a link, and
    `right` the pairs that it leads to each other for the same reason. `eras` are the uses apart for each
    time between two ends of its claims.
    """

    digest: bytes
    is_shared: bool
    uses: list[Use] = field(default_factory=list)
    corrected: set[int] = field(default_factory=set)
    right: list[Sequence[Use]] = field(default_factory=list)
    eras: list[list[Use]] = field(default_factory=list)

    def led(self, *, corrections: bool, ends: bool) -> Iterator[Sequence[Use]]:
        """Yield uses that the value leads to each other, heeding corrections and ends or not."""
        yield from self.right
        if not self.is_shared:
            for era in self.eras if ends else [self.uses]:
                yield [use for use in era if not (corrections and use.key in self.corrected)]


class Pair:
    """Loads both sides and what they have in common.

    Args:
        store: begins another working set in the same transaction, and has the present time.
        reader: with an empty working set, which is filled.
        rules: those in force.
    """

    def __init__(self, store: EventStore, reader: IndexReader, rules: Rules) -> None:
        self._store, self._reader, self._index, self._rules = store, reader, reader.index, rules
        self._component = Component(reader, rules)
        self._now = store.now()

    def side(self, id_: str) -> Side:
        """Load a contact or an interaction by its id.

        Raises:
            NotFound: no contact and no interaction has this id, or the interaction has no contact.
        """
        index, linked = self._index, None
        self._reader.load_nearby((), [ContactId(id_)])
        if ContactId(id_) not in index.contacts:  # whose values by hand go by its own id
            self._reader.load_linked([id_])
            linked = index.linked(InteractionId(id_))
        contact_id = ContactId(id_) if linked is None else linked
        self._reader.load_nearby((), [contact_id])
        if contact_id not in index.contacts:
            raise NotFound(f"No contact and no linked interaction has the id {id_}.")
        canonical = index.canonical(contact_id)
        members = frozenset(index.members(canonical))
        self._reader.load_edges(members)
        numbers = self._reader.load_all_of(members)
        rows = [row for row in map(index.interaction, numbers) if row is not None]
        if linked is not None:
            rows = [row for row in rows if row.interaction_id == id_]
        identity = index.identity(canonical)
        refused = frozenset(
            (member, other) for member in members for other in index.contacts[member].state.refused
        )
        return Side(
            id_,
            canonical,
            members,
            identity.division,
            identity.stage,
            refused,
            tuple(rows),
            identity.presence == "live",
        )

    def are_told_apart(self, one: Side, other: Side) -> bool:
        """Tell whether a person said that the two are two people."""
        return any(
            len(pair & one.members) == 1 and len(pair & other.members) == 1
            for pair in self._index.apart_at(self._now)
        )

    def nodes(self, one: Side, other: Side, commons: Sequence[Common]) -> dict[int, Node]:
        """Return the nodes of both sides, and of the contacts that use a value they have in common.

        Those of one contact are anchored together: whether they belong together is not asked here.
        """
        index = self._index
        used = (index.interaction(use.key) for common in commons for use in common.uses)
        users = {row.contact_id for row in used if row is not None and row.contact_id is not None}
        others = {member for user in users for member in index.members_of(user)}
        others -= one.members | other.members
        numbers = self._reader.load_all_of(others)
        rows = {row.number: row for side in (one, other) for row in side.rows}
        rows |= {row.number: row for row in map(index.interaction, numbers) if row is not None}
        asked = one.asked, other.asked
        return {number: self._node(row, asked) for number, row in rows.items()}

    def commons(self, one: Side, other: Side) -> list[Common]:
        """Return the values that both sides mention, in one order for every run."""
        ours, theirs = _mentions(one), _mentions(other)
        both = {digest: ours[digest] for digest in sorted(ours.keys() & theirs.keys())}
        reader, index = self._reader, self._index
        keys = {mention_key(mention) for mention in both.values()}
        reader.load_postings(keys - index.keys_read(), MOST_USES)
        numbers = {number for key in keys for number in index.numbers_under(key)}
        reader.load_nearby(numbers, ())
        unknown = [digest for digest in both if digest not in index.identifiers]
        reader.load_identifiers(unknown)
        states = [known.state for one in both if (known := index.identifiers.get(one)) is not None]
        corrections = [state.corrections for state in states if state is not None]
        named = set[ContactId]().union(*map(named_by_corrections, corrections))
        reader.load_nearby((), named)
        return [self._common(mention, one, other) for mention in both.values()]

    def refused_by_re_evaluation(self, one: Side, other: Side) -> str | None:
        """Return the guard by which re-evaluation would keep the two apart now, None if by none.

        Others around them may have been joined before it was their turn, so all of them are looked at.
        """
        # Into a working set in which no value was read in part.
        reader = self._store.index.begin(self._reader.cursor)
        numbers = [row.number for side in (one, other) for row in side.rows]
        component, clusters = final_clusters(reader, self._rules, self._now, numbers)
        both = {one.canonical, other.canonical}
        for pair, guard in by_strength(clusters.refused):
            ends = (component.row(end).contact_id for end in (pair.one, pair.other))
            if {reader.index.canonical(end) for end in ends if end is not None} == both:
                return guard
        return None

    def share_a_key(self, one: InteractionRow, other: InteractionRow, division: str) -> bool:
        """Tell whether a block key in use brings two records together."""
        secret = self._reader.digests.block_secret(division)
        ours, theirs = (
            set(hashed_keys(row.record, secret, self._index.is_crowded)) for row in (one, other)
        )
        return not ours.isdisjoint(theirs)

    def _common(self, mention: Mention, one: Side, other: Side) -> Common:
        identifier = self._index.identifiers.get(mention.digest)
        state = identifier.state if identifier is not None else None
        asked = {row.number for side in (one, other) for row in side.rows}
        users = set(self._index.numbers_under(mention_key(mention))) | asked
        marks = state.shared_by if state is not None else ()
        # The cap on holders binds decisions on arrival alone: it counts contacts, not people.
        common = Common(mention.digest, is_shared="names" in marks or "person" in marks)
        corrections = self._index.corrections(state) if state is not None else ()
        used: list[tuple[InteractionRow, IdentifierClass]] = []
        for number in sorted(users):
            row = self._index.interaction(number)
            if row is None or not takes_part(row):
                continue
            if row.contact_id in one.members | other.members and number not in asked:
                continue  # another interaction of the contact, where a single one was asked for
            for said in row.mentions:
                if said.digest == mention.digest:
                    used.append((row, self._class(said, row)))
                    break
        common.uses = _uses(used)
        common.eras = [*map(_uses, self._component.eras(mention.digest, used))]
        common.corrected = {
            row.number for row, _ in used if row.corrected or of_row(row, corrections)
        }
        common.right = list(led_to_right(self._index, state, used)) if state is not None else []
        return common

    # The component of re-evaluation knows how policy and mention make a class and a node.

    def _class(self, mention: Mention, row: InteractionRow) -> IdentifierClass:
        return self._component.class_of(mention, row)

    def _node(self, row: InteractionRow, asked: Sequence[str]) -> Node:
        node = self._component.node(row)
        if row.contact_id is None:
            return node
        canonical = self._index.canonical(row.contact_id)
        is_identified = self._index.stage(canonical) is not Stage.EPHEMERAL
        # An interaction that was asked for stands for itself alone.
        of_contact = is_identified and row.interaction_id not in asked
        return node._replace(anchor=canonical, lasting=node.lasting or of_contact)


def _uses(used: Iterable[tuple[InteractionRow, IdentifierClass]]) -> list[Use]:
    return [Use(row.number, class_.value) for row, class_ in used]


def _mentions(side: Side) -> dict[bytes, Mention]:
    return {mention.digest: mention for row in side.rows for mention in row.mentions}
