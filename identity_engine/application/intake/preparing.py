"""From what a source has read to a batch that the resolver takes: nothing is lost on the way.

What cannot be used is kept as dead letters before the batch is committed, so that a crash between
the two keeps both sides.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

from msgspec import Struct, field

from aggregates.access import Action, Rights
from aggregates.policy import Policy
from identity_engine.adapters.clock import World
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.resolve import Portion, Resolver
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.event_store.store import EventStore
from identity_engine.ingestion.dead_letters import DeadLetters
from identity_engine.ingestion.envelope import Incoming, IncomingInteraction
from identity_engine.ingestion.faults import Rejected, fault
from identity_engine.observing.logbook import Logbook

book = Logbook(__name__)

CONFLICT = "conflicting_duplicate"
NOT_ALLOWED = "division_not_allowed"


class IngestSummary(Struct):
    """What became of what was read.

    `read` lines were `accepted`, or `duplicates` (stored before, nothing written), or `rejected`
    (kept as dead letters). `decisions` counts the accepted interactions by rule, `changes` the
    accepted changes by kind, of which `waiting` came before their interaction. `resumed_at` is the
    byte at which an earlier run had stopped.
    """

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    resumed_at: int = 0
    waiting: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome) -> None:
        """Count one decided interaction, or one change."""
        match outcome.status:
            case "accepted" if outcome.change:
                self.accepted += 1
                self.changes[outcome.change] += 1
                self.waiting += outcome.decision == "waits"
            case "accepted":
                self.accepted += 1
                self.decisions[outcome.decision] += 1
            case "duplicate" | "erased":
                self.duplicates += 1
            case _:
                self.rejected += 1
                self.faults[CONFLICT] += 1

    def add(self, more: "IngestSummary") -> None:
        """Count what became of further lines."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(more, name))

    def reject(self, rejected: Rejected) -> None:
        """Count one unusable line."""
        self.rejected += 1
        self.faults.update({one.code for one in rejected.faults})


class PublisherRights(Struct, frozen=True):
    """What a publisher may publish: everything, or interactions of some divisions.

    A change names its interaction and no division, so it takes the right to publish everything.
    """

    rights: Rights
    policy: Policy

    def only_allowed(
        self, decoded: Sequence[Incoming | Rejected], lines: Sequence[bytes]
    ) -> Sequence[Incoming | Rejected]:
        """Return what was decoded, with what may not be published rejected."""
        if self.rights.allow_everywhere(Action.INGEST_PUBLISH):
            return decoded
        return [
            one
            if isinstance(one, Rejected) or self._allows(one)
            else Rejected(line, (fault(NOT_ALLOWED, "data", "division"),))
            for one, line in zip(decoded, lines, strict=True)
        ]

    def _allows(self, one: Incoming) -> bool:
        if not isinstance(one, IncomingInteraction):
            return False
        division = self.policy.division_of(one.channel, one.division)
        return self.rights.allow(Action.INGEST_PUBLISH, division)


class LinePosition(Struct, frozen=True):
    """Where a line stands: its position in a stream (a file, a partition of a topic)."""

    stream: str
    position: int


class Arrival(Struct, frozen=True):
    """Some lines that arrived together, in order.

    `lines` are the original bytes, `decoded` what they say, `places` where each stands; `sources`
    say how far each source is read with them. `file` is the name of the file that they are from.
    """

    lines: Sequence[bytes]
    decoded: Sequence[Incoming | Rejected]
    places: Sequence[LinePosition]
    sources: Sequence[SourcePosition]
    file: str | None = None


Unusable = Sequence[tuple[int, Rejected]]
"""What cannot be used of an arrival, each with its index there."""


class PreparedBatch(Struct, frozen=True):
    """A batch of a source on its way: what is resolved of it, what cannot be used, and when it came."""

    portion: Portion
    unusable: Sequence[Rejected]
    began: float

    def add_to(self, summary: IngestSummary, outcomes: Sequence[Outcome]) -> None:
        """Count what became of the batch, which is on disk now, and tell it."""
        own = IngestSummary(read=len(outcomes) + len(self.unusable))
        for outcome in outcomes:
            own.count(outcome)
        for rejected in self.unusable:
            own.reject(rejected)
        summary.add(own)
        first, *others = self.portion.sources
        book.info(
            "batch_committed",
            source=first.source,
            position=first.position,
            accepted=own.accepted,
            duplicates=own.duplicates,
            rejected=own.rejected,
            seconds=monotonic() - self.began,
        )
        for source in others:
            book.debug("source_read", source=source.source, position=source.position)


class BatchPreparation(Struct, frozen=True):
    """Where what was read goes: usable interactions to the resolver, the rest to dead letters."""

    store: EventStore
    resolver: Resolver
    dead_letters: DeadLetters
    world: World

    def prepare(
        self,
        arrived: Arrival,
        publishing: PublisherRights,
        now: datetime,
        tell: Callable[[Unusable], None] | None = None,
    ) -> PreparedBatch:
        """Make a batch of an arrival, whose dead letters are kept before it is written.

        Args:
            arrived: what was read.
            publishing: what the publisher may publish.
            now: when it arrived, aware UTC.
            tell: is told of what cannot be used as well, before the batch is written: at once of what
                the lines themselves lack, later of what contradicts the store. What it raises leaves
                the batch unwritten.
        """
        began = monotonic()
        decoded = publishing.only_allowed(arrived.decoded, arrived.lines)
        unusable = [(index, one) for index, one in enumerate(decoded) if isinstance(one, Rejected)]
        usable = [
            (index, one) for index, one in enumerate(decoded) if not isinstance(one, Rejected)
        ]
        if tell is not None and unusable:
            tell(unusable)

        kept: set[int] = set()

        def keep_unusable(outcomes: Sequence[Outcome]) -> None:
            conflicts = [
                (index, Rejected(arrived.lines[index], (fault(CONFLICT),)))
                for (index, _), outcome in zip(usable, outcomes, strict=True)
                if outcome.status == "conflict"
            ]
            # A batch that lost a race is decided again, and comes here again.
            fresh = [(index, one) for index, one in unusable + conflicts if index not in kept]
            self._keep(arrived, fresh, now)
            kept.update(index for index, _ in fresh)
            if tell is not None and conflicts:
                tell(conflicts)

        portion = Portion([one for _, one in usable], arrived.sources, keep_unusable)
        return PreparedBatch(portion, [rejected for _, rejected in unusable], began)

    def _keep(self, arrived: Arrival, unusable: Unusable, now: datetime) -> None:
        """Sync dead letters, each under the place where it stood."""
        by_stream: dict[str, list[tuple[int, Rejected]]] = {}
        for index, rejected in unusable:
            place = arrived.places[index]
            by_stream.setdefault(place.stream, []).append((place.position, rejected))
        for stream, letters in by_stream.items():
            self.dead_letters.add(letters, stream=stream, received_at=now, file=arrived.file)
        if unusable:
            book.info("dead_letters_kept", count=len(unusable))
