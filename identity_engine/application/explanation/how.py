"""How an identity came to be what it is: its steps from the first event to now, in order."""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from aggregates.across import AcrossFact
from aggregates.contact import (
    ContactCreated,
    ContactMerged,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
)
from aggregates.identifier import IdentifierFact, IdentifierState, evolve
from aggregates.identity import Edge, components
from aggregates.interaction import (
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.values import ContactId, Fact, instant_text
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.telling import rule_of, tell
from identity_engine.application.members import Members
from projections.base import Recorded


class Step(Struct, frozen=True):
    """One step in the life of an identity.

    `valid_from` is when it became true, `recorded_at` when it was stored. `rule` and `bits` are those
    of its evidence, None where it has none. `interactions`, `identifiers` and `members` count what
    the identity had after the step: the contact asked for and all that were one with it then.
    """

    position: int
    valid_from: str
    recorded_at: str
    actor: str
    topic: str
    stream_id: str
    sentence: str
    rule: str | None
    bits: float | None
    interactions: int
    identifiers: int
    members: int


def steps_of(
    contact_id: ContactId, events: Sequence[Recorded], known: Sequence[Recorded], say: Sentences
) -> list[Step]:
    """Return the steps of an identity.

    Args:
        contact_id: any contact of it.
        events: all that made it what it is, in log order. Those of contacts that were not merged
            with it by the last of them are left out.
        known: these events and all else that was said by then of the identifiers in them, in log
            order: a claim that came over was made for somebody else.
        say: sentences in the reader's language.
    """
    own = _ever_one(contact_id, events)
    counts = _Counts(contact_id)
    moves = _moves(events)
    told = {event.position for event in events} - set(moves.values())
    steps = []
    for event in known:
        counts.take(event)
        if isinstance(event.fact, InteractionReceived) or event.position not in told:
            continue
        moved_from = counts.taken_from.get(event.stream_id) if event.position in moves else None
        named = {event.stream_id, *_named(event.fact), *counts.holders_of(event.stream_id)}
        if moved_from in own or not own.isdisjoint(named):
            steps.append(_step(event, tell(event, say, moved_from), counts))
    return steps


class _Counts:
    """What the identity of one contact has, event after event."""

    def __init__(self, contact_id: ContactId) -> None:
        self._members = Members(contact_id)
        self._linked: Counter[str] = Counter()
        self._identifiers: dict[str, IdentifierState | None] = {}
        self._born: set[str] = set()
        self.taken_from: dict[str, str] = {}
        """Interaction -> the contact that it was last taken from."""

    def take(self, event: Recorded) -> None:
        """Let an event change the counts."""
        fact, stream = event.fact, event.stream_id
        self._members.take(event)
        match fact:
            case ContactCreated():
                self._born.add(stream)
            case InteractionLinked(contact_id=contact_id):
                self._linked[contact_id] += 1
            case InteractionUnlinked(contact_id=contact_id):
                self._linked[contact_id] -= 1
                self.taken_from[stream] = contact_id
            case _ if isinstance(fact, IdentifierFact):
                before = self._identifiers.get(stream)
                self._identifiers[stream] = evolve(before, fact, event.header.valid_from)

    def holders_of(self, identifier_id: str) -> frozenset[ContactId]:
        """Return the contacts that hold an identifier, none for the id of anything else."""
        state = self._identifiers.get(identifier_id)
        return state.holders if state is not None else frozenset()

    def now(self) -> tuple[int, int, int]:
        """Return the numbers of interactions, identifiers and members."""
        members = self._members.now
        return (
            sum(self._linked[member] for member in members),
            sum(not members.isdisjoint(self.holders_of(id_)) for id_ in self._identifiers),
            len(members & self._born),
        )


def _step(event: Recorded, sentence: str, counts: _Counts) -> Step:
    rule, bits = rule_of(event.fact)
    interactions, identifiers, members = counts.now()
    return Step(
        position=event.position,
        valid_from=instant_text(event.header.valid_from),
        recorded_at=instant_text(event.recorded_at),
        actor=event.header.actor,
        topic=event.fact.TOPIC,
        stream_id=event.stream_id,
        sentence=sentence,
        rule=rule,
        bits=bits,
        interactions=interactions,
        identifiers=identifiers,
        members=members,
    )


def _moves(events: Sequence[Recorded]) -> dict[int, int]:
    """Return the position of each link that moved an interaction -> that of the unlink before it."""
    unlinked = {
        (event.stream_id, event.version): event.position
        for event in events
        if isinstance(event.fact, InteractionUnlinked)
    }
    return {
        event.position: unlinked[event.stream_id, event.version - 1]
        for event in events
        if isinstance(event.fact, InteractionLinked)
        and (event.stream_id, event.version - 1) in unlinked
    }


def _ever_one(contact_id: ContactId, events: Sequence[Recorded]) -> set[str]:
    """Return the contacts that were one with a contact at any moment of these events."""
    merges = (event.fact for event in events if isinstance(event.fact, ContactMerged))
    edges = [
        Edge(fact.merge_id, edge.one, edge.other, contact_id, fact.automatic)
        for fact in merges
        for edge in fact.edges
    ]
    (reached,) = components([contact_id], edges)
    return set(reached)


def _named(fact: Fact) -> Iterator[str]:
    """Yield the contacts that a fact names."""
    for name in ("contact_id", "from_contact_id", "proposed"):
        named = getattr(fact, name, None)
        if named is not None:
            yield named
    match fact:
        case ContactMerged(edges=edges) | ContactUnmerged(edges=edges):
            yield from (end for edge in edges for end in (edge.one, edge.other))
        case ContactToldApart(other=other) | ContactToldApartLifted(other=other):
            yield other
        case _ if isinstance(fact, AcrossFact):
            yield fact.other
        case ContactMergeRefused(other=other) | ContactMergeRefusalEnded(other=other):
            yield other
