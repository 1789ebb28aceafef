"""What a CRM is told about an interaction: records linked to it, one activity for each, corrections.

Nothing is sent when a record is linked. Once the interaction comes to a point where it is worth telling,
a write-back is due; a worker sends it and notes the answer. What was written stays on a ledger: where it
is wrong later, because the record was unlinked or the contact is another one, a correction is proposed
and sent once somebody approves it.
"""

from typing import ClassVar, Literal

from msgspec import field

from aggregates.values import ContactId, CreationId, Erased, Fact, LinkId, Stored

Trigger = Literal[
    "transferred",
    "unassigned",
    "ended",
    "wrapped_up",
    "wrap_up_timeout",
    "linked_afterwards",
]
Correction = Literal["rewrite", "withdraw"]
Cause = Literal["unlinked", "moved", "merged", "unmerged"]


class RecordPersonal(Stored, frozen=True, kw_only=True):
    """What names a record of the CRM, and what people call it there."""

    record_id: str
    label: str | None = None
    address: str | None = None


class CrmReasonPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why."""

    reason: str


class FormPersonal(Stored, frozen=True, kw_only=True):
    """What a person filled in for a new record, by the CRM's field names."""

    fields: dict[str, str] = field(default_factory=dict)


class CrmBase(Fact, frozen=True, kw_only=True):
    """Base of what stands in an interaction's stream about the CRM. `contact_id` is the member contact
    that the interaction was linked to then."""

    contact_id: ContactId | None = None


class CrmRecordLinked(CrmBase, frozen=True, kw_only=True):
    """A record of the CRM belongs to the interaction. `link_id` names the pair, also if it is linked
    again later, and is the key of its activity in the CRM."""

    TOPIC: ClassVar[str] = "crm.record_linked"

    link_id: LinkId
    record_type: str
    division: str
    personal: RecordPersonal | Erased


class CrmRecordUnlinked(CrmBase, frozen=True, kw_only=True):
    """The record belongs to the interaction no longer; what was due is not sent any more."""

    TOPIC: ClassVar[str] = "crm.record_unlinked"

    link_id: LinkId
    personal: CrmReasonPersonal | Erased | None = None


class CrmWriteBackDue(CrmBase, frozen=True, kw_only=True):
    """The CRM is to be told now, and why now."""

    TOPIC: ClassVar[str] = "crm.write_back_due"

    link_id: LinkId
    trigger: Trigger


class CrmWrittenBack(CrmBase, frozen=True, kw_only=True):
    """The CRM has the activity. `due` says how many of the write-backs that fell due are answered by
    it; `sent_as` is the id that stood for the contact in what was sent."""

    TOPIC: ClassVar[str] = "crm.written_back"

    link_id: LinkId
    due: int
    activity_id: str
    version: str | None = None
    sent_as: ContactId | None = None


class CrmWriteFailed(CrmBase, frozen=True, kw_only=True):
    """The CRM did not take the activity, or the correction; it is tried again. One fact for each new
    reason, not for each attempt."""

    TOPIC: ClassVar[str] = "crm.write_failed"

    link_id: LinkId
    reason: str


class CrmCorrectionProposed(CrmBase, frozen=True, kw_only=True):
    """What was written is wrong by now."""

    TOPIC: ClassVar[str] = "crm.correction_proposed"

    link_id: LinkId
    correction: Correction
    cause: Cause


class CrmCorrectionDropped(CrmBase, frozen=True, kw_only=True):
    """What was written is right again, before the correction was sent."""

    TOPIC: ClassVar[str] = "crm.correction_dropped"

    link_id: LinkId


class CrmCorrectionApproved(CrmBase, frozen=True, kw_only=True):
    """The correction is to be sent."""

    TOPIC: ClassVar[str] = "crm.correction_approved"

    link_id: LinkId


class CrmCorrectionSent(CrmBase, frozen=True, kw_only=True):
    """The CRM has the correction; after `withdraw` it has the activity no longer."""

    TOPIC: ClassVar[str] = "crm.correction_sent"

    link_id: LinkId
    correction: Correction
    activity_id: str | None = None
    version: str | None = None
    sent_as: ContactId | None = None


class CrmCreationAsked(CrmBase, frozen=True, kw_only=True):
    """A person wants a new record in the CRM; `creation_id` is its key there, so that it is made once
    however often it is asked for. `link` says whether it is then linked to the interaction."""

    TOPIC: ClassVar[str] = "crm.creation_asked"

    creation_id: CreationId
    record_type: str
    division: str
    link: bool = False
    personal: FormPersonal | Erased


class CrmRecordCreated(CrmBase, frozen=True, kw_only=True):
    """The CRM made the record."""

    TOPIC: ClassVar[str] = "crm.record_created"

    creation_id: CreationId
    personal: RecordPersonal | Erased


class CrmCreationFailed(CrmBase, frozen=True, kw_only=True):
    """The CRM did not make the record. `final` says that it never will under this key."""

    TOPIC: ClassVar[str] = "crm.creation_failed"

    creation_id: CreationId
    reason: str
    final: bool


CrmLinkFact = (
    CrmRecordLinked
    | CrmRecordUnlinked
    | CrmWriteBackDue
    | CrmWrittenBack
    | CrmWriteFailed
    | CrmCorrectionProposed
    | CrmCorrectionDropped
    | CrmCorrectionApproved
    | CrmCorrectionSent
)
CrmFact = CrmLinkFact | CrmCreationAsked | CrmRecordCreated | CrmCreationFailed
