"""What decisions are given: the holders of their identifiers, and the records worth comparing.

All that a batch may need is loaded before its first decision, one query for each kind of row. A record
is near by shared block keys; only a contact that has a near record in the review band, or that holds
an identifier, comes with more of its records, because only there a guard will ask for them.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from aggregates.policy import Policy
from aggregates.values import ContactId, InteractionId
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import Prepared
from identity_engine.application.rules import Rules
from identity_engine.event_store.match_index.index_reader import IndexReader
from matchers.vocabulary import Candidate, ContactFacts, HeldIdentifier, Holder
from projections.match_index.identities import microseconds
from projections.match_index.index import MatchIndex
from projections.match_index.postings import arrival
from projections.match_index.rows import InteractionRow

Weights = dict[str, int]
"""Interaction id of a record -> its weight against one incoming interaction, in millibits."""


class Lookup:
    """The reads of one batch, over the index that its own decisions change.

    Args:
        reader: of the batch.
        rules: those in force.
    """

    def __init__(self, reader: IndexReader, rules: Rules) -> None:
        self._reader = reader
        self.index = reader.index
        """What is loaded, and what the decisions have changed in it."""
        self._rules = rules
        self._members = rules.policy.guards.members_compared
        self._weights: defaultdict[str, Weights] = defaultdict(dict)
        self._near: dict[str, list[int]] = {}
        self._near_as_of = 0
        self.crowding = Crowding(reader, rules.policy.block_cap)

    def with_keys_in_use(self, prepared: Prepared) -> Prepared:
        """Return an interaction with finer keys for those that are crowded."""
        return self._refined(prepared) if self.index.are_crowded(prepared.block_keys) else prepared

    def with_keys_of_now(self, prepared: Prepared) -> Prepared:
        """Return an interaction of the batch, whose keys were in use when it began, with finer keys for
        those that have become crowded since."""
        has_changed = self.index.have_become_crowded(prepared.block_keys)
        return self._refined(prepared) if has_changed else prepared

    def _refined(self, prepared: Prepared) -> Prepared:
        keys = self.crowding.keys(prepared.record, prepared.fact.division)
        return replace(prepared, comparable=replace(prepared.comparable, block_keys=keys))

    def load(self, batch: Sequence[Prepared]) -> None:
        """Load all that the decisions of a batch may read."""
        reader, index = self._reader, self.index
        reader.load_identifiers(_digests(batch))
        alike = [one for one in batch if not self._is_held(one)]
        self.load_keys(batch)
        near = {one.fact.natural_key: nearest(one, index, self._rules.policy) for one in alike}
        self._near, self._near_as_of = near, index.posted
        numbers = {number for one in near.values() for number in one}
        reader.load_nearby(numbers, index.holders())
        asked = {index.canonical(holder) for holder in index.holders()}
        for one in alike:
            asked |= self._in_question(one, self._rows(near[one.fact.natural_key]))
        self._load_members(asked)

    def load_unresolved(self, batch: Sequence[Prepared]) -> None:
        """Load what interactions that are not resolved change: each claims its identifiers all the same,
        of which a value has one stream, and stands under its keys."""
        self.load_keys(batch)
        if digests := _digests(batch):
            self._reader.load_identifiers(digests)
            self._reader.load_nearby((), self.index.holders())

    def load_keys(self, batch: Iterable[Prepared]) -> None:
        """Load who stands under the block keys of interactions."""
        self.crowding.load((key for one in batch for key in one.block_keys), may_grow=True)

    def load_written(self, digests: Collection[bytes], contact_ids: Iterable[ContactId]) -> None:
        """Load what decisions that were taken before may have changed."""
        self._reader.load_identifiers(list(digests))
        self._reader.load_nearby((), contact_ids)

    def correct(self, row: InteractionRow, prepared: Prepared) -> None:
        """Let a row say something else; what it weighed before counts no more."""
        self.crowding.evaluate_near(row)
        self.crowding.replace(row, prepared.comparable, prepared.fact.division)
        for weights in self._weights.values():
            weights.pop(row.interaction_id, None)

    def weights(self, prepared: Prepared) -> Weights:
        """Return the weights that are known of records near an interaction; a decision adds more."""
        return self._weights[prepared.fact.natural_key]

    def of_holders(self, prepared: Prepared) -> tuple[list[Candidate], dict[str, ContactFacts]]:
        """Return the newest records of the holders of an interaction's identifiers, and their facts."""
        asked = holders(prepared, self.index)
        if not asked:
            return [], {}
        chosen = self._newest_of(asked)
        return self._candidates(prepared, chosen.values()), self._facts(asked)

    def near(self, prepared: Prepared) -> tuple[list[Candidate], dict[str, ContactFacts]]:
        """Return the nearest records by block key, and the newest of each contact in question.

        A decision within the batch can bring records near that were not loaded with it.
        """
        index, rows = self.index, self._rows(self._nearest(prepared))
        chosen = {row.interaction_id: row for row in rows}
        asked = self._in_question(prepared, rows) | holders(prepared, index)
        chosen |= self._newest_of(asked)
        candidates = self._candidates(prepared, chosen.values())
        named = {ContactId(candidate.contact_id) for candidate in candidates}
        return candidates, self._facts(named | asked)

    def _nearest(self, prepared: Prepared) -> list[int]:
        """Return the numbers of the nearest records, and have them loaded with their contacts."""
        index = self.index
        known = self._near.get(prepared.fact.natural_key)
        if known is not None and self._near_as_of == index.posted:
            return known
        self.crowding.load(prepared.block_keys, may_grow=True)
        numbers = nearest(prepared, index, self._rules.policy)
        self._reader.load_interactions(numbers)
        linked = {row.contact_id for row in self._rows(numbers) if row.contact_id is not None}
        if not linked <= index.contacts.keys():
            self._reader.load_nearby((), linked)
        return numbers

    def _is_held(self, prepared: Prepared) -> bool:
        """Tell whether an exact identifier will most likely decide, so that likeness is not asked."""
        for considered in prepared.identifiers:
            row = self.index.identifiers.get(considered.digest)
            state = row.state if row is not None else None
            if state is not None and not state.shared and state.holders_at(prepared.time):
                return True
        return False

    def _newest_of(self, canonicals: Iterable[ContactId]) -> dict[InteractionId, InteractionRow]:
        asked = sorted(canonicals)
        self._load_members(asked)
        chosen: dict[InteractionId, InteractionRow] = {}
        for canonical in asked:
            members = [
                row
                for member in self.index.members(canonical)
                for row in self.index.interactions_of(member)
                if row.record is not None
            ]
            if len(members) > self._members:
                members.sort(key=_arrival, reverse=True)
            chosen |= {row.interaction_id: row for row in members[: self._members]}
        return chosen

    def _candidates(self, prepared: Prepared, rows: Iterable[InteractionRow]) -> list[Candidate]:
        index, division = self.index, prepared.fact.division
        return [
            Candidate(index.canonical(row.contact_id), row.interaction_id, row.record)
            for row in rows
            if row.record is not None
            and row.contact_id is not None
            and not row.hidden
            and index.contacts[row.contact_id].state.division == division
        ]

    def _facts(self, canonicals: Iterable[ContactId]) -> dict[str, ContactFacts]:
        """Return what the guards need to know of identities."""
        return {canonical: self._facts_of(canonical) for canonical in canonicals}

    def _facts_of(self, canonical: ContactId) -> ContactFacts:
        members = self.index.members(canonical)
        if len(members) == 1:
            state = self.index.contacts[canonical].state
            return ContactFacts(canonical, state.stage.value, state.exclusive, state.interactions)
        states = [self.index.contacts[member].state for member in sorted(members)]
        return ContactFacts(
            canonical,
            self.index.identity(canonical).stage.value,
            {type_: held for state in states for type_, held in state.exclusive.items()},
            sum(state.interactions for state in states),
            frozenset(held for state in states for held in state.exclusive.values()),
        )

    def _load_members(self, canonicals: Iterable[ContactId]) -> None:
        members = (member for one in canonicals for member in self.index.members(one))
        self._reader.load_members(members, self._members)

    def _rows(self, numbers: Iterable[int]) -> list[InteractionRow]:
        return self.index.interactions(numbers)

    def _in_question(self, prepared: Prepared, near: Iterable[InteractionRow]) -> set[ContactId]:
        """Return the identities of which a near record weighs enough to ask for more of them."""
        if prepared.record is None:
            return set()
        weights = self.weights(prepared)
        weigh, enough = self._rules.scorer.weight, self._rules.link_rules.review
        asked = set()
        for row in near:
            if row.record is None or row.contact_id is None:
                continue
            weight = weights.get(row.interaction_id)
            if weight is None:
                weight = weights[row.interaction_id] = weigh(prepared.record, row.record)
            if weight >= enough:
                asked.add(self.index.canonical(row.contact_id))
        return asked


