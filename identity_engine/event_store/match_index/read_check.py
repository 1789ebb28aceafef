"""Whether anything that a decision has read was changed by another writer since: one query."""

from collections.abc import Iterable
from typing import Any

import orjson

from aggregates.access import ACCESS_STREAM
from aggregates.policy import POLICY_STREAMS
from identity_engine.event_store.ids import id_bytes
from projections.match_index.rows import ReadSet
from projections.sql import Cursor

RULES_STREAMS = tuple(map(id_bytes, (*POLICY_STREAMS.values(), ACCESS_STREAM)))
"""What every decision and command rests on: policy, model, settings, and who may do what."""


def has_moved(cursor: Cursor, read: ReadSet) -> bool:
    """Tell, under the write lock, whether anything that was read has changed.

    A natural key or link that has come since counts as a change: it may be the very person that the
    batch believes it has seen first. One who is only alike does not: re-evaluation finds the two,
    and two workers would lose every race over the keys of common names. But no key may become
    crowded unseen, because the log alone says when it does.
    """
    cursor.execute("SELECT COALESCE(MAX(rowid), 0) FROM stored_events")
    if cursor.fetchone()[0] == read.head:
        return False
    cursor.execute(_MOVED, _moved_parameters(read))
    return bool(cursor.fetchone()[0])


_MOVED = """
WITH RECURSIVE place(i) AS (
    SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i + 1 < :places
)
SELECT (SELECT COUNT(*) FROM stored_events
    WHERE originator_id IN (:policy, :model, :settings, :access)) != :rules
OR (SELECT COALESCE(MAX(number), 0) FROM waiting_change) != :last_waiting
OR EXISTS (
    SELECT 1 FROM place JOIN change ON natural_key = substr(:changes, 16 * i + 1, 16)
    WHERE i < :change_count
)
OR EXISTS (
    SELECT 1 FROM place WHERE i < :identifier_count AND COALESCE(
        (SELECT version FROM identifier WHERE digest = substr(:identifiers, 16 * i + 1, 16)), 0)
        != CAST(substr(:identifier_versions, 18 * i + 1, 18) AS BIGINT)
) OR EXISTS (
    SELECT 1 FROM place WHERE i < :contact_count AND COALESCE(
        (SELECT touched FROM contact WHERE contact_id = substr(:contacts, 16 * i + 1, 16)), 0)
        != CAST(substr(:contacts_touched, 18 * i + 1, 18) AS BIGINT)
) OR EXISTS (
    SELECT 1 FROM place JOIN interaction ON natural_key = substr(:naturals, 16 * i + 1, 16)
    WHERE i < :natural_count AND number > :last_number
) OR EXISTS (
    SELECT 1 FROM json_each(:block_keys) key JOIN posting ON block_key = CAST(key.value AS BIGINT)
    WHERE number > :last_number
) OR EXISTS (
    SELECT 1 FROM json_each(:room) pair
    JOIN posting news ON news.block_key = CAST(pair.key AS BIGINT) AND news.number > :last_number
    WHERE (SELECT COUNT(*) FROM posting WHERE posting.block_key = news.block_key)
        > CAST(pair.value AS BIGINT)
) OR EXISTS (
    SELECT 1 FROM json_each(:links) pair LEFT JOIN interaction ON number = CAST(pair.key AS BIGINT)
    WHERE COALESCE(lower(hex(contact_id)), '') != pair.value
)
"""


def _moved_parameters(read: ReadSet) -> dict[str, Any]:
    return {
        "places": max(
            len(read.identifiers),
            len(read.contacts),
            len(read.natural_keys),
            len(read.unknown_changes),
        ),
        "identifier_count": len(read.identifiers),
        "identifiers": b"".join(read.identifiers),
        "identifier_versions": _numbers(read.identifiers.values()),
        "contact_count": len(read.contacts),
        "contacts": b"".join(id_bytes(contact_id) for contact_id in read.contacts),
        "contacts_touched": _numbers(read.contacts.values()),
        "natural_count": len(read.natural_keys),
        "naturals": b"".join(read.natural_keys),
        "last_number": read.last_number,
        "change_count": len(read.unknown_changes),
        "changes": b"".join(read.unknown_changes),
        "last_waiting": read.last_waiting,
        "rules": read.rules,
        **dict(zip(("policy", "model", "settings", "access"), RULES_STREAMS, strict=True)),
        "room": orjson.dumps({str(key): room for key, room in read.room.items()}).decode(),
        "block_keys": orjson.dumps(list(read.block_keys)).decode(),
        "links": orjson.dumps(
            {
                str(number): contact_id.replace("-", "") if contact_id is not None else ""
                for number, contact_id in read.links.items()
            }
        ).decode(),
    }


def _numbers(values: Iterable[int]) -> str:
    """Return numbers of one width, so that each is found by its place."""
    return "".join(f"{value:018d}" for value in values)
