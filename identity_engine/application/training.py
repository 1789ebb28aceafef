"""Training a model from streams of interactions, or from a store and what people decided in it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from msgspec import Struct, field

from aggregates.interaction import InteractionLinked, InteractionReceived, InteractionUnlinked
from aggregates.policy import Policy
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from identity_engine.application.resolution.prepare import comparable, nothing_crowded
from identity_engine.application.streams import read_records
from identity_engine.errors import UsageError
from identity_engine.event_store.store import EventStore
from matchers.evaluation import Interaction
from matchers.model import Model, model_version
from matchers.normalise import NORMALISER_VERSION
from matchers.pairs import Pair
from matchers.record import MatchRecord, pack
from matchers.training import TrainingTable, train

BATCH = 2_000
_MEMBERS = 6
"""Records of a contact with which one decision of a person makes pairs: enough, and bounded."""


def tables_of_files(
    streams: Sequence[Path], truth: Mapping[Interaction, str], policy: Policy, now: datetime
) -> list[TrainingTable]:
    """Read one table from each file.

    Args:
        streams: files of CloudEvents JSON lines, plain or gzip.
        truth: interaction -> person, for those that are known.
        policy: whose blocked values and default country hold.
        now: aware UTC.

    Raises:
        SourceError: a file cannot be read.
    """
    tables = []
    for path in streams:
        read = read_records(path, policy, now)
        people = {
            place: truth[one.interaction]
            for place, one in enumerate(read)
            if one.interaction in truth
        }
        tables.append(TrainingTable([one.record for one in read], people))
    return tables


def table_of_store(store: EventStore) -> TrainingTable:
    """Read all interactions of a store, with the links that a person made or took away.

    A pinned link, such as a confirmed review, confirms the interaction and the other records of its
    contact as one person; a pinned unlink and a rejected review say that they are two.
    """
    history = _History()
    after = 0
    while events := store.read(after, BATCH):
        for event in events:
            match event.fact:
                case InteractionReceived() as fact:
                    made = comparable(fact.personal, fact.division, store.digests, nothing_crowded)
                    history.receive(event.stream_id, made.record)
                case InteractionLinked() as fact:
                    history.link(event.stream_id, fact.contact_id, is_pinned=fact.pinned)
                case InteractionUnlinked() as fact:
                    by_person = fact.pinned and fact.cause is None
                    history.unlink(event.stream_id, fact.contact_id, is_pinned=by_person)
                case InteractionReviewDecided(decision="rejected") as fact:
                    history.reject(event.stream_id, fact.proposed)
                case InteractionReviewUndone() as fact:
                    history.forget(event.stream_id, fact.proposed)
        after = events[-1].position
    return TrainingTable(
        history.records, confirmed=sorted(history.confirmed), refuted=sorted(history.refuted)
    )


def train_from(tables: Sequence[TrainingTable], start: Model, name: str) -> Model:
    """Train a model that says where it comes from: counts and digests, no names and no paths.

    Raises:
        UsageError: there is nothing to learn from.
    """
    if not any(len(table.records) > 1 for table in tables):
        raise UsageError("There is nothing to learn from: fewer than two records say anything.")
    renamed = start.model_copy(update={"name": name, "normaliser": NORMALISER_VERSION})
    return train(tables, renamed, _provenance(tables, start))


def _provenance(tables: Sequence[TrainingTable], start: Model) -> dict[str, str]:
    described = sorted(map(_description, tables))
    said = {f"table {number}": text for number, text in enumerate(described, 1)}
    return {
        "method": "u from hash-sampled pairs, m by EM in blocked rounds and from labelled pairs",
        "normaliser": NORMALISER_VERSION,
        "start": f"{start.name} {model_version(start)}",
        **said,
    }


def _description(table: TrainingTable) -> str:
    digest = sha256()
    for packed in sorted(map(pack, table.records)):
        digest.update(packed)
    return (
        f"{len(table.records)} records, {len(table.people)} labelled, "
        f"{len(table.confirmed)} pairs confirmed, {len(table.refuted)} refuted, "
        f"SHA-256 {digest.hexdigest()}"
    )


class _History(Struct):
    """What the log says so far: records, who belongs together, and what people decided."""

    records: list[MatchRecord] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    members: defaultdict[str, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))
    contact_of: dict[int, str] = field(default_factory=dict)
    confirmed: set[Pair] = field(default_factory=set)
    refuted: set[Pair] = field(default_factory=set)

    def receive(self, interaction: str, record: MatchRecord | None) -> None:
        if record is not None:
            self.places[interaction] = len(self.records)
            self.records.append(record)

    def link(self, interaction: str, contact: str, *, is_pinned: bool) -> None:
        place = self.places.get(interaction)
        if place is None:
            return
        if place in self.contact_of:
            self.members[self.contact_of[place]].pop(place, None)
        if is_pinned:
            self._decide(place, contact, self.confirmed, self.refuted)
        self.contact_of[place] = contact
        self.members[contact][place] = None

    def unlink(self, interaction: str, contact: str, *, is_pinned: bool) -> None:
        place = self.places.get(interaction)
        if place is None:
            return
        self.members[contact].pop(place, None)
        self.contact_of.pop(place, None)
        if is_pinned:
            self._decide(place, contact, self.refuted, self.confirmed)

    def reject(self, interaction: str, contact: str) -> None:
        place = self.places.get(interaction)
        if place is not None:
            self._decide(place, contact, self.refuted, self.confirmed)

    def forget(self, interaction: str, contact: str) -> None:
        """An answer was taken back: nothing is known of these pairs."""
        place = self.places.get(interaction)
        for other in self.members[contact] if place is not None else ():
            pair = min(place or 0, other), max(place or 0, other)
            self.confirmed.discard(pair)
            self.refuted.discard(pair)

    def _decide(self, place: int, contact: str, said: set[Pair], unsaid: set[Pair]) -> None:
        """The later decision about a pair holds."""
        for other in list(self.members[contact])[-_MEMBERS:]:
            pair = min(place, other), max(place, other)
            said.add(pair)
            unsaid.discard(pair)
