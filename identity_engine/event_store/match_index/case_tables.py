"""Cases as tables of the match index: numbers, keys, and what leads a mail to its case.

No personal text lies here; a message id is a keyed digest.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from aggregates.case_facts import StateName
from aggregates.values import CaseId, ContactId, InteractionId
from identity_engine.event_store.ids import id_bytes, id_text
from projections.match_index.cases import CaseChanges, CaseRow
from projections.sql import Cursor, select

CASE_SCHEMA = """
CREATE TABLE IF NOT EXISTS case_row (
    case_id BLOB PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    division TEXT NOT NULL,
    state TEXT NOT NULL,
    interaction_id BLOB,
    contact_id BLOB,
    follow_up_of BLOB,
    key_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS case_of_interaction ON case_row (interaction_id);
CREATE INDEX IF NOT EXISTS case_of_contact ON case_row (contact_id);
CREATE INDEX IF NOT EXISTS case_followed_up ON case_row (follow_up_of);
CREATE INDEX IF NOT EXISTS case_key ON case_row (key_id);
CREATE TABLE IF NOT EXISTS case_interaction (
    interaction_id BLOB NOT NULL,
    case_id BLOB NOT NULL,
    PRIMARY KEY (interaction_id, case_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS case_message (
    digest BLOB NOT NULL,
    case_id BLOB NOT NULL,
    PRIMARY KEY (digest, case_id)
) WITHOUT ROWID;
"""
CASE_TABLES = ("case_row", "case_interaction", "case_message")
COLUMNS = "case_id, number, division, state, interaction_id, contact_id, follow_up_of, key_id"
HASHED_CASES = (
    f"SELECT {COLUMNS} FROM case_row ORDER BY case_id",
    "SELECT interaction_id, case_id FROM case_interaction ORDER BY interaction_id, case_id",
    "SELECT digest, case_id FROM case_message ORDER BY digest, case_id",
)
MENTIONS_LOOKED_AT = 200
OPEN_OF_CONTACTS = """
SELECT EXISTS (SELECT 1 FROM case_row WHERE state != 'closed' AND contact_id IN (%s))
OR EXISTS (
    SELECT 1 FROM interaction JOIN case_row USING (interaction_id)
    WHERE state != 'closed' AND interaction.contact_id IN (%s))
"""


def write_cases(cursor: Cursor, changes: CaseChanges) -> None:
    """Write what a batch changed."""
    cursor.executemany(
        "INSERT INTO case_row VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (case_id) DO UPDATE SET "
        "state = excluded.state, contact_id = excluded.contact_id, key_id = excluded.key_id",
        [
            (
                id_bytes(row.case_id),
                row.number,
                row.division,
                row.state,
                _optional(row.interaction_id),
                _optional(row.contact_id),
                _optional(row.follow_up_of),
                row.key_id,
            )
            for row in changes.rows
        ],
    )
    cursor.executemany(
        "INSERT OR IGNORE INTO case_interaction VALUES (?, ?)",
        [(id_bytes(one), id_bytes(case_id)) for one, case_id in changes.interactions],
    )
    cursor.executemany(
        "INSERT OR IGNORE INTO case_message VALUES (?, ?)",
        [(digest, id_bytes(case_id)) for digest, case_id in changes.messages],
    )


def cases_by_id(cursor: Cursor, case_ids: Iterable[str]) -> list[CaseRow]:
    """Return those cases that there are."""
    wanted = [id_bytes(case_id) for case_id in case_ids]
    return _rows(select(cursor, f"SELECT {COLUMNS} FROM case_row WHERE case_id IN (%s)", wanted))


def case_by_number(cursor: Cursor, number: int) -> CaseRow | None:
    """Return the case of a number, None where there is none."""
    cursor.execute(f"SELECT {COLUMNS} FROM case_row WHERE number = ?", (number,))
    return next(iter(_rows(cursor.fetchall())), None)


def next_number(cursor: Cursor) -> int:
    """Return the number of the next case; only under the write lock is it nobody else's too."""
    cursor.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM case_row")
    return int(cursor.fetchone()[0])


def cases_of_messages(cursor: Cursor, digests: Sequence[bytes]) -> list[CaseRow]:
    """Return the cases that these message ids lead to: those of the first one first, each by number."""
    found = set(
        select(cursor, "SELECT digest, case_id FROM case_message WHERE digest IN (%s)", digests)
    )
    rows = {row.case_id: row for row in cases_by_id(cursor, {id_text(one) for _, one in found})}
    led = [(digests.index(digest), rows[CaseId(id_text(one))]) for digest, one in found]
    led.sort(key=lambda one: (one[0], one[1].number))
    return list(dict.fromkeys(row for _, row in led))


def latest_follow_up(cursor: Cursor, case_id: str) -> CaseRow | None:
    """Return the last follow-up of a case, None where there is none."""
    cursor.execute(
        f"SELECT {COLUMNS} FROM case_row WHERE follow_up_of = ? ORDER BY number DESC LIMIT 1",
        (id_bytes(case_id),),
    )
    return next(iter(_rows(cursor.fetchall())), None)


def belongs_to_a_case(cursor: Cursor, interaction_id: str) -> bool:
    """Tell whether an interaction belongs to a case."""
    cursor.execute(
        "SELECT EXISTS (SELECT 1 FROM case_interaction WHERE interaction_id = ?)",
        (id_bytes(interaction_id),),
    )
    return bool(cursor.fetchone()[0])


def interactions_from(
    cursor: Cursor, key: int, latest: InteractionId, after: int
) -> list[InteractionId]:
    """Return the newest interactions that mention a value, up to one of them, the newest first.

    Args:
        cursor: within the write transaction.
        key: the mention key of the value.
        latest: only this one, and those of its channel that were received before it and happened no
            later.
        after: those that happened later, in microseconds since 1970.
    """
    cursor.execute(
        "SELECT earlier.interaction_id FROM interaction latest JOIN interaction earlier "
        "ON earlier.number IN (SELECT number FROM posting "
        "WHERE block_key = ? AND number <= latest.number ORDER BY number DESC LIMIT ?) "
        "WHERE latest.interaction_id = ? AND earlier.channel = latest.channel "
        "AND earlier.time > ? AND earlier.time <= latest.time ORDER BY earlier.number DESC",
        (key, MENTIONS_LOOKED_AT, id_bytes(latest), after),
    )
    return [InteractionId(id_text(one)) for (one,) in cursor.fetchall()]


def cases_with(cursor: Cursor, interaction_ids: Sequence[InteractionId]) -> list[CaseRow]:
    """Return the cases that these interactions belong to, the highest number first."""
    rows = select(
        cursor,
        "SELECT case_id FROM case_interaction WHERE interaction_id IN (%s)",
        [id_bytes(one) for one in interaction_ids],
    )
    cases = cases_by_id(cursor, [id_text(case_id) for (case_id,) in rows])
    return sorted(cases, key=lambda row: row.number, reverse=True)


def cases_of_contacts(cursor: Cursor, contact_ids: Iterable[ContactId]) -> list[CaseRow]:
    """Return the cases that are these contacts' now, by number."""
    wanted = [id_bytes(contact_id) for contact_id in contact_ids]
    rows = select(
        cursor,
        f"SELECT {COLUMNS} FROM case_row WHERE interaction_id IS NULL AND contact_id IN (%s)",
        wanted,
    ) + select(
        cursor,
        f"SELECT {COLUMNS} FROM case_row WHERE interaction_id IN "
        "(SELECT interaction_id FROM interaction WHERE contact_id IN (%s))",
        wanted,
    )
    return sorted(_rows(rows), key=lambda row: row.number)


def _rows(rows: Iterable[tuple[Any, ...]]) -> list[CaseRow]:
    return [_row(*row) for row in rows]


def _row(
    case_id: bytes,
    number: int,
    division: str,
    state: StateName,
    interaction_id: bytes | None,
    contact_id: bytes | None,
    follow_up_of: bytes | None,
    key_id: int,
) -> CaseRow:
    return CaseRow(
        CaseId(id_text(case_id)),
        number,
        division,
        state,
        InteractionId(id_text(interaction_id)) if interaction_id is not None else None,
        ContactId(id_text(contact_id)) if contact_id is not None else None,
        CaseId(id_text(follow_up_of)) if follow_up_of is not None else None,
        key_id,
    )


def _optional(id_: str | None) -> bytes | None:
    return id_bytes(id_) if id_ is not None else None


def has_open_case(cursor: Cursor, contact_ids: Collection[ContactId]) -> bool:
    """Tell whether a case of one of these contacts, or of an interaction of theirs, is not closed."""
    wanted = list(map(id_bytes, contact_ids))
    places = ",".join("?" * len(wanted))
    cursor.execute(OPEN_OF_CONTACTS % (places, places), wanted * 2)
    return bool(cursor.fetchone()[0])
