"""From the final clusters to events: what differs from the links and merges in force.

Each contact has a home, the cluster that most of its interactions belong to. An interaction elsewhere
is moved, engine merges between two homes are taken back, contacts of one home are merged.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from sqlite3 import Cursor
from typing import TYPE_CHECKING

from aggregates import contact as contacts
from aggregates.contact import ContactUnmerged, MergeEdge
from aggregates.errors import RuleViolation
from aggregates.identifier import IdentifierReassigned, IdentifierShared, IdentifierUnshared
from aggregates.identity import Merge, decide_merge, survivor_of
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import (
    ComparisonEvidence,
    ContactId,
    Evidence,
    IdentifierId,
    InteractionId,
    MergeId,
)
from identity_engine.adapters.clock import World
from identity_engine.application.pen import Pen
from identity_engine.application.reevaluation.component import Component
from identity_engine.application.rules import Rules
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import stream_versions
from matchers.clustering import Clusters, Pair
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow

if TYPE_CHECKING:
    from identity_engine.application.reevaluation.reevaluate import Reevaluated

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Difference:
    """The events of one step."""

    def __init__(
        self,
        cursor: Cursor,
        world: World,
        rules: Rules,
        index: MatchIndex,
        component: Component,
        clusters: Clusters,
    ) -> None:
        self._cursor, self._world, self._rules, self._index = cursor, world, rules, index
        self._component = component
        self._pen = Pen(world, rules.actor, index)
        self._joins = clusters.joins
        self._cluster_of = {
            key: place for place, group in enumerate(clusters.groups) for key in group
        }
        self._groups = clusters.groups
        self._home: dict[ContactId, int] = {}

    def tell(self, total: "Reevaluated") -> list[Pending]:
        """Return the events, and count them."""
        total.shared += self._mark_shared()
        self._find_homes()
        total.moved += self._move_strays()
        total.unmerged += self._unmerge()
        total.merged += self._merge()
        return self._pen.events

    def _mark_shared(self) -> int:
        """Say which values turned out to be shared, and which no longer are."""
        shared = 0
        for digest, people in sorted(self._component.shared.items()):
            row = self._index.identifiers.get(digest)
            if row is not None and row.state is not None:
                fact = IdentifierShared(by="names", holders=people)
                self._pen.write(row.identifier_id, row.version + 1, self._world.now(), fact)
                shared += 1
        for digest in sorted(self._component.unshared):
            row = self._index.identifiers[digest]
            fact_ = IdentifierUnshared(by="names")
            self._pen.write(row.identifier_id, row.version + 1, self._world.now(), fact_)
        return shared

    def _find_homes(self) -> None:
        """Give each contact the cluster of most of its interactions, in a tie of the earliest."""
        of_contact: defaultdict[ContactId, list[int]] = defaultdict(list)
        for group in self._groups:
            for key in group:
                contact_id = self._component.row(key).contact_id
                assert contact_id is not None
                of_contact[contact_id].append(key)
        for contact_id, keys in of_contact.items():
            votes = Counter(self._cluster_of[key] for key in keys)
            pinned = [key for key in keys if self._component.row(key).pinned]
            first = min(pinned or keys, key=self._age)
            best = max(votes.values())
            candidates = [place for place, count in votes.items() if count == best]
            earliest = self._cluster_of[first]
            self._home[contact_id] = (
                earliest
                if pinned or earliest in candidates
                else min(candidates, key=lambda place: self._age(self._groups[place][0]))
            )

    def _age(self, key: int) -> tuple[int, str]:
        node = self._component.nodes[key]
        return node.time, node.name

    def _move_strays(self) -> int:
        """Give each interaction that is not where its contact is at home to a contact that is."""
        strays = [
            key
            for group in self._groups
            for key in group
            if not self._component.row(key).pinned
            and self._home[self._linked(key)] != self._cluster_of[key]
        ]
        ids = [self._component.row(key).interaction_id for key in strays]
        versions = stream_versions(self._cursor, ids)
        at_home: dict[int, ContactId] = {}
        for contact_id in sorted(self._home, key=self._seniority):
            at_home.setdefault(self._home[contact_id], contact_id)
        for key in strays:
            place = self._cluster_of[key]
            if place not in at_home:
                at_home[place] = self._new_contact(self._component.row(key))
                self._home[at_home[place]] = place
            row = self._component.row(key)
            self._move(row, at_home[place], versions[row.interaction_id])
        return len(strays)

    def _linked(self, key: int) -> ContactId:
        contact_id = self._component.row(key).contact_id
        assert contact_id is not None
        return contact_id

    def _seniority(self, contact_id: ContactId) -> tuple[int, datetime, str]:
        state = self._index.contacts[contact_id].state
        return -state.stage.rank, state.born, contact_id

    def _new_contact(self, row: InteractionRow) -> ContactId:
        fresh = ContactId(self._world.new_id())
        division = self._index.contacts[self._linked(row.number)].state.division
        command = contacts.Create(division=division, interaction_id=row.interaction_id)
        for fact in contacts.decide(None, command):
            self._pen.write(fresh, 1, _time(row), fact)
        return fresh

    def _move(self, row: InteractionRow, target: ContactId, version: int) -> None:
        held = row.contact_id
        assert held is not None
        time, join = _time(row), self._join_of(row.number)
        unlinked = InteractionUnlinked(contact_id=held)
        self._pen.write(row.interaction_id, version + 1, time, unlinked)
        evidence = self._evidence(join, row) if join is not None else self._no_evidence()
        linked = InteractionLinked(contact_id=target, evidence=evidence)
        self._pen.write(row.interaction_id, version + 2, time, linked)
        for identifier_id, version_ in self._claims_of(row, held):
            fact = IdentifierReassigned(
                contact_id=target, from_contact_id=held, interaction_id=row.interaction_id
            )
            self._pen.write(identifier_id, version_ + 1, time, fact)

    def _claims_of(self, row: InteractionRow, held: ContactId) -> list[tuple[IdentifierId, int]]:
        """Return the identifiers that the contact holds on the word of this interaction alone."""
        rows = (self._index.identifiers.get(mention.digest) for mention in row.mentions)
        return [
            (one.identifier_id, one.version)
            for one in {id(one): one for one in rows if one is not None}.values()
            if one.state is not None
            and any(
                claim.contact_id == held and claim.interaction_id == row.interaction_id
                for claim in one.state.holdings
            )
        ]

    def _unmerge(self) -> int:
        """Take back the engine's merges of contacts that are at home in different clusters."""
        wrong = [
            edge
            for edge in sorted(self._index.edges)
            if edge.automatic
            and edge.one in self._home
            and edge.other in self._home
            and self._home[edge.one] != self._home[edge.other]
        ]
        for edge in wrong:
            stream = self._index.contacts[edge.stream]
            fact = ContactUnmerged(
                merge_id=edge.merge_id,
                edges=(MergeEdge(one=edge.one, other=edge.other),),
                automatic=True,
                cause="evidence_changed",
            )
            self._pen.write(edge.stream, stream.version + 1, self._world.now(), fact)
        return len(wrong)

    def _merge(self) -> int:
        """Merge contacts of one home along the pairs that joined their interactions."""
        merged = 0
        for join in self._joins:
            one, other = self._linked(join.one), self._linked(join.other)
            if self._home[one] != self._home[other] or self._are_one(one, other):
                continue
            merged += self._merge_two(one, other, join)
        return merged

    def _are_one(self, one: ContactId, other: ContactId) -> bool:
        return self._index.canonical(one) == self._index.canonical(other)

    def _merge_two(self, one: ContactId, other: ContactId, join: Pair) -> int:
        ours, theirs = self._index.identity(one), self._index.identity(other)
        row = self._component.row(join.one)
        command = Merge(
            merge_id=MergeId(self._world.new_id()),
            edge=MergeEdge(one=one, other=other),
            automatic=True,
            evidence=self._evidence(join, row),
        )
        try:
            apart = self._index.apart_at(self._world.now())
            fact = decide_merge(ours, theirs, apart, command)
        except RuleViolation:
            return 0
        born = {
            id_: self._index.contacts[id_].state.born
            for id_ in (ours.canonical_id, theirs.canonical_id)
        }
        survivor = survivor_of(ours, theirs, born)
        time = max(_time(row), _time(self._component.row(join.other)))
        self._pen.write(survivor, self._index.contacts[survivor].version + 1, time, fact)
        return 1

    def _join_of(self, key: int) -> Pair | None:
        """Return the pair that brought a record into its cluster."""
        return next((join for join in self._joins if key in (join.one, join.other)), None)

    def _evidence(self, join: Pair, about: InteractionRow) -> Evidence:
        one, other = self._component.row(join.one), self._component.row(join.other)
        score = None
        if one.record is not None and other.record is not None:
            score = self._rules.scorer.explain(one.record, other.record)
        matched = other if about.number == one.number else one
        return Evidence(
            rule=join.rule,
            model=self._rules.model_version,
            policy=self._rules.policy_version,
            weight=score.weight if score is not None else 0,
            prior=score.prior if score is not None else 0,
            comparisons=tuple(
                ComparisonEvidence(name=part.comparison, level=part.level, weight=part.weight)
                for part in (score.parts if score is not None else ())
            ),
            interaction_id=matched.interaction_id,
            against=InteractionId(about.interaction_id),
            identifiers=tuple(self._identifiers(join)),
        )

    def _no_evidence(self) -> Evidence:
        return Evidence(
            rule="none", model=self._rules.model_version, policy=self._rules.policy_version
        )

    def _identifiers(self, join: Pair) -> list[IdentifierId]:
        row = self._index.identifiers.get(join.value) if join.value else None
        return [row.identifier_id] if row is not None else []


def _time(row: InteractionRow) -> datetime:
    return EPOCH + timedelta(microseconds=row.time)
