"""An event as one sentence, with ids, rules and bits; no personal value is in it."""

from collections.abc import Iterable

from aggregates.across import (
    AcrossFact,
    ContactAcrossEnded,
    ContactAcrossFound,
    ContactAcrossLifted,
    ContactAcrossLinked,
    ContactAcrossUnlinked,
)
from aggregates.augmentation import (
    ContactAugmentationReverted,
    ContactAugmented,
    ContactLookedUp,
)
from aggregates.change import InteractionChanged
from aggregates.contact import (
    ContactCreated,
    ContactIdentificationUndone,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
    MergeEdge,
)
from aggregates.correction import IdentifierCorrectionEnded, IdentifierLinkCorrected
from aggregates.crm import CrmCorrectionProposed, CrmWriteBackDue
from aggregates.division import ContactMoved
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierTransferred,
    IdentifierUnshared,
)
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactHoldLifted,
    ContactHoldSet,
    ContactRestored,
    LifecycleFact,
)
from aggregates.notes import NoteAdded, NoteChanged, NoteGiven, NoteRemoved, NoteTakenOver
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from aggregates.values import Evidence, Fact
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from identity_engine.application.explanation.explain import reason_of
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.telling_cases import tell_of_case
from matchers.scoring import in_bits
from projections.base import Recorded


def tell(event: Recorded, say: Sentences, moved_from: str | None = None) -> str:
    """Say what an event was.

    Args:
        event: any event of the log.
        say: sentences in the reader's language.
        moved_from: for a link, the contact that the interaction was taken from just before.
    """
    fact, stream_id = event.fact, event.stream_id
    match fact:
        case InteractionReceived(channel=channel, direction=direction):
            return say.say(
                "event.received",
                interaction=stream_id,
                channel=channel,
                direction=say.say(f"word.{direction}"),
            )
        case InteractionLinked():
            return _link(event, fact, say, moved_from)
        case InteractionHeldForReview(evidence=evidence, proposed=proposed):
            bits = in_brackets(evidence, say)
            return say.say("event.held", interaction=stream_id, proposed=proposed, bits=bits)
        case InteractionUnlinked(contact_id=contact_id, cause=cause):
            key = "event.unlinked" if cause is None else f"event.unlinked_{cause}"
            return say.say(key, interaction=stream_id, contact=contact_id)
        case InteractionReviewDecided() | InteractionReviewUndone():
            undone = "_undone" if isinstance(fact, InteractionReviewUndone) else ""
            return say.say(
                f"event.review_{fact.decision}{undone}",
                interaction=stream_id,
                proposed=fact.proposed,
            )
        case InteractionChanged(change=change):
            return say.say(
                f"event.change_{change.kind}",
                interaction=stream_id,
                agent=change.agent or "",
                to=change.to_agent or change.to_queue or "",
            )
        case ContactMerged():
            return _merge(fact, say)
        case ContactUnmerged(edges=edges):
            return _each(edges, "event.unmerged", say)
        case _ if isinstance(fact, ContactMoved | AcrossFact):
            return _of_division(stream_id, fact, say)
        case _ if isinstance(fact, LifecycleFact):
            return _of_life(stream_id, fact, say)
        case NoteTakenOver(given_from=before):
            return say.say("event.note_given", before=before, contact=stream_id)
        case NoteGiven(given_to=contact_id):
            return say.say("event.note_given", before=stream_id, contact=contact_id)
        case NoteAdded() | NoteChanged() | NoteRemoved():
            return say.say(f"event.{fact.TOPIC.replace('.', '_')}", subject=stream_id)
        case _ if fact.TOPIC.startswith(("case.", "agent.")):
            return tell_of_case(fact, say)
        case _ if fact.TOPIC.startswith("identifier."):
            return _of_identifier(fact, say)
        case _ if fact.TOPIC.startswith("crm."):
            return _of_crm(stream_id, fact, say)
        case _:
            return _of_contact(stream_id, fact, say)


def rule_of(fact: Fact) -> tuple[str | None, float | None]:
    """Return the rule that wrote a fact and its evidence in bits; None where there is none."""
    evidence = getattr(fact, "evidence", None)
    if not isinstance(evidence, Evidence):
        return None, None
    return evidence.rule, in_bits(evidence.weight) if evidence.comparisons else None


def _link(event: Recorded, fact: InteractionLinked, say: Sentences, moved_from: str | None) -> str:
    key = "event.linked" if moved_from is None else "event.moved"
    if fact.pinned:
        key += "_by_person"
    elif fact.evidence.rule == "none":
        key += "_alone"
    return say.say(
        key,
        interaction=event.stream_id,
        contact=fact.contact_id,
        before=moved_from or "",
        rule=fact.evidence.rule,
        bits=in_brackets(fact.evidence, say),
    )


def _merge(fact: ContactMerged, say: Sentences) -> str:
    if fact.evidence is None:
        return _each(fact.edges, "event.merged_by_person", say)
    rule, bits = fact.evidence.rule, in_brackets(fact.evidence, say)
    return _each(fact.edges, "event.merged", say, rule=rule, bits=bits)


def _each(edges: Iterable[MergeEdge], key: str, say: Sentences, **values: str) -> str:
    return say.joined(*(say.say(key, one=edge.one, other=edge.other, **values) for edge in edges))


