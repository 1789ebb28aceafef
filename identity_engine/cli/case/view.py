"""How a case is shown."""

from collections.abc import Sequence

from identity_engine.cli.terminal.output import show, show_table, timestamp
from projections.cases.query import CaseView


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


def refused_text(refused: Sequence[str]) -> str:
    """Say which recipients of a mail the server refused."""
    return f" (refused: {', '.join(refused)})" if refused else ""


def state_text(state: str, why: str | None) -> str:
    return f"{state} ({why})" if why else state
