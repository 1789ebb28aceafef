"""Outgoing mail of a case: written, given to be sent, and made into a message."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, TypeVar

from aggregates.case_facts import CaseInteractionLinked, CaseOpened, CasePersonal, number_text
from aggregates.case_mail import (
    CaseMailDrafted,
    CaseMailReleased,
    CaseMailSent,
    Draft,
    MailPersonal,
    RefusedPersonal,
    Release,
    SendingPersonal,
)
from aggregates.case_settings import OutgoingMail
from aggregates.errors import NotYet, Refused
from aggregates.interaction import InteractionPersonal, InteractionReceived
from aggregates.values import Fact, InteractionId, MailId
from identity_engine.application.cases.addressees import is_theirs
from identity_engine.application.cases.entry import MailDraft, checked_recipients, checked_subject
from identity_engine.application.cases.file import CaseFile
from identity_engine.application.cases.threads import InboundMail, read_mail
from identity_engine.application.command import Command
from identity_engine.errors import UsageError
from identity_engine.ports.mail import Outgoing
from matchers.normalise import NormalisedIdentifier
from projections.match_index.digests import DigestKeys

MESSAGE_IDS = ("message-id", "in-reply-to", "references")


class _MailPolicy(EmailPolicy):
    """Writes message ids as they are, one a line: the library would decode and encode them as text."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, value) if _holds_ids(name) else super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        return self._ids(name, value) if _holds_ids(name) else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if _holds_ids(name):
            return self._ids(name, value).encode("ascii")
        return super().fold_binary(name, value)

    def _ids(self, name: str, value: Any) -> str:
        return f"{name}: " + f"{self.linesep} ".join(str(value).split()) + self.linesep


def _holds_ids(name: str) -> bool:
    return name.lower() in MESSAGE_IDS


OfMail = TypeVar("OfMail", CaseMailDrafted, CaseMailReleased)


def draft(
    command: Command,
    file: CaseFile,
    mail_id: MailId,
    letter: MailDraft,
    addresses: tuple[str, ...] = (),
) -> None:
    """Write a mail, or write it anew.

    Args:
        command: under way.
        file: the case.
        mail_id: a fresh one, or that of a draft.
        letter: what the person wrote.
        addresses: where it goes if neither the letter nor a mail that it answers says so.

    Raises:
        UsageError: it has no recipient, or one that is no address.
        Refused: the case is closed, or the mail is no draft any more.
    """
    answers, mail = _last_mail(command, file)
    to = letter.to or addresses
    if not to and mail is not None and mail.sender is not None:
        to = (mail.sender.normalised or mail.sender.value,)
        sender = NormalisedIdentifier("email", "email", to[0])
        if answers is not None and not is_theirs(command, answers, sender):
            raise UsageError(
                "The mail that this answers was given to another contact, who does not hold its "
                "sender's address. Name the recipient."
            )
    checked_recipients(to, letter.cc)
    subject = letter.subject or _answering(file, mail)
    written = MailPersonal(
        to=tuple(to), cc=tuple(letter.cc), subject=checked_subject(subject), body=letter.body
    )
    file.do(Draft(mail_id, written, answers))


def release(
    file: CaseFile,
    mail_id: MailId,
    settings: OutgoingMail,
    digests: DigestKeys,
    *,
    although_unsure: bool = False,
    although_moved: bool = False,
) -> None:
    """Give a mail to be sent. Its Message-ID is made now, and kept however often it is tried.

    Raises:
        Refused: `mail_not_configured`, or the mail's status does not allow it.
        NotYet: there is no such mail.
    """
    if settings.sender is None or settings.host is None:
        raise Refused(
            "mail_not_configured",
            "Mail cannot be sent yet. Activate settings with outgoing_mail.host and .sender.",
        )
    domain = settings.sender.rpartition("@")[2]
    sending = SendingPersonal(message_id=f"<{mail_id}@{domain}>", sender=settings.sender)
    message = digests.message(f"{mail_id}@{domain}").hex()
    file.do(Release(mail_id, message, sending, although_unsure, although_moved))


