"""The life of one batch of interactions, from top to bottom.

Read (by the source), recognise, normalise, look up, decide, write, acknowledge. Nothing is written
before the whole batch is decided, and then in one transaction; a lost race throws the batch's
decisions away and takes them again while holding the write lock, so it cannot lose twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from sqlite3 import Cursor

from aggregates.policy import Policy
from aggregates.values import ContactId, InteractionId, Stage
from identity_engine.adapters.clock import World
from identity_engine.application.policies import Policies
from identity_engine.application.prepare import Prepared, Recognised, prepare, recognise
from identity_engine.application.rules import Rules
from identity_engine.application.story import Story
from identity_engine.application.unburdened import no_garbage_collection
from identity_engine.errors import Conflict
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import EventStore, SourcePosition, Writer
from identity_engine.ingestion.envelope import IncomingInteraction
from matchers.decision import Candidate, ContactFacts, Decision, HeldIdentifier, Holder, decide
from matchers.record import MatchRecord
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow

SMALL_BATCH = 8
"""Up to this many interactions are decided under the write lock at once: deciding them takes less
time than opening a second transaction and checking the read set would."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one interaction.

    `status` is `accepted`, `duplicate` (received before, nothing written) or `conflict` (received
    before with other content). `decision` names the rule; it is empty unless accepted.
    """

    status: str
    interaction_id: InteractionId
    contact_id: ContactId | None
    stage: Stage | None = None
    decision: str = ""


BeforeWrite = Callable[[Sequence[Outcome]], None]


class Resolver:
    """Decides whole batches over one store, under the rules in force.

    `watch` is told when a batch is `recognised`, `normalised`, `looked up`, `decided` and `written`:
    measurements hang on it.
    """

    def __init__(self, store: EventStore, world: World, policies: Policies) -> None:
        self._store = store
        self._world = world
        self._policies = policies
        self.watch: Callable[[str], None] = _unwatched

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._policies.rules

    def resolve(
        self,
        batch: Sequence[IncomingInteraction],
        position: SourcePosition | None = None,
        before_write: BeforeWrite | None = None,
    ) -> list[Outcome]:
        """Link each interaction to its contact or make it one, durably, in one transaction.

        Args:
            batch: decoded interactions, in order.
            position: how far their source is read, stored in the same transaction.
            before_write: is given the outcomes before anything is written; after a lost race it
                is called once more with the new ones.

        Returns:
            One outcome for each interaction, in order.
        """
        with no_garbage_collection():
            return self._resolve(batch, position, before_write)

    def _resolve(
        self,
        batch: Sequence[IncomingInteraction],
        position: SourcePosition | None,
        before_write: BeforeWrite | None,
    ) -> list[Outcome]:
        recognised = recognise(batch, self._store.digests)
        self._store.keys.reserve(len(batch))
        if len(batch) > SMALL_BATCH:
            try:
                with self._store.reading() as cursor:
                    decided = self._decide(recognised, cursor)
                self._write(decided, position, before_write)
            except Conflict:
                decided = self._resolve_locked(recognised, position, before_write)
        else:
            decided = self._resolve_locked(recognised, position, before_write)
        self.watch("written")
        return decided.outcomes

    def _resolve_locked(
        self,
        recognised: Sequence[Recognised],
        position: SourcePosition | None,
        before_write: BeforeWrite | None,
    ) -> "_Decided":
        """Decide while holding the write lock: nothing that was read can move."""
        with self._store.writing() as writer:
            decided = self._decide(recognised, writer.cursor)
            self._write(decided, position, before_write, writer)
        return decided

    def _decide(self, batch: Sequence[Recognised], cursor: Cursor) -> "_Decided":
        index = self._store.index.begin(cursor)
        self._policies.follow(index.rules)
        self._store.index.load_natural_keys(cursor, index, [one.natural_key for one in batch])
        self.watch("recognised")
        prepared: dict[bytes, Prepared] = {}
        for one in batch:
            if one.natural_key not in prepared and index.known(one.natural_key) is None:
                prepared[one.natural_key] = prepare(one, self.rules.policy, self._store.digests)
        self.watch("normalised")
        self._load(cursor, index, prepared.values())
        self.watch("looked up")
        decided = _Decided(index, [], [])
        for one in batch:
            known = index.known(one.natural_key)
            if known is None:
                decided.outcomes.append(
                    self._settle(prepared[one.natural_key], index, decided, cursor)
                )
            else:
                decided.outcomes.append(_answer_again(one, known))
        self.watch("decided")
        return decided

    def _load(self, cursor: Cursor, index: MatchIndex, prepared: Iterable[Prepared]) -> None:
        """Load all that the batch's decisions may read: one query for each kind of row."""
        resolving = [one for one in prepared if self._resolves(one)]
        tables, policy = self._store.index, self.rules.policy
        digests = {considered.digest for one in resolving for considered in one.identifiers}
        tables.load_identifiers(cursor, index, list(digests))
        block_keys = {key for one in resolving for key in one.block_keys}
        tables.load_postings(cursor, index, block_keys, policy.block_cap)
        numbers = {number for one in resolving for number in nearest(one, index, policy)}
        tables.load_interactions(cursor, index, numbers)
        tables.load_contacts(
            cursor, index, index.contacts_in_play(), policy.guards.members_compared
        )

    def _resolves(self, prepared: Prepared) -> bool:
        return self.rules.policy.channel(prepared.fact.channel).resolve

    def _settle(
        self, prepared: Prepared, index: MatchIndex, decided: "_Decided", cursor: Cursor
    ) -> Outcome:
        """Take one decision and let its events change what the next decision sees."""
        channel = self.rules.policy.channel(prepared.fact.channel)
        decision = RESOLUTION_OFF
        if channel.resolve:
            candidates = self._candidates(prepared, index, cursor)
            decision = decide(
                prepared.record or NOTHING_SAID,
                _held(prepared, index),
                _own_exclusive(prepared, index),
                candidates,
                _contact_facts(index, candidates, prepared),
                self.rules.scorer,
                self.rules.link_rules,
                live_channel=channel.live,
            )
        story = Story(self._world, self._store.keys, self.rules, index)
        decided.events += story.tell(prepared, decision)
        return Outcome(
            "accepted",
            story.interaction_id,
            story.contact_id,
            index.contacts[story.contact_id].state.stage,
            decision.rule,
        )

    def _candidates(self, prepared: Prepared, index: MatchIndex, cursor: Cursor) -> list[Candidate]:
        """Return the nearest records by block key, and the newest of each contact in question.

        A decision within the batch can bring records near that were not loaded with it.
        """
        numbers = nearest(prepared, index, self.rules.policy)
        compared = self.rules.policy.guards.members_compared
        if not all(map(index.interaction, numbers)):
            self._store.index.load_interactions(cursor, index, numbers)
        chosen = {
            row.interaction_id: row
            for number in numbers
            if (row := index.interaction(number)) is not None
        }
        contacts = {row.contact_id for row in chosen.values() if row.contact_id is not None}
        contacts |= set(_holders(prepared, index))
        if not contacts <= index.contacts.keys():
            self._store.index.load_contacts(cursor, index, contacts, compared)
        for contact_id in sorted(contacts):
            members = [row for row in index.interactions_of(contact_id) if row.record is not None]
            if len(members) > compared:
                members.sort(key=_newest_first, reverse=True)
            for row in members[:compared]:
                chosen[row.interaction_id] = row
        return [
            Candidate(row.contact_id, row.interaction_id, row.record)
            for row in chosen.values()
            if row.record is not None
            and row.contact_id is not None
            and index.contacts[row.contact_id].state.division == prepared.fact.division
        ]

    def _write(
        self,
        decided: "_Decided",
        position: SourcePosition | None,
        before_write: BeforeWrite | None,
        writer: Writer | None = None,
    ) -> None:
        if before_write is not None:
            before_write(decided.outcomes)
        if decided.events or position is not None:
            self._store.append(
                decided.events, index=decided.index, position=position, writer=writer
            )


