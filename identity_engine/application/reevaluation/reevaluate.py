"""Re-evaluation: the provisional links of arrival become the final clusters.

A step takes some interactions that wait, grows their whole components, computes the final clusters and
writes the difference to what is linked now: merges, unmerges and moved links, each with its evidence.
It undoes what the engine did, never what a person did. Work waits in the index until a step settles it
in the transaction of its events, so it can stop at any moment and go on.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from sqlite3 import Cursor

from aggregates.policy import POLICY_STREAMS, ReevaluationRequested
from aggregates.values import CommandId, EventId, Header, InteractionId
from identity_engine.adapters.clock import World
from identity_engine.application.policies import Policies
from identity_engine.application.reevaluation.component import Component
from identity_engine.application.reevaluation.difference import Difference
from identity_engine.application.rules import Rules
from identity_engine.application.unburdened import no_garbage_collection
from identity_engine.event_store.evaluation_queue import count_waiting, settle, take_waiting
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import EventStore, stream_versions
from matchers.clustering import cluster
from projections.match_index.index import MatchIndex

STEP = 2_000
"""Interactions a step starts from: other writers wait for one step at most."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Reevaluated:
    """What re-evaluation changed, and which guards kept strong pairs apart, by name."""

    evaluated: int = 0
    merged: int = 0
    unmerged: int = 0
    moved: int = 0
    shared: int = 0
    refused: Counter[str] = field(default_factory=Counter)


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
        while settled := self._step(total):
            if progress is not None:
                progress(settled)
        return total

    def request(self, interaction_ids: Collection[InteractionId] | None, actor: str) -> None:
        """Queue interactions again, by an event; None queues all."""
        with self._store.writing() as writer:
            index = self._store.index.begin(writer.cursor)
            if interaction_ids is not None:
                self._store.index.load_linked(writer.cursor, index, interaction_ids)
            ids = None if interaction_ids is None else tuple(sorted(interaction_ids))
            fact = ReevaluationRequested(interaction_ids=ids)
            stream = POLICY_STREAMS["policy"]
            version = stream_versions(writer.cursor, [stream])[stream] + 1
            header = Header(
                EventId(self._world.new_id()),
                self._world.now(),
                actor,
                CommandId(self._world.new_id()),
            )
            index.apply(stream, version, header.valid_from, fact)
            writer.append([Pending(stream, version, header, fact)], index.changes())

    def _step(self, total: Reevaluated) -> int:
        with no_garbage_collection(), self._store.writing() as writer:
            cursor = writer.cursor
            index = self._store.index.begin(cursor)
            self._policies.follow(index.rules, cursor)
            seeds = take_waiting(cursor, STEP)
            if not seeds:
                return 0
            events, component = evaluate(
                self._store, cursor, index, self._policies.rules, self._world, seeds, total
            )
            writer.append(events, index.changes())
            settle(cursor, component.nodes.keys() | set(seeds))
            return len(seeds)


def evaluate(
    store: EventStore,
    cursor: Cursor,
    index: MatchIndex,
    rules: Rules,
    world: World,
    seeds: Iterable[int],
    total: Reevaluated,
) -> tuple[list[Pending], Component]:
    """Compute what the final clusters of some interactions would change; nothing is written.

    Returns:
        The events of the difference, and the components.
    """
    component = Component(store, cursor, index, rules)
    component.grow(seeds)
    store.index.load_edges(cursor, index, component.contacts)
    apart = index.apart_at(world.now())
    clusters = cluster(component.nodes, component.pairs, apart, rules.scorer, rules.link_rules)
    total.refused.update(one.guard for one in clusters.refused)
    total.evaluated += len(component.nodes)
    difference = Difference(cursor, world, rules, index, component, clusters)
    return difference.tell(total), component