def outgoing(
    command: Command, file: CaseFile, mail_id: MailId, settings: OutgoingMail, digests: DigestKeys
) -> Outgoing | None:
    """Return the mail as it goes out, None where it was erased. Where some recipients have it already,
    it goes to the others that it waits for alone.

    The case's number and code stand in the subject, and in the address that answers go to.
    """
    drafted = _last(file.facts, CaseMailDrafted, mail_id)
    released = _last(file.facts, CaseMailReleased, mail_id)
    written, sending = drafted.personal, released.personal
    if not isinstance(written, MailPersonal) or not isinstance(sending, SendingPersonal):
        return None
    number = file.row.number
    token = f"{number_text(number)}-{digests.case_code(number)}"
    recipients = (*written.to, *written.cc)
    in_ascii = all(address.isascii() for address in (sending.sender, *recipients))
    message = EmailMessage(policy=_MailPolicy(linesep="\r\n", utf8=not in_ascii))
    message["From"] = sending.sender
    message["To"] = ", ".join(written.to)
    if written.cc:
        message["Cc"] = ", ".join(written.cc)
    message["Subject"] = _with_token(written.subject, token)
    message["Message-ID"] = sending.message_id
    message["Date"] = command.now
    if settings.reply_to is not None:
        local, _, domain = settings.reply_to.rpartition("@")
        message["Reply-To"] = f"{local}+{token}@{domain}"
    answered = _mail_of(command, drafted.answers) if drafted.answers is not None else None
    if answered is not None and answered.message_id is not None:
        references = dict.fromkeys((*reversed(answered.answered), answered.message_id))
        message["In-Reply-To"] = f"<{answered.message_id}>"
        message["References"] = " ".join(f"<{one}>" for one in references)
    message.set_content(written.body)
    if file.state.mails[mail_id].is_taken_by_some:
        missing = not_reached(file, mail_id)
        if missing is None:
            return None
        recipients = missing.later
    return Outgoing(sending.sender, recipients, message.as_bytes())


def not_reached(file: CaseFile, mail_id: MailId) -> RefusedPersonal | None:
    """Return which recipients a mail did not reach though it reached others; None where it reached all
    or nobody, or that was erased."""
    sent = [one for one in file.facts if isinstance(one, CaseMailSent) and one.mail_id == mail_id]
    personal = sent[-1].personal if sent else None
    return personal if isinstance(personal, RefusedPersonal) else None


def _with_token(subject: str, token: str) -> str:
    return subject if token in subject else f"{subject} [{token}]"


def _last_mail(command: Command, file: CaseFile) -> tuple[InteractionId | None, InboundMail | None]:
    """Return the last mail of the case that a person wrote, and what it says."""
    linked = [
        fact.interaction_id
        for fact in file.facts
        if isinstance(fact, CaseInteractionLinked) and not fact.automatic
    ]
    for interaction_id in reversed(linked):
        mail = _mail_of(command, interaction_id)
        if mail is not None:
            return interaction_id, mail
    return None, None


def _mail_of(command: Command, interaction_id: InteractionId) -> InboundMail | None:
    """Return what an interaction says as a mail, None where it is none or was erased."""
    received = command.stream(interaction_id)[0].fact
    if not isinstance(received, InteractionReceived):
        return None
    personal = received.personal
    if not isinstance(personal, InteractionPersonal) or personal.mail is None:
        return None
    return read_mail(personal, ())


def _answering(file: CaseFile, mail: InboundMail | None) -> str:
    said = mail.subject if mail is not None else None
    if said is None:
        opened = file.facts[0]
        assert isinstance(opened, CaseOpened)
        said = opened.personal.subject if isinstance(opened.personal, CasePersonal) else None
    if said is None:
        raise UsageError("A mail needs a subject: neither it nor the case has one.")
    if mail is None:
        return said
    return said if said.lower().startswith("re:") else f"Re: {said}"


def _last(facts: Sequence[Fact], kind: type[OfMail], mail_id: MailId) -> OfMail:
    found = [fact for fact in facts if isinstance(fact, kind) and fact.mail_id == mail_id]
    if not found:
        raise NotYet("This mail was not given to be sent.")
    return found[-1]