def _digests(batch: Iterable[Prepared]) -> list[bytes]:
    return list({considered.digest for one in batch for considered in one.identifiers})


def held_identifiers(prepared: Prepared, index: MatchIndex) -> list[HeldIdentifier]:
    """Return who held each identifier at the interaction's own time.

    Where both this interaction and a holder have the value verified, only verified holders count;
    otherwise the value is no more than weak evidence. A contact that has moved to another division
    since is found there.
    """
    held = []
    division = prepared.fact.division
    for considered in prepared.identifiers:
        row = index.identifiers.get(considered.digest)
        if row is None or row.state is None:
            continue
        holdings = index.holders_at(row.state, prepared.time)
        shared, skipped, proposed = row.state.shared, None, None
        corrections = [one for one in index.corrections(row.state) if one.since <= prepared.time]
        if corrections:
            last = corrections[-1]
            skipped = index.canonical(last.contact_id)
            if last.right is not None and _lies_in(division, last.right, index):
                proposed = index.canonical(last.right)
            right = index.right_holder(row.state, corrections)
            holdings = row.state.held_by(index.members(right)) if right is not None else ()
            shared = shared and right is None
        holdings = tuple(one for one in holdings if _lies_in(division, one.contact_id, index))
        class_ = considered.identifier_class
        if class_ in ("exclusive", "strong"):
            verified = tuple(holding for holding in holdings if holding.verified)
            holdings = verified or holdings
            class_ = class_ if verified else type(class_).WEAK
        held.append(
            HeldIdentifier(
                row.identifier_id,
                class_.value,
                considered.verified,
                shared,
                _earliest(index, (holding.contact_id for holding in holdings)),
                skipped,
                proposed,
            )
        )
    return held


