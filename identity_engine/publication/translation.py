"""From a stored fact to what subscribers are told of it: pure, so a repeat is the same to the byte.

Each fact is either translated here or named as internal; a test holds the catalogue to that.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from aggregates.augmentation import AugmentedPersonal, ContactAugmentationReverted, ContactAugmented
from aggregates.case_facts import CaseClosed, CaseGiven, CaseOpened, CaseReopened, CaseStateChanged
from aggregates.change import InteractionChanged
from aggregates.contact import (
    ContactCreated,
    ContactIdentificationUndone,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactUnmerged,
)
from aggregates.division import ContactMoved
from aggregates.editing import (
    ContactEdited,
    ContactEditWithdrawn,
    EditPersonal,
    WithdrawnPersonal,
)
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierTransferred,
)
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionUnlinked,
)
from aggregates.lifecycle import ContactDeleted, ContactExpired, ContactRestored
from aggregates.refused_merge import ContactMergeRefused
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from aggregates.values import Evidence, Fact, Stage
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from identity_engine.publication import contracts as public
from projections.base import Recorded
from projections.review.projection import SUGGESTED_DESPITE

Shown = Collection[str]
"""Fields, and types of identifiers, whose values subscribers may see."""

Told = Iterable[public.Public]


def translate(event: Recorded, shown: Shown = ()) -> tuple[public.Public, ...]:
    """Return what subscribers are told of an event of the log; nothing where it is internal.

    Args:
        event: of the log.
        shown: fields and types of identifiers whose values may stand in what is returned.
    """
    tell = TOLD.get(type(event.fact))
    return tuple(tell(event, event.fact, shown)) if tell is not None else ()


def _created(event: Recorded, fact: ContactCreated, _: Shown) -> Told:
    yield public.ContactCreated(
        contact_id=event.stream_id, division=fact.division, interaction_id=fact.interaction_id
    )


def _staged(stage: Stage) -> Callable[[Recorded, Fact, Shown], Told]:
    def tell(event: Recorded, _: Fact, __: Shown) -> Told:
        yield public.ContactStageChanged(contact_id=event.stream_id, stage=stage.value)

    return tell


def _demoted(event: Recorded, fact: ContactPromotionUndone, _: Shown) -> Told:
    yield public.ContactStageChanged(contact_id=event.stream_id, stage=fact.stage.value)


def _edited(event: Recorded, fact: ContactEdited, shown: Shown) -> Told:
    yield _changed(event, "person", fact.personal, shown)


def _augmented(event: Recorded, fact: ContactAugmented, shown: Shown) -> Told:
    yield _changed(event, "source", fact.personal, shown)


def _changed(event: Recorded, by: Any, personal: object, shown: Shown) -> public.Public:
    if not isinstance(personal, EditPersonal | AugmentedPersonal):  # erased
        return public.ContactChanged(contact_id=event.stream_id, by=by)
    removed = personal.removed if isinstance(personal, EditPersonal) else {}
    return public.ContactChanged(
        contact_id=event.stream_id,
        by=by,
        fields=tuple(sorted(personal.set.keys() | personal.added.keys() | removed.keys())),
        set={name: value for name, value in personal.set.items() if name in shown},
        added={name: values for name, values in personal.added.items() if name in shown},
        removed={name: values for name, values in removed.items() if name in shown},
    )


def _withdrawn(event: Recorded, fact: ContactEditWithdrawn, _: Shown) -> Told:
    personal = fact.personal
    fields = tuple(sorted(personal.words)) if isinstance(personal, WithdrawnPersonal) else ()
    for contact_id in (event.stream_id, fact.given_to):
        yield public.ContactChanged(contact_id=contact_id, by="undo", fields=fields)


def _reverted(event: Recorded, _: ContactAugmentationReverted, __: Shown) -> Told:
    yield public.ContactChanged(contact_id=event.stream_id, by="undo")


def _merged(event: Recorded, fact: ContactMerged, _: Shown) -> Told:
    contacts = _ends(event, fact)
    for contact_id in contacts:
        yield public.ContactMerged(
            contact_id=contact_id,
            merge_id=fact.merge_id,
            survivor=event.stream_id,
            contacts=contacts,
            automatic=fact.automatic,
        )


def _unmerged(event: Recorded, fact: ContactUnmerged, _: Shown) -> Told:
    contacts = _ends(event, fact)
    for contact_id in contacts:
        yield public.ContactUnmerged(
            contact_id=contact_id,
            merge_id=fact.merge_id,
            contacts=contacts,
            automatic=fact.automatic,
        )


def _ends(event: Recorded, fact: ContactMerged | ContactUnmerged) -> tuple[str, ...]:
    """Return the contact in whose stream a merge stands, then the others that it names."""
    named = {end for edge in fact.edges for end in (edge.one, edge.other)}
    return (event.stream_id, *sorted(named - {event.stream_id}))


def _moved(event: Recorded, fact: ContactMoved, _: Shown) -> Told:
    yield public.ContactMoved(
        contact_id=event.stream_id, division=fact.division, division_before=fact.division_before
    )


def _expired(event: Recorded, _: ContactExpired, __: Shown) -> Told:
    yield public.ContactExpired(contact_id=event.stream_id)


def _deleted(event: Recorded, _: ContactDeleted, __: Shown) -> Told:
    yield public.ContactDeleted(contact_id=event.stream_id)


def _restored(event: Recorded, fact: ContactRestored, _: Shown) -> Told:
    yield public.ContactRestored(contact_id=event.stream_id, was=fact.was)


def _linked(event: Recorded, fact: InteractionLinked, _: Shown) -> Told:
    yield public.InteractionLinked(
        contact_id=fact.contact_id,
        interaction_id=event.stream_id,
        rule=fact.evidence.rule,
        weight=fact.evidence.weight,
        pinned=fact.pinned,
    )


def _unlinked(event: Recorded, fact: InteractionUnlinked, _: Shown) -> Told:
    yield public.InteractionUnlinked(
        contact_id=fact.contact_id,
        interaction_id=event.stream_id,
        pinned=fact.pinned,
        retracted=fact.cause == "retracted",
    )


def _went_on(event: Recorded, fact: InteractionChanged, _: Shown) -> Told:
    if fact.contact_id is not None:
        yield public.InteractionChanged(
            contact_id=fact.contact_id, interaction_id=event.stream_id, change=fact.change.kind
        )


def _claimed(event: Recorded, fact: IdentifierClaimed, shown: Shown) -> Told:
    yield public.IdentifierClaimed(
        contact_id=fact.contact_id,
        identifier_id=event.stream_id,
        interaction_id=fact.interaction_id,
        **_value(fact.personal, shown),
    )


def _reclaimed(event: Recorded, fact: IdentifierReclaimed, _: Shown) -> Told:
    yield public.IdentifierClaimed(contact_id=fact.contact_id, identifier_id=event.stream_id)


def _transferred(event: Recorded, fact: IdentifierTransferred, shown: Shown) -> Told:
    yield public.IdentifierReleased(contact_id=fact.from_contact_id, identifier_id=event.stream_id)
    yield public.IdentifierClaimed(
        contact_id=fact.contact_id, identifier_id=event.stream_id, **_value(fact.personal, shown)
    )


def _reassigned(event: Recorded, fact: IdentifierReassigned, _: Shown) -> Told:
    yield public.IdentifierReleased(contact_id=fact.from_contact_id, identifier_id=event.stream_id)
    yield public.IdentifierClaimed(
        contact_id=fact.contact_id,
        identifier_id=event.stream_id,
        interaction_id=fact.interaction_id,
    )


def _value(personal: object, shown: Shown) -> dict[str, str]:
    if not isinstance(personal, ClaimPersonal) or personal.type not in shown:
        return {}
    return {"type": personal.type, "value": personal.value}


def _verified(event: Recorded, fact: IdentifierVerified, _: Shown) -> Told:
    yield public.IdentifierVerified(contact_id=fact.contact_id, identifier_id=event.stream_id)


def _unverified(event: Recorded, fact: IdentifierVerificationWithdrawn, _: Shown) -> Told:
    if fact.still_by is None:
        yield public.IdentifierUnverified(contact_id=fact.contact_id, identifier_id=event.stream_id)


def _released(event: Recorded, fact: IdentifierReleased, _: Shown) -> Told:
    if not fact.was_gone:  # else it was told when the contact went
        yield public.IdentifierReleased(contact_id=fact.contact_id, identifier_id=event.stream_id)


def _held(event: Recorded, fact: InteractionHeldForReview, _: Shown) -> Told:
    yield _suggested(
        fact.contact_id, fact.proposed, "interaction", fact.evidence, interaction=event.stream_id
    )


def _refused(event: Recorded, fact: ContactMergeRefused, _: Shown) -> Told:
    if fact.guard in SUGGESTED_DESPITE:
        yield _suggested(event.stream_id, fact.other, "merge", fact.evidence)


def _suggested(
    contact_id: str, proposed: str, kind: Any, evidence: Evidence, interaction: str | None = None
) -> public.Public:
    return public.ReviewSuggested(
        contact_id=contact_id,
        proposed=proposed,
        kind=kind,
        interaction_id=interaction,
        rule=evidence.rule,
        weight=evidence.weight,
    )


def _decided(event: Recorded, fact: InteractionReviewDecided, _: Shown) -> Told:
    yield _review(event, fact, fact.decision)


def _undecided(event: Recorded, fact: InteractionReviewUndone, _: Shown) -> Told:
    yield _review(event, fact, "taken_back")


def _review(
    event: Recorded, fact: InteractionReviewDecided | InteractionReviewUndone, decision: Any
) -> public.Public:
    return public.ReviewDecided(
        contact_id=fact.contact_id,
        proposed=fact.proposed,
        interaction_id=event.stream_id,
        decision=decision,
    )


def _case_opened(event: Recorded, fact: CaseOpened, _: Shown) -> Told:
    yield public.CaseOpened(
        case_id=event.stream_id,
        number=fact.number,
        division=fact.division,
        place=fact.place,
        interaction_id=fact.interaction_id,
        contact_id=fact.contact_id,
        follow_up_of=fact.follow_up_of,
    )


def _case_moved(
    event: Recorded, fact: CaseStateChanged | CaseReopened | CaseClosed, _: Shown
) -> Iterator[public.Public]:
    state = {CaseReopened: "open", CaseClosed: "closed"}.get(type(fact))
    yield public.CaseStateChanged.model_validate(
        {
            "case_id": event.stream_id,
            "state": state or getattr(fact, "state", None),
            "before": getattr(fact, "before", None),
            "cause": fact.cause,
        }
    )


def _case_given(event: Recorded, fact: CaseGiven, _: Shown) -> Told:
    yield public.CaseGiven(
        case_id=event.stream_id, contact_id=fact.contact_id, contact_before=fact.given_from
    )


TOLD: dict[type[Fact], Callable[[Recorded, Any, Shown], Told]] = {
    ContactCreated: _created,
    ContactIdentified: _staged(Stage.IDENTIFIED),
    ContactIdentificationUndone: _staged(Stage.EPHEMERAL),
    ContactPromoted: _staged(Stage.CURATED),
    ContactPromotionUndone: _demoted,
    ContactEdited: _edited,
    ContactEditWithdrawn: _withdrawn,
    ContactAugmented: _augmented,
    ContactAugmentationReverted: _reverted,
    ContactMerged: _merged,
    ContactUnmerged: _unmerged,
    ContactMoved: _moved,
    ContactExpired: _expired,
    ContactDeleted: _deleted,
    ContactRestored: _restored,
    InteractionLinked: _linked,
    InteractionUnlinked: _unlinked,
    InteractionChanged: _went_on,
    IdentifierClaimed: _claimed,
    IdentifierReclaimed: _reclaimed,
    IdentifierTransferred: _transferred,
    IdentifierReassigned: _reassigned,
    IdentifierVerified: _verified,
    IdentifierVerificationWithdrawn: _unverified,
    IdentifierReleased: _released,
    InteractionHeldForReview: _held,
    ContactMergeRefused: _refused,
    InteractionReviewDecided: _decided,
    InteractionReviewUndone: _undecided,
    CaseOpened: _case_opened,
    CaseStateChanged: _case_moved,
    CaseReopened: _case_moved,
    CaseClosed: _case_moved,
    CaseGiven: _case_given,
}
"""What is told of each fact."""

INTERNAL: dict[str, str] = {
    "interaction.received": "it says what its publisher knows; whose it is, is told by the link",
    "interaction.change_deferred": "it waits for its interaction",
    "contact.told_apart": "an answer to ourselves: such contacts are not merged",
    "contact.merge_refusal_ended": "what is decided is told by the merge",
    "contact.across_": "it takes rights in two divisions",
    "contact.looked_up": "what was asked elsewhere; what is taken over changes the contact",
    "contact.hold_": "legal holds are for those who set them",
    "identifier.shared": "the profile says which identifiers are shared",
    "identifier.unshared": "the profile says which identifiers are shared",
    "identifier.described": "the profile says what identifiers are called",
    "identifier.link_corrected": "it guides later links",
    "identifier.correction_ended": "it guides later links",
    "case.interaction_linked": "work on the case",
    "case.assigned": "who works on the case",
    "case.pinned": "who works on the case",
    "case.unpinned": "who works on the case",
    "case.mail_": "work on the case",
    "note.": "what agents write for each other",
    "crm.": "our dealings with the CRM",
    "agent.": "who is at work",
    "role.": "who may do what",
    "access.": "who was refused",
    "policy.": "the rules in force",
    "reevaluation.": "work of ours",
}
"""Topics, or what they begin with, that are told to nobody, and why."""
