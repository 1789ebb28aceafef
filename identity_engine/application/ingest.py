"""From a file of events to durable decisions: whole batches, resumable, nothing lost on the way."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from identity_engine.application.resolution.resolve import Portion
from identity_engine.application.taking import (
    Arrival,
    IngestSummary,
    Place,
    Publishing,
    Taken,
    Taking,
)
from identity_engine.event_store.store import SourcePosition
from identity_engine.ingestion.envelope import decode
from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.files import Batch, EventFile

BATCH_SIZE = 1_500

Progress = Callable[[EventFile, IngestSummary], None]


class Ingestion:
    """Feeds batches to the resolver and keeps what it cannot use."""

    def __init__(self, taking: Taking) -> None:
        self._taking = taking

    def run(
        self,
        file: EventFile,
        publishing: Publishing,
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
            summary.resumed_at = file.resume(self._taking.store.source_positions())
        stream = file.fingerprint()
        taken: deque[Taken] = deque()

        def portions() -> Iterator[Portion]:
            for batch in file:
                taken.append(self._take(batch, stream, publishing))
                yield taken[-1].portion

        for outcomes in self._taking.resolver.resolve_each(portions()):
            taken.popleft().add_to(summary, outcomes)
            if progress is not None:
                progress(file, summary)
        return summary

    def redrive(self, ids: Sequence[int] | None = None, *, dry_run: bool = False) -> IngestSummary:
        """Decode dead letters again; those that go through now are marked.

        In a dry run they are decoded and nothing more: the summary counts what was read, and of that
        what is still rejected.
        """
        summary = IngestSummary()
        came_through = []
        for letter_id, raw in self._taking.dead_letters.redrive(ids):
            summary.read += 1
            decoded = decode(raw, now=self._taking.world.now())
            if isinstance(decoded, Rejected):
                summary.reject(decoded)
                continue
            if dry_run:
                continue
            (outcome,) = self._taking.resolver.resolve([decoded])
            summary.count(outcome)
            if outcome.status != "conflict":
                came_through.append(letter_id)
        self._taking.dead_letters.mark(came_through, "redriven")
        return summary

    def _take(self, batch: Batch, stream: str, publishing: Publishing) -> Taken:
        now = self._taking.world.now()
        arrived = Arrival(
            batch.lines,
            batch.decode(now=now),
            [Place(stream, position) for position in batch.positions],
            (SourcePosition(batch.source, batch.end, instead_of=batch.instead_of),),
        )
        return self._taking.take(arrived, publishing, now)
