"""The life of one batch of interactions and their changes, from top to bottom.

Read (by the source), recognise, normalise, look up, decide, write, acknowledge. Nothing is written
before the whole batch is decided, and then in one transaction. After a lost race, what no longer stands
is decided again while holding the write lock, so it cannot lose twice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

from msgspec import Struct, field

from identity_engine.adapters.clock import World
from identity_engine.application.gc_pause import no_garbage_collection
from identity_engine.application.policies import Policies
from identity_engine.application.resolution.changing import Changing
from identity_engine.application.resolution.decision_events import DecisionEvents
from identity_engine.application.resolution.lookup import Lookup, held_identifiers, own_exclusive
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.application.resolution.prepare import (
    Prepared,
    Recognised,
    RecognisedChange,
    prepare,
    recognise,
)
from identity_engine.application.resolution.survivors import TakenDecision, standing, tell_again
from identity_engine.application.rules import Rules
from identity_engine.errors import Conflict, Fenced
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.event_store.store import EventStore
from identity_engine.ingestion.envelope import Incoming
from identity_engine.observing.logbook import Logbook
from matchers.decision import decide
from matchers.record import MatchRecord
from matchers.vocabulary import Decision
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow
from projections.sql import Cursor

book = Logbook(__name__)

SMALL_BATCH = 8
"""Up to this many interactions are decided under the write lock at once: deciding them takes less
time than opening a second transaction and checking the read set would."""


BeforeWrite = Callable[[Sequence[Outcome]], None]


class Portion(NamedTuple):
    """One batch to resolve.

    `incoming` is decoded, in order; `sources` say how far each source is then read, stored in
    the same transaction; `before_write` is given the outcomes before anything is written, and after
    a lost race once more, with the new ones.
    """

    incoming: Sequence[Incoming]
    sources: Sequence[SourcePosition] = ()
    before_write: BeforeWrite | None = None


class Resolver:
    """Decides whole batches over one store, under the rules in force.

    `watch` is told when a batch is `normalised`, `recognised`, `looked up`, `told` and `written`, when
    the store is `locked` for it, and when one of its interactions is `decided`: measurements hang on it.
    """

    def __init__(self, store: EventStore, world: World, policies: Policies) -> None:
        self._store = store
        self._world = world
        self._policies = policies
        self._mostly_known = False
        self.watch: Callable[[str], None] = _unwatched

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._policies.rules

    def resolve(self, batch: Sequence[Incoming]) -> list[Outcome]:
        """Link each interaction to its contact or make it one, and let each change follow its
        interaction, durably, in one transaction.

        Returns:
            One outcome for each, in order.
        """
        with no_garbage_collection():
            decided, commit = self._resolve(self._read_ahead(batch), Portion(batch))
            commit.close()
            return self._answer(decided)

    def resolve_each(self, portions: Iterable[Portion]) -> Iterator[list[Outcome]]:
        """Resolve batches one after the other, each durably and in a transaction of its own.

        While the disk takes one batch, the next is read and normalised: that is the only work that
        needs nothing of what the batch before decided.

        Yields:
            The outcomes of each batch, once it is on disk.
        """
        with no_garbage_collection(), ThreadPoolExecutor(1) as disk:
            going_out: _GoingOut | None = None
            for portion in portions:
                ahead = self._read_ahead(portion.incoming)
                if going_out is not None:
                    yield self._landed(going_out)
                    going_out = None  # its working set is let go before the next is made
                going_out = self._send(ahead, portion, disk)
            if going_out is not None:
                yield self._landed(going_out)

    def _send(self, ahead: "_ReadAhead", portion: Portion, disk: Executor) -> "_GoingOut":
        decided, commit = self._resolve(ahead, portion)
        return disk.submit(commit.close), decided

    def _landed(self, going_out: "_GoingOut") -> list[Outcome]:
        commit, decided = going_out
        commit.result()
        return self._answer(decided)

    def _answer(self, decided: "_Decided") -> list[Outcome]:
        self.watch("written")
        known = sum(outcome.status != "accepted" for outcome in decided.outcomes)
        self._mostly_known = 2 * known > len(decided.outcomes)
        return decided.outcomes

    def _read_ahead(self, batch: Sequence[Incoming]) -> "_ReadAhead":
        """Do what needs no look at the store: digests, keys, and normalising.

        Where the batch before was mostly known already this one will be too, and what is known is
        not normalised again.
        """
        ahead = _ReadAhead(recognise(batch, self._store.digests), {}, self.rules)
        self._store.keys.reserve(len(batch))
        if not self._mostly_known:
            self._normalise(ahead.interactions(), ahead.prepared)
        self.watch("normalised")
        return ahead

    def _normalise(self, recognised: Iterable[Recognised], prepared: dict[bytes, Prepared]) -> None:
        for one in recognised:
            if one.natural_key not in prepared:
                prepared[one.natural_key] = prepare(
                    one,
                    self.rules.policy,
                    self._store.digests,
                    self._store.index.crowded.__contains__,
                )

    def _resolve(self, ahead: "_ReadAhead", portion: Portion) -> tuple["_Decided", ExitStack]:
        """Decide a batch and put its events under the write lock; the commit is still to be closed."""
        lost = None
        if len(ahead.recognised) > SMALL_BATCH:
            try:
                with self._store.reading() as cursor:
                    lost = decided = self._decide(ahead, cursor)
                _announce(decided, portion)
                return decided, self._write(decided, portion)
            except Fenced:
                raise
            except Conflict:
                book.info("decided_again", count=len(ahead.recognised))
        return self._resolve_locked(ahead, portion, lost)

    def _resolve_locked(
        self, ahead: "_ReadAhead", portion: Portion, lost: "_Decided | None"
    ) -> tuple["_Decided", ExitStack]:
        """Decide while holding the write lock: nothing that was read can move."""
        with ExitStack() as stack:
            writer = stack.enter_context(self._store.writing())
            self.watch("locked")
            decided = self._decide(ahead, writer.cursor, lost)
            _announce(decided, portion)
            writer.append(decided.events, decided.index.changes(), portion.sources)
            return decided, stack.pop_all()

    def _write(self, decided: "_Decided", portion: Portion) -> ExitStack:
        if not decided.events and not portion.sources:
            return ExitStack()
        return self._store.stage(decided.events, index=decided.index, sources=portion.sources)

    def _decide(
        self, ahead: "_ReadAhead", cursor: Cursor, lost: "_Decided | None" = None
    ) -> "_Decided":
        """Decide a batch; what stands of decisions that `lost` a race is told again."""
        reader = self._begin(cursor)
        index = reader.index
        fresh = self._recognise(ahead, reader)
        self.watch("recognised")
        lookup = Lookup(reader, self.rules)
        prepared = {key: lookup.with_keys_in_use(one) for key, one in fresh.items()}
        decided = _Decided(index, self.rules)
        if lost is not None and not ahead.changes():
            decided.take_over(lost, prepared.keys(), lookup)
        open_ = [one for key, one in prepared.items() if key not in decided.told]
        lookup.load_unresolved([one for one in open_ if not self._resolves(one)])
        lookup.load([one for one in open_ if self._resolves(one)])
        changing = self._changing(ahead, reader, lookup, decided, prepared)
        stood = dict(decided.told)
        self.watch("looked up")
        for one in ahead.recognised:
            known = index.known(one.interaction_key)
            if isinstance(one, RecognisedChange):
                assert changing is not None, "it was made for this"
                outcome = changing.settle(one)
            elif known is None:
                told = self._settle(prepared[one.natural_key], lookup, decided, changing)
                outcome = _accepted(told, index)
            elif one.natural_key in stood:
                outcome = _accepted(stood.pop(one.natural_key), index)
            else:
                outcome = _answer_again(one, known, index)
            decided.outcomes.append(outcome)
        self.watch("told")
        return decided

    def _begin(self, cursor: Cursor) -> IndexReader:
        """Begin to read, and follow the rules that are in force where the working set begins."""
        reader = self._store.index.begin(cursor)
        reader.index.reading.is_provisional = True
        self._policies.follow(reader)
        return reader

    def _recognise(self, ahead: "_ReadAhead", reader: IndexReader) -> dict[bytes, Prepared]:
        """Load what is known of a batch; return its new interactions, normalised under the rules in
        force, by natural key."""
        batch, index = ahead.recognised, reader.index
        reader.load_natural_keys([one.interaction_key for one in batch])
        if ahead.rules is not self.rules:
            ahead.prepared.clear()
        fresh = [one for one in ahead.interactions() if index.known(one.natural_key) is None]
        if len(fresh) < len(batch):
            reader.load_nearby((), index.contacts_of_known())
        self._normalise(fresh, ahead.prepared)
        return {one.natural_key: ahead.prepared[one.natural_key] for one in fresh}

    def _changing(
        self,
        ahead: "_ReadAhead",
        reader: IndexReader,
        lookup: Lookup,
        decided: "_Decided",
        arriving: Mapping[bytes, Prepared],
    ) -> Changing | None:
        """Return what takes the changes of a batch, loaded; None where there are none, and none wait."""
        changes = ahead.changes()
        if not changes and not reader.index.conversations.last_waiting:
            return None
        work = self._store, self._world, self.rules, reader, lookup
        changing = Changing(*work, decided.events, arriving)
        changing.load(changes)
        return changing

    def _resolves(self, prepared: Prepared) -> bool:
        return self.rules.policy.channel(prepared.fact.channel).resolve

    def _settle(
        self,
        prepared: Prepared,
        lookup: Lookup,
        decided: "_Decided",
        changing: Changing | None,
    ) -> TakenDecision:
        """Take one decision and let its events change what the next decision sees."""
        index, rules, as_it_came = decided.index, self.rules, prepared
        channel = rules.policy.channel(prepared.fact.channel)
        prepared = lookup.with_keys_of_now(prepared)
        decision = RESOLUTION_OFF
        if channel.resolve:
            candidates, facts = lookup.of_holders(prepared)
            decision = decide(
                prepared.record or NOTHING_SAID,
                held_identifiers(prepared, index),
                own_exclusive(prepared, index),
                candidates,
                facts,
                rules.scorer,
                rules.link_rules,
                live_channel=channel.live,
                is_lasting=any(one.why_lasting for one in prepared.identifiers),
                weights=lookup.weights(prepared),
                near=lambda: lookup.near(prepared),
            )
        self.watch("decided")
        natural_key = bytes.fromhex(prepared.fact.natural_key)
        awaited = changing.awaited(natural_key) if changing is not None else None
        written = DecisionEvents(self._world, self._store.keys, rules, index, prepared, awaited)
        events = written.of(decision)
        decided.events += events
        lookup.crowding.settle(written.received)
        if changing is not None:
            changing.catch_up(natural_key, written)
        told = decided.told[natural_key] = TakenDecision(
            as_it_came,
            decision,
            written.interaction_id,
            written.contact_id,
            written.received.key_id,
            events,
            awaited is not None,
        )
        return told


class _ReadAhead(NamedTuple):
    """A batch before the store was looked at; `prepared` holds what is normalised, by natural key,
    under `rules`."""

    recognised: list[Recognised | RecognisedChange]
    prepared: dict[bytes, Prepared]
    rules: Rules

    def interactions(self) -> list[Recognised]:
        """Return those that are interactions, in order."""
        return [one for one in self.recognised if isinstance(one, Recognised)]

    def changes(self) -> list[RecognisedChange]:
        """Return those that are changes, in order."""
        return [one for one in self.recognised if isinstance(one, RecognisedChange)]


class _Decided(Struct):
    """A batch with all its decisions taken and nothing written."""

    index: MatchIndex
    rules: Rules
    events: list[Pending] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    told: dict[bytes, TakenDecision] = field(default_factory=dict)
    """The decisions by natural key."""

    def take_over(self, lost: "_Decided", new: Collection[bytes], lookup: Lookup) -> None:
        """Tell again what stands of decisions that lost a race, under the same rules, of interactions
        that are still new."""
        if lost.rules is not self.rules or _waiting(self.index) != _waiting(lost.index):
            return
        stood = standing(lost.told.values(), lost.index, lookup, new)
        tell_again(stood, lost.index, lookup)
        self.events += [event for one in stood for event in one.events]
        self.told |= {one.natural_key: one for one in stood}


_GoingOut = tuple[Future[None], _Decided]
"""A batch on its way to the disk."""

RESOLUTION_OFF = Decision("new", None, "resolution_off")
NOTHING_SAID = MatchRecord()


def _waiting(index: MatchIndex) -> int:
    return index.conversations.last_waiting


def _accepted(told: TakenDecision, index: MatchIndex) -> Outcome:
    contact_id, rule = index.linked(told.interaction_id), told.decision.rule
    if contact_id is None:
        return Outcome("accepted", told.interaction_id, None, None, rule)
    canonical = index.canonical(contact_id)
    return Outcome("accepted", told.interaction_id, canonical, index.stage(canonical), rule)


def _announce(decided: _Decided, portion: Portion) -> None:
    if portion.before_write is not None:
        portion.before_write(decided.outcomes)


def _unwatched(_: str) -> None:
    """Nobody measures."""


def _answer_again(recognised: Recognised, known: InteractionRow, index: MatchIndex) -> Outcome:
    same = recognised.content_digest == known.content_digest
    contact_id = known.contact_id
    return Outcome(
        "duplicate" if same else "conflict",
        known.interaction_id,
        index.canonical(contact_id) if contact_id is not None else None,
    )
