"""From the final clusters to events: what differs from the links and merges in force.

Each contact has a home, the cluster that most of its interactions belong to. An interaction elsewhere
is moved, engine merges between two homes are taken back, contacts of one home are merged.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from aggregates import contact as contacts
from aggregates.contact import ContactUnmerged, MergeEdge
from aggregates.errors import Refused as RuleRefused
from aggregates.identifier import IdentifierReassigned, IdentifierShared, IdentifierUnshared
from aggregates.identity import Merge, decide_merge, survivor_of
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import (
    ContactId,
    Evidence,
    InteractionId,
    MergeId,
)
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.reevaluation.across import AcrossDivisions
from identity_engine.application.reevaluation.carried import not_carried
from identity_engine.application.reevaluation.claims import Claims
from identity_engine.application.reevaluation.component import Component
from identity_engine.application.reevaluation.evidence import evidence_of
from identity_engine.application.reevaluation.moments import last_seen, time_of
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.application.reevaluation.stages import Stages
from identity_engine.application.resolution.vouching import Vouching
from identity_engine.application.rules import Rules
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.conversation_tables import load_heard
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore, stream_versions
from matchers.clustering import Clusters, Refused, home
from matchers.proposals import Pair
from projections.match_index.identities import moment_of
from projections.match_index.rows import IdentifierRow, InteractionRow


class Difference:
    """The events of one step."""

    def __init__(
        self,
        store: EventStore,
        world: World,
        rules: Rules,
        reader: IndexReader,
        component: Component,
        clusters: Clusters,
    ) -> None:
        self._world, self._rules, self._component = world, rules, component
        self._reader, self._index = reader, reader.index
        self._fact_writer = FactWriter(world, rules.actor, reader.index)
        self._claims = Claims(store, reader, rules, self._fact_writer)
        self._across = AcrossDivisions(store, world, rules, reader, component)
        self._joins, self._refused = clusters.joins, list(clusters.refused)
        self._lasting = clusters.lasting
        self._cluster_of = {
            key: place for place, group in enumerate(clusters.groups) for key in group
        }
        self._groups = clusters.groups
        self._home: dict[ContactId, int] = {}
        self._given: dict[int, ContactId] = {}
        self._heard: dict[InteractionId, list[bytes]] = {}
        self._store = store

    def tell(self, total: Reevaluated) -> list[Pending]:
        """Return the events, and count them."""
        total.shared += self._mark_shared()
        self._find_homes()
        total.moved += self._move_strays()
        stages = self._stages()
        stages.settle({*self._component.contacts, *self._home})
        total.unmerged += self._unmerge(stages.showing())
        total.merged += self._merge()
        stages.settle_identities()
        self._record_refusals()
        total.across += self._across.tell(self._fact_writer)
        return self._fact_writer.events

    def _mark_shared(self) -> int:
        """Say which values turned out to be shared, and which no longer are."""
        shared = 0
        for digest, crowd in sorted(self._component.shared.items()):
            row = self._index.identifiers.get(digest)
            if row is not None and row.state is not None:
                fact = IdentifierShared(by="names", holders=crowd.people)
                self._fact_writer.write(row.identifier_id, moment_of(crowd.since), [fact])
                shared += 1
        for digest, last in sorted(self._component.unshared.items()):
            row = self._index.identifiers[digest]
            self._fact_writer.write(
                row.identifier_id, moment_of(last), [IdentifierUnshared(by="names")]
            )
        return shared

    def _find_homes(self) -> None:
        """Give each contact the cluster of most of its interactions, in a tie of the earliest.

        What a person linked says where it belongs itself, not where the others do: it counts only
        where there are no others. What a person has moved speaks for its whole cluster.
        """
        of_contact: defaultdict[ContactId, list[int]] = defaultdict(list)
        for place, group in enumerate(self._groups):
            for key in group:
                row = self._component.row(key)
                assert row.contact_id is not None
                if row.corrected:
                    self._given.setdefault(place, row.contact_id)
                of_contact[row.contact_id].append(key)
        for contact_id, keys in of_contact.items():
            telling = [key for key in keys if self._tells_home(key)]
            self._home[contact_id] = home(
                telling or keys, self._component.nodes, self._cluster_of, self._age_of_group
            )

    def _tells_home(self, key: int) -> bool:
        row = self._component.row(key)
        return self._cluster_of[key] not in self._given and (row.is_by_hand or not row.pinned)

    def _age(self, key: int) -> tuple[int, str]:
        node = self._component.nodes[key]
        return node.time, node.name

    def _age_of_group(self, place: int) -> tuple[int, str]:
        return self._age(self._groups[place][0])

    def _move_strays(self) -> int:
        """Give each interaction that is not where its contact is at home to a contact that is."""
        strays = [
            key
            for group in self._groups
            for key in group
            if not self._component.row(key).pinned and self._is_stray(key)
        ]
        ids = [self._component.row(key).interaction_id for key in strays]
        self._index.versions |= stream_versions(self._reader.cursor, ids)
        self._load_heard(ids)
        at_home = dict(self._given)
        for contact_id in sorted(self._home, key=self._seniority):
            at_home.setdefault(self._home[contact_id], contact_id)
        left: dict[tuple[ContactId, bytes], None] = {}
        touched: dict[tuple[ContactId, bytes], datetime] = {}
        for key in strays:
            place = self._cluster_of[key]
            if place not in at_home:
                at_home[place] = self._new_contact(self._component.row(key))
                self._home[at_home[place]] = place
            row = self._component.row(key)
            before = self._linked(key)
            claims = self._move(row, at_home[place], self._evidence_of_move(row))
            left |= dict.fromkeys((before, digest) for digest in claims)
            touched |= {
                (one, digest): time_of(row)
                for one in (before, at_home[place])
                for digest in self._said(row)
            }
        self._claims.renew(left)
        self._settle_claims(touched)
        return len(strays)

    def _stages(self) -> Stages:
        row = self._component.row
        return Stages(
            self._store,
            self._reader,
            self._fact_writer,
            list(map(row, self._component.nodes)),
            [(row(pair.one), row(pair.other), pair.value) for pair in self._lasting],
            self._component.lasting_values,
        )

    def _load_heard(self, interaction_ids: Sequence[InteractionId]) -> None:
        """Load what was claimed on the word of messages: it goes along too."""
        self._heard = load_heard(self._reader.cursor, interaction_ids)
        digests = [one for some in self._heard.values() for one in some]
        self._reader.load_identifiers([d for d in digests if d not in self._index.identifiers])
        self._reader.load_nearby((), self._index.holders())

    def _is_stray(self, key: int) -> bool:
        place, linked = self._cluster_of[key], self._linked(key)
        given = self._given.get(place)
        if given is not None:
            return not self._index.are_one(given, linked)
        return self._home[linked] != place

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
        self._fact_writer.write(fresh, time_of(row), contacts.decide(None, command))
        return fresh

    def _evidence_of_move(self, row: InteractionRow) -> Evidence:
        join = self._join_of(row.number)
        return self._evidence(join, row) if join is not None else self._no_evidence()

    def _move(self, row: InteractionRow, target: ContactId, evidence: Evidence) -> list[bytes]:
        """Give an interaction to another contact with its claims, and return the digests of those."""
        held = row.contact_id
        assert held is not None
        time = time_of(row)
        unlinked = InteractionUnlinked(contact_id=held)
        linked = InteractionLinked(contact_id=target, evidence=evidence)
        self._fact_writer.write(row.interaction_id, time, [unlinked, linked])
        claimed = self._claims_of(row, held)
        for identifier in claimed:
            fact = IdentifierReassigned(
                contact_id=target, from_contact_id=held, interaction_id=row.interaction_id
            )
            self._fact_writer.write(identifier.identifier_id, time, [fact])
        return [identifier.digest for identifier in claimed]

    def _claims_of(self, row: InteractionRow, held: ContactId) -> list[IdentifierRow]:
        """Return the identifiers that the contact holds on the word of this interaction."""
        rows = map(self._index.identifiers.get, self._said(row))
        return [
            one
            for one in {id(one): one for one in rows if one is not None}.values()
            if one.state is not None
            and any(
                claim.contact_id == held
                and claim.interaction_id == row.interaction_id
                and not claim.is_vouched_for  # a person said that it is this contact's
                for claim in one.state.holdings
            )
        ]

    def _said(self, row: InteractionRow) -> tuple[bytes, ...]:
        """Return the values that an interaction gave, also in its messages, by their digests."""
        said = (mention.digest for mention in row.mentions)
        return (*said, *self._heard.get(row.interaction_id, ()))

    def _settle_claims(self, touched: Mapping[tuple[ContactId, bytes], datetime]) -> None:
        """Let what the moved interactions show of their values hold where they are now."""
        vouching = Vouching(self._reader, self._rules.policy)
        for row, fact in vouching.settle(touched):
            time = touched[fact.contact_id, row.digest]
            self._fact_writer.write(row.identifier_id, time, [fact])

    def _unmerge(self, showing: Collection[int]) -> int:
        """Take back the engine's merges that the clusters do not carry."""
        lasting = {self._cluster_of[number] for number in showing}
        wrong = not_carried(self._index, self._component.contacts, self._home, lasting)
        # The survivor of its day may have left the identity since; its row follows its stream.
        streams = {edge.stream for edge in wrong}
        self._reader.load_nearby((), streams)
        for edge in wrong:
            fact = ContactUnmerged(
                merge_id=edge.merge_id,
                edges=(MergeEdge(one=edge.one, other=edge.other),),
                automatic=True,
                cause="evidence_changed",
            )
            time = self._last_seen(edge.one, edge.other)
            self._fact_writer.write(edge.stream, time, [fact])
        return len(wrong)

    def _last_seen(self, *contact_ids: ContactId) -> datetime:
        return last_seen(self._reader, contact_ids)

    def _merge(self) -> int:
        """Merge contacts of one home along the pairs that joined their interactions."""
        merged = 0
        for join in self._joins:
            one, other = self._linked(join.one), self._linked(join.other)
            if self._home[one] != self._home[other] or self._index.are_one(one, other):
                continue
            merged += self._merge_two(one, other, join)
        return merged

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
        except RuleRefused as refused:
            self._refused.append(Refused(join, refused.reason))
            return 0
        born = {
            id_: self._index.contacts[id_].state.born
            for id_ in (ours.canonical_id, theirs.canonical_id)
        }
        survivor = survivor_of(ours, theirs, born)
        time = max(time_of(row), time_of(self._component.row(join.other)))
        self._fact_writer.write(survivor, time, [fact])
        return 1

    def _record_refusals(self) -> None:
        """Say which guard keeps two identities apart of which records are strong enough to be one: for
        each two the strongest pair. What was said before and is so no longer is ended."""
        found: dict[tuple[ContactId, ContactId], Refused] = {}
        identities = set[frozenset[ContactId]]()
        for refused in by_strength(self._refused):
            one, other = sorted(map(self._linked, (refused.pair.one, refused.pair.other)))
            both = frozenset(map(self._index.canonical, (one, other)))
            if len(both) > 1 and both not in identities:
                identities.add(both)
                told = self._are_told_apart(one, other)
                found[one, other] = refused._replace(guard="told_apart") if told else refused
        for one in sorted(self._component.contacts):
            for other in sorted(self._index.contacts[one].state.refused):
                if (one, other) not in found:
                    over = self._last_seen(one, other)
                    self._tell(one, contacts.EndRefusal(other), over)
        for (one, other), (pair, guard) in found.items():
            rows = self._component.row(pair.one), self._component.row(pair.other)
            command = contacts.RefuseMerge(other, guard, self._evidence(pair, rows[0]))
            self._tell(one, command, max(map(time_of, rows)))

    def _are_told_apart(self, one: ContactId, other: ContactId) -> bool:
        ours, theirs = (self._index.members_of(end) for end in (one, other))
        apart = self._index.apart_at(self._world.now())
        return any(pair & ours and pair & theirs for pair in apart)

    def _tell(
        self, contact_id: ContactId, command: contacts.ContactCommand, time: datetime
    ) -> None:
        row = self._index.contacts[contact_id]
        self._fact_writer.write(contact_id, time, contacts.decide(row.state, command))

    def _join_of(self, key: int) -> Pair | None:
        """Return the pair that brought a record into its cluster."""
        return next((join for join in self._joins if key in (join.one, join.other)), None)

    def _evidence(self, join: Pair, about: InteractionRow) -> Evidence:
        return evidence_of(self._component.row, self._rules, self._index, join, about)

    def _no_evidence(self) -> Evidence:
        return Evidence(
            rule="none", model=self._rules.model_version, policy=self._rules.policy_version
        )


def by_strength(refused: Sequence[Refused]) -> list[Refused]:
    """Order refusals as their nodes were first met, those of the same two nodes by guard and rule.

    Two nodes may have several values in common. Which of them was met first hangs on the digests, and
    those on the keys of the store.
    """
    met: dict[tuple[int, int], int] = {}
    for pair, _ in refused:
        met.setdefault((pair.one, pair.other), len(met))
    return sorted(
        refused, key=lambda one: (met[one.pair.one, one.pair.other], one.guard, one.pair.rule)
    )
