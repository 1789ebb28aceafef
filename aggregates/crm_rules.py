"""The rules of what a CRM is told: pure decisions over the facts of one interaction."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from aggregates.crm import (
    Cause,
    Correction,
    CrmCorrectionApproved,
    CrmCorrectionDropped,
    CrmCorrectionProposed,
    CrmCorrectionSent,
    CrmCreationAsked,
    CrmCreationFailed,
    CrmFact,
    CrmReasonPersonal,
    CrmRecordCreated,
    CrmRecordLinked,
    CrmRecordUnlinked,
    CrmWriteBackDue,
    CrmWriteFailed,
    CrmWrittenBack,
    FormPersonal,
    RecordPersonal,
    Trigger,
)
from aggregates.crm_state import CrmLink, CrmState
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.values import ContactId, CreationId, LinkId


class LinkRecord(Struct, frozen=True):
    """Link a record under a fresh id; a pair that was linked before keeps its own. `afterwards` says
    that nothing will happen any more that would make it due."""

    link_id: LinkId
    record_type: str
    record: RecordPersonal
    afterwards: bool = False


class UnlinkRecord(Struct, frozen=True):
    """Take a record away."""

    record_type: str
    record_id: str
    reason: str | None = None
    at_once: bool = False


class EndLinks(Struct, frozen=True):
    """Take every record away, because the publisher took the interaction back."""

    at_once: bool = False


class MakeDue(Struct, frozen=True):
    """Let the CRM be told."""

    link_id: LinkId
    trigger: Trigger


class NoteWritten(Struct, frozen=True):
    """Note that the CRM has the activity; `canonical_id` stands for the contact by now."""

    link_id: LinkId
    due: int
    activity_id: str
    version: str | None
    sent_as: ContactId | None
    canonical_id: ContactId | None
    at_once: bool = False


class NoteFailed(Struct, frozen=True):
    """Note that the CRM did not take it."""

    link_id: LinkId
    reason: str


class Compare(Struct, frozen=True):
    """See whether what was written is still right, now that `canonical_id` stands for the contact."""

    link_id: LinkId
    canonical_id: ContactId | None
    cause: Cause
    at_once: bool = False


class Approve(Struct, frozen=True):
    """Let a correction be sent."""

    link_id: LinkId


class NoteCorrected(Struct, frozen=True):
    """Note that the CRM has the correction; `canonical_id` stands for the contact by now."""

    link_id: LinkId
    correction: Correction
    activity_id: str | None = None
    version: str | None = None
    sent_as: ContactId | None = None
    canonical_id: ContactId | None = None
    at_once: bool = False


class AskCreation(Struct, frozen=True):
    """Ask for a new record."""

    creation_id: CreationId
    record_type: str
    link: bool
    fields: Mapping[str, str]


class NoteCreated(Struct, frozen=True):
    """Note what the CRM made; `link_id` is for the link, if one was asked for."""

    creation_id: CreationId
    record: RecordPersonal
    link_id: LinkId
    afterwards: bool = False


class NoteNotCreated(Struct, frozen=True):
    """Note that the CRM made nothing."""

    creation_id: CreationId
    reason: str
    final: bool


CrmCommand = (
    LinkRecord
    | UnlinkRecord
    | EndLinks
    | MakeDue
    | NoteWritten
    | NoteFailed
    | Compare
    | Approve
    | NoteCorrected
    | AskCreation
    | NoteCreated
    | NoteNotCreated
)


def decide(state: CrmState, command: CrmCommand) -> tuple[CrmFact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    Raises:
        NotYet: there is no such link, correction or creation.
        AlreadyDone: the record is linked already.
        Refused: `retracted`, the publisher took the interaction back.
    """
    return tuple(replace(fact, contact_id=state.contact_id) for fact in _facts(state, command))


def _facts(state: CrmState, command: CrmCommand) -> tuple[CrmFact, ...]:
    match command:
        case LinkRecord():
            return _link(state, command)
        case UnlinkRecord():
            return _unlink(state, command)
        case EndLinks(at_once=at_once):
            linked = (link for link in state.links.values() if link.linked)
            return tuple(
                fact for link in linked for fact in _taken_away(link, None, at_once=at_once)
            )
        case AskCreation(creation_id=creation_id):
            asked = CrmCreationAsked(
                creation_id=creation_id,
                record_type=command.record_type,
                division=state.division,
                link=command.link,
                personal=FormPersonal(fields=dict(command.fields)),
            )
            return () if creation_id in state.creations else (asked,)
        case NoteCreated() | NoteNotCreated():
            return _of_creation(state, command)
        case _:
            return _of_link(_link_of(state, command.link_id), command)


def _link(state: CrmState, command: LinkRecord) -> tuple[CrmFact, ...]:
    if state.retracted:
        raise Refused("retracted", "The publisher took this interaction back.")
    known = state.link_to(command.record_type, command.record.record_id)
    if known is not None and known.linked:
        raise AlreadyDone("This record is linked already.")
    link_id = known.link_id if known is not None else command.link_id
    facts: list[CrmFact] = [
        CrmRecordLinked(
            link_id=link_id,
            record_type=command.record_type,
            division=state.division,
            personal=command.record,
        )
    ]
    if known is not None and known.correction is not None:
        facts.append(CrmCorrectionDropped(link_id=link_id))
    if command.afterwards:
        facts.append(CrmWriteBackDue(link_id=link_id, trigger="linked_afterwards"))
    return tuple(facts)


