"""What the verbs of cases share: what is saved together, and how a case is shown."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.cases.entry import Entry, MailDraft
from identity_engine.application.operations.cases.working import SavedCase
from identity_engine.cli.harmless import is_text
from identity_engine.cli.output import show, show_done, show_table, timestamp
from identity_engine.errors import UsageError
from projections.cases.query import CaseView

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


def refused_text(refused: Sequence[str]) -> str:
    """Say which recipients of a mail the server refused."""
    return f" (refused: {', '.join(refused)})" if refused else ""


def state_text(state: str, why: str | None) -> str:
    return f"{state} ({why})" if why else state


def show_saved(saved: SavedCase, *, json: bool, now: str | None = None) -> None:
    """Say what a command did to a case; `now` is what the case is after it, by default its state."""
    mail = f", mail {saved.mail_id}" if saved.mail_id is not None else ""
    said = f"{saved.number} is {now or saved.state}{mail}"
    if saved.number is None:
        said = "The note is written; no case came of it"
    show_done(saved.done, said, whole=saved, json=json)


def show_view(view: CaseView) -> None:
    one = view.summary
    show(f"{one.number} {one.subject or ''}".strip(), "bold")
    show(f"{state_text(one.state, one.reason or one.disposition)}, division {one.division}")
    show(f"contact {one.contact_id or '(none)'}, opened {timestamp(one.opened)} from {view.place}")
    facts = {
        "queue": one.agent or one.queue,
        "follow-up of": view.follow_up_of,
        "opened from": view.from_case,
        "follow-ups": ", ".join(view.follow_ups),
        "pinned by": ", ".join(view.pinned_by),
        "equal subject": ", ".join(view.suggested),
    }
    for name, value in facts.items():
        if value:
            show(f"{name} {value}")
    if view.interactions:
        show()
        show_table(
            ("interaction", "channel", "time", "by", "participant"),
            [
                (
                    i.interaction_id,
                    i.channel,
                    timestamp(i.time),
                    f"{i.by}, automatic" if i.automatic else i.by,
                    i.contact_id if i.participant else "",
                )
                for i in view.interactions
            ],
            none="",
        )
    if view.notes:
        show()
        show_table(
            ("note", "written", "by", "text"),
            [(n.note_id, timestamp(n.written), n.author, n.text) for n in view.notes],
            none="",
        )
    if view.mails:
        show()
        show_table(
            ("mail", "status", "to", "subject", "next try"),
            [
                (
                    m.mail_id,
                    state_text(m.status, m.code),
                    ", ".join((*m.to, *m.cc)) + refused_text(m.refused),
                    m.subject,
                    timestamp(m.due),
                )
                for m in view.mails
            ],
            none="",
        )
