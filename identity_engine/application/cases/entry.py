"""What a person saves at once: notes, a mail, a state; and from which place a case is opened."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from identity_engine.application.input_text import LINE, LONG_TEXT, checked, checked_text
from identity_engine.errors import UsageError

OriginPlace = Literal[
    "interaction", "case", "contact", "address", "personal_queue", "team_queue", "pinned"
]
MOST_RECIPIENTS = 100


class Origin(Struct, frozen=True):
    """Where a case is opened by hand.

    `of` names the interaction, the contact, the saved e-mail address, or the case: one that lies in
    the actor's personal queue, in a team's queue, or that the actor has pinned. `division` is asked
    for an address only; None for the default one.
    """

    place: OriginPlace
    of: str
    division: str | None = None


class MailDraft(Struct, frozen=True):
    """A mail as a person writes it. Without `to` it goes to the sender of the mail that it answers, or
    to the address that the case is opened from; without `subject` it answers the case's."""

    body: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    subject: str | None = None


class Entry(Struct, frozen=True):
    """What is saved together, all or nothing.

    `contact_note` goes to the contact and `note` to the case. `send` gives the letter to be sent.
    `pending` is a reason, `resolved` a disposition of the administrator's lists.
    """

    note: str | None = None
    contact_note: str | None = None
    letter: MailDraft | None = None
    send: bool = False
    pending: str | None = None
    resolved: str | None = None

    @property
    def is_of_case(self) -> bool:
        """Whether anything of it belongs to a case."""
        return any(one is not None for one in (self.note, self.letter, self.pending, self.resolved))

    def checked(self) -> "Entry":
        """Return it as it is saved: notes without the space around them.

        Raises:
            UsageError: nothing is given, a text is empty or too long, or the parts contradict.
        """
        if not self.is_of_case and self.contact_note is None:
            raise UsageError("Nothing to save: write a note or a mail, or choose a state.")
        if self.pending is not None and self.resolved is not None:
            raise UsageError("A case cannot be pending and resolved at once.")
        if self.send and self.letter is None:
            raise UsageError("There is no mail to send.")
        if self.letter is not None:
            checked_body(self.letter)
        if self.letter is not None and self.letter.subject is not None:
            checked_subject(self.letter.subject)
        note, contact_note = self.note, self.contact_note
        return replace(
            self,
            note=None if note is None else checked_case_note(note),
            contact_note=None if contact_note is None else checked_text(contact_note, "A note"),
        )


def checked_title(subject: str | None, entry: Entry) -> str | None:
    """Return what a case that is opened by an entry is about: what a person says, else its mail's
    subject.

    Raises:
        UsageError: it is no subject, or no case would come of the entry.
    """
    if subject is None:
        return entry.letter.subject if entry.letter is not None else None
    if not entry.is_of_case:
        raise UsageError(
            "A note on the contact alone opens no case, so nothing would have this subject. Save a "
            "note of the case, a mail or a state with it, or leave the subject out."
        )
    return checked_subject(subject)


def checked_case_note(text: str) -> str:
    """Return what a note of a case says.

    Raises:
        UsageError: it is empty, too long, or has control characters.
    """
    return checked_text(text, "A note", LONG_TEXT)


def checked_body(letter: MailDraft) -> None:
    """Refuse a mail that says nothing or too much; it is sent as it is written.

    Raises:
        UsageError: its text is empty, too long, or has control characters.
    """
    checked_text(letter.body, "A mail", LONG_TEXT)


def checked_subject(text: str) -> str:
    """Return a subject: one line that says something.

    Raises:
        UsageError: it is not one.
    """
    return checked(LINE, text, "A subject")


def checked_recipients(to: tuple[str, ...], cc: tuple[str, ...]) -> None:
    """Refuse recipients that no mail can go to.

    Raises:
        UsageError: one is no mail address (it is named by its place, not shown), or there are none or
            too many.
    """
    if not to:
        raise UsageError("A mail needs a recipient: nobody has written in this case yet.")
    if len(to) + len(cc) > MOST_RECIPIENTS:
        raise UsageError(f"A mail has at most {MOST_RECIPIENTS} recipients.")
    from email_validator import EmailNotValidError, validate_email  # as in matchers/normalise.py

    for place, address in enumerate((*to, *cc), 1):
        try:
            validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            raise UsageError(f"Recipient {place} is no mail address.") from None
