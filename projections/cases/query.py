"""Reading cases: the list of a queue, of a contact or of a search; one case with all that is in it."""

from collections.abc import Collection
from typing import Any

import orjson
from msgspec import Struct

from aggregates.case_facts import number_of, number_text
from aggregates.values import ContactId
from matchers.text import fold
from projections.scope import among, within
from projections.sql import Connection

WHOSE = "CASE WHEN c.interaction_id IS NULL THEN c.contact_id ELSE p.contact_id END"
CASES = (
    "FROM case_view c LEFT JOIN profile_contribution p ON p.interaction_id = c.interaction_id "
    f"LEFT JOIN identity_contact i ON i.contact_id = {WHOSE} "
    "LEFT JOIN journey_interaction o ON o.interaction_id = c.interaction_id"
)
"""The present contact: where the opening interaction's link goes, else the contact that was named."""
OF_MEMBERS = (
    "c.case_id IN (SELECT case_id FROM case_view WHERE interaction_id IS NULL "
    "AND contact_id IN (SELECT value FROM json_each(:members)) UNION ALL "
    "SELECT case_id FROM profile_contribution own JOIN case_view USING (interaction_id) "
    "WHERE own.contact_id IN (SELECT value FROM json_each(:members)))"
)
"""The same from the other side, by indexes: the cases of some contacts."""
DIVISION = "COALESCE(i.division, o.division, c.division)"
"""Where a case lies: with its contact, else with its opening interaction, else where it was opened."""
SUMMARY = (
    f"c.case_id, c.number, c.state, c.reason, c.disposition, c.subject, i.canonical_id, {DIVISION}, "
    "c.agent, c.queue, c.opened, c.changed"
)


class CaseSummary(Struct, frozen=True):
    """A case as a list shows it. `contact_id` stands for the identity whose case it is now, None while
    its opening interaction has no contact. Times are valid times, UTC text."""

    case_id: str
    number: str
    state: str
    reason: str | None
    disposition: str | None
    subject: str | None
    contact_id: str | None
    division: str
    agent: str | None
    queue: str | None
    opened: str
    changed: str


class CaseInteraction(Struct, frozen=True):
    """An interaction of a case, and why it belongs to it. `contact_id` is the interaction's own
    contact: a `participant` is somebody else than the one whose case it is."""

    interaction_id: str
    channel: str | None
    time: str | None
    by: str
    automatic: bool
    contact_id: str | None
    participant: bool


class CaseNote(Struct, frozen=True):
    """A note as it stands; `changed` is None while nobody changed it."""

    note_id: str
    text: str | None
    author: str
    written: str
    changed: str | None


class CaseMail(Struct, frozen=True):
    """An outgoing mail; `refused` are recipients that it did not reach though it reached others."""

    mail_id: str
    status: str
    attempts: int
    due: str | None
    code: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    refused: tuple[str, ...]
    subject: str | None
    body: str | None
    author: str
    changed: str


class CaseView(Struct, frozen=True):
    """One case with all that is in it. `suggested` are other cases with an equal subject: perhaps the
    same matter, which only a person can tell."""

    summary: CaseSummary
    place: str
    follow_up_of: str | None
    from_case: str | None
    interactions: tuple[CaseInteraction, ...]
    notes: tuple[CaseNote, ...]
    mails: tuple[CaseMail, ...]
    pinned_by: tuple[str, ...]
    follow_ups: tuple[str, ...]
    suggested: tuple[str, ...]


class Composing(Struct, frozen=True):
    """An agent who is busy outside an interaction, since when, and in which mode."""

    composition_id: str
    agent: str
    mode: str
    case_id: str | None
    since: str


def contact_of_case(views: Connection, number: int) -> str | None:
    """Return the contact whose case it is now, by the case's number; None where there is none."""
    row = views.execute(f"SELECT {WHOSE} {CASES} WHERE c.number = ?", (number,)).fetchone()
    return row[0] if row is not None else None


def numbers_of(views: Connection, members: Collection[ContactId]) -> tuple[str, ...]:
    """Return the numbers of the cases of these contacts, the newest first."""
    return tuple(one.number for one in find_cases(views, members=members, limit=1_000))


