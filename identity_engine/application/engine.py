"""The engine: one store, opened; the way in for the command line, for servers and for Python."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self

from aggregates.access import Action
from identity_engine.adapters.clock import World
from identity_engine.application.actor_context import ActorContext, Services
from identity_engine.application.cases.intake import Intake
from identity_engine.application.explanation.explain import Explanation
from identity_engine.application.explanation.how import Step
from identity_engine.application.explanation.sentences import DEFAULT, Language
from identity_engine.application.explanation.why_not import WhyNot
from identity_engine.application.ids import checked_interaction
from identity_engine.application.indexing import rebuild_index, verify_index
from identity_engine.application.intake.ingest import BATCH_SIZE, Ingestion
from identity_engine.application.intake.ingest import Progress as IngestProgress
from identity_engine.application.intake.preparing import (
    BatchPreparation,
    IngestSummary,
    PublisherRights,
)
from identity_engine.application.operations.administration import checked_actor
from identity_engine.application.operations.desk import Desk
from identity_engine.application.operations.reading import LIVE, LIVE_STAGES
from identity_engine.application.permissions import needs
from identity_engine.application.policies import Policies
from identity_engine.application.queries import Queries
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.application.reevaluation.reevaluate import Reevaluation
from identity_engine.application.reevaluation.rehearse import Rehearsed, rehearse
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.resolve import Resolver
from identity_engine.application.rules import OWNER
from identity_engine.application.views.follower import Follower, Progress, Verdict
from identity_engine.bootstrap import connect_topic, in_memory, place_of
from identity_engine.errors import ConfigurationError
from identity_engine.event_store.closed import kept_open
from identity_engine.event_store.dead_letter_table import SCHEMA as LETTERS_SCHEMA
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.sqlite.folder import not_opened
from identity_engine.event_store.sqlite_files import told_plainly
from identity_engine.event_store.store import EventStore
from identity_engine.ingestion.dead_letters import DeadLetters
from identity_engine.ingestion.envelope import decode
from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.files.event_file import Format, open_events
from identity_engine.ingestion.given import Given, lines_of
from identity_engine.settings import in_force
from projections.history import HistoryEntry
from projections.identity.query import SharedValue
from projections.profile.query import Profile
from projections.review.projection import RefusedMerge, ReviewItem
from projections.runner import ViewStatus
from projections.search.query import SearchHit

if TYPE_CHECKING:  # the client of Kafka is an extra
    from identity_engine.application.intake.consume import Consumed
    from identity_engine.settings.kafka import Subscription

P = ParamSpec("P")


class Engine:
    """Resolves interactions and answers questions over one store. A context manager.

    Open it with `Engine.open` or `Engine.in_memory`. One engine may be used from one thread at a
    time; several engines, in several processes, may share a store.
    """

    def __init__(self, place: StorePlace, world: World | None = None, actor: str = OWNER) -> None:
        self._world = world or World()
        self.store = EventStore(place, self._world)
        with kept_open(self.store):
            self.policies = Policies(self.store, self._world)
            if self.store.index_is_outdated:
                rebuild_index(self.store)
                self.store.index_is_outdated = False
            self.dead_letters = DeadLetters(place.dead_letters(LETTERS_SCHEMA), self.store.keys)
        self.follower = Follower(self.store, place)
        self.resolver = Resolver(self.store, self._world, self.policies)
        self.reevaluation = Reevaluation(self.store, self._world, self.policies)
        self._preparation = BatchPreparation(
            self.store, self.resolver, self.dead_letters, self._world
        )
        self._ingestion = Ingestion(self._preparation)
        queries = Queries(self.store, self.follower, self.policies)
        self._services = Services(
            self.store, self._world, self.policies, self.follower, queries, self.dead_letters
        )
        self.desk = self.acting_as(actor)
        self.context = self.desk.context
        self._intake = Intake(self.context)

    @classmethod
    def open(
        cls,
        store: str | Path | None = None,
        world: World | None = None,
        *,
        actor: str | None = None,
        make: bool = True,
    ) -> Self:
        """Open a store.

        Args:
            store: `sqlite:///FOLDER`, a folder or `postgresql://...`; None for the user's own.
            world: clock and random bytes, for tests.
            actor: who acts, an opaque id; None for what the settings say, else the owner. The owner
                of an embedded store may do everything, others what their roles allow.
            make: make the store if it is not there.

        Raises:
            ConfigurationError: the store is not there and is not to be made, or cannot be opened as
                it is; the message says the fix.
            StoreError: SQLite refuses it, such as a file that may only be read.
        """
        place = place_of(store)
        try:
            if not make:
                place.refuse_absent()
            with told_plainly():
                return cls(place, world, actor or in_force().actor or OWNER)
        except OSError as error:
            raise ConfigurationError(not_opened(error)) from None

    @classmethod
    def in_memory(cls, world: World | None = None, *, actor: str = OWNER) -> Self:
        """Open a store that is gone when it is closed."""
        return cls(in_memory(), world, actor)

    def acting_as(self, actor: str) -> Desk:
        """Return what an actor may do and see here; `desk` is that of the engine's own actor.

        Raises:
            UsageError: the id is none.
        """
        return Desk(ActorContext(self._services, checked_actor(actor)))

    def under(self, action: Action) -> Self:  # noqa: ARG002 - it has no narrower right to act by
        """Return this engine."""
        return self

    @needs(Action.INGEST_PUBLISH)
    def ingest(self, events: Iterable[Given]) -> list[Outcome | Rejected]:
        """Resolve CloudEvents (JSON text or dictionaries) as one batch, durably.

        Returns:
            For each event, in order, its outcome, or its faults; what is rejected here is not kept.

        Raises:
            UsageError: it is one event and no list, or one is nothing that JSON can say.
        """
        now = self._world.now()
        lines = lines_of(events)
        decoded = self._publishing().only_allowed([decode(one, now=now) for one in lines], lines)
        usable = [one for one in decoded if not isinstance(one, Rejected)]
        outcomes = iter(self.resolver.resolve(usable))
        self._intake.follow()
        return [one if isinstance(one, Rejected) else next(outcomes) for one in decoded]

    @needs(Action.INGEST_PUBLISH)
    def ingest_file(
        self,
        path: Path | str,
        *,
        format: Format = "cloudevents",  # noqa: A002 - the word of the command line
        mapping: Path | None = None,
        again: bool = False,
        batch_size: int = BATCH_SIZE,
        progress: IngestProgress | None = None,
    ) -> IngestSummary:
        """Resolve a whole file, from where an earlier run stopped; "-" is standard input.

        Links are provisional until `reevaluate` has run.

        Raises:
            SourceError: the file or its mapping cannot be read.
        """
        secret = self.store.digests.source_secret()
        with open_events(path, format, mapping, batch_size=batch_size, secret=secret) as file:
            return self._ingestion.run(
                file, self._publishing(), again=again, progress=self._taking_in(progress)
            )

    @needs(Action.INGEST_PUBLISH)
    def consume(
        self,
        subscription: "Subscription",
        *,
        until_caught_up: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        progress: "Callable[[Consumed], None] | None" = None,
    ) -> "Consumed":
        """Resolve the messages of a Kafka topic, from where the store is, until it is time to stop.

        Links are provisional until `reevaluate` has run.

        Args:
            subscription: the topic, and as whom it is read.
            until_caught_up: end once all is read that was there at the beginning.
            stopping: is asked often; what has arrived when it says True is still written.
            progress: called after each batch.

        Raises:
            ConfigurationError: the extra `kafka` is not installed, or there is no such topic.
            RemoteError: the brokers refuse, or cannot be reached at the start.
            NothingDealt: other workers of the group have all partitions, and all is to be read.
        """
        reader, topic = connect_topic(subscription, stopping)
        from identity_engine.application.intake.consume import Consumption

        told = self._taking_in(progress)
        with closing(reader), closing(topic) if topic is not None else nullcontext():
            work = Consumption(reader, topic, self._preparation, self._publishing, told)
            return work.run(until_caught_up=until_caught_up)

    def _publishing(self) -> PublisherRights:
        return PublisherRights(self.context.rights, self.policies.rules.policy)

    def _taking_in(self, progress: Callable[P, None] | None) -> Callable[P, None]:
        """Let the mail of each batch come to its cases before progress is told."""

        def told(*so_far: P.args, **named: P.kwargs) -> None:
            self._intake.follow()
            if progress is not None:
                progress(*so_far, **named)

        return told

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def reevaluate(self, progress: Progress | None = None) -> Reevaluated:
        """Make the clusters final: the same whatever order the interactions came in."""
        return self.reevaluation.run(progress)

    @needs(Action.POLICY_REHEARSE, everywhere=True)
    def rehearse(
        self,
        *,
        policy: bytes | None = None,
        model: bytes | None = None,
        since: str | None = None,
        progress: Progress | None = None,
    ) -> Rehearsed:
        """Say which links and merges would be others under another policy or model; write nothing.

        Args:
            policy, model: JSON; None keeps what is in force.
            since: start from what was received after a time or `pos:N`.

        Raises:
            InvalidContent: a content is not valid.
        """
        rules = self.policies.rules_with(policy, model)
        return rehearse(self.store, self._world, rules, since, progress)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def request_reevaluation(self, interaction_ids: Collection[str] | None = None) -> None:
        """Queue interactions to be evaluated again, by an event; None queues all.

        Raises:
            UsageError: one is no id; nothing is queued.
        """
        ids = (
            None
            if interaction_ids is None
            else [checked_interaction(one) for one in interaction_ids]
        )
        self.reevaluation.request(ids, self.context.actor)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def redrive(self, ids: Sequence[int] | None = None, *, dry_run: bool = False) -> IngestSummary:
        """Decode dead letters again, these or all open ones; in a dry run, keep nothing of it."""
        summary = self._ingestion.redrive(ids, dry_run=dry_run)
        if not dry_run:
            self._intake.follow()
        return summary

    def profile(self, contact_id: str, as_of: str | None = None) -> Profile:
        """Return the single view of a contact, now or as of a time or `pos:N`."""
        return self.desk.reading.profile(contact_id, as_of)

    def history(
        self, contact_id: str, as_of: str | None = None, language: Language = DEFAULT
    ) -> list[HistoryEntry]:
        """Return every event of a contact in log order, now or as of a time or `pos:N`."""
        return self.desk.reading.history(contact_id, as_of, language)

    def why(self, id_: str, language: Language = DEFAULT) -> list[Explanation]:
        """Explain the link of an interaction, or the links and merges of a contact."""
        return self.desk.reading.why(id_, language)

    def why_not(self, one: str, other: str, language: Language = DEFAULT) -> WhyNot:
        """Say why two contacts, or two interactions, are not one, and what would tip it."""
        return self.desk.reading.why_not(one, other, language)

    def how(
        self, contact_id: str, as_of: str | None = None, language: Language = DEFAULT
    ) -> list[Step]:
        """Return the steps in which a contact came to be what it is, now or as of a time or `pos:N`."""
        return self.desk.reading.how(contact_id, as_of, language)

    def search(
        self,
        text: str,
        *,
        field: str | None = None,
        stages: Collection[str] = LIVE_STAGES,
        presences: Collection[str] = LIVE,
        limit: int = 20,
    ) -> list[SearchHit]:
        """Return contacts in which every word of `text` occurs; expired or deleted ones if asked for."""
        return self.desk.reading.search(
            text, field=field, stages=stages, presences=presences, limit=limit
        )

    def review(self, limit: int = 50) -> list[ReviewItem]:
        """Return what waits for a person, interactions and merges, the most likely pairs first."""
        return self.desk.reading.review(limit)

    def refused_merges(self, limit: int = 50) -> list[RefusedMerge]:
        """Return the merges that a guard refuses, the strongest first."""
        return self.desk.reading.refused_merges(limit)

    def shared_values(self, limit: int = 100) -> list[SharedValue]:
        """Return values that are marked shared, with the merges whose evidence named them."""
        return self.desk.reading.shared_values(limit)

    def counts(self) -> dict[str, int]:
        """Return the number of contacts by stage and of open review items (`in review`)."""
        return self.desk.reading.counts()

    def contacts_linked_by(self, rule: str, limit: int = 20) -> list[str]:
        """Return contacts that have an interaction linked by a rule, the ones with most first."""
        return self.desk.reading.contacts_linked_by(rule, limit)

    def export_links(
        self, out: Path | str, as_of: str | None = None, progress: Progress | None = None
    ) -> int:
        """Write every link as CSV and return how many there are."""
        return self.desk.reading.export_links(Path(out), as_of, progress)

    def follow(self, progress: Progress | None = None) -> int:
        """Bring all views up to the head of the log."""
        return self.follower.follow(progress)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def verify(self, progress: Progress | None = None) -> list[Verdict]:
        """Replay the whole log and compare it with the live views."""
        return self.follower.verify(progress)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def rebuild(self, progress: Progress | None = None) -> Sequence[ViewStatus]:
        """Build all views anew beside the live ones and swap them in."""
        return self.follower.rebuild(progress)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def verify_index(self, progress: Progress | None = None) -> Verdict:
        """Replay the match index and compare it with the live one, holding the write lock."""
        return verify_index(self.store, progress)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def rebuild_index(self, progress: Progress | None = None) -> None:
        """Replace the match index by a replay of the log, in one transaction."""
        rebuild_index(self.store, progress)

    def now(self) -> datetime:
        """Return the present time of this engine's clock."""
        return self._world.now()

    def close(self) -> None:
        """Close all files."""
        self.follower.close()
        self.dead_letters.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
