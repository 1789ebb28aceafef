"""One outgoing mail of a case: drafted, given to be sent, tried, and then sent, failed or unsure.

A try is written down before the mail leaves. If no answer follows, because the connection or this
process broke in between, nobody knows whether the mail went out: it is unsure, and only a person sends
it again.

Of several recipients a server may take it for some only, and for others later. It is tried again for
those alone, and counts as sent whatever comes of that, so that nobody gets it twice.
"""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.values import Erased, Fact, Instant, InteractionId, MailId, Stored

MailStatus = Literal["drafted", "waiting", "trying", "sent", "failed", "unsure", "discarded"]
UNFINISHED: tuple[MailStatus, ...] = ("waiting", "trying")


class MailPersonal(Stored, frozen=True, kw_only=True):
    """What a person wrote, and to whom."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str
    body: str


class CaseMailDrafted(Fact, frozen=True, kw_only=True):
    """A mail was written and saved, or written anew; `answers` is the mail that it answers."""

    TOPIC: ClassVar[str] = "case.mail_drafted"

    mail_id: MailId
    answers: InteractionId | None = None
    personal: MailPersonal | Erased


class SendingPersonal(Stored, frozen=True, kw_only=True):
    """Under which Message-ID a mail goes out, and from whom."""

    message_id: str
    sender: str


class CaseMailReleased(Fact, frozen=True, kw_only=True):
    """A person gave the mail to be sent; `message` is the keyed digest of its Message-ID.

    `although_unsure` says that the person sent it again knowing that it may have gone out before,
    `although_moved` that the conversation belongs to another contact than when it was written.
    """

    TOPIC: ClassVar[str] = "case.mail_released"

    mail_id: MailId
    message: str
    although_unsure: bool = False
    although_moved: bool = False
    personal: SendingPersonal | Erased


class CaseMailTried(Fact, frozen=True, kw_only=True):
    """The mail is about to leave. No answer to this try means that it is unsure."""

    TOPIC: ClassVar[str] = "case.mail_tried"

    mail_id: MailId
    attempt: int


class RefusedPersonal(Stored, frozen=True, kw_only=True):
    """The recipients that no try has reached so far; for those of them in `later` it is tried again."""

    recipients: tuple[str, ...]
    later: tuple[str, ...] = ()


class CaseMailSent(Fact, frozen=True, kw_only=True):
    """The server took the mail, for all recipients but those named here; for some of these it is tried
    again at `retry_at`, None for nobody."""

    TOPIC: ClassVar[str] = "case.mail_sent"

    mail_id: MailId
    attempt: int
    retry_at: Instant | None = None
    personal: RefusedPersonal | Erased | None = None


class CaseMailFailed(Fact, frozen=True, kw_only=True):
    """The server certainly did not take the mail at this try; it is tried again at `retry_at`, None for
    never."""

    TOPIC: ClassVar[str] = "case.mail_failed"

    mail_id: MailId
    attempt: int
    code: str
    retry_at: Instant | None = None


class CaseMailUnsure(Fact, frozen=True, kw_only=True):
    """Nobody knows whether the server took the mail. It is not tried again by itself."""

    TOPIC: ClassVar[str] = "case.mail_unsure"

    mail_id: MailId
    attempt: int
    code: str


class CaseMailDiscarded(Fact, frozen=True, kw_only=True):
    """The mail is not to be sent, or no more to those who do not have it yet."""

    TOPIC: ClassVar[str] = "case.mail_discarded"

    mail_id: MailId


CaseMailFact = (
    CaseMailDrafted
    | CaseMailReleased
    | CaseMailTried
    | CaseMailSent
    | CaseMailFailed
    | CaseMailUnsure
    | CaseMailDiscarded
)


class Mail(Struct, frozen=True):
    """Where a mail stands: after how many tries, and not to be tried before `due`; some recipients may
    have it while it waits for others."""

    status: MailStatus
    attempts: int = 0
    due: datetime | None = None
    is_taken_by_some: bool = False


class Draft(Struct, frozen=True):
    """Write a mail, or write it anew."""

    mail_id: MailId
    personal: MailPersonal
    answers: InteractionId | None = None


class Release(Struct, frozen=True):
    """Give a mail to be sent; one that is unsure only if the person says so."""

    mail_id: MailId
    message: str
    personal: SendingPersonal
    although_unsure: bool = False
    although_moved: bool = False


class Try(Struct, frozen=True):
    """Take a mail in hand, if it is due."""

    mail_id: MailId
    now: datetime


class Report(Struct, frozen=True):
    """Write down what became of the try that is under way."""

    outcome: CaseMailSent | CaseMailFailed | CaseMailUnsure


class DiscardMail(Struct, frozen=True):
    """Do not send a mail."""

    mail_id: MailId


MailCommand = Draft | Release | Try | Report | DiscardMail


def decide(mail: Mail | None, command: MailCommand) -> tuple[CaseMailFact, ...]:
    """Return the facts that carry out `command` on one mail.

    Raises:
        NotYet: there is no such mail, or it is not due.
        AlreadyDone: it is on its way already.
        Refused: `sent`, `unsure`, `discarded` or `on_its_way`: its status does not allow it.
    """
    match mail, command:
        case (None | Mail(status="drafted" | "failed"), Draft(mail_id=mail_id)):
            return (
                CaseMailDrafted(
                    mail_id=mail_id, answers=command.answers, personal=command.personal
                ),
            )
        case None, _:
            raise NotYet("This case has no such mail.")
        case Mail(status="drafted" | "failed"), Release():
            return (_released(command),)
        case Mail(status="unsure"), Release(although_unsure=True):
            return (_released(command),)
        case Mail(status="unsure"), Release():
            raise Refused(
                "unsure",
                "This mail may have gone out already. Say that it is to be sent although unsure.",
            )
        case Mail(status="waiting", attempts=attempts, due=due), Try(mail_id=mail_id, now=now):
            if due is not None and due > now:
                raise NotYet("This mail is not due yet.")
            return (CaseMailTried(mail_id=mail_id, attempt=attempts + 1),)
        case Mail(status="trying"), Report(outcome=outcome):
            return (outcome,)
        case Mail(status="drafted" | "failed" | "waiting" | "unsure"), DiscardMail(mail_id=mail_id):
            return (CaseMailDiscarded(mail_id=mail_id),)
        case Mail(status="waiting" | "trying"), Release():
            raise AlreadyDone("This mail is on its way already.")
        case Mail(status=status), _:
            reason = "on_its_way" if status in UNFINISHED else status
            raise Refused(reason, f"This mail is {status}; that cannot be done with it any more.")


def evolve(mail: Mail | None, fact: CaseMailFact) -> Mail:
    """Return where a mail stands after `fact`."""
    attempts = mail.attempts if mail is not None else 0
    some = mail is not None and mail.is_taken_by_some
    match fact:
        case CaseMailDrafted():
            return Mail("drafted")
        case CaseMailReleased():
            return Mail("waiting", is_taken_by_some=some)
        case CaseMailTried(attempt=attempt):
            return Mail("trying", attempt, is_taken_by_some=some)
        case CaseMailSent(retry_at=None):
            return Mail("sent", attempts)
        case CaseMailSent(retry_at=retry_at):
            return Mail("waiting", attempts, retry_at, is_taken_by_some=True)
        case CaseMailFailed(retry_at=None):
            return Mail("sent" if some else "failed", attempts)
        case CaseMailFailed(retry_at=retry_at):
            return Mail("waiting", attempts, retry_at, some)
        case CaseMailUnsure():
            return Mail("unsure", attempts, is_taken_by_some=some)
        case CaseMailDiscarded():
            return Mail("sent" if some else "discarded", attempts)


def _released(command: Release) -> CaseMailReleased:
    return CaseMailReleased(
        mail_id=command.mail_id,
        message=command.message,
        although_unsure=command.although_unsure,
        although_moved=command.although_moved,
        personal=command.personal,
    )
