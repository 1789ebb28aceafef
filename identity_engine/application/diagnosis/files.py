"""What `doctor` looks at in the files of a folder: cheap signs that something was taken out of them.

A replay proves more and takes longer: `projections verify --index`.
"""

import re
from itertools import islice

from aggregates.interaction import InteractionReceived
from identity_engine.application.diagnosis.finding import Finding
from identity_engine.application.engine import Engine
from identity_engine.event_store.match_index.writing import SCHEMA
from projections.match_index.rows import BY_HAND
from projections.sql import Cursor

INDEX_TABLES = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)").findall(SCHEMA)
KEYS_AT_ONCE = 10_000
REPLAY = "Run: identity-engine projections rebuild --index"
KEYS_IN_USE = (
    "SELECT key_id FROM interaction WHERE key_id > 0 UNION "
    "SELECT key_id FROM contact WHERE key_id > 0 UNION "
    "SELECT key_id FROM waiting_change WHERE key_id > 0 UNION "
    "SELECT key_id FROM case_row WHERE key_id > 0"
)


def _events(engine: Engine) -> Finding:
    """No position is left out, in the log or in a stream: what was undone gives its position back."""
    with engine.store.reading() as cursor:
        missing = _number(
            cursor, "SELECT COALESCE(MAX(rowid), 0) - COUNT(rowid) FROM stored_events"
        )
        torn = _number(
            cursor,
            "SELECT COUNT(*) FROM (SELECT 1 FROM stored_events GROUP BY originator_id "
            "HAVING COUNT(*) != MAX(originator_version))",
        )
    if missing or torn:
        said = f"Events that are missing: {max(missing, torn)}. Restore events.db from a backup."
        return Finding("events", False, said)
    return Finding("events", True, "No event is missing between others.")


def _match_index(engine: Engine) -> Finding:
    """Every identifier that is mentioned leads to the interaction; a record alone may have no key."""
    name = "match index"
    with engine.store.reading() as cursor:
        there = {table for (table,) in cursor.execute("SELECT name FROM sqlite_master")}
        gone = [table for table in INDEX_TABLES if table not in there]
        if gone:
            return Finding(name, False, f"It lacks {', '.join(gone)}. {REPLAY}")
        received = _number(
            cursor,
            "SELECT COUNT(*) FROM stored_events WHERE topic = ?",
            InteractionReceived.TOPIC,
        )
        indexed = _number(cursor, "SELECT COUNT(*) FROM interaction WHERE channel != ?", BY_HAND)
        unfound = _number(
            cursor,
            "SELECT EXISTS (SELECT 1 FROM interaction WHERE LENGTH(mentions) > 0) "
            "AND NOT EXISTS (SELECT 1 FROM posting)",
        )
    if received != indexed:
        said = f"It holds {indexed} of {received} interactions. {REPLAY}"
        return Finding(name, False, said)
    if unfound:
        return Finding(name, False, f"No interaction can be found in it. {REPLAY}")
    return Finding(name, True, f"Interactions: {indexed}, as many as in the log.")


def _data_keys(engine: Engine) -> Finding:
    missing = 0
    with engine.store.reading() as cursor:
        numbers = (number for (number,) in cursor.execute(KEYS_IN_USE))
        while some := list(islice(numbers, KEYS_AT_ONCE)):
            missing += engine.store.keys.count_missing(some)
    if missing:
        said = (
            f"Keys that are in use and missing: {missing}. Restore the keys.db that belongs to this "
            "store, from the same backup or a later one."
        )
        return Finding("data keys", False, said)
    return Finding("data keys", True, "No key that is in use is missing.")


def _integrity(engine: Engine) -> Finding:
    with engine.store.reading() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        (answer,) = cursor.fetchone()
    return Finding("file", answer == "ok", "SQLite finds no damage." if answer == "ok" else answer)


def _number(cursor: Cursor, statement: str, *parameters: str) -> int:
    (number,) = cursor.execute(statement, parameters).fetchone()
    return int(number)


FILE_CHECKS = (_events, _match_index, _data_keys, _integrity)
