"""How long contacts stay, as tables of the match index: who waits since when, and who holds what.

A sweep finds those that are due without looking at the others, and what ends with a contact without
a search over all identifiers.
"""

from itertools import chain

import orjson

from aggregates.values import ContactId
from identity_engine.event_store.ids import id_bytes, id_text
from projections.match_index.rows import BY_HAND, LifeChanges
from projections.sql import Cursor

LIFE_SCHEMA = """
-- Contacts that may expire: since when they wait, and their last meaningful interaction after that.
CREATE TABLE IF NOT EXISTS clock (
    contact_id BLOB PRIMARY KEY,
    waiting INTEGER NOT NULL, -- microseconds since 1970
    last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS clock_last ON clock (last);
CREATE TABLE IF NOT EXISTS holder (
    contact_id BLOB NOT NULL,
    identifier_id BLOB NOT NULL, -- held now or before
    PRIMARY KEY (contact_id, identifier_id)
) WITHOUT ROWID;
-- Interactions that went on: when their last message came.
CREATE TABLE IF NOT EXISTS last_message (
    interaction_id BLOB PRIMARY KEY,
    time INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retention (
    version TEXT PRIMARY KEY, -- of the settings
    not_meaningful TEXT NOT NULL, -- JSON array of channels
    in_force BOOLEAN NOT NULL
) WITHOUT ROWID;
"""
LIFE_TABLES = ("clock", "holder", "last_message", "retention")
LIFE_ROWS = (
    "SELECT contact_id, waiting, last FROM clock ORDER BY contact_id",
    "SELECT contact_id, identifier_id FROM holder ORDER BY contact_id, identifier_id",
    "SELECT interaction_id, time FROM last_message ORDER BY interaction_id",
    "SELECT version, not_meaningful, in_force FROM retention ORDER BY version",
)
SILENT = (
    "SELECT value FROM retention, json_each(retention.not_meaningful) WHERE in_force "
    f"UNION ALL SELECT '{BY_HAND}'"
)
"""Channels that renew nobody: those of the settings in force, and what people say of a contact."""
IS_MEANINGFUL = f"NOT IN ({SILENT})"
RECOUNT = f"""
UPDATE clock SET last = (SELECT MAX(moment) FROM (
    SELECT clock.waiting AS moment UNION ALL
    SELECT time FROM interaction
    WHERE interaction.contact_id = clock.contact_id AND channel {IS_MEANINGFUL} UNION ALL
    SELECT last_message.time FROM interaction JOIN last_message USING (interaction_id)
    WHERE interaction.contact_id = clock.contact_id AND channel {IS_MEANINGFUL}) AS moments)
"""
DUE = """
SELECT clock.contact_id, clock.last FROM clock JOIN contact USING (contact_id)
WHERE clock.last <= :until AND (clock.last, clock.contact_id) > (:last, :contact_id)
AND (contact.canonical = clock.contact_id OR EXISTS (
    SELECT 1 FROM clock own WHERE own.contact_id = contact.canonical
    AND (own.last, own.contact_id) < (clock.last, clock.contact_id)))
AND NOT EXISTS (
    SELECT 1 FROM contact member LEFT JOIN clock theirs ON theirs.contact_id = member.contact_id
    WHERE member.canonical = contact.canonical AND member.canonical != member.contact_id
    AND (theirs.last IS NULL
        OR (theirs.last, theirs.contact_id) > (clock.last, clock.contact_id)))
ORDER BY clock.last, clock.contact_id LIMIT :limit
"""
"""Of each set the member with the latest clock, and only if every member may expire."""


RENEW = """
UPDATE clock SET last = news.column1 FROM (VALUES %s) AS news
WHERE clock.contact_id = news.column2 AND clock.last < news.column1
"""
MOST_AT_ONCE = 128


def write_life(cursor: Cursor, life: LifeChanges) -> None:
    """Write what a batch changed, after its interactions and contacts."""
    cursor.executemany(
        "INSERT OR IGNORE INTO holder VALUES (?, ?)",
        sorted((id_bytes(one), id_bytes(identifier)) for one, identifier in life.held),
    )
    cursor.executemany(
        "UPDATE interaction SET hidden = ? WHERE contact_id = ?",
        [(hidden, id_bytes(one)) for one, hidden in life.hidden.items()],
    )
    for version, channels in life.settings:
        cursor.execute("UPDATE retention SET in_force = (version = ?)", (version,))
        if channels is not None:
            cursor.execute(
                "INSERT INTO retention VALUES (?, ?, TRUE) ON CONFLICT (version) DO UPDATE SET "
                "not_meaningful = excluded.not_meaningful, in_force = TRUE",
                (version, orjson.dumps(channels).decode()),
            )
    cursor.executemany(
        "DELETE FROM clock WHERE contact_id = ?",
        [(id_bytes(one),) for one, since in life.waiting.items() if since is None],
    )
    cursor.executemany(
        "INSERT INTO clock VALUES (?, ?, ?) "
        "ON CONFLICT (contact_id) DO UPDATE SET waiting = excluded.waiting",
        [(id_bytes(one), since, since) for one, since in life.waiting.items() if since is not None],
    )
    cursor.executemany(
        "INSERT INTO last_message VALUES (?, ?) "
        "ON CONFLICT (interaction_id) DO UPDATE SET time = excluded.time "
        "WHERE excluded.time > last_message.time",
        [(id_bytes(row.interaction_id), time) for row, time in life.messages],
    )
    _renew(cursor, life)
    if life.settings:
        cursor.execute(RECOUNT)
    else:
        cursor.executemany(
            f"{RECOUNT} WHERE contact_id = ?", [(id_bytes(one),) for one in sorted(life.recounted)]
        )


def _renew(cursor: Cursor, life: LifeChanges) -> None:
    """Set clocks forward to when their contacts were heard of last, many in one statement."""
    heard = [(row.contact_id, row.channel, time) for row, time in life.messages]
    if not (heard or life.renewed):
        return
    cursor.execute(SILENT)
    silent = {channel for (channel,) in cursor.fetchall()}
    latest: dict[bytes, int] = {}
    for one, channel, time in (*life.renewed, *heard):
        if one is not None and channel not in silent:
            key = id_bytes(one)
            latest[key] = max(time, latest.get(key, time))
    rows = sorted((time, key) for key, time in latest.items())
    for first in range(0, len(rows), MOST_AT_ONCE):
        some = rows[first : first + MOST_AT_ONCE]
        # A power of two, so that there are few statements; a row that is there twice does no harm.
        some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
        cursor.execute(RENEW % ", ".join(["(?, ?)"] * len(some)), list(chain.from_iterable(some)))


def due_contacts(
    cursor: Cursor, until: int, after: tuple[int, ContactId | None], limit: int
) -> list[tuple[int, ContactId]]:
    """Return a contact for each set of which nothing meaningful came after `until`, the quietest first.

    Args:
        cursor: an open transaction.
        until: microseconds since 1970.
        after: the last one of the batch before: when its set was last heard of, and its id.
        limit: at most this many.

    Returns:
        When each set was last heard of, with the id of a member.
    """
    last, contact_id = after
    cursor.execute(
        DUE,
        {
            "until": until,
            "last": last,
            "contact_id": id_bytes(contact_id) if contact_id is not None else b"",
            "limit": limit,
        },
    )
    return [(time, ContactId(id_text(id_))) for id_, time in cursor.fetchall()]