@dataclass(slots=True)
class _Decided:
    """A batch with all its decisions taken and nothing written."""

    index: MatchIndex
    events: list[Pending]
    outcomes: list[Outcome]


RESOLUTION_OFF = Decision("new", None, "resolution_off")
NOTHING_SAID = MatchRecord()


def _unwatched(_: str) -> None:
    """Nobody measures."""


def _answer_again(recognised: Recognised, known: InteractionRow) -> Outcome:
    same = recognised.content_digest == known.content_digest
    return Outcome("duplicate" if same else "conflict", known.interaction_id, known.contact_id)


def _held(prepared: Prepared, index: MatchIndex) -> list[HeldIdentifier]:
    """Return who held each identifier at the interaction's own time.

    Where both this interaction and a holder have the value verified, only verified holders count;
    otherwise the value is no more than weak evidence.
    """
    held = []
    for considered in prepared.identifiers:
        row = index.identifiers.get(considered.digest)
        if row is None or row.state is None:
            continue
        holdings = row.state.holders_at(prepared.time)
        class_ = considered.identifier_class
        if class_ in ("exclusive", "strong"):
            verified = tuple(holding for holding in holdings if holding.verified)
            holdings = verified or holdings
            class_ = class_ if verified else type(class_).WEAK
        held.append(
            HeldIdentifier(
                row.identifier_id,
                class_.value,
                considered.verified,
                row.state.shared,
                tuple(
                    Holder(
                        h.contact_id,
                        int(index.contacts[h.contact_id].state.first_seen.timestamp() * 1_000_000),
                    )
                    for h in holdings
                ),
            )
        )
    return held


