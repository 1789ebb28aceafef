"""What verbs of cases save together, and what they say when it is saved."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.cases.entry import Entry, MailDraft
from identity_engine.application.operations.cases.working import SavedCase
from identity_engine.cli.terminal.output import show_done
from identity_engine.cli.terminal.text import is_text
from identity_engine.errors import UsageError

Case = Annotated[str, Parameter(name="CASE", help="The case's number or id.")]
Words = Annotated[
    str,
    Parameter(name="TEXT", help="What it says; - reads standard input.", allow_leading_hyphen=True),
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Saved:
    """What is saved together."""

    note: Annotated[str | None, Parameter(help="A note on the case; - reads standard input.")] = (
        None
    )
    contact_note: Annotated[str | None, Parameter(help="A note on the contact.")] = None
    mail: Annotated[str | None, Parameter(help="A mail's text; - reads standard input.")] = None
    to: Annotated[
        Sequence[str], Parameter(negative="", help="To whom; default: who wrote last.")
    ] = ()
    cc: Annotated[Sequence[str], Parameter(negative="", help="Who gets a copy.")] = ()
    mail_subject: Annotated[
        str | None, Parameter(help="The mail's subject; default: an answer to the last mail.")
    ] = None
    send: Annotated[bool, Parameter(negative="", help="Give the mail to be sent.")] = False
    pending: Annotated[
        str | None, Parameter(help="Let the case wait, for a reason of the settings.")
    ] = None
    resolved: Annotated[
        str | None, Parameter(help="Resolve the case, by a disposition of the settings.")
    ] = None
    composition: Annotated[
        str | None, Parameter(help="What case compose answered; it ends with this.")
    ] = None

    def entry(self) -> Entry:
        """Return what is saved."""
        letter = None
        if self.mail is not None:
            letter = MailDraft(
                read_text(self.mail), tuple(self.to), tuple(self.cc), self.mail_subject
            )
        elif self.to or self.cc or self.mail_subject is not None:
            raise UsageError(
                "Recipients and a subject belong to a mail: give its text with --mail."
            )
        return Entry(
            note=read_text(self.note) if self.note is not None else None,
            contact_note=self.contact_note,
            letter=letter,
            send=self.send,
            pending=self.pending,
            resolved=self.resolved,
        )


NOTHING = Saved()


def read_text(text: str) -> str:
    """Return what a text says; - stands for standard input.

    Raises:
        UsageError: standard input is closed, or not UTF-8.
    """
    if text != "-":
        return text
    if sys.stdin is None:
        raise UsageError("Standard input is closed. Pipe the text in, or write it in place of -.")
    try:
        said = sys.stdin.read()
    except UnicodeDecodeError:
        said = None
    if said is None or not is_text(said):
        raise UsageError(
            "Standard input is not UTF-8 text. Convert it first, for example with iconv -t UTF-8."
        )
    return said


def show_saved(saved: SavedCase, *, json: bool, now: str | None = None) -> None:
    """Say what a command did to a case; `now` is what the case is after it, by default its state."""
    mail = f", mail {saved.mail_id}" if saved.mail_id is not None else ""
    said = f"{saved.number} is {now or saved.state}{mail}"
    if saved.number is None:
        said = "The note is written; no case came of it"
    show_done(saved.done, said, whole=saved, json=json)
