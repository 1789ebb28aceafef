"""What `doctor` looks at: each check says what it found and, if need be, what to do."""

import shutil
import sqlite3
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.standing import standings
from identity_engine.errors import IdentityEngineError
from identity_engine.event_store.conversation_tables import count_waiting_changes
from identity_engine.event_store.folder import is_store, no_store
from identity_engine.event_store.mapper import recorded_at
from identity_engine.settings import is_postgres, store_folder

ENOUGH_FREE_BYTES = 1 << 30
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: sound or not, and what was found (with the fix where it is not)."""

    check: str
    is_sound: bool
    found: str


def examine(store: str | None) -> list[Finding]:
    """Run all checks on a store, without making one that is not there."""
    address = is_postgres(store)
    if address is not None:
        from identity_engine.application.server_diagnosis import examine_server

        return [*_examined(address, (*CHECKS, _settings_of_server)), *examine_server(address)]
    folder = store_folder(store)
    if not is_store(folder):
        return [Finding("store", False, no_store(folder))]
    findings = [_permissions(folder), _free_space(folder)]
    return findings + _examined(str(folder), (*CHECKS, _integrity))


def _examined(store: str, checks: Sequence[Callable[[Engine], Finding]]) -> list[Finding]:
    """Open a store and run checks on it."""
    try:
        with Engine.open(store) as engine:
            keys = Finding("keys", True, "The master key opens the key store.")
            return [keys, *(check(engine) for check in checks)]
    except IdentityEngineError as error:
        return [Finding("open", False, str(error))]
    except sqlite3.DatabaseError as error:
        said = f"SQLite says: {error}. Restore the store from a backup."
        return [Finding("open", False, said)]


def _permissions(folder: Path) -> Finding:
    open_to_others = sorted(
        path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & OTHERS
    )
    if open_to_others:
        return Finding(
            "permissions",
            False,
            f"Others can read {', '.join(open_to_others)}. Run: chmod 600 {folder}/*",
        )
    return Finding("permissions", True, "Only the owner can read the files.")


def _free_space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free >= ENOUGH_FREE_BYTES,
        f"{free / ENOUGH_FREE_BYTES:.1f} GiB are free; 1 is needed.",
    )


def _log(engine: Engine) -> Finding:
    return Finding("log", True, f"Events: {engine.store.head()}.")


def _clock(engine: Engine) -> Finding:
    head = engine.store.head()
    stored = engine.store.stored_bytes(head) if head else None
    if stored is None:
        return Finding("clock", True, "No event yet.")
    ahead = (recorded_at(stored.state) - engine.now()).total_seconds()
    if ahead > 1:
        return Finding(
            "clock",
            False,
            f"The last event was recorded {ahead:.0f} s in the future of this machine. "
            "Set the clock; until then new events repeat the last recorded time.",
        )
    return Finding("clock", True, "The last event lies in the past.")


def _views(engine: Engine) -> Finding:
    views = standings(engine.store, engine.follower)
    parked = sum(one.parked for one in views)
    if parked:
        return Finding(
            "views", False, f"Parked partitions: {parked}. Run: identity-engine projections redrive"
        )
    behind, seconds = max(one.behind for one in views), max(one.seconds for one in views)
    waits = f", the oldest for {seconds:.0f} s" if behind else ""
    said = f"Events behind: {behind}{waits}; a worker or the next question brings them forward."
    return Finding("views", True, said)


def _dead_letters(engine: Engine) -> Finding:
    waiting = sum(engine.dead_letters.counts("open").values())
    if waiting:
        return Finding(
            "dead letters",
            True,
            f"Faults that wait: {waiting}. See: identity-engine dead-letters list",
        )
    return Finding("dead letters", True, "None.")


def _waiting_changes(engine: Engine) -> Finding:
    with engine.store.reading() as cursor:
        waiting = count_waiting_changes(cursor)
    found = (
        "None."
        if not waiting
        else (f"Changes that wait: {waiting}. See: identity-engine interaction waiting")
    )
    return Finding("waiting changes", True, found)


def _integrity(engine: Engine) -> Finding:
    with engine.store.reading() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        (answer,) = cursor.fetchone()
    return Finding("file", answer == "ok", "SQLite finds no damage." if answer == "ok" else answer)


def _settings_of_server(engine: Engine) -> Finding:
    """Tell whether the server keeps what it has acknowledged."""
    found = {}
    with engine.store.reading() as cursor:
        for name in DURABLE:
            cursor.execute(f"SHOW {name}")
            (found[name],) = cursor.fetchone()
    loose = [f"{name} = {value}" for name, value in found.items() if value == "off"]
    if loose:
        said = f"The server has {', '.join(loose)}: a crash loses what it acknowledged. Set it on."
        return Finding("server", False, said)
    return Finding("server", True, "The server keeps what it has acknowledged.")


CHECKS = (_log, _clock, _views, _dead_letters, _waiting_changes)
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
"""Settings of PostgreSQL without which a commit may be lost."""
