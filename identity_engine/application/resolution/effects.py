"""What a change of an interaction brings about: in its contact, its record and its claims.

Nothing here moves a link to another contact: a message may propose one to a person, and where a
correction or a retraction leaves the links is for re-evaluation.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec.structs import replace

from aggregates import contact as contacts
from aggregates import interaction, review
from aggregates.identifier import Holding
from aggregates.interaction import InteractionUnlinked
from aggregates.release import IdentifierReleased
from aggregates.review import ReviewState
from aggregates.values import ContactId, IdentifierClass, InteractionId
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.resolution.claiming import claim_identifiers
from identity_engine.application.resolution.decision_events import evidence_of
from identity_engine.application.resolution.lookup import Lookup, held_identifiers, own_exclusive
from identity_engine.application.resolution.prepare import Prepared
from identity_engine.application.resolution.vouching import Vouching
from identity_engine.application.rules import Rules
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.match_index.conversation_tables import load_heard, load_hearers
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from matchers.decision import decide
from matchers.record import MatchRecord
from matchers.vocabulary import Decision
from projections.match_index.conversations import Heard
from projections.match_index.identities import moment_of
from projections.match_index.mentions import value_key
from projections.match_index.rows import InteractionRow


class Effects:
    """The effects of the changes of one batch.

    Args:
        store, world, rules, reader, lookup: of the batch.
        events: what the batch has written so far.
    """

    def __init__(
        self,
        store: EventStore,
        world: World,
        rules: Rules,
        reader: IndexReader,
        lookup: Lookup,
        events: Sequence[Pending],
    ) -> None:
        self._store, self._world, self._rules = store, world, rules
        self._reader, self._index, self._lookup = reader, reader.index, lookup
        self._events = events
        self._heard: dict[InteractionId, list[bytes]] = {}
        self._hearers: dict[bytes, list[Heard]] = {}

    def load(self, taken_back: Sequence[InteractionRow]) -> None:
        """Load what interactions that are corrected or retracted had made contacts claim."""
        if not taken_back:
            return
        self._heard = load_heard(self._reader.cursor, [row.interaction_id for row in taken_back])
        mentioned = {one.digest for row in taken_back for one in row.mentions}
        said = mentioned.union(*self._heard.values())
        fresh = said - self._index.identifiers.keys()
        self._reader.load_identifiers(list(fresh))
        self._reader.load_nearby((), self._index.holders())
        self._load_hearers(said)

    def hear(
        self,
        fact_writer: FactWriter,
        row: InteractionRow,
        contact_id: ContactId,
        prepared: Prepared,
    ) -> None:
        """Take in what a message says: its values are the contact's, unless they are another's."""
        mentions = prepared.comparable.mentions
        self._index.hear(row.interaction_id, contact_id, mentions, prepared.time)
        decision = self._decide(prepared)
        if decision is not None and decision.kind == "link" and decision.contact_id is not None:
            wanted = ContactId(decision.contact_id)
            if wanted != self._index.canonical(contact_id):
                self._propose(fact_writer, row, wanted, prepared.time, decision)
        refused = [one.contact_id for one in decision.refusals] if decision is not None else []
        self._claim(
            fact_writer, row, contact_id, self._without_conflicts(prepared, contact_id), refused
        )

    def _decide(self, prepared: Prepared) -> Decision | None:
        channel = self._rules.policy.channel(prepared.fact.channel)
        if not channel.resolve:
            return None
        candidates, facts = self._lookup.of_holders(prepared)
        return decide(
            prepared.record or MatchRecord(),
            held_identifiers(prepared, self._index),
            own_exclusive(prepared, self._index),
            candidates,
            facts,
            self._rules.scorer,
            self._rules.link_rules,
            live_channel=channel.live,
        )

    def _propose(
        self,
        fact_writer: FactWriter,
        row: InteractionRow,
        wanted: ContactId,
        time: datetime,
        decision: Decision,
    ) -> None:
        """Ask a person, unless the same is being asked, or was answered."""
        state = self._state(row.interaction_id, fact_writer.events)
        asked = {*state.rejected, *({state.asked.proposed} if state.asked is not None else ())}
        self._reader.load_nearby((), asked)
        if wanted in map(self._index.canonical, asked):
            return
        command = interaction.HoldForReview(wanted, evidence_of(decision, self._rules))
        fact_writer.write(row.interaction_id, time, interaction.decide(state.link, command))

    def _state(self, interaction_id: InteractionId, pending: Sequence[Pending]) -> ReviewState:
        stored = self._store.read_stream(interaction_id, cursor=self._reader.cursor)
        state = ReviewState()
        for fact in (
            *(event.fact for event in stored),
            *(e.fact for e in (*self._events, *pending) if e.stream_id == interaction_id),
        ):
            state = review.evolve(state, fact)
        return state

    def _without_conflicts(self, prepared: Prepared, contact_id: ContactId) -> Prepared:
        """Leave out exclusive values of which the contact holds others."""
        index = self._index
        members = index.members_of(contact_id)
        held = {
            type_: identifier_id
            for member in members
            for type_, identifier_id in index.contacts[member].state.exclusive.items()
        }
        kept = [
            one
            for one in prepared.identifiers
            if one.identifier_class is not IdentifierClass.EXCLUSIVE
            or one.given.type not in held
            or (
                (row := index.identifiers.get(one.digest)) is not None
                and row.identifier_id == held[one.given.type]
            )
        ]
        return replace(prepared, identifiers=tuple(kept))

    def _claim(
        self,
        fact_writer: FactWriter,
        row: InteractionRow,
        contact_id: ContactId,
        prepared: Prepared,
        refused: Collection[str] = (),
    ) -> None:
        claim_identifiers(
            self._index,
            self._rules.policy,
            prepared,
            contact_id,
            row.interaction_id,
            refused,
            self._world.new_id,
            fact_writer,
        )

    def correct(self, fact_writer: FactWriter, row: InteractionRow, prepared: Prepared) -> None:
        """Let the interaction say something else: as if it had said so from the beginning."""
        before = {one.digest for one in row.mentions}
        self._lookup.correct(row, prepared)
        self._let_go(fact_writer, row, before - {one.digest for one in row.mentions})
        if row.contact_id is not None:
            self._settle_claims(
                fact_writer, row.contact_id, before, prepared.time, again=row.interaction_id
            )
            then = replace(prepared, time=moment_of(row.time))
            self._claim(
                fact_writer, row, row.contact_id, self._without_conflicts(then, row.contact_id)
            )

    def retract(self, fact_writer: FactWriter, row: InteractionRow, time: datetime) -> None:
        """Take the interaction out of its contact, with what the contact has on its word alone; likewise
        what one still has from which a person had taken it."""
        contact_id = row.contact_id
        heard = self._heard.get(row.interaction_id, ())
        just_heard = self._index.conversations.just_heard()
        said = {one.digest for one in row.mentions}.union(
            heard, (one.digest for one in just_heard if one.interaction_id == row.interaction_id)
        )
        self._let_go(fact_writer, row, said)
        if contact_id is None:
            return
        self._lookup.crowding.evaluate_near(row)
        fact = InteractionUnlinked(contact_id=contact_id, pinned=True, cause="retracted")
        fact_writer.write(row.interaction_id, time, [fact])
        members = self._index.members_of(contact_id)
        self._index.evaluate_again(self._reader.load_all_of(members))
        self._settle_claims(fact_writer, contact_id, said, time)
        self._end_refusals(fact_writer, contact_id, row.interaction_id, time)

    def _end_refusals(
        self,
        fact_writer: FactWriter,
        contact_id: ContactId,
        interaction_id: InteractionId,
        time: datetime,
    ) -> None:
        """Let no merge be refused because of an interaction that is gone, unless re-evaluation says it
        again: of a contact that has nothing left nobody would."""
        known = self._index.contacts[contact_id]
        for other, why in sorted(known.state.refused.items()):
            if why.rests_on(interaction_id):
                facts = contacts.decide(known.state, contacts.EndRefusal(other))
                fact_writer.write(contact_id, time, facts)

    def _settle_claims(
        self,
        fact_writer: FactWriter,
        contact_id: ContactId,
        digests: Collection[bytes],
        time: datetime,
        again: InteractionId | None = None,
    ) -> None:
        """Let what the interaction showed of values hold no longer."""
        vouching = Vouching(self._reader, self._rules.policy)
        claims = ((contact_id, digest) for digest in sorted(digests))
        for identifier, fact in vouching.settle(claims, again=again):
            fact_writer.write(identifier.identifier_id, time, [fact])

    def _let_go(
        self, fact_writer: FactWriter, row: InteractionRow, digests: Collection[bytes]
    ) -> None:
        """End the claims on values from their beginning, where no interaction supports them any more:
        those that rest on this one, and those of its contact. Of a contact that is gone they have ended;
        so that they do not come back with it, it is said all the same."""
        self._lookup.crowding.load(value_key(digest) for digest in digests)
        near = [n for digest in digests for n in self._index.numbers_under(value_key(digest))]
        self._reader.load_interactions(near)
        self._index.evaluate_again(near)
        self._load_hearers(digests)
        for digest in sorted(digests):
            identifier = self._index.identifiers.get(digest)
            state = identifier.state if identifier is not None else None
            for held in state.holdings if state is not None else ():
                if self._rests_on(held, row) and not self._is_supported(digest, held, row):
                    assert identifier is not None, "it has a state"
                    ended = IdentifierReleased(
                        contact_id=held.contact_id, was_gone=held.valid_to is not None
                    )
                    fact_writer.write(identifier.identifier_id, held.valid_from, [ended])

    def _load_hearers(self, digests: Collection[bytes]) -> None:
        """Load in which interactions messages gave these values, as far as it is not known."""
        fresh = set(digests) - self._hearers.keys()
        if not fresh:
            return
        self._hearers |= {digest: [] for digest in fresh}
        for one in load_hearers(self._reader.cursor, fresh):
            self._hearers[one.digest].append(one)
        ids = {one.interaction_id for digest in fresh for one in self._hearers[digest]}
        unknown = [one for one in sorted(ids) if self._index.interaction_by_id(one) is None]
        self._reader.load_linked(unknown)

    def _rests_on(self, held: Holding, row: InteractionRow) -> bool:
        """Tell whether a claim that is open, or would be if its contact came back, hangs on an
        interaction, or on others of its contact."""
        if held.interaction_id is None:
            return False
        contact = self._index.contacts.get(held.contact_id)
        is_gone = contact is not None and not contact.state.is_live
        if held.valid_to is not None and not (held.given_up and is_gone):
            return False
        if held.interaction_id == row.interaction_id:
            return True
        if row.contact_id is None or held.is_vouched_for:
            return False
        return self._index.are_one(held.contact_id, row.contact_id)

    def _is_supported(self, digest: bytes, held: Holding, but: InteractionRow) -> bool:
        members = self._index.members_of(held.contact_id)
        others = map(self._index.interaction, self._index.numbers_under(value_key(digest)))
        just = self._index.conversations.just_heard()
        heard = (*self._hearers[digest], *(one for one in just if one.digest == digest))
        told = (self._index.interaction_by_id(one.interaction_id) for one in heard)
        return any(
            row is not None
            and row.interaction_id != but.interaction_id
            and row.contact_id in members
            for row in (
                *(one for one in others if one and any(m.digest == digest for m in one.mentions)),
                *told,
            )
        )
