"""What a CRM is told about one interaction, as the fold over its facts."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates.change import Change, InteractionChanged
from aggregates.crm import (
    Correction,
    CrmCorrectionApproved,
    CrmCorrectionDropped,
    CrmCorrectionProposed,
    CrmCorrectionSent,
    CrmCreationAsked,
    CrmCreationFailed,
    CrmRecordCreated,
    CrmRecordLinked,
    CrmRecordUnlinked,
    CrmWriteBackDue,
    CrmWriteFailed,
    CrmWrittenBack,
    FormPersonal,
    RecordPersonal,
)
from aggregates.interaction import InteractionLinked, InteractionReceived, InteractionUnlinked
from aggregates.values import DEFAULT_DIVISION, ContactId, CreationId, Fact, LinkId


class CrmLink(Struct, frozen=True):
    """One record and one interaction. `record_id` is None once it was erased; `due` counts the
    write-backs that fell due and `settled` those of them that were answered."""

    link_id: LinkId
    record_type: str
    record_id: str | None
    linked: bool = True
    due: int = 0
    settled: int = 0
    failure: str | None = None
    written: bool = False
    sent_as: ContactId | None = None
    correction: Correction | None = None
    approved: bool = False

    @property
    def is_pending(self) -> bool:
        """Tell whether an activity is to be written."""
        return self.linked and self.record_id is not None and self.due > self.settled

    @property
    def is_correcting(self) -> bool:
        """Tell whether an approved correction is to be sent."""
        return self.correction is not None and self.approved and self.record_id is not None


class Creation(Struct, frozen=True):
    """A record that somebody wants made; `fields` is None once they were erased."""

    creation_id: CreationId
    record_type: str
    link: bool
    fields: Mapping[str, str] | None
    settled: bool = False
    failure: str | None = None


class CrmState(Struct, frozen=True):
    """What the CRM is told about one interaction, of this division and linked to this member contact.
    `retracted` tells that its publisher took it back."""

    division: str = DEFAULT_DIVISION
    contact_id: ContactId | None = None
    links: Mapping[LinkId, CrmLink] = field(default_factory=dict)
    creations: Mapping[CreationId, Creation] = field(default_factory=dict)
    retracted: bool = False

    def link_to(self, record_type: str, record_id: str) -> CrmLink | None:
        """Return the link to a record, also one that was taken away."""
        wanted = (record_type, record_id)
        for link in self.links.values():
            if (link.record_type, link.record_id) == wanted:
                return link
        return None


def evolve(state: CrmState, fact: Fact) -> CrmState:
    """Return the state after any fact of the interaction's stream."""
    match fact:
        case InteractionReceived(division=division):
            return replace(state, division=division)
        case InteractionLinked(contact_id=contact_id):
            return replace(state, contact_id=contact_id)
        case InteractionUnlinked():
            return replace(state, contact_id=None)
        case InteractionChanged(change=Change(kind="retracted")):
            return replace(state, retracted=True)
        case CrmCreationAsked(creation_id=creation_id):
            known = fact.personal.fields if isinstance(fact.personal, FormPersonal) else None
            made = Creation(creation_id, fact.record_type, fact.link, known)
            return replace(state, creations={**state.creations, creation_id: made})
        case CrmRecordCreated(creation_id=creation_id):
            return _change_creation(state, creation_id, settled=True, failure=None)
        case CrmCreationFailed(creation_id=creation_id, reason=reason, final=final):
            return _change_creation(state, creation_id, settled=final, failure=reason)
        case CrmRecordLinked(link_id=link_id):
            known_link = state.links.get(link_id)
            record = fact.personal.record_id if isinstance(fact.personal, RecordPersonal) else None
            link = known_link or CrmLink(link_id, fact.record_type, record)
            return _with(state, replace(link, linked=True))
        case _:
            changed = state.links.get(getattr(fact, "link_id", LinkId("")))
            return state if changed is None else _with(state, _change(changed, fact))


def _change(link: CrmLink, fact: Fact) -> CrmLink:
    match fact:
        case CrmRecordUnlinked():
            return replace(link, linked=False, settled=link.due, failure=None)
        case CrmWriteBackDue():
            return replace(link, due=link.due + 1)
        case CrmWrittenBack(due=due, sent_as=sent_as):
            return replace(
                _corrected(link), settled=max(due, link.settled), written=True, sent_as=sent_as
            )
        case CrmWriteFailed(reason=reason):
            return replace(link, failure=reason)
        case CrmCorrectionProposed(correction=correction):
            return replace(link, correction=correction, approved=False)
        case CrmCorrectionApproved():
            return replace(link, approved=True)
        case CrmCorrectionDropped():
            return _corrected(link)
        case CrmCorrectionSent(correction=correction, sent_as=sent_as):
            return replace(_corrected(link), written=correction == "rewrite", sent_as=sent_as)
        case _:
            return link


def _corrected(link: CrmLink) -> CrmLink:
    return replace(link, correction=None, approved=False, failure=None)


def _with(state: CrmState, link: CrmLink) -> CrmState:
    return replace(state, links={**state.links, link.link_id: link})


def _change_creation(state: CrmState, creation_id: CreationId, **changes: Any) -> CrmState:
    if creation_id not in state.creations:
        return state
    changed = replace(state.creations[creation_id], **changes)
    return replace(state, creations={**state.creations, creation_id: changed})
