"""Whether a mail would still reach whom it was written for (GX-8).

A person may have given the conversation to another contact since the mail was written. Then it must not
go out silently to the one that it was taken from: whose it was is read from the log, so a merge changes
nothing and an undone merge does.
"""

from collections.abc import Sequence

from aggregates.case_facts import CaseGiven, CaseOpened
from aggregates.case_mail import CaseMailDrafted, CaseMailReleased
from aggregates.errors import Refused
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import ContactId, InteractionId, MailId
from identity_engine.application.cases.file import CaseFile
from identity_engine.application.command import Command
from matchers.normalise import NormalisedIdentifier
from projections.base import Recorded

CONTACT_CHANGED = "contact_changed"
"""Why a mail is held back."""


def is_moved(command: Command, file: CaseFile, mail_id: MailId) -> bool:
    """Tell whether the case, or the interaction that a mail answers, belongs to somebody else than when
    the mail was written, or last given to be sent."""
    events = command.stream(file.case_id)
    written = [e for e in events if _is_of(e, mail_id)]
    if not written:
        return False
    since = written[-1].position
    answers = [e.fact.answers for e in written if isinstance(e.fact, CaseMailDrafted)][-1]
    told = {one for one in (file.row.interaction_id, answers) if one is not None}
    owners = [_owners(command, one, since) for one in sorted(told)]
    if file.row.interaction_id is None:
        owners.append((_contact_of_case(events, since), file.row.contact_id))
    return any(_differ(command, before, now) for before, now in owners)


def refuse_if_moved(command: Command, file: CaseFile, mail_id: MailId) -> None:
    """Refuse to send a mail that may reach the wrong person.

    Raises:
        Refused: `contact_changed`.
    """
    if is_moved(command, file, mail_id):
        raise Refused(
            CONTACT_CHANGED,
            "The conversation belongs to another contact than when this mail was written. Write it "
            "anew with its recipients, or say that it is to be sent although the contact changed.",
        )


def is_theirs(
    command: Command, interaction_id: InteractionId, sender: NormalisedIdentifier
) -> bool:
    """Tell whether the answer to a mail goes to its sender without a word: no person gave the mail to
    another contact, or that contact holds the address.

    Args:
        command: under way.
        interaction_id: the mail.
        sender: its address.
    """
    reader, index = command.reader, command.index
    reader.load_linked([interaction_id])
    row = index.interaction_by_id(interaction_id)
    if row is None or not (row.corrected or (row.pinned and row.contact_id is None)):
        return True
    if row.contact_id is None:
        return False
    command.load([row.contact_id])
    digest = command.digests.identifier_key(row.division, sender.family, None, sender.value)
    reader.load_identifiers([digest])
    known = index.identifiers.get(digest)
    members = frozenset(index.members_of(row.contact_id))
    return bool(known is not None and known.state is not None and known.state.held_by(members))


def _is_of(event: Recorded, mail_id: MailId) -> bool:
    fact = event.fact
    return isinstance(fact, CaseMailDrafted | CaseMailReleased) and fact.mail_id == mail_id


def _owners(
    command: Command, interaction_id: InteractionId, since: int
) -> tuple[ContactId | None, ContactId | None]:
    """Return whom an interaction belonged to at a position of the log, and whom it belongs to now."""
    before, now = None, None
    for event in command.stream(interaction_id):
        if isinstance(event.fact, InteractionLinked):
            now = event.fact.contact_id
        elif isinstance(event.fact, InteractionUnlinked):
            now = None
        if event.position <= since:
            before = now
    return before, now


def _contact_of_case(events: Sequence[Recorded], since: int) -> ContactId | None:
    owners = [
        event.fact.contact_id
        for event in events
        if event.position <= since and isinstance(event.fact, CaseOpened | CaseGiven)
    ]
    return owners[-1] if owners else None


def _differ(command: Command, before: ContactId | None, now: ContactId | None) -> bool:
    if before is None or before == now:
        return False
    if now is None:
        return True
    command.load([before, now])
    return not command.index.are_one(before, now)
