"""Who may be the same person as this contact: by values in common and by likeness, with the evidence.

Read under the rules in force; nothing is written, and a contact that was told apart is not proposed.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import product

from msgspec import Struct

from aggregates.merging import are_apart
from aggregates.values import ContactId, IdentifierClass
from identity_engine.application.explanation.pair import Pair, Side
from identity_engine.application.explanation.waterfall import Part, parts_of_score
from identity_engine.application.policies import Policies
from identity_engine.application.reevaluation.component import MOST_USES
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.rules import Rules
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from matchers.scoring import in_bits
from projections.match_index.mentions import mention_key
from projections.match_index.rows import InteractionRow

MOST_RECORDS = 50
"""Records of the contact that are compared with others, the newest first."""

ANONYMOUS = (IdentifierClass.DEVICE, IdentifierClass.PLACE)
"""Classes of values that several people use: one in common proposes nobody by itself."""


class InCommon(Struct, frozen=True):
    """A value that both mention: its identifier, how much one of its class may decide, and whether it
    stands for several people."""

    identifier_id: str
    identifier_class: str
    shared: bool


class Duplicate(Struct, frozen=True):
    """A contact that may be the same person.

    `bits` is the weight of the two interactions that are most alike, which are `compared` and whose
    `parts` add up to it; None where nothing can be compared.
    """

    contact_id: ContactId
    stage: str
    in_common: tuple[InCommon, ...]
    bits: float | None = None
    compared: tuple[str, str] | None = None
    parts: tuple[Part, ...] = ()


def duplicates_of(
    store: EventStore, policies: Policies, contact_id: str, limit: int
) -> list[Duplicate]:
    """Return the most likely duplicates of a contact: those with a value of their own in common first,
    then the most alike.

    Args:
        store: the stored rows.
        policies: know the rules in force.
        contact_id: the contact.
        limit: at most this many.

    Raises:
        NotFound: there is no such contact.
    """
    with store.reading() as cursor:
        reader = store.index.begin(cursor)
        policies.follow(reader)
        side = Pair(store, reader, policies.rules).side(contact_id)
        search = _Search(reader, policies.rules, side, store.now())
        found = [search.duplicate(one, rows) for one, rows in search.near().items()]
    likely = [one for one in found if one is not None]
    likely.sort(key=lambda one: (not _proposes(one.in_common), -(one.bits or 0), one.contact_id))
    return likely[:limit]


class _Search:
    def __init__(self, reader: IndexReader, rules: Rules, side: Side, now: datetime) -> None:
        self._reader, self._index = reader, reader.index
        self._rules, self._side, self._now = rules, side, now
        self._crowding = Crowding(reader, rules.policy.block_cap)
        self._records = [*side.records][:MOST_RECORDS]
        self._mentions = {said.digest for row in side.rows for said in row.mentions}

    def near(self) -> dict[ContactId, list[InteractionRow]]:
        """Return the interactions that share a value or a block key with the contact's, by identity."""
        side, reader, index = self._side, self._reader, self._index
        keys = {
            key for row in self._records for key in self._crowding.keys(row.record, side.division)
        }
        keys = {key for key in keys if not index.is_crowded(key)}
        self._crowding.load(keys)
        values = {mention_key(said) for row in side.rows for said in row.mentions}
        reader.load_postings(values - index.keys_read(), MOST_USES)
        numbers = {number for key in keys | values for number in index.numbers_under(key)}
        reader.load_nearby(numbers, ())
        reader.load_identifiers(list(self._mentions))
        near: defaultdict[ContactId, list[InteractionRow]] = defaultdict(list)
        for number in sorted(numbers):
            row = index.interaction(number)
            if row is not None and row.contact_id is not None and self._may_be(row.contact_id):
                near[index.canonical(row.contact_id)].append(row)
        reader.load_edges([m for one in near for m in index.members(one)])
        apart = index.apart_at(self._now)
        return {
            one: rows
            for one, rows in near.items()
            if not are_apart(side.members, index.members(one), apart)
        }

    def duplicate(self, canonical: ContactId, rows: Iterable[InteractionRow]) -> Duplicate | None:
        """Return the evidence for one contact, None where there is too little to show."""
        rows = list(rows)
        in_common = self._in_common(rows)
        stage = self._index.identity(canonical).stage.value
        scorer = self._rules.scorer
        best = max(
            (
                (scorer.weight(one.record, other.record), one.interaction_id, one, other)
                for one, other in product(self._records, rows)
                if one.record is not None and other.record is not None
            ),
            key=lambda weighed: (weighed[0], weighed[1], weighed[3].interaction_id),
            default=None,
        )
        if best is None:
            return Duplicate(canonical, stage, in_common) if _proposes(in_common) else None
        weight, _, one, other = best
        if weight < self._rules.link_rules.review and not _proposes(in_common):
            return None
        assert one.record is not None
        assert other.record is not None
        return Duplicate(
            canonical,
            stage,
            in_common,
            in_bits(weight),
            (one.interaction_id, other.interaction_id),
            parts_of_score(scorer.explain(one.record, other.record), self._rules.model),
        )

    def _may_be(self, contact_id: ContactId) -> bool:
        state = self._index.contacts[contact_id].state
        return (
            contact_id not in self._side.members
            and state.division == self._side.division
            and state.presence == "live"
        )

    def _in_common(self, rows: Iterable[InteractionRow]) -> tuple[InCommon, ...]:
        said = {mention.digest for row in rows for mention in row.mentions} & self._mentions
        known = (self._index.identifiers.get(digest) for digest in sorted(said))
        return tuple(
            InCommon(one.identifier_id, one.state.identifier_class.value, one.state.shared)
            for one in known
            if one is not None and one.state is not None
        )


def _proposes(in_common: Iterable[InCommon]) -> bool:
    """Tell whether a value in common is one that few people share."""
    return any(not one.shared and one.identifier_class not in ANONYMOUS for one in in_common)
