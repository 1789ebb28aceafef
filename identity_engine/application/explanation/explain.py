"""Why a decision was taken, told from the evidence stored with it: a sentence, then the parts."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from aggregates.across import ContactAcrossFound
from aggregates.contact import ContactMerged, MergeEdge
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionUnlinked,
)
from aggregates.values import Evidence, instant_text
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.waterfall import (
    Part,
    Thresholds,
    parts_of_evidence,
    thresholds_of,
)
from identity_engine.application.policies import Policies
from matchers.scoring import in_bits
from projections.base import Recorded

BY_PERSON = "person"


class Explanation(Struct, frozen=True):
    """Why an interaction belongs to its contact, why two contacts are one, or why a contact is there.

    `kind` is `link`, `review`, `merge`, `across` for likeness over divisions, or `entered` for a
    contact that a person made. Of a merge or likeness `contacts` are the two and `contact_id` the one
    whose stream holds it;
    `interaction_id` and `against` are the interactions that were compared, None where a person merged,
    and `by_hand` those of them that are what people say of a contact, under its id. `moved_from` is the
    contact that re-evaluation took a link from. `parts` start with the prior and add up to `bits`;
    `thresholds` are those in force then, None where no model had a say. `losing` lists the contacts
    that came next, with bits.
    """

    kind: Literal["link", "review", "merge", "across", "entered"]
    interaction_id: str | None
    contact_id: str
    position: int
    rule: str
    sentence: str
    bits: float = 0.0
    thresholds: Thresholds | None = None
    parts: tuple[Part, ...] = ()
    losing: tuple[tuple[str, float], ...] = ()
    considered: int = 0
    refusals: tuple[str, ...] = ()
    model: str | None = None
    policy: str | None = None
    against: str | None = None
    contacts: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    moved_from: str | None = None


def explain_link(stream: Sequence[Recorded], policies: Policies, say: Sentences) -> Explanation:
    """Explain the link in force of an interaction, or the doubt behind it.

    Args:
        stream: the interaction's own events; the last link or review among them is explained.
        policies: know the model that the evidence names.
        say: sentences in the reader's language.

    Raises:
        ValueError: the interaction belongs to no contact.
    """
    event = link_of(stream)
    if event is None:
        raise ValueError("an interaction without a link has nothing to explain")
    fact = event.fact
    assert isinstance(fact, InteractionLinked | InteractionHeldForReview)
    evidence, moved_from = fact.evidence, _moved_from(stream, event)
    is_pinned = isinstance(fact, InteractionLinked) and fact.pinned
    model = policies.model_of(evidence.model)
    thresholds = thresholds_of(model)
    return Explanation(
        kind="review" if isinstance(fact, InteractionHeldForReview) else "link",
        interaction_id=event.stream_id,
        contact_id=fact.contact_id,
        position=event.position,
        rule=evidence.rule,
        sentence=(
            say.say("pinned")
            if is_pinned
            else _sentence_of_link(evidence, moved_from, thresholds, say)
        ),
        bits=in_bits(evidence.weight),
        thresholds=thresholds,
        parts=parts_of_evidence(evidence, model),
        losing=tuple((one.contact_id, in_bits(one.weight)) for one in evidence.candidates),
        considered=evidence.considered,
        refusals=tuple(
            say.say("refused", contact=one.contact_id, reason=reason_of(one.guard, say))
            for one in evidence.refusals
        ),
        model=evidence.model,
        policy=evidence.policy,
        against=evidence.interaction_id,
        moved_from=moved_from,
    )


def explain_merge(
    event: Recorded, edge: MergeEdge, policies: Policies, say: Sentences
) -> Explanation:
    """Explain one edge of a `contact.merged`."""
    fact = event.fact
    assert isinstance(fact, ContactMerged)
    contacts, evidence = (edge.one, edge.other), fact.evidence
    if evidence is None:
        return Explanation(
            kind="merge",
            interaction_id=None,
            contact_id=event.stream_id,
            position=event.position,
            rule=BY_PERSON,
            sentence=say.say("merge.person"),
            contacts=contacts,
        )
    return _of_two("merge", event, contacts, evidence, policies, say)


def explain_across(event: Recorded, policies: Policies, say: Sentences) -> Explanation:
    """Explain a `contact.across_found`."""
    fact = event.fact
    assert isinstance(fact, ContactAcrossFound)
    return _of_two("across", event, (event.stream_id, fact.other), fact.evidence, policies, say)


def _of_two(
    kind: Literal["merge", "across"],
    event: Recorded,
    contacts: tuple[str, str],
    evidence: Evidence,
    policies: Policies,
    say: Sentences,
) -> Explanation:
    model = policies.model_of(evidence.model)
    thresholds = thresholds_of(model)
    return Explanation(
        kind=kind,
        interaction_id=evidence.against,
        contact_id=event.stream_id,
        position=event.position,
        rule=evidence.rule,
        sentence=_told(kind, evidence, thresholds, say),
        bits=in_bits(evidence.weight),
        thresholds=thresholds,
        parts=parts_of_evidence(evidence, model),
        model=evidence.model,
        policy=evidence.policy,
        against=evidence.interaction_id,
        contacts=contacts,
    )


def explain_entered(event: Recorded, say: Sentences) -> Explanation:
    """Explain that a contact is there because a person entered it."""
    moment = instant_text(event.recorded_at)
    return Explanation(
        kind="entered",
        interaction_id=None,
        contact_id=event.stream_id,
        position=event.position,
        rule=BY_PERSON,
        sentence=say.say(
            "entered_by_hand", actor=event.header.actor, day=moment[:10], time=moment[11:16]
        ),
        contacts=(event.stream_id,),
    )


def link_of(stream: Sequence[Recorded]) -> Recorded | None:
    """Return the decision in force of an interaction's stream: its last link, or the doubt behind it.

    None where it belongs to no contact.
    """
    decided = (InteractionLinked, InteractionHeldForReview, InteractionUnlinked)
    last = next((event for event in reversed(stream) if isinstance(event.fact, decided)), None)
    return None if last is None or isinstance(last.fact, InteractionUnlinked) else last


def reason_of(guard: str, say: Sentences) -> str:
    """Return why a guard refuses, as part of a sentence; the guard's name where it is unknown."""
    return say.say(f"guard.{guard}") if say.knows(f"guard.{guard}") else guard


def _moved_from(stream: Sequence[Recorded], link: Recorded) -> str | None:
    """Return the contact that the interaction was taken from to be linked where it is."""
    earlier = (one.fact for one in stream if one.version == link.version - 1)
    before = next(earlier, None)
    return before.contact_id if isinstance(before, InteractionUnlinked) else None


def _sentence_of_link(
    evidence: Evidence, moved_from: str | None, thresholds: Thresholds, say: Sentences
) -> str:
    if moved_from is None:
        return _told("rule", evidence, thresholds, say)
    # Evidence of a new place is that of all interactions; without any, it stands alone.
    is_alone = evidence.rule == "none"
    why = say.say("moved_alone") if is_alone else _told("rule", evidence, thresholds, say)
    return say.joined(say.say("moved", before=moved_from), why)


def _told(prefix: str, evidence: Evidence, thresholds: Thresholds, say: Sentences) -> str:
    """Return the sentence of a rule; one that this version has no words for is named."""
    key = f"{prefix}.{evidence.rule}"
    if not say.knows(key):
        key = "unknown_rule" if prefix == "rule" else f"{prefix}.unknown_rule"
    return say.say(
        key,
        rule=evidence.rule,
        weight=in_bits(evidence.weight),
        attach=thresholds.attach,
        merge=thresholds.merge,
    )