def _own_exclusive(prepared: Prepared, index: MatchIndex) -> dict[str, str]:
    own = {}
    for considered in prepared.identifiers:
        if considered.identifier_class == "exclusive":
            row = index.identifiers.get(considered.digest)
            own[considered.given.type] = row.identifier_id if row is not None else "unseen"
    return own


def _contact_facts(
    index: MatchIndex, candidates: Sequence[Candidate], prepared: Prepared
) -> dict[str, ContactFacts]:
    wanted = {candidate.contact_id for candidate in candidates} | set(_holders(prepared, index))
    facts = {}
    for contact_id in wanted:
        row_ = index.contacts[ContactId(contact_id)]
        facts[contact_id] = ContactFacts(
            contact_id,
            row_.state.stage.value,
            row_.state.exclusive,
            row_.state.interactions,
        )
    return facts


def nearest(prepared: Prepared, index: MatchIndex, policy: Policy) -> list[int]:
    """Return the numbers of the records to compare with an interaction, the nearest first.

    Records that share more and rarer block keys come first; ties go to the older record, so that a
    batch of any size sees the same. A key over the policy's cap is left out.
    """
    shared: defaultdict[int, float] = defaultdict(float)
    for key in prepared.block_keys:
        numbers = index.numbers_under(key)
        if 0 < len(numbers) <= policy.block_cap:
            rarity = 1.0 / len(numbers)
            for number in numbers:
                shared[number] += 1.0 + rarity
    if len(shared) <= policy.candidate_cap:
        return sorted(shared, key=_age)
    return sorted(shared, key=lambda number: (-shared[number], _age(number)))[
        : policy.candidate_cap
    ]


def _age(number: int) -> tuple[bool, int]:
    # Stored rows count up from 1, those of the batch down from -1 and are younger than all stored.
    return number < 0, abs(number)


def _newest_first(row: InteractionRow) -> str:
    return row.interaction_id


def _holders(prepared: Prepared, index: MatchIndex) -> Iterator[ContactId]:
    for considered in prepared.identifiers:
        row = index.identifiers.get(considered.digest)
        if row is not None and row.state is not None:
            yield from (holding.contact_id for holding in row.state.holdings)
