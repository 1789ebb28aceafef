"""The verb contact journey: the sessions of a contact."""

from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, Json, Store
from identity_engine.cli.terminal.output import answer, show_table, timestamp
from projections.journey.query import Session


def journey(
    id_: ContactId,
    *,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show the sessions of a contact: what it did, where, in which order."""
    with opened(store) as engine:
        sessions = engine.desk.conversations.journey(id_)
    answer(
        sessions,
        lambda sessions: show_table(
            ("session", "started", "ended", "interaction", "channel"),
            [row for number, one in enumerate(sessions, 1) for row in _rows(number, one)],
            none="There are no sessions: the contact has no interactions.",
        ),
        json=json,
    )


def _rows(number: int, session: Session) -> list[tuple[object, ...]]:
    return [
        (
            *(
                (number, timestamp(session.started), timestamp(session.ended))
                if place == 0
                else ("", "", "")
            ),
            one.interaction_id,
            one.channel,
        )
        for place, one in enumerate(session.interactions)
    ]
