"""Re-evaluation: the provisional links of arrival become the final clusters.

A step takes some interactions that wait, grows their whole components, computes the final clusters and
writes the difference to what is linked now: merges, unmerges and moved links, each with its evidence.
It undoes what the engine did, never what a person did. It decides on one reading of the store and writes
where nothing of that has moved; else it decides again under the write lock. Work waits in the index
until a step settles it in the transaction of its events, so it can stop at any moment and go on.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from time import monotonic

from msgspec import Struct

from aggregates.contact import ContactToldApartLifted
from aggregates.policy import POLICY_STREAMS, ReevaluationRequested
from aggregates.values import InteractionId
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter, header_of_its_own
from identity_engine.application.gc_pause import no_garbage_collection
from identity_engine.application.policies import Policies
from identity_engine.application.reevaluation.component import Component
from identity_engine.application.reevaluation.difference import Difference
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.application.rules import Rules
from identity_engine.errors import Conflict
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.evaluation_queue import (
    count_waiting,
    find_no_longer_apart,
    find_waiting,
    settle,
)
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore, stream_versions
from identity_engine.observing.logbook import Logbook
from matchers.clustering import Clusters, cluster
from projections.match_index.index import MatchIndex
from projections.sql import Cursor

book = Logbook(__name__)

STEP = 500
"""Interactions a step starts from: other writers wait for one step at most, if it has lost a race."""

Progress = Callable[[int], None]


class Reevaluation:
    """Works off what waits in one store."""

    def __init__(self, store: EventStore, world: World, policies: Policies) -> None:
        self._store = store
        self._world = world
        self._policies = policies

    def waiting(self) -> int:
        """Return how many interactions wait."""
        with self._store.reading() as cursor:
            return count_waiting(cursor)

    def run(self, progress: Progress | None = None) -> Reevaluated:
        """Work until nothing waits; `progress` is told how many were settled."""
        total = Reevaluated()
        self._end_apart()
        while settled := self._step(total):
            if progress is not None:
                progress(settled)
        return total

    def request(self, interaction_ids: Collection[InteractionId] | None, actor: str) -> None:
        """Queue interactions again, by an event; None queues all."""
        with self._store.writing() as writer:
            reader = self._store.index.begin(writer.cursor)
            index = reader.index
            if interaction_ids is not None:
                reader.load_linked(interaction_ids)
            ids = None if interaction_ids is None else tuple(sorted(interaction_ids))
            fact = ReevaluationRequested(interaction_ids=ids)
            stream = POLICY_STREAMS["policy"]
            version = stream_versions(writer.cursor, [stream])[stream] + 1
            header = header_of_its_own(self._world, actor)
            index.apply(stream, version, header.valid_from, fact)
            writer.append([Pending(stream, version, header, fact)], index.changes())

    def _end_apart(self) -> None:
        """Say of pairs that were told apart until a time that has come that they may be joined again,
        and let them wait: nothing else happens when the time comes."""
        with self._store.reading() as cursor:
            if not find_no_longer_apart(cursor, self._world.now()):
                return
        with self._store.writing() as writer:
            reader = self._store.index.begin(writer.cursor)
            index = reader.index
            self._policies.follow(reader)
            fact_writer = FactWriter(self._world, self._policies.rules.actor, index)
            for pair, until in find_no_longer_apart(writer.cursor, self._world.now()):
                reader.load_nearby((), pair)
                reader.load_edges(pair)
                one, other = sorted(pair)
                fact_writer.write(one, until, [ContactToldApartLifted(other=other)])
                members = {m for end in pair for m in index.members_of(end)}
                index.evaluate_again(reader.numbers_of(members))
            writer.append(fact_writer.events, index.changes())

    def _step(self, total: Reevaluated) -> int:
        """Evaluate some that wait, and return how many; nobody waits unless another writer was first."""
        began = monotonic()
        with no_garbage_collection():
            try:
                with self._store.reading() as cursor:
                    decided = self._decide(cursor)
                if decided.seeds:
                    self._store.stage(
                        decided.events, index=decided.index, evaluated=decided.settled
                    ).close()
            except Conflict:
                book.info("decided_again", count=STEP)
                decided = self._decide_locked()
        total.add(decided.found)
        if decided.seeds:
            found = decided.found
            book.info(
                "step_evaluated",
                count=found.evaluated,
                merged=found.merged,
                unmerged=found.unmerged,
                moved=found.moved,
                seconds=monotonic() - began,
            )
        return len(decided.seeds)

    def _decide_locked(self) -> "_Decided":
        """Evaluate while holding the write lock: nothing that was read can move."""
        with self._store.writing() as writer:
            decided = self._decide(writer.cursor)
            writer.append(decided.events, decided.index.changes())
            settle(writer.cursor, decided.settled)
            return decided

    def _decide(self, cursor: Cursor) -> "_Decided":
        reader = self._store.index.begin(cursor)
        self._policies.follow(reader)
        seeds, found = find_waiting(cursor, STEP), Reevaluated()
        if not seeds:
            return _Decided(reader.index, seeds, [], set(), found)
        events, component = evaluate(
            self._store, reader, self._policies.rules, self._world, seeds, found
        )
        settled = component.nodes.keys() | set(seeds)
        return _Decided(reader.index, seeds, events, settled, found)


class _Decided(Struct, frozen=True):
    """A step that is thought through and not written: its `seeds` wait until what it `settled` is."""

    index: MatchIndex
    seeds: list[int]
    events: list[Pending]
    settled: set[int]
    found: Reevaluated


def final_clusters(
    reader: IndexReader, rules: Rules, now: datetime, seeds: Iterable[int]
) -> tuple[Component, Clusters]:
    """Return the components of some interactions, and what of them is one person at a time."""
    component = Component(reader, rules)
    component.grow(seeds)
    reader.load_edges(component.contacts)
    clusters = cluster(
        component.nodes,
        component.pairs,
        reader.index.apart_at(now),
        rules.scorer,
        rules.link_rules,
        component.by_hand(),
    )
    return component, clusters


def evaluate(
    store: EventStore,
    reader: IndexReader,
    rules: Rules,
    world: World,
    seeds: Iterable[int],
    total: Reevaluated,
) -> tuple[list[Pending], Component]:
    """Compute what the final clusters of some interactions would change; nothing is written.

    Returns:
        The events of the difference, and the components.
    """
    component, clusters = final_clusters(reader, rules, world.now(), seeds)
    total.refused.update(one.guard for one in clusters.refused)
    total.evaluated += sum(not component.row(number).is_by_hand for number in component.nodes)
    difference = Difference(store, world, rules, reader, component, clusters)
    return difference.tell(total), component
