"""Reading the timeline: where in the log the history of contacts lies."""

from collections.abc import Iterable
from typing import Any

import orjson

from aggregates.values import ContactId
from projections.sql import Connection

HAD = (
    "interaction_id IN (SELECT stream_id FROM own WHERE topic = 'interaction.linked') AND "
    "(SELECT MAX(e.position) FROM own e WHERE e.stream_id = n.interaction_id "
    "AND e.topic = 'interaction.linked') > COALESCE((SELECT MAX(e.position) FROM own e "
    "WHERE e.stream_id = n.interaction_id AND e.topic = 'interaction.unlinked' "
    "AND e.position < n.position), 0)"
)
"""Whether these contacts had the interaction of a note when that was written, or got it later: not if
it had left them before, and did not come back."""


def positions_of(
    views: Connection, contact_ids: Iterable[str], until: int | None = None
) -> list[int]:
    """Return the log positions of what these contacts did and of what was done to them, up to `until`,
    in order; with what was noted in their interactions until those left them."""
    known = orjson.dumps(sorted(contact_ids)).decode()
    rows: list[Any] = views.execute(
        "WITH known(id) AS (SELECT value FROM json_each(?1)), "
        "own AS (SELECT position, topic, stream_id FROM timeline_entry "
        "WHERE contact_id IN (SELECT id FROM known)) "
        "SELECT position FROM own WHERE position <= ?2 "
        "UNION SELECT position FROM timeline_case WHERE position <= ?2 AND (contact_id IN "
        "(SELECT id FROM known) AND interaction_id IS NULL OR interaction_id IN "
        "(SELECT stream_id FROM own WHERE topic = 'interaction.linked')) "
        f"UNION SELECT position FROM timeline_note n WHERE position <= ?2 AND {HAD} ORDER BY position",
        (known, until if until is not None else 1 << 62),
    ).fetchall()
    return [position for (position,) in rows]


def entries_since(views: Connection, contact_id: ContactId, after: int) -> list[int]:
    """Return the log positions behind `after` of what touched this contact itself, in order.

    Of a case that was opened for it, the opening.
    """
    rows: list[Any] = views.execute(
        "SELECT position FROM timeline_entry WHERE contact_id = ?1 AND position > ?2 "
        "UNION SELECT MIN(position) FROM timeline_case "
        "WHERE contact_id = ?1 AND interaction_id IS NULL GROUP BY case_id "
        "HAVING MIN(position) > ?2 ORDER BY position",
        (contact_id, after),
    ).fetchall()
    return [position for (position,) in rows]