def _unlink(state: CrmState, command: UnlinkRecord) -> tuple[CrmFact, ...]:
    link = state.link_to(command.record_type, command.record_id)
    if link is None or not link.linked:
        raise NotYet("This record is not linked to the interaction.")
    return _taken_away(link, command.reason, at_once=command.at_once)


def _taken_away(link: CrmLink, why: str | None, *, at_once: bool) -> tuple[CrmFact, ...]:
    reason = None if why is None else CrmReasonPersonal(reason=why)
    gone = CrmRecordUnlinked(link_id=link.link_id, personal=reason)
    if not link.written:
        return (gone,)
    return (gone, *_propose(link, "withdraw", "unlinked", at_once=at_once))


def _of_link(
    link: CrmLink, command: MakeDue | NoteWritten | NoteFailed | Compare | Approve | NoteCorrected
) -> tuple[CrmFact, ...]:
    link_id = link.link_id
    match command:
        case MakeDue(trigger=trigger):
            due = CrmWriteBackDue(link_id=link_id, trigger=trigger)
            return (due,) if link.linked else ()
        case NoteWritten():
            return _written(link, command)
        case NoteFailed(reason=reason):
            return (
                () if link.failure == reason else (CrmWriteFailed(link_id=link_id, reason=reason),)
            )
        case Compare():
            return _compare(link, command)
        case Approve():
            if link.correction is None:
                raise NotYet("No correction is proposed here.")
            return () if link.approved else (CrmCorrectionApproved(link_id=link_id),)
        case NoteCorrected():
            return _sent(link, command)


def _written(link: CrmLink, command: NoteWritten) -> tuple[CrmFact, ...]:
    if link.linked and link.settled >= command.due:
        return ()
    fact = CrmWrittenBack(
        link_id=link.link_id,
        due=command.due,
        activity_id=command.activity_id,
        version=command.version,
        sent_as=command.sent_as,
    )
    if not link.linked:  # it was unlinked while the CRM was being told
        withdrawn = replace(link, correction=None)
        return (fact, *_propose(withdrawn, "withdraw", "unlinked", at_once=command.at_once))
    if command.sent_as != command.canonical_id:
        stale = replace(link, correction=None)
        return (fact, *_propose(stale, "rewrite", "merged", at_once=command.at_once))
    return (fact,)


def _sent(link: CrmLink, command: NoteCorrected) -> tuple[CrmFact, ...]:
    sent = CrmCorrectionSent(
        link_id=link.link_id,
        correction=command.correction,
        activity_id=command.activity_id,
        version=command.version,
        sent_as=command.sent_as,
    )
    if (
        link.correction == command.correction == "rewrite"
        and command.sent_as != command.canonical_id
    ):
        stale = replace(link, correction=None)
        return (sent, *_propose(stale, "rewrite", "merged", at_once=command.at_once))
    if link.correction == command.correction:
        return (sent,)
    if command.correction == "withdraw" and link.linked and link.written:
        # It was linked again while its activity was taken away.
        return (sent, CrmWriteBackDue(link_id=link.link_id, trigger="linked_afterwards"))
    return ()


def _compare(link: CrmLink, command: Compare) -> tuple[CrmFact, ...]:
    if not link.written or not link.linked:
        return ()
    if link.sent_as != command.canonical_id:
        return _propose(link, "rewrite", command.cause, at_once=command.at_once)
    if link.correction == "rewrite":
        return (CrmCorrectionDropped(link_id=link.link_id),)
    return ()


def _propose(
    link: CrmLink, correction: Correction, cause: Cause, *, at_once: bool
) -> tuple[CrmFact, ...]:
    if link.correction == correction:
        return ()
    proposed = CrmCorrectionProposed(link_id=link.link_id, correction=correction, cause=cause)
    return (proposed, CrmCorrectionApproved(link_id=link.link_id)) if at_once else (proposed,)


def _of_creation(state: CrmState, command: NoteCreated | NoteNotCreated) -> tuple[CrmFact, ...]:
    creation = state.creations.get(command.creation_id)
    if creation is None:
        raise NotYet("Nobody asked for this record.")
    if creation.settled:
        return ()
    if isinstance(command, NoteNotCreated):
        failed = CrmCreationFailed(
            creation_id=command.creation_id, reason=command.reason, final=command.final
        )
        return () if creation.failure == command.reason and not command.final else (failed,)
    created = CrmRecordCreated(creation_id=command.creation_id, personal=command.record)
    known = state.link_to(creation.record_type, command.record.record_id)
    if not creation.link or state.retracted or (known is not None and known.linked):
        return (created,)
    linking = LinkRecord(command.link_id, creation.record_type, command.record, command.afterwards)
    return (created, *_link(state, linking))


def _link_of(state: CrmState, link_id: LinkId) -> CrmLink:
    if link_id not in state.links:
        raise NotYet("There is no such link to a record of the CRM.")
    return state.links[link_id]
