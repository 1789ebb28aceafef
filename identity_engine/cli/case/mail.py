"""Verbs of the mails of cases: case mail write|rewrite|release|send|discard."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.cases.entry import Entry, MailDraft
from identity_engine.cli.case.entry import Case, Words, read_text, show_saved
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Store
from identity_engine.cli.terminal.output import answer_rows, show, show_done, tasks_due
from identity_engine.observing.logbook import logged

MailId = Annotated[str, Parameter(name="MAIL", help="The mail's id, as case show says it.")]
To = Annotated[Sequence[str], Parameter(negative="", help="To whom; default: who wrote last.")]
Cc = Annotated[Sequence[str], Parameter(negative="", help="Who gets a copy.")]
Subject = Annotated[str | None, Parameter(help="Its subject; default: an answer to the last mail.")]


def write(
    case_: Case,
    text: Words,
    *,
    to: To = (),
    cc: Cc = (),
    subject: Subject = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write a draft."""
    letter = MailDraft(read_text(text), tuple(to), tuple(cc), subject)
    with opened(store) as engine:
        done = engine.desk.cases.add(case_, Entry(letter=letter), dry_run=dry_run)
    show_saved(done, json=json)


def rewrite(
    case_: Case,
    mail_id: MailId,
    text: Words,
    *,
    to: To = (),
    cc: Cc = (),
    subject: Subject = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write a draft anew."""
    letter = MailDraft(read_text(text), tuple(to), tuple(cc), subject)
    with opened(store) as engine:
        done = engine.desk.mails.rewrite(case_, mail_id, letter, dry_run=dry_run)
    show_done(done, "The draft is written anew", json=json)


def release(
    case_: Case,
    mail_id: MailId,
    *,
    although_unsure: Annotated[
        bool, Parameter(negative="", help="Send it although it may have gone out before.")
    ] = False,
    although_moved: Annotated[
        bool,
        Parameter(negative="", help="Send it although the conversation has another contact now."),
    ] = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give a draft, or a mail that failed, to be sent; case mail send sends it."""
    with opened(store) as engine:
        done = engine.desk.mails.release(
            case_,
            mail_id,
            although_unsure=although_unsure,
            although_moved=although_moved,
            dry_run=dry_run,
        )
    show_done(done, "The mail waits to be sent", json=json)


def discard(
    case_: Case,
    mail_id: MailId,
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Do not send a mail."""
    with opened(store) as engine:
        done = engine.desk.mails.discard(case_, mail_id, dry_run=dry_run)
    show_done(done, "The mail is discarded", json=json)


def send(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Send every mail that is due. Exit code 1 if one failed or is unsure."""
    with logged("case mail send"), opened(store) as engine:
        outcomes = engine.desk.mails.send_due(dry_run=dry_run)
    if dry_run and not json:
        show(tasks_due(len(outcomes), len(outcomes)))
    answer_rows(
        outcomes,
        ("case", "mail", "status", "code", "refused recipients"),
        lambda one: (one.number, one.mail_id, one.status, one.code, ", ".join(one.refused)),
        none="" if dry_run else "No mail is due.",
        json=json,
    )
    return 0 if dry_run or all(one.status == "sent" for one in outcomes) else 1


mail = group("mail", "Write and send the mails of a case.", write, rewrite, release, discard, send)
