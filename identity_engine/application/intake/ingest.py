"""From a file of events to durable decisions: whole batches, resumable, nothing lost on the way."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from identity_engine.application.intake.preparing import (
    Arrival,
    BatchPreparation,
    IngestSummary,
    LinePosition,
    PreparedBatch,
    PublisherRights,
)
from identity_engine.application.resolution.resolve import Portion
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.ingestion.envelope import decode
from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.files.event_file import Batch, EventFile

BATCH_SIZE = 1_500

Progress = Callable[[EventFile, IngestSummary], None]


class Ingestion:
    """Feeds batches to the resolver and keeps what it cannot use."""

    def __init__(self, preparation: BatchPreparation) -> None:
        self._preparation = preparation

    def run(
        self,
        file: EventFile,
        publishing: PublisherRights,
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
            summary.resumed_at = file.resume(self._preparation.store.source_positions())
        stream = file.fingerprint()
        prepared: deque[PreparedBatch] = deque()

        def portions() -> Iterator[Portion]:
            for batch in file:
                prepared.append(self._prepare(batch, stream, file.name, publishing))
                yield prepared[-1].portion

        for outcomes in self._preparation.resolver.resolve_each(portions()):
            prepared.popleft().add_to(summary, outcomes)
            if progress is not None:
                progress(file, summary)
        return summary

    def redrive(self, ids: Sequence[int] | None = None, *, dry_run: bool = False) -> IngestSummary:
        """Decode dead letters again; those that go through now are marked.

        In a dry run they are decoded and nothing more: the summary counts what was read, and of that
        what is still rejected.

        Raises:
            NotFound: one of the ids is that of no dead letter; nothing is done.
        """
        summary, letters = IngestSummary(), self._preparation.dead_letters
        if ids is not None:
            letters.states(ids)  # refuses one that is unknown, before anything is done
        came_through = []
        for letter_id, raw in letters.redrive(ids):
            summary.read += 1
            decoded = decode(raw, now=self._preparation.world.now())
            if isinstance(decoded, Rejected):
                summary.reject(decoded)
                continue
            if dry_run:
                continue
            (outcome,) = self._preparation.resolver.resolve([decoded])
            summary.count(outcome)
            if outcome.status != "conflict":
                came_through.append(letter_id)
        letters.mark(came_through, "redriven")
        return summary

    def _prepare(
        self, batch: Batch, stream: str, name: str | None, publishing: PublisherRights
    ) -> PreparedBatch:
        now = self._preparation.world.now()
        arrived = Arrival(
            batch.lines,
            batch.decode(now=now),
            [LinePosition(stream, position) for position in batch.positions],
            (SourcePosition(batch.source, batch.end, instead_of=batch.instead_of),),
            name,
        )
        return self._preparation.prepare(arrived, publishing, now)
