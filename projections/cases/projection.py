"""One row for each case, with its interactions, notes, mails, pins and every change; and who is busy.

A row names the opening interaction or the member contact that says whose the case is; no merge and no
corrected link changes that: the present contact is found when it is read.
"""

import re
from typing import Any, ClassVar, get_args

import orjson

from aggregates.agent import AgentBusy, AgentFree
from aggregates.case_facts import (
    CaseAssigned,
    CaseClosed,
    CaseFact,
    CaseGiven,
    CaseInteractionLinked,
    CaseOpened,
    CasePersonal,
    CasePinned,
    CaseReopened,
    CaseStateChanged,
    CaseUnpinned,
)
from aggregates.case_mail import (
    CaseMailDiscarded,
    CaseMailDrafted,
    CaseMailFact,
    CaseMailFailed,
    CaseMailReleased,
    CaseMailSent,
    CaseMailTried,
    CaseMailUnsure,
    MailPersonal,
    MailStatus,
    RefusedPersonal,
)
from aggregates.notes import NoteAdded, NoteChanged, NotePersonal, NoteRemoved
from aggregates.values import Erased, instant_text
from matchers.text import fold
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import upsert

SCHEMA = """
CREATE TABLE case_view (
    case_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    division TEXT NOT NULL,
    place TEXT NOT NULL,
    interaction_id TEXT,
    contact_id TEXT,
    follow_up_of TEXT,
    from_case TEXT,
    subject TEXT,
    bare_subject TEXT, -- folded, without the words and tokens that answers add
    state TEXT NOT NULL,
    reason TEXT,
    disposition TEXT,
    agent TEXT,
    queue TEXT,
    opened TEXT NOT NULL, -- valid time
    changed TEXT NOT NULL -- valid time of the last event that is no pin
) WITHOUT ROWID;
CREATE INDEX case_view_of_interaction ON case_view (interaction_id);
CREATE INDEX case_view_of_contact ON case_view (contact_id);
CREATE INDEX case_view_by_agent ON case_view (agent) WHERE agent IS NOT NULL;
CREATE INDEX case_view_by_queue ON case_view (queue) WHERE queue IS NOT NULL;
CREATE INDEX case_view_by_state ON case_view (state);
CREATE INDEX case_view_by_subject ON case_view (bare_subject) WHERE bare_subject IS NOT NULL;
CREATE TABLE case_member (
    case_id TEXT NOT NULL,
    interaction_id TEXT NOT NULL,
    by TEXT NOT NULL,
    automatic BOOLEAN NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (case_id, interaction_id)
) WITHOUT ROWID;
CREATE TABLE case_note (
    case_id TEXT NOT NULL,
    note_id TEXT NOT NULL,
    text TEXT,
    author TEXT NOT NULL,
    written TEXT NOT NULL,
    changed TEXT,
    PRIMARY KEY (case_id, note_id)
) WITHOUT ROWID;
CREATE TABLE case_mail (
    case_id TEXT NOT NULL,
    mail_id TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due TEXT,
    code TEXT,
    recipients TEXT NOT NULL, -- JSON object: to, cc, refused
    subject TEXT,
    body TEXT,
    author TEXT NOT NULL,
    changed TEXT NOT NULL,
    PRIMARY KEY (case_id, mail_id)
) WITHOUT ROWID;
CREATE INDEX case_mail_by_status ON case_mail (status);
CREATE TABLE case_pin (
    agent TEXT NOT NULL,
    case_id TEXT NOT NULL,
    PRIMARY KEY (agent, case_id)
) WITHOUT ROWID;
CREATE TABLE case_change (
    position INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT, -- after the change, where it is one of the state
    actor TEXT NOT NULL,
    valid_from TEXT NOT NULL
);
CREATE INDEX case_change_of ON case_change (case_id, position);
CREATE TABLE case_text (
    case_id TEXT NOT NULL,
    source TEXT NOT NULL, -- subject, or the id of a note or mail
    text TEXT NOT NULL, -- folded
    PRIMARY KEY (case_id, source)
) WITHOUT ROWID;
CREATE TABLE agent_composing (
    composition_id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    mode TEXT NOT NULL,
    case_id TEXT,
    since TEXT NOT NULL
) WITHOUT ROWID;
"""
VIEW = (
    "case_id", "number", "division", "place", "interaction_id", "contact_id", "follow_up_of",
    "from_case", "subject", "bare_subject", "state", "reason", "disposition", "agent", "queue",
    "opened", "changed",
)  # fmt: skip
MEMBER = ("case_id", "interaction_id", "by", "automatic", "since")
NOTE = ("case_id", "note_id", "text", "author", "written", "changed")
MAIL = (
    "case_id", "mail_id", "status", "attempts", "due", "code", "recipients", "subject", "body",
    "author", "changed",
)  # fmt: skip
TEXT = ("case_id", "source", "text")
CHANGE = ("position", "case_id", "topic", "state", "actor", "valid_from")
STATUS: dict[type[Any], MailStatus] = {
    CaseMailReleased: "waiting",
    CaseMailTried: "trying",
    CaseMailSent: "sent",
    CaseMailFailed: "failed",
    CaseMailUnsure: "unsure",
    CaseMailDiscarded: "discarded",
}
ANSWERED = re.compile(
    r"^\s*(?:(?:re|aw|antw|sv|vs|fw|fwd|wg|tr|rv|返信|転送)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
TOKEN = re.compile(r"\[C-[0-9]{6,12}-[A-Z2-7]+\]", re.IGNORECASE)


def bare_subject(subject: str) -> str:
    """Return a subject folded, without `Re:` and its kin in the languages that we meet, and without
    our token."""
    return fold(ANSWERED.sub("", TOKEN.sub("", subject)))


class CaseRows(Rows):
    """Cases are few beside interactions, and each change is written at once, in log order."""

    def _open(self, event: Recorded, fact: CaseOpened) -> None:
        moment = instant_text(event.header.valid_from)
        subject = fact.personal.subject if isinstance(fact.personal, CasePersonal) else None
        row = (
            event.stream_id,
            fact.number,
            fact.division,
            fact.place,
            fact.interaction_id,
            fact.contact_id,
            fact.follow_up_of,
            fact.from_case,
            subject,
            bare_subject(subject) if subject else None,
            "new" if fact.place == "mail" else "open",
            *(None, None, None, None),
            moment,
            moment,
        )
        self._write(f"INSERT INTO case_view VALUES ({_places(VIEW)})", *row)
        self._say(event.stream_id, "subject", subject)
        self._note_change(event, "new" if fact.place == "mail" else "open")

    def _give(self, event: Recorded, fact: CaseGiven) -> None:
        self._write(
            "UPDATE case_view SET contact_id = ? WHERE case_id = ?",
            *(fact.contact_id, event.stream_id),
        )
        self._note_change(event)

    def _link(self, event: Recorded, fact: CaseInteractionLinked) -> None:
        self._write(
            f"INSERT OR IGNORE INTO case_member VALUES ({_places(MEMBER)})",
            *(event.stream_id, fact.interaction_id, fact.by, fact.automatic),
            instant_text(event.header.valid_from),
        )
        self._note_change(event)

    def _move(self, event: Recorded, fact: CaseStateChanged | CaseReopened | CaseClosed) -> None:
        state, reason, disposition = "open", None, None
        if isinstance(fact, CaseStateChanged):
            state, reason, disposition = fact.state, fact.reason, fact.disposition
        if isinstance(fact, CaseClosed):
            self._write("UPDATE case_view SET state = 'closed' WHERE case_id = ?", event.stream_id)
            state = "closed"
        else:
            self._write(
                "UPDATE case_view SET state = ?, reason = ?, disposition = ? WHERE case_id = ?",
                *(state, reason, disposition, event.stream_id),
            )
        self._note_change(event, state)

    def _assign(self, event: Recorded, fact: CaseAssigned) -> None:
        self._write(
            "UPDATE case_view SET agent = ?, queue = ? WHERE case_id = ?",
            *(fact.agent, fact.queue, event.stream_id),
        )
        self._note_change(event)

    def _pin(self, event: Recorded, fact: CasePinned) -> None:
        self._write("INSERT OR IGNORE INTO case_pin VALUES (?, ?)", fact.agent, event.stream_id)
        self._keep_in_history(event)

    def _unpin(self, event: Recorded, fact: CaseUnpinned) -> None:
        self._write(
            "DELETE FROM case_pin WHERE agent = ? AND case_id = ?", fact.agent, event.stream_id
        )
        self._keep_in_history(event)

    def _annotate(self, event: Recorded, fact: NoteAdded | NoteChanged | NoteRemoved) -> None:
        if not self._is_case(event.stream_id):
            return  # a note on a contact
        moment = instant_text(event.header.valid_from)
        text = fact.personal.text if isinstance(fact.personal, NotePersonal) else None
        of_note = (event.stream_id, fact.note_id)
        if isinstance(fact, NoteAdded):
            self._write(
                f"INSERT INTO case_note VALUES ({_places(NOTE)})",
                *(*of_note, text, event.header.actor, moment, None),
            )
        elif isinstance(fact, NoteChanged):
            self._write(
                "UPDATE case_note SET text = ?, changed = ? WHERE case_id = ? AND note_id = ?",
                *(text, moment, *of_note),
            )
        else:
            self._write("DELETE FROM case_note WHERE case_id = ? AND note_id = ?", *of_note)
        self._say(event.stream_id, fact.note_id, text)
        self._note_change(event)

    def _draft(self, event: Recorded, fact: CaseMailDrafted) -> None:
        said = fact.personal if isinstance(fact.personal, MailPersonal) else None
        recipients = {"to": said.to, "cc": said.cc} if said is not None else {}
        self._write(
            upsert("case_mail", MAIL, MAIL[:2]),
            *(event.stream_id, fact.mail_id, "drafted", 0, None, None),
            orjson.dumps(recipients).decode(),
            *((said.subject, said.body) if said is not None else (None, None)),
            event.header.actor,
            instant_text(event.header.valid_from),
        )
        whole = f"{said.subject} {said.body} {' '.join(said.to)}" if said is not None else None
        self._say(event.stream_id, fact.mail_id, whole)
        self._note_change(event)

    def _send(self, event: Recorded, fact: CaseMailFact) -> None:
        status: MailStatus = STATUS[type(fact)]
        code, due = getattr(fact, "code", None), getattr(fact, "retry_at", None)
        if due is not None:
            status = "waiting"
        elif status in ("failed", "discarded") and self._has_reached_some(event.stream_id, fact):
            status = "sent"
        attempts = 0 if status == "waiting" and due is None else getattr(fact, "attempt", None)
        self._write(
            "UPDATE case_mail SET status = ?, code = ?, due = ?, attempts = COALESCE(?, attempts), "
            "changed = ? WHERE case_id = ? AND mail_id = ?",
            *(status, code, instant_text(due) if due is not None else None, attempts),
            *(instant_text(event.header.valid_from), event.stream_id, fact.mail_id),
        )
        if isinstance(fact, CaseMailSent) and fact.personal is not None:
            self._refuse(event.stream_id, fact.mail_id, fact.personal)
        self._note_change(event)

    def _recipients(self, case_id: str, mail_id: str) -> dict[str, Any]:
        (known,) = self.views.execute(
            "SELECT recipients FROM case_mail WHERE case_id = ? AND mail_id = ?", (case_id, mail_id)
        ).fetchone()
        return dict(orjson.loads(known))

    def _has_reached_some(self, case_id: str, fact: CaseMailFact) -> bool:
        return "refused" in self._recipients(case_id, fact.mail_id)

    def _refuse(self, case_id: str, mail_id: str, said: RefusedPersonal | Erased) -> None:
        refused = said.recipients if isinstance(said, RefusedPersonal) else ()
        told = self._recipients(case_id, mail_id) | {"refused": refused}
        self._write(
            "UPDATE case_mail SET recipients = ? WHERE case_id = ? AND mail_id = ?",
            *(orjson.dumps(told).decode(), case_id, mail_id),
        )

    def _compose(self, event: Recorded, fact: AgentBusy) -> None:
        moment = instant_text(event.header.valid_from)
        row = (event.stream_id, fact.agent, fact.mode, fact.case_id, moment)
        self._write("INSERT INTO agent_composing VALUES (?, ?, ?, ?, ?)", *row)

    def _end(self, event: Recorded, _: AgentFree) -> None:
        self._write("DELETE FROM agent_composing WHERE composition_id = ?", event.stream_id)

    follows: ClassVar[Follows] = {
        **dict.fromkeys(get_args(CaseMailFact), _send),
        CaseOpened: _open,
        CaseGiven: _give,
        CaseInteractionLinked: _link,
        CaseStateChanged: _move,
        CaseReopened: _move,
        CaseClosed: _move,
        CaseAssigned: _assign,
        CasePinned: _pin,
        CaseUnpinned: _unpin,
        CaseMailDrafted: _draft,
        NoteAdded: _annotate,
        NoteChanged: _annotate,
        NoteRemoved: _annotate,
        AgentBusy: _compose,
        AgentFree: _end,
    }

    def write(self) -> None:
        """Everything is written already."""

    def _is_case(self, stream_id: str) -> bool:
        found = self.views.execute("SELECT 1 FROM case_view WHERE case_id = ?", (stream_id,))
        return found.fetchone() is not None

    def _note_change(self, event: Recorded, state: str | None = None) -> None:
        moment = self._keep_in_history(event, state)
        self._write("UPDATE case_view SET changed = ? WHERE case_id = ?", moment, event.stream_id)

    def _keep_in_history(self, event: Recorded, state: str | None = None) -> str:
        """Note an event of a case, and return when it was true; a pin is one agent's, and changes
        nothing of the case itself."""
        moment = instant_text(event.header.valid_from)
        row = (event.position, event.stream_id, event.fact.TOPIC, state, event.header.actor, moment)
        self._write(f"INSERT INTO case_change VALUES ({_places(CHANGE)})", *row)
        return moment

    def _say(self, case_id: str, source: str, text: str | None) -> None:
        """Let a case be found by a text, or by it no longer."""
        if text:
            row = (case_id, source, fold(text))
            self._write(upsert("case_text", TEXT, TEXT[:2]), *row)
        else:
            self._write("DELETE FROM case_text WHERE case_id = ? AND source = ?", case_id, source)

    def _write(self, statement: str, *values: Any) -> None:
        self.views.execute(statement, values)


class CaseProjection(Projection):
    """Cases and what belongs to them, by case."""

    name: ClassVar[str] = "cases"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = CaseRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("case_view", VIEW, ("case_id",), frozenset({"number"})),
        Table("case_member", MEMBER, MEMBER[:2]),
        Table("case_note", NOTE, NOTE[:2]),
        Table("case_mail", MAIL, MAIL[:2]),
        Table("case_pin", ("agent", "case_id"), ("agent", "case_id")),
        Table("case_change", CHANGE, ("position",), frozenset({"position"})),
        Table("case_text", TEXT, TEXT[:2]),
        Table(
            "agent_composing",
            ("composition_id", "agent", "mode", "case_id", "since"),
            ("composition_id",),
        ),
    )

    def key(self, event: Recorded) -> str:
        """Return the case: a fact of it that names a contact does not touch that contact."""
        if isinstance(event.fact, CaseFact):
            return event.stream_id
        return super().key(event)


def _places(columns: tuple[str, ...]) -> str:
    return ", ".join("?" * len(columns))