def find_cases(
    views: Connection,
    *,
    members: Collection[ContactId] | None = None,
    queue: str | None = None,
    agent: str | None = None,
    pinned_by: str | None = None,
    states: Collection[str] = (),
    text: str | None = None,
    divisions: Collection[str] | None = None,
    limit: int = 50,
) -> list[CaseSummary]:
    """Return cases that meet every condition given, the last changed first.

    Args:
        views: the view file.
        members: of these contacts.
        queue: in this team's queue.
        agent: in this agent's personal queue.
        pinned_by: kept at hand by this agent.
        states: in one of these states; empty for all.
        text: a case number, or words that all occur in the subject, a note or a mail.
        divisions: of these divisions; None for all.
        limit: at most this many.
    """
    conditions = [within(DIVISION)]
    given: dict[str, Any] = {
        "members": None if members is None else orjson.dumps(sorted(members)).decode(),
        "states": orjson.dumps(sorted(states)).decode(),
        "queue": queue,
        "agent": agent,
        "pinned_by": pinned_by,
        "divisions": among(divisions),
        "limit": limit,
    }
    if members is not None:
        conditions.append(OF_MEMBERS)
    if queue is not None:
        conditions.append("c.queue = :queue")
    if agent is not None:
        conditions.append("c.agent = :agent")
    if pinned_by is not None:
        conditions.append("c.case_id IN (SELECT case_id FROM case_pin WHERE agent = :pinned_by)")
    if states:
        conditions.append("c.state IN (SELECT value FROM json_each(:states))")
    if text is not None:
        number = number_of(text)
        for place, word in enumerate(fold(text).split() if number is None else ()):
            conditions.append(
                f"c.case_id IN (SELECT case_id FROM case_text WHERE instr(text, :word{place}) > 0)"
            )
            given[f"word{place}"] = word
        if number is not None:
            conditions.append("c.number = :number")
            given["number"] = number
    rows = views.execute(
        f"SELECT {SUMMARY} {CASES} WHERE {' AND '.join(conditions)} "
        "ORDER BY c.changed DESC, c.number DESC LIMIT :limit",
        given,
    )
    return [_summary(row) for row in rows]


def find_case(
    views: Connection, case_id: str, named: Collection[str] | None = None
) -> CaseView | None:
    """Return one case with all that is in it, None where there is none. Of its interactions, only
    contacts of the divisions `named` are named, None for all."""
    row = views.execute(
        f"SELECT {SUMMARY}, c.place, c.follow_up_of, c.from_case, c.bare_subject {CASES} "
        "WHERE c.case_id = ?",
        (case_id,),
    ).fetchone()
    if row is None:
        return None
    summary = _summary(row[:-4])
    place, follow_up_of, from_case, bare = row[-4:]
    return CaseView(
        summary=summary,
        place=place,
        follow_up_of=_number(views, follow_up_of),
        from_case=_number(views, from_case),
        interactions=_interactions(views, summary, named),
        notes=tuple(
            CaseNote(*note)
            for note in views.execute(
                "SELECT note_id, text, author, written, changed FROM case_note "
                "WHERE case_id = ? ORDER BY written, note_id",
                (case_id,),
            )
        ),
        mails=_mails(views, case_id),
        pinned_by=_column(
            views, "SELECT agent FROM case_pin WHERE case_id = ? ORDER BY agent", case_id
        ),
        follow_ups=_numbers(
            views, "SELECT number FROM case_view WHERE follow_up_of = ? ORDER BY number", case_id
        ),
        suggested=_suggested(views, summary, bare),
    )


def due_mails(views: Connection, now: str) -> list[tuple[str, str]]:
    """Return (case, mail) of what waits to be sent by then, or was under way, oldest first."""
    return views.execute(
        "SELECT case_id, mail_id FROM case_mail WHERE status = 'trying' "
        "OR (status = 'waiting' AND (due IS NULL OR due <= ?)) ORDER BY changed, mail_id",
        (now,),
    ).fetchall()


def resolved_before(
    views: Connection, moment: str, divisions: Collection[str] | None = None
) -> list[str]:
    """Return the cases, of these divisions if given, that are resolved and unchanged since then."""
    rows = views.execute(
        f"SELECT c.case_id {CASES} WHERE c.state = 'resolved' AND {within(DIVISION)} "
        "AND NOT EXISTS (SELECT 1 FROM case_change h WHERE h.case_id = c.case_id "
        "AND h.state = 'resolved' AND h.valid_from > :moment) ORDER BY c.number",
        {"moment": moment, "divisions": among(divisions)},
    )
    return [case_id for (case_id,) in rows]


