"""Why a decision was taken, told from the evidence stored with it: a sentence, then the parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregates.contact import (
    ContactCreated,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactToldApart,
    ContactUnmerged,
)
from aggregates.identifier import IdentifierClaimed, IdentifierReassigned, IdentifierShared
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Evidence
from projections.base import Recorded

BITS = 1000

SENTENCES = {
    "exact_exclusive": "It carries an identifier that only this contact holds.",
    "exact_strong": "It carries a verified identifier that this contact holds.",
    "exact_weak": "It carries an unverified identifier that this contact alone holds, "
    "and nothing it says contradicts the contact.",
    "device": "It comes from a device that this contact alone uses.",
    "score": "What it says is like what this contact said before: {weight} bits of evidence, "
    "and {attach} are enough.",
    "review_band": "It is rather like another contact ({weight} bits; {attach} would be enough), so "
    "it got a contact of its own and a person should decide.",
    "shared_identifier": "It carries only a value that many contacts share, which proves nothing.",
    "resolution_off": "Resolution is switched off for its channel.",
    "none": "Nothing it says is like any contact known at that time.",
}
GUARDS = {
    "contradiction": "what it says speaks against it",
    "exclusive_conflict": "it carries another value of an identifier that only one person can hold",
    "members_differ": "it is like one record of that contact and unlike the others",
    "bare_name": "only the name was alike",
    "bare_identifier": "only an identifier that several contacts hold was alike",
    "place_alone": "only a fixed line or an address was the same, and several people may be there",
    "household": "only what kin or colleagues have in common was alike",
    "size_cap": "that contact has more records than the policy allows",
}

IDENTIFIED_BY = {
    "second_interaction": "a second interaction carries an identifier it holds",
    "exclusive": "it holds an identifier that only one person can hold",
    "verified": "it holds an identifier that the publisher has verified",
    "confirmed": "a person confirmed a link",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One bar of the waterfall: what was compared, at which level, worth how many bits."""

    name: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an interaction belongs to its contact.

    `parts` start with the prior and add up to `bits`; `attach` and `review` are the thresholds that
    were in force. `losing` lists the contacts that came next, with their bits.
    """

    interaction_id: str
    contact_id: str
    position: int
    rule: str
    sentence: str
    bits: float
    attach: float
    review: float
    parts: tuple[Part, ...]
    losing: tuple[tuple[str, float], ...]
    considered: int
    refusals: tuple[str, ...]
    model: str
    policy: str
    against: str | None


def explain_link(event: Recorded, attach: float, review: float) -> Explanation:
    """Explain a link or a review from its event.

    Args:
        event: an `interaction.linked` or `interaction.held_for_review`.
        attach: threshold in bits of the model that the evidence names.
        review: likewise.
    """
    fact = event.fact
    assert isinstance(fact, InteractionLinked | InteractionHeldForReview)
    evidence = fact.evidence
    sentence = SENTENCES.get(evidence.rule, "It was linked by the rule {rule}.").format(
        weight=f"{evidence.weight / BITS:.1f}", attach=f"{attach:.1f}", rule=evidence.rule
    )
    return Explanation(
        interaction_id=event.stream_id,
        contact_id=fact.contact_id,
        position=event.position,
        rule=evidence.rule,
        sentence=sentence,
        bits=evidence.weight / BITS,
        attach=attach,
        review=review,
        parts=_parts(evidence),
        losing=tuple((one.contact_id, one.weight / BITS) for one in evidence.candidates),
        considered=evidence.considered,
        refusals=tuple(
            f"{one.contact_id} was not linked: {GUARDS.get(one.guard, one.guard)}."
            for one in evidence.refusals
        ),
        model=evidence.model,
        policy=evidence.policy,
        against=evidence.interaction_id,
    )


def link_of(stream: Sequence[Recorded]) -> Recorded | None:
    """Return the decision in force of an interaction's stream: its last link, or the doubt behind it.

    None where it was never linked.
    """
    decided = (InteractionLinked, InteractionHeldForReview)
    return next((event for event in reversed(stream) if isinstance(event.fact, decided)), None)


def summary_of(event: Recorded) -> str:
    """Say in a few words what an event was; no personal value is in it."""
    fact = event.fact
    match fact:
        case InteractionReceived(channel=channel, direction=direction):
            return f"{direction} interaction by {channel} received"
        case InteractionLinked(evidence=evidence, contact_id=contact_id):
            return f"linked to {contact_id} by {evidence.rule}" + _bits(evidence)
        case InteractionHeldForReview(evidence=evidence, proposed=proposed):
            return f"held for review: {proposed} is proposed" + _bits(evidence)
        case InteractionUnlinked(contact_id=contact_id):
            return f"taken from {contact_id}"
        case ContactCreated(division=division):
            return f"created in division {division}"
        case ContactIdentified(by=by):
            return f"identified: {IDENTIFIED_BY[by]}"
        case ContactPromoted(stage_before=before):
            return f"promoted from {before} to curated"
        case IdentifierClaimed(identifier_class=class_, verified=verified):
            return f"holds {_article(class_)} identifier, {'' if verified else 'not '}verified"
        case IdentifierShared(holders=holders, by="names"):
            return f"an identifier of this contact stands for {holders} people or more"
        case IdentifierShared(holders=holders):
            return f"an identifier of this contact is shared by {holders} contacts"
        case IdentifierReassigned(from_contact_id=before, contact_id=contact_id):
            return f"the claim on an identifier went from {before} to {contact_id}"
        case ContactMerged(edges=edges, evidence=evidence):
            pairs = ", ".join(f"{edge.one} and {edge.other}" for edge in edges)
            rule = f" by {evidence.rule}" + _bits(evidence) if evidence is not None else ""
            return f"{pairs} are one person{rule}"
        case ContactUnmerged(edges=edges):
            pairs = ", ".join(f"{edge.one} and {edge.other}" for edge in edges)
            return f"{pairs} are no longer taken for one person"
        case ContactToldApart(other=other):
            return f"{event.stream_id} and {other} were told apart"
        case _:
            return fact.TOPIC.partition(".")[2].replace("_", " ")


def _parts(evidence: Evidence) -> tuple[Part, ...]:
    if not evidence.comparisons:
        return ()
    prior = Part("prior", "before anything is compared", evidence.prior / BITS)
    return (
        prior,
        *(Part(one.name, one.level, one.weight / BITS) for one in evidence.comparisons),
    )


def _article(class_: str) -> str:
    return f"an {class_}" if class_ == "exclusive" else f"a {class_}"


def _bits(evidence: Evidence) -> str:
    return f" ({evidence.weight / BITS:.1f} bits)" if evidence.comparisons else ""
