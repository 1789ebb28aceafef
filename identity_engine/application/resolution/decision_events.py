"""From one decision to its events: what is written down, and in whose stream.

An interaction writes to its own stream only, unless it adds a fact to a contact or an identifier. No
profile value is copied: the contact gets its values through the link.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from msgspec.structs import replace

from aggregates import contact, interaction
from aggregates.identity import LASTING
from aggregates.interaction import InteractionState
from aggregates.values import (
    CandidateEvidence,
    ComparisonEvidence,
    ContactId,
    Evidence,
    Fact,
    IdentifierClass,
    IdentifierId,
    InteractionId,
    RefusalEvidence,
    Stage,
)
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter, Seal, Upstream
from identity_engine.application.resolution.claiming import claim_identifiers
from identity_engine.application.resolution.prepare import Considered, Prepared
from identity_engine.application.rules import Rules
from identity_engine.event_store.keys import DataKey, KeyRing
from identity_engine.event_store.mapper import Pending
from matchers.scoring import Part
from matchers.vocabulary import Decision
from projections.match_index.index import MatchIndex

MOST_SHOWN = 10


class DecisionEvents:
    """Writes the events of one interaction and applies each to the index at once.

    `awaited` is the id and the key that a change which came first has given to it.
    """

    def __init__(
        self,
        world: World,
        keys: KeyRing,
        rules: Rules,
        index: MatchIndex,
        prepared: Prepared,
        awaited: tuple[InteractionId, DataKey] | None = None,
    ) -> None:
        self._world = world
        self._rules = rules
        self._index = index
        id_, self._key = awaited or (InteractionId(world.new_id()), keys.new_key())
        self.interaction_id = id_
        self.contact_id = ContactId("")
        self._prepared = prepared
        upstream = Upstream(prepared.correlation_id, prepared.causation_id, prepared.traceparent)
        self._fact_writer = FactWriter(
            world, rules.actor, index, upstream, Seal(self.interaction_id, self._key)
        )
        self._state: InteractionState = interaction.Unknown()

    def of(self, decision: Decision) -> list[Pending]:
        """Return the events of a decision, in the order they are to be read."""
        prepared = self._prepared
        self._own(interaction.Receive(fact=prepared.fact))
        self.received = self._index.receive(
            self.interaction_id,
            prepared.fact,
            self._key.key_id,
            prepared.time,
            prepared.comparable,
        )
        if decision.kind == "link" and decision.contact_id is not None:
            self.contact_id = self._member(ContactId(decision.contact_id), decision)
        else:
            self._create_contact()
        evidence = evidence_of(decision, self._rules)
        proposed = self._to_review(decision)
        own = evidence if proposed is None or decision.kind == "link" else _without_scores(evidence)
        self._own(interaction.Link(contact_id=self.contact_id, evidence=own, pinned=False))
        if proposed is not None:
            self._own(interaction.HoldForReview(proposed=proposed, evidence=evidence))
        self._claim_identifiers(decision)
        self._identify(decision)
        return self._fact_writer.events

    def _member(self, canonical: ContactId, decision: Decision) -> ContactId:
        """Return the member of an identity that gave the evidence: the holder of the identifier that
        decided, else the one whose record did. It is the contact that would have been found, had its
        identity never been merged."""
        members = self._index.members(canonical)
        if len(members) == 1:
            return canonical
        matched = None
        if decision.matched_interaction is not None:
            matched = self._index.linked(InteractionId(decision.matched_interaction))
        holding = members & {
            holding.contact_id
            for identifier_id in decision.matched_identifiers
            for holding in self._index.holdings(IdentifierId(identifier_id))
        }
        if matched in (holding or members):
            return ContactId(matched)
        return min(holding, key=self._first_seen, default=canonical)

    def _first_seen(self, contact_id: ContactId) -> tuple[datetime, ContactId]:
        return self._index.contacts[contact_id].state.first_seen, contact_id

    def _to_review(self, decision: Decision) -> ContactId | None:
        """Return the contact that a person should compare with this one, if there is doubt.

        That is the contact of the review band, or the holder of an exclusive identifier that a
        guard refused: only one of the two can be right. It is a member, never the id that stands for
        its identity: an unmerge must leave the question with the contact that it is about.
        """
        if decision.kind == "review" and decision.contact_id is not None:
            return self._member(ContactId(decision.contact_id), decision)
        refused = {refusal.contact_id for refusal in decision.refusals}
        for considered in self._prepared.identifiers:
            if considered.identifier_class is IdentifierClass.EXCLUSIVE:
                held = [
                    holder
                    for holder in self._holders_of(considered)
                    if self._index.canonical(holder) in refused
                ]
                if held:
                    return min(held, key=lambda one: (self._index.canonical(one), one))
        return None

    def _holders_of(self, considered: Considered) -> set[ContactId]:
        row = self._index.identifiers.get(considered.digest)
        if row is None or row.state is None:
            return set()
        holders = self._index.holders_at(row.state, self._prepared.time)
        return {holding.contact_id for holding in holders}

    def _create_contact(self) -> None:
        self.contact_id = ContactId(self._world.new_id())
        command = contact.Create(
            division=self._prepared.fact.division, interaction_id=self.interaction_id
        )
        self._write(self.contact_id, contact.decide(None, command))

    def _claim_identifiers(self, decision: Decision) -> None:
        claim_identifiers(
            self._index,
            self._rules.policy,
            self._prepared,
            self.contact_id,
            self.interaction_id,
            {refusal.contact_id for refusal in decision.refusals},
            self._world.new_id,
            self._fact_writer,
        )

    def _identify(self, decision: Decision) -> None:
        """Raise the contact where an identifier shows a lasting person, never by weight alone (GX-0).

        A member is judged by its own stage, not by that of its identity, which an unmerge may take.
        """
        row = self._index.contacts[self.contact_id]
        if row.state.stage is not Stage.EPHEMERAL:
            return
        by, identifier_id = self._reason_to_identify(decision)
        if by is None:
            return
        command = contact.Identify(
            by=by, interaction_id=self.interaction_id, identifier_id=identifier_id
        )
        self._write(self.contact_id, contact.decide(row.state, command))

    def _reason_to_identify(
        self, decision: Decision
    ) -> tuple[contact.IdentifiedBy | None, IdentifierId | None]:
        if decision.kind == "link" and decision.rule in LASTING:
            return "second_interaction", IdentifierId(decision.matched_identifiers[0])
        for considered in self._prepared.identifiers:
            if (by := considered.why_lasting) is not None:
                row = self._index.identifiers.get(considered.digest)
                return by, None if row is None else row.identifier_id
        return None, None

    def _own(self, command: interaction.InteractionCommand) -> None:
        for fact in interaction.decide(self._state, command):
            self._state = interaction.evolve(self._state, fact)
            self._write(self.interaction_id, (fact,))

    def _write(self, stream_id: str, facts: Iterable[Fact]) -> None:
        self._fact_writer.write(stream_id, self._prepared.time, facts)


def _without_scores(evidence: Evidence) -> Evidence:
    """Return the evidence of a link to an own contact: the scores were against another one."""
    return replace(evidence, weight=0, prior=0, comparisons=(), interaction_id=None)


def evidence_of(decision: Decision, rules: Rules) -> Evidence:
    """Return what a decision rests on, as it is kept with its event."""
    score, refusals = decision.score, decision.refusals
    return Evidence(
        rule=decision.rule,
        model=rules.model_version,
        policy=rules.policy_version,
        weight=decision.weight,
        prior=0 if score is None else score.prior,
        comparisons=() if score is None else tuple(map(_comparison, score.parts)),
        interaction_id=cast("InteractionId | None", decision.matched_interaction),
        identifiers=cast("tuple[IdentifierId, ...]", decision.matched_identifiers),
        candidates=tuple(
            CandidateEvidence(contact_id=ContactId(contact_id), weight=weight)
            for contact_id, weight in decision.losing
        ),
        considered=decision.considered,
        refusals=tuple(
            RefusalEvidence(
                contact_id=ContactId(one.contact_id), guard=one.guard, weight=one.weight
            )
            for one in refusals[:MOST_SHOWN]
        ),
        refused=len(refusals),
    )


def _comparison(part: Part) -> ComparisonEvidence:
    return ComparisonEvidence(name=part.comparison, level=part.level, weight=part.weight)
