"""From a file of events to durable decisions: whole batches, resumable, nothing lost on the way."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aggregates.access import Action, Rights
from aggregates.policy import Policy
from identity_engine.adapters.clock import World
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.resolve import Portion, Resolver
from identity_engine.event_store.store import EventStore, SourcePosition
from identity_engine.ingestion.dead_letters import DeadLetters
from identity_engine.ingestion.envelope import Incoming, IncomingInteraction, decode
from identity_engine.ingestion.faults import Rejected, fault
from identity_engine.ingestion.files import Batch, EventFile

BATCH_SIZE = 1_500


@dataclass(slots=True)
class IngestSummary:
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

    def reject(self, rejected: Rejected) -> None:
        """Count one unusable line."""
        self.rejected += 1
        self.faults.update({one.code for one in rejected.faults})


CONFLICT = "conflicting_duplicate"
NOT_ALLOWED = "division_not_allowed"


@dataclass(frozen=True, slots=True)
class Publishing:
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


Progress = Callable[[EventFile, IngestSummary], None]


class Ingestion:
    """Feeds batches to the resolver and keeps what it cannot use."""

    def __init__(
        self, store: EventStore, resolver: Resolver, dead_letters: DeadLetters, world: World
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._dead_letters = dead_letters
        self._world = world

    def run(
        self,
        file: EventFile,
        publishing: "Publishing",
        *,
        again: bool = False,
        progress: Progress | None = None,
    ) -> IngestSummary:
        """Read a file to its end. A batch is counted when it is on disk; the next is read meanwhile.

        Args:
            file: an open source.
            publishing: what the publisher may publish.
            again: read from the start even if an earlier run has read this file; what is stored
                already is answered as a duplicate.
            progress: called after each batch.
        """
        summary = IngestSummary()
        if not again:
            summary.resumed_at = file.resume(self._store.source_positions())
        stream = file.fingerprint()
        taken: deque[_Taken] = deque()

        def portions() -> Iterator[Portion]:
            for batch in file:
                taken.append(self._take(batch, stream, publishing))
                yield taken[-1].portion

        for outcomes in self._resolver.resolve_each(portions()):
            taken.popleft().add_to(summary, outcomes)
            if progress is not None:
                progress(file, summary)
        return summary

    def redrive(self, ids: Sequence[int] | None = None) -> IngestSummary:
        """Decode dead letters again; those that go through now are marked."""
        summary = IngestSummary()
        came_through = []
        for letter_id, raw in self._dead_letters.redrive(ids):
            summary.read += 1
            decoded = decode(raw, now=self._world.now())
            if isinstance(decoded, Rejected):
                summary.reject(decoded)
                continue
            (outcome,) = self._resolver.resolve([decoded])
            summary.count(outcome)
            if outcome.status != "conflict":
                came_through.append(letter_id)
        self._dead_letters.mark(came_through, "redriven")
        return summary

    def _take(self, batch: Batch, stream: str, publishing: "Publishing") -> "_Taken":
        now = self._world.now()
        decoded = publishing.only_allowed(batch.decode(now=now), batch.lines)
        usable = [
            (place, one) for place, one in enumerate(decoded) if not isinstance(one, Rejected)
        ]
        unusable = [(place, one) for place, one in enumerate(decoded) if isinstance(one, Rejected)]

        def keep_unusable(outcomes: Sequence[Outcome]) -> None:
            conflicts = [
                (place, Rejected(batch.lines[place], (fault(CONFLICT),)))
                for (place, _), outcome in zip(usable, outcomes, strict=True)
                if outcome.status == "conflict"
            ]
            self._keep(batch, stream, now, unusable + conflicts)

        portion = Portion(
            [one for _, one in usable], SourcePosition(stream, batch.end), keep_unusable
        )
        return _Taken(portion, [rejected for _, rejected in unusable])

    def _keep(
        self, batch: Batch, stream: str, now: datetime, rejected: list[tuple[int, Rejected]]
    ) -> None:
        """Sync dead letters before the batch commits: a crash between the two keeps both sides."""
        if rejected:
            self._dead_letters.add(
                [(batch.positions[place], one) for place, one in rejected],
                stream=stream,
                received_at=now,
            )


class _Taken(NamedTuple):
    """A batch of a source on its way: what is resolved of it, and what cannot be used."""

    portion: Portion
    unusable: Sequence[Rejected]

    def add_to(self, summary: IngestSummary, outcomes: Sequence[Outcome]) -> None:
        """Count what became of the batch."""
        summary.read += len(outcomes) + len(self.unusable)
        for outcome in outcomes:
            summary.count(outcome)
        for rejected in self.unusable:
            summary.reject(rejected)
