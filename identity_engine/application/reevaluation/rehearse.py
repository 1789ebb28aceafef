"""Rehearsal: what other rules would make of the whole history, and nothing is written.

The final clusters are a pure function of the records and the rules. So they are computed under the other
rules beside the live store, component by component, and compared with the links and merges in force.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct, field

from aggregates.contact import ContactMerged, ContactUnmerged
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import ContactId, Evidence, InteractionId
from identity_engine.adapters.clock import World
from identity_engine.application.as_of import position_as_of
from identity_engine.application.gc_pause import no_garbage_collection
from identity_engine.application.reevaluation.component import Component
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.application.reevaluation.reevaluate import evaluate
from identity_engine.application.rules import Rules
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import EventStore
from matchers.scoring import in_bits

STEP = 2_000
Progress = Callable[[int], None]


class Flip(Struct, frozen=True):
    """One link or merge that would be another: `kind` is `merge`, `unmerge` or `move`.

    A merge and an unmerge name two contacts; a move names the interaction, whence and whither it goes.
    `rule` and `bits` are those of the evidence, where there is any.
    """

    kind: str
    one: str
    other: str
    interaction_id: InteractionId | None = None
    rule: str | None = None
    bits: float | None = None


class Rehearsed(Struct):
    """What would change: counts, every flip, and the interactions to evaluate again for just these."""

    changes: Reevaluated = field(default_factory=Reevaluated)
    flips: list[Flip] = field(default_factory=list)
    interaction_ids: set[InteractionId] = field(default_factory=set)


def rehearse(
    store: EventStore,
    world: World,
    rules: Rules,
    since: str | None = None,
    progress: Progress | None = None,
) -> Rehearsed:
    """Compute the final clusters under other rules and compare them with what is in force.

    Args:
        store: read only, at one moment.
        world: ids for the events that are thought of and thrown away.
        rules: the other rules.
        since: start from the interactions received after a time or `pos:N` only; their whole
            components are looked at.
        progress: is told how many interactions were done.

    Raises:
        UsageError: `since` is neither a time nor a position.
    """
    result = Rehearsed()
    seen: set[int] = set()
    with no_garbage_collection(), store.reading() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM stored_events WHERE topic = 'interaction.received' AND rowid <= ?",
            (position_as_of(store, since, "--since") or 0,),
        )
        (first,) = cursor.fetchone()
        while True:
            # Interactions are numbered in the order of the log.
            cursor.execute(
                "SELECT number FROM interaction WHERE number > ? ORDER BY number LIMIT ?",
                (first, STEP),
            )
            numbers = [number for (number,) in cursor.fetchall()]
            if not numbers:
                return result
            first = numbers[-1]
            reader = store.index.begin(cursor)
            seeds = [number for number in numbers if number not in seen]
            events, component = evaluate(store, reader, rules, world, seeds, result.changes)
            seen |= component.nodes.keys()
            result.flips += _flips(events)
            result.interaction_ids |= _touched(events, component)
            if progress is not None:
                progress(len(numbers))


def _flips(events: list[Pending]) -> Iterator[Flip]:
    left: dict[str, ContactId] = {}
    for event in events:
        match event.fact:
            case ContactMerged(edges=edges, evidence=evidence):
                for edge in edges:
                    yield Flip("merge", edge.one, edge.other, None, *_told(evidence))
            case ContactUnmerged(edges=edges):
                for edge in edges:
                    yield Flip("unmerge", edge.one, edge.other)
            case InteractionUnlinked(contact_id=contact_id):
                left[event.stream_id] = contact_id
            case InteractionLinked(contact_id=contact_id, evidence=evidence):
                before, moved = left[event.stream_id], InteractionId(event.stream_id)
                yield Flip("move", before, contact_id, moved, *_told(evidence))


def _told(evidence: Evidence | None) -> tuple[str | None, float | None]:
    return (evidence.rule, in_bits(evidence.weight)) if evidence is not None else (None, None)


def _touched(events: list[Pending], component: Component) -> set[InteractionId]:
    """Return an interaction of every component that would change: from it all of it is found again; and
    all that give a value which would be shared, or no longer."""
    touched = {
        row.interaction_id
        for digest in (*component.shared, *component.unshared)
        for row in component.users_of(digest)
    }
    parted: set[ContactId] = set()
    for event in events:
        match event.fact:
            case ContactMerged(evidence=Evidence(interaction_id=one, against=other)):
                touched |= {end for end in (one, other) if end is not None}
            case InteractionLinked():
                touched.add(InteractionId(event.stream_id))
            case ContactUnmerged(edges=edges):
                parted |= {edge.one for edge in edges}
    for number in component.nodes if parted else ():
        row = component.row(number)
        if row.contact_id in parted:
            touched.add(row.interaction_id)
    return touched