def _of_identifier(fact: Fact, say: Sentences) -> str:
    match fact:
        case IdentifierClaimed(contact_id=contact_id, identifier_class=class_, verified=verified):
            key = "event.claimed_verified" if verified else "event.claimed_unverified"
            return say.say(key, contact=contact_id, cls=class_.value)
        case IdentifierVerified(contact_id=contact_id):
            return say.say("event.verified", contact=contact_id)
        case IdentifierVerificationWithdrawn(contact_id=contact_id, still_by=still):
            key = "event.verification_rests" if still else "event.verification_withdrawn"
            return say.say(key, contact=contact_id)
        case IdentifierReleased(contact_id=contact_id):
            return say.say("event.released", contact=contact_id)
        case IdentifierReclaimed(contact_id=contact_id):
            return say.say("event.reclaimed", contact=contact_id)
        case IdentifierShared(holders=holders, by=by):
            return say.say(f"event.shared_by_{by}", holders=str(holders))
        case IdentifierUnshared(by=by):
            return say.say("event.unshared_by_person" if by == "person" else "event.unshared")
        case IdentifierTransferred(from_contact_id=before, contact_id=contact_id):
            return say.say("event.transferred", before=before, contact=contact_id)
        case IdentifierDescribed(contact_id=contact_id, primary=primary):
            key = "event.described_primary" if primary else "event.described"
            return say.say(key, contact=contact_id)
        case IdentifierLinkCorrected(contact_id=contact_id):
            return say.say("event.link_corrected", contact=contact_id)
        case IdentifierCorrectionEnded(contact_id=contact_id):
            return say.say("event.correction_ended", contact=contact_id)
        case IdentifierReassigned(from_contact_id=before, contact_id=contact_id):
            return say.say("event.reassigned", before=before, contact=contact_id)
        case _:
            return say.say("event.other", topic=fact.TOPIC)


def _of_contact(contact_id: str, fact: Fact, say: Sentences) -> str:
    match fact:
        case ContactCreated(division=division):
            return say.say("event.created", contact=contact_id, division=division)
        case ContactAugmented(source=source):
            return say.say("event.augmented", contact=contact_id, source=source)
        case ContactLookedUp(source=source, outcome=outcome, records=records):
            told = {"source": source, "contact": contact_id, "records": str(records)}
            return say.say(f"event.looked_up_{outcome}", **told)
        case ContactAugmentationReverted():
            return say.say("event.augmentation_reverted", contact=contact_id)
        case ContactEdited():
            return say.say("event.edited", contact=contact_id)
        case ContactEditWithdrawn(given_to=other):
            return say.say("event.edit_withdrawn", before=contact_id, contact=other)
        case ContactIdentified(by=by):
            reason = say.say(f"identified_by.{by}")
            return say.say("event.identified", contact=contact_id, reason=reason)
        case ContactIdentificationUndone(interaction_id=taken):
            return say.say("event.identification_undone", contact=contact_id, interaction=taken)
        case ContactPromoted(stage_before=before):
            return say.say("event.promoted", contact=contact_id, before=before.value)
        case ContactPromotionUndone(stage=stage):
            return say.say("event.promotion_undone", contact=contact_id, stage=stage.value)
        case ContactToldApart(other=other):
            return say.say("event.told_apart", one=contact_id, other=other)
        case ContactToldApartLifted(other=other):
            return say.say("event.told_apart_lifted", one=contact_id, other=other)
        case ContactMergeRefused(other=other, guard=guard, evidence=evidence):
            reason, bits = reason_of(guard, say), in_brackets(evidence, say)
            return say.say(
                "event.merge_refused", one=contact_id, other=other, reason=reason, bits=bits
            )
        case ContactMergeRefusalEnded(other=other):
            return say.say("event.merge_refusal_ended", one=contact_id, other=other)
        case _:
            return say.say("event.other", topic=fact.TOPIC)


SAID_ACROSS = {
    ContactAcrossLinked: "event.across_linked",
    ContactAcrossUnlinked: "event.across_unlinked",
    ContactAcrossLifted: "event.across_lifted",
    ContactAcrossEnded: "event.across_ended",
}


def _of_division(contact_id: str, fact: ContactMoved | AcrossFact, say: Sentences) -> str:
    match fact:
        case ContactMoved(division=division, division_before=before):
            return say.say(
                "event.contact_moved", contact=contact_id, division=division, before=before
            )
        case ContactAcrossFound(other=other, evidence=evidence):
            return say.say(
                "event.across_found", one=contact_id, other=other, bits=in_brackets(evidence, say)
            )
    return say.say(SAID_ACROSS[type(fact)], one=contact_id, other=fact.other)


def _of_crm(interaction_id: str, fact: Fact, say: Sentences) -> str:
    said = {
        "type": getattr(fact, "record_type", ""),
        "activity": getattr(fact, "activity_id", None) or "",
        "reason": getattr(fact, "reason", ""),
        "cause": "",
    }
    match fact:
        case CrmWriteBackDue(trigger=trigger):
            said["reason"] = say.say(f"crm_trigger.{trigger}")
        case CrmCorrectionProposed(cause=cause):
            said["cause"] = say.say(f"crm_cause.{cause}")
    return say.say(f"event.{fact.TOPIC.replace('.', '_')}", interaction=interaction_id, **said)


def _of_life(contact_id: str, fact: LifecycleFact, say: Sentences) -> str:
    match fact:
        case ContactExpired(days=days, last=last):
            day = last.date().isoformat()
            return say.say("event.expired", contact=contact_id, days=str(days), last=day)
        case ContactDeleted():
            return say.say("event.deleted", contact=contact_id)
        case ContactRestored(was=was):
            return say.say(f"event.restored_{was}", contact=contact_id)
        case ContactHoldSet():
            return say.say("event.hold_set", contact=contact_id)
        case ContactHoldLifted():
            return say.say("event.hold_lifted", contact=contact_id)


def in_brackets(evidence: Evidence, say: Sentences) -> str:
    """Return the weight of evidence as an insertion in brackets, nothing where nothing was compared."""
    if not evidence.comparisons:
        return ""
    return say.say("in_bits", bits=in_bits(evidence.weight))
