"""Re-evaluation: the provisional links of arrival become the final clusters.

A step takes some interactions that wait, grows their whole components, computes the final clusters and
writes the difference to what is linked now: merges, unmerges and moved links, each with its evidence.
It undoes what the engine did, never what a person did. Work waits in the index until a step settles it
in the transaction of its events, so it can stop at any moment and go on.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from identity_engine.adapters.clock import World
from identity_engine.application.component import Component
from identity_engine.application.difference import Difference
from identity_engine.application.policies import Policies
from identity_engine.application.unburdened import no_garbage_collection
from identity_engine.event_store.evaluation_queue import count_waiting, settle, take_waiting
from identity_engine.event_store.store import EventStore
from matchers.clustering import cluster

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

    def _step(self, total: Reevaluated) -> int:
        with no_garbage_collection(), self._store.writing() as writer:
            cursor = writer.cursor
            index = self._store.index.begin(cursor)
            self._policies.follow(index.rules)
            seeds = take_waiting(cursor, STEP)
            if not seeds:
                return 0
            rules = self._policies.rules
            component = Component(self._store, cursor, index, rules)
            component.grow(seeds)
            self._store.index.load_edges(cursor, index, component.contacts)
            clusters = cluster(
                component.nodes, component.pairs, index.apart, rules.scorer, rules.link_rules
            )
            total.refused.update(one.guard for one in clusters.refused)
            difference = Difference(writer, self._world, rules, index, component, clusters)
            events = difference.tell(total)
            writer.append(events, index.changes(), None)
            settle(cursor, component.nodes.keys() | set(seeds))
            total.evaluated += len(component.nodes)
            return len(seeds)