def _lies_in(division: str, contact_id: ContactId, index: MatchIndex) -> bool:
    return index.contacts[contact_id].state.division == division


def _earliest(index: MatchIndex, contact_ids: Iterable[ContactId]) -> tuple[Holder, ...]:
    """Return each identity among these contacts once, with when it was first seen."""
    canonicals = dict.fromkeys(map(index.canonical, contact_ids))
    return tuple(
        Holder(
            canonical,
            min(
                microseconds(index.contacts[member].state.first_seen)
                for member in index.members(canonical)
            ),
        )
        for canonical in canonicals
    )


def own_exclusive(prepared: Prepared, index: MatchIndex) -> dict[str, str]:
    """Return the exclusive identifiers of the interaction: type -> identifier id."""
    own = {}
    for considered in prepared.identifiers:
        if considered.identifier_class == "exclusive":
            row = index.identifiers.get(considered.digest)
            own[considered.given.type] = row.identifier_id if row is not None else "unseen"
    return own


def nearest(prepared: Prepared, index: MatchIndex, policy: Policy) -> list[int]:
    """Return the numbers of the records to compare with an interaction, the nearest first.

    Records that share more and rarer block keys come first; ties go to the older record, so that a
    batch of any size sees the same. Of a key that stays crowded only the oldest records count; how many
    more there are is not known of those that are stored, and so plays no part.
    """
    cap, block_cap = policy.candidate_cap, policy.block_cap
    full = block_cap + 1
    found = [
        (min(len(numbers), full), numbers if len(numbers) < full else numbers[: min(cap, full)])
        for numbers in map(index.numbers_under, prepared.block_keys)
        if numbers
    ]
    in_order = sorted(set[int]().union(*[known for _, known in found]))
    # As `arrival` orders them, and faster.
    first = bisect_left(in_order, 0)
    oldest_first = in_order[first:] + in_order[:first][::-1]
    if len(oldest_first) <= cap:
        return oldest_first
    shared: defaultdict[int, float] = defaultdict(float)
    for size, known in found:
        for number in known:
            shared[number] += 1.0 + 1.0 / size
    nearest_first = sorted(oldest_first, key=shared.__getitem__, reverse=True)
    return nearest_first[:cap]


def holders(prepared: Prepared, index: MatchIndex) -> set[ContactId]:
    """Return every identity that is there and holds or held an identifier of the interaction."""
    rows = (index.identifiers.get(considered.digest) for considered in prepared.identifiers)
    return {
        index.canonical(holding.contact_id)
        for row in rows
        if row is not None and row.state is not None
        for holding in row.state.holdings
        if index.is_live(holding.contact_id)
    }


def _arrival(row: InteractionRow) -> tuple[bool, int]:
    """Order rows as they came. An id may be older: a change that came first has asked for it."""
    return arrival(row.number)
