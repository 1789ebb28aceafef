"""Mail on its way out: each try is written down before the mail leaves, and its outcome after.

One process at a time sends for a store. A try without an outcome is therefore one that broke off:
nobody knows whether the mail went out, so it is noted as unsure and never repeated by itself.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from aggregates.access import Action
from aggregates.case_facts import number_text
from aggregates.case_mail import (
    CaseMailFailed,
    CaseMailSent,
    CaseMailUnsure,
    MailStatus,
    RefusedPersonal,
    Report,
    Try,
)
from aggregates.case_settings import OutgoingMail
from aggregates.errors import RuleViolation
from aggregates.values import CaseId, MailId, instant_text
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.cases.addressees import CONTACT_CHANGED, is_moved
from identity_engine.application.cases.file import CaseFile
from identity_engine.application.cases.letters import not_reached, outgoing
from identity_engine.application.command import Command
from identity_engine.bootstrap import connect_mail
from identity_engine.event_store.store import Writer
from identity_engine.observing.logbook import Logbook
from identity_engine.ports.mail import Delivery, MailPort, NotSent, Outgoing, Sent, Unsure
from projections.cases.query import due_mails

book = Logbook(__name__)

BUSY = "Another process sends the mail of this store."
LONGEST_WAIT = timedelta(hours=6)


class MailOutcome(Struct, frozen=True):
    """What became of one mail: its status, a code where it is not sent, and recipients that it did not
    reach where the server took it for others."""

    number: str
    mail_id: str
    status: MailStatus
    code: str | None = None
    refused: tuple[str, ...] = ()


class Outbox:
    """Sends what was given to be sent.

    Args:
        context: whose store it is; what is written is the act of the rules in force.
        port: the server; None for the one that the settings name.
    """

    def __init__(self, context: ActorContext, port: MailPort | None = None) -> None:
        self._context = context
        self._given = port

    def send_due(self) -> list[MailOutcome]:
        """Send every mail that is due, and note as unsure those whose try broke off.

        Raises:
            ConfigurationError: mail is due and no server is set.
            StoreBusy: another process sends already.
        """
        with self._context.store.place.alone("outbox", BUSY):
            self._context.follower.follow()
            now = instant_text(self._context.world.now())
            due = due_mails(self._context.follower.views.connection, now)
            return self._send(due)

    def due(self) -> list[MailOutcome]:
        """Return what `send_due` would try, each mail with its present status; nothing is sent.

        Raises:
            ConfigurationError: mail is due and no server is set.
        """
        self._context.follower.follow()
        now = instant_text(self._context.world.now())
        due = due_mails(self._context.follower.views.connection, now)
        if due and self._given is None:
            connect_mail(self._settings)
        if not due:
            return []
        with self._context.store.writing() as writer:
            files = [self._opened(writer, CaseId(case_id))[1] for case_id, _ in due]
        return [
            MailOutcome(
                number_text(file.row.number), mail_id, file.state.mails[MailId(mail_id)].status
            )
            for file, (_, mail_id) in zip(files, due, strict=True)
        ]

    def _send(self, due: Sequence[tuple[str, str]]) -> list[MailOutcome]:
        if not due:
            return []
        port = self._given or connect_mail(self._settings)
        outcomes = [
            outcome
            for case_id, mail_id in due
            if (outcome := self._deliver(port, CaseId(case_id), MailId(mail_id))) is not None
        ]
        ended = Counter(one.status for one in outcomes)
        tell = book.info if ended["sent"] == len(outcomes) else book.warning
        tell("mails_tried", sent=ended["sent"], unsure=ended["unsure"], count=len(outcomes))
        return outcomes

    @property
    def _settings(self) -> OutgoingMail:
        return self._context.rules.settings.outgoing_mail

    def _deliver(self, port: MailPort, case_id: CaseId, mail_id: MailId) -> MailOutcome | None:
        """Try one mail; None where it needs no try any more."""
        with self._context.store.writing() as writer:
            command, file = self._opened(writer, case_id)
            broke_off = file.state.mails[mail_id].status == "trying"
            moved = is_moved(command, file, mail_id)
            try:
                mail = None if broke_off else self._taken(command, file, mail_id)
            except RuleViolation:
                return None
            command.finish()
        if broke_off:
            delivery: Delivery = Unsure("broke_off")
        elif moved:
            delivery = NotSent(CONTACT_CHANGED, for_good=True)
        elif mail is None:
            delivery = NotSent("erased", for_good=True)
        elif isinstance(mail, NotSent):
            delivery = mail
        else:
            delivery = port.send(mail)
        return self._report(case_id, mail_id, delivery)

    def _taken(
        self, command: Command, file: CaseFile, mail_id: MailId
    ) -> Outgoing | NotSent | None:
        """Note the try, and return the mail; why not, where none can be made of it; None if erased."""
        file.do(Try(mail_id, command.now))
        try:
            return outgoing(command, file, mail_id, self._settings, self._context.store.digests)
        except ValueError:  # no text that a mail can hold, in whatever way: it stops no other
            return NotSent("malformed", for_good=True)

    def _report(self, case_id: CaseId, mail_id: MailId, delivery: Delivery) -> MailOutcome:
        with self._context.store.writing() as writer:
            command, file = self._opened(writer, case_id)
            attempt = file.state.mails[mail_id].attempts
            fact = self._fact(command, not_reached(file, mail_id), mail_id, attempt, delivery)
            file.do(Report(fact))
            missing = not_reached(file, mail_id)
            number, status = number_text(file.row.number), file.state.mails[mail_id].status
            command.finish()
        refused = missing.recipients if missing is not None else ()
        return MailOutcome(number, mail_id, status, getattr(fact, "code", None), refused)

    def _fact(
        self,
        command: Command,
        before: RefusedPersonal | None,
        mail_id: MailId,
        attempt: int,
        delivery: Delivery,
    ) -> CaseMailSent | CaseMailFailed | CaseMailUnsure:
        match delivery:
            case Sent(refused=refused, later=later):
                known = before or RefusedPersonal(recipients=())
                gone = tuple(one for one in known.recipients if one not in known.later)
                retry_at = self._retry_at(command, attempt) if later else None
                missing = RefusedPersonal(
                    recipients=(*gone, *refused), later=later if retry_at is not None else ()
                )
                return CaseMailSent(
                    mail_id=mail_id,
                    attempt=attempt,
                    retry_at=retry_at,
                    personal=missing if missing.recipients or before is not None else None,
                )
            case Unsure(code=code):
                return CaseMailUnsure(mail_id=mail_id, attempt=attempt, code=code)
            case NotSent(code=code, for_good=for_good):
                retry_at = None if for_good else self._retry_at(command, attempt)
                return CaseMailFailed(
                    mail_id=mail_id, attempt=attempt, code=code, retry_at=retry_at
                )

    def _retry_at(self, command: Command, attempt: int) -> datetime | None:
        """Return when the next try is due, None where there were enough."""
        if attempt >= self._settings.attempts:
            return None
        wait: timedelta = timedelta(minutes=self._settings.retry_minutes) * 2 ** (attempt - 1)
        return command.now + min(wait, LONGEST_WAIT)

    def _opened(self, writer: Writer, case_id: CaseId) -> tuple[Command, CaseFile]:
        context = self._context.of(self._context.rules.actor)
        command = Command(context, Action.OPERATIONS_REDRIVE, writer, None)
        command.reader.load_cases([case_id])
        return command, CaseFile(command, case_id)
