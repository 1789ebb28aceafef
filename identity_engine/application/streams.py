"""Interactions read from files without a store: for training, and for measuring what blocking finds."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from aggregates.interaction import InteractionPersonal
from aggregates.policy import Policy
from identity_engine.application.resolution.prepare import (
    Recognised,
    nothing_crowded,
    prepare,
    recognise,
)
from identity_engine.errors import SourceError
from identity_engine.ingestion.envelope import IncomingInteraction
from identity_engine.ingestion.files.event_file import open_events
from matchers.evaluation import Interaction
from matchers.record import MatchRecord
from projections.match_index.digests import DigestKeys

_NO_SECRETS = DigestKeys(natural=bytes(32), identifier=bytes(32), block=bytes(32))
"""Nothing read here is stored, so its digests need not be secret."""


class StreamRecord(NamedTuple):
    """What one interaction of a stream says, folded, under what names it."""

    interaction: Interaction
    record: MatchRecord


class NoInteractions(SourceError):  # noqa: N818 - says what is the matter
    """A stream has nothing that could be learned from, or judged."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} holds no interactions.",
            "It must be CloudEvents, one JSON document a line.",
        )


def read_records(path: Path, policy: Policy, now: datetime) -> list[StreamRecord]:
    """Read the records of a file of CloudEvents JSON lines, plain or gzip; empty ones are left out.

    Args:
        path: the file.
        policy: whose blocked values and default country hold.
        now: aware UTC; events of the future are refused.

    Raises:
        SourceError: the file cannot be read, or has lines that are no interactions.
    """
    read: dict[Interaction, MatchRecord] = {}
    rejected = 0
    with open_events(path) as file:
        for batch in file:
            decoded = batch.decode(now=now)
            usable = [one for one in decoded if isinstance(one, IncomingInteraction)]
            rejected += len(decoded) - len(usable)
            read.update(_records(usable, policy))
    if rejected and not read:
        raise NoInteractions(path)
    return [StreamRecord(interaction, record) for interaction, record in read.items()]


def _records(
    batch: Sequence[IncomingInteraction], policy: Policy
) -> Iterator[tuple[Interaction, MatchRecord]]:
    for one in recognise(batch, _NO_SECRETS):
        assert isinstance(one, Recognised), "changes were left out"
        prepared = prepare(one, policy, _NO_SECRETS, nothing_crowded)
        personal = prepared.fact.personal
        if prepared.record is not None and isinstance(personal, InteractionPersonal):
            yield (personal.source, personal.id), prepared.record