def positions_of_changes(
    views: Connection,
    *,
    case_id: str | None = None,
    state: str | None = None,
    actor: str | None = None,
    since: str | None = None,
    until: str | None = None,
    divisions: Collection[str] | None = None,
    limit: int = 200,
) -> list[tuple[int, str]]:
    """Return (log position, case number) of the changes that meet every condition, newest last."""
    rows = views.execute(
        f"SELECT h.position, c.number {CASES} JOIN case_change h USING (case_id) "
        f"WHERE {within(DIVISION)} AND (CAST(:case_id AS TEXT) IS NULL OR c.case_id = :case_id) "
        "AND (CAST(:state AS TEXT) IS NULL OR h.state = :state) "
        "AND (CAST(:actor AS TEXT) IS NULL OR h.actor = :actor) "
        "AND (CAST(:since AS TEXT) IS NULL OR h.valid_from >= :since) "
        "AND (CAST(:until AS TEXT) IS NULL OR h.valid_from < :until) "
        "ORDER BY h.position DESC LIMIT :limit",
        {
            "case_id": case_id,
            "state": state,
            "actor": actor,
            "since": since,
            "until": until,
            "divisions": among(divisions),
            "limit": limit,
        },
    ).fetchall()
    return [(position, number_text(number)) for position, number in reversed(rows)]


def division_of_case(views: Connection, case_id: str) -> str | None:
    """Return where a case lies, None where there is none."""
    row = views.execute(f"SELECT {DIVISION} {CASES} WHERE c.case_id = ?", (case_id,)).fetchone()
    return str(row[0]) if row is not None else None


def composing(views: Connection, divisions: Collection[str] | None, agent: str) -> list[Composing]:
    """Return who is busy composing, the longest first: this agent, whoever writes in a case of these
    divisions (None for all), and whoever writes in none."""
    rows = views.execute(
        "SELECT composition_id, agent, mode, case_id, since FROM agent_composing busy "
        "WHERE busy.case_id IS NULL OR busy.agent = :agent OR EXISTS "
        f"(SELECT 1 {CASES} WHERE c.case_id = busy.case_id AND {within(DIVISION)}) "
        "ORDER BY since, composition_id",
        {"agent": agent, "divisions": among(divisions)},
    )
    return [Composing(*row) for row in rows]


def _summary(row: tuple[Any, ...]) -> CaseSummary:
    case_id, number, *rest = row
    return CaseSummary(case_id, number_text(number), *rest)


def _interactions(
    views: Connection, case: CaseSummary, named: Collection[str] | None
) -> tuple[CaseInteraction, ...]:
    rows = views.execute(
        "SELECT m.interaction_id, p.channel, p.time, m.by, m.automatic, i.canonical_id, i.division "
        "FROM case_member m LEFT JOIN profile_contribution p USING (interaction_id) "
        "LEFT JOIN identity_contact i ON i.contact_id = p.contact_id "
        "WHERE m.case_id = ? ORDER BY m.since, m.interaction_id",
        (case.case_id,),
    )
    return tuple(
        CaseInteraction(
            *(id_, channel, time, by, bool(automatic)),
            own if named is None or division in named else None,
            own != case.contact_id,
        )
        for id_, channel, time, by, automatic, own, division in rows
    )


def _mails(views: Connection, case_id: str) -> tuple[CaseMail, ...]:
    rows = views.execute(
        "SELECT mail_id, status, attempts, due, code, recipients, subject, body, author, changed "
        "FROM case_mail WHERE case_id = ? ORDER BY mail_id",
        (case_id,),
    )
    return tuple(_mail(row) for row in rows)


def _mail(row: tuple[Any, ...]) -> CaseMail:
    mail_id, status, attempts, due, code, recipients, subject, body, author, changed = row
    sent = orjson.loads(recipients)
    return CaseMail(
        mail_id=mail_id,
        status=status,
        attempts=attempts,
        due=due,
        code=code,
        to=tuple(sent.get("to", ())),
        cc=tuple(sent.get("cc", ())),
        refused=tuple(sent.get("refused", ())),
        subject=subject,
        body=body,
        author=author,
        changed=changed,
    )


def _suggested(views: Connection, case: CaseSummary, bare: str | None) -> tuple[str, ...]:
    if not bare:
        return ()
    rows = views.execute(
        f"SELECT c.number {CASES} WHERE c.bare_subject = ? AND c.case_id != ? "
        f"AND {DIVISION} = ? ORDER BY c.number DESC LIMIT 10",
        (bare, case.case_id, case.division),
    )
    return tuple(number_text(number) for (number,) in rows)


def _number(views: Connection, case_id: str | None) -> str | None:
    found = _numbers(views, "SELECT number FROM case_view WHERE case_id = ?", case_id or "")
    return found[0] if found else None


def _numbers(views: Connection, statement: str, value: str) -> tuple[str, ...]:
    return tuple(number_text(number) for (number,) in views.execute(statement, (value,)))


def _column(views: Connection, statement: str, value: str) -> tuple[str, ...]:
    return tuple(one for (one,) in views.execute(statement, (value,)))
