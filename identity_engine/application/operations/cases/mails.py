"""Outgoing mail of cases: written anew, given to be sent, sent, discarded."""

from aggregates.access import Action
from aggregates.case_mail import DiscardMail
from aggregates.errors import NotYet
from aggregates.values import MailId
from identity_engine.application.acting import Operations
from identity_engine.application.cases.addressees import refuse_if_moved
from identity_engine.application.cases.entry import MailDraft, checked_body
from identity_engine.application.cases.file import CaseFile
from identity_engine.application.cases.letters import draft, release
from identity_engine.application.cases.outbox import MailOutcome, Outbox
from identity_engine.application.command import Done
from identity_engine.application.ids import checked_id
from identity_engine.application.permissions import needs
from identity_engine.ports.mail import MailPort


class Mails(Operations):
    """The mails of cases; a first draft is saved with `cases.add` or `cases.open`."""

    @needs(Action.CASE_EDIT)
    def rewrite(self, case: str, mail_id: str, letter: MailDraft, *, dry_run: bool = False) -> Done:
        """Write a draft, or a mail that was not taken, anew.

        Raises:
            UsageError: the letter cannot be sent to anybody, or is empty.
            Refused: the mail is no draft any more, or the case is closed.
        """
        checked_body(letter)
        with self.command(dry_run=dry_run) as command:
            file = CaseFile(command, command.case(case).case_id)
            wanted = MailId(checked_id(mail_id))
            if wanted not in file.state.mails:
                raise NotYet("This case has no such mail.")
            draft(command, file, wanted, letter)
        return command.done()

    @needs(Action.CASE_EDIT)
    def release(
        self,
        case: str,
        mail_id: str,
        *,
        although_unsure: bool = False,
        although_moved: bool = False,
        dry_run: bool = False,
    ) -> Done:
        """Give a draft, or a mail that failed, to be sent; the next `send_due` sends it.

        Args:
            case: id or number.
            mail_id: the mail.
            although_unsure: send one again of which nobody knows whether it went out.
            although_moved: send it although the conversation was given to another contact since it was
                written.
            dry_run: decide, and write nothing.

        Raises:
            Refused: `mail_not_configured`, `unsure`, `contact_changed`, `sent`, `closed`.
            AlreadyDone: it is on its way.
        """
        with self.command(dry_run=dry_run) as command:
            file = CaseFile(command, command.case(case).case_id)
            wanted = MailId(checked_id(mail_id))
            if not although_moved:
                refuse_if_moved(command, file, wanted)
            release(
                file,
                wanted,
                self.context.rules.settings.outgoing_mail,
                self.context.store.digests,
                although_unsure=although_unsure,
                although_moved=although_moved,
            )
        return command.done()

    @needs(Action.CASE_EDIT)
    def discard(self, case: str, mail_id: str, *, dry_run: bool = False) -> Done:
        """Do not send a mail: a draft, one that waits, failed, or is unsure."""
        with self.command(dry_run=dry_run) as command:
            file = CaseFile(command, command.case(case).case_id)
            file.do(DiscardMail(MailId(checked_id(mail_id))))
        return command.done()

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def send_due(self, port: MailPort | None = None, *, dry_run: bool = False) -> list[MailOutcome]:
        """Send every mail that is due, once; one whose try broke off is noted as unsure.

        Args:
            port: the server; None for the one that the settings name.
            dry_run: say which are due, and send and write nothing.

        Raises:
            ConfigurationError: mail is due and no server is set.
            StoreBusy: another process sends already.
        """
        outbox = Outbox(self.context, port)
        return outbox.due() if dry_run else outbox.send_due()
