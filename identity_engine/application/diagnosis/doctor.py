"""What `doctor` looks at: each check says what it found and, if need be, what to do."""

import shutil
import sqlite3
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from identity_engine.adapters.kafka_reach import refuse_unreached
from identity_engine.application.diagnosis.files import FILE_CHECKS
from identity_engine.application.diagnosis.finding import NOT_VISIBLE, Finding
from identity_engine.application.engine import Engine
from identity_engine.application.views.standing import standings
from identity_engine.bootstrap import topic_states
from identity_engine.errors import IdentityEngineError, RightMissing
from identity_engine.event_store.mapper import recorded_at
from identity_engine.event_store.match_index.conversation_tables import count_waiting_changes
from identity_engine.event_store.sqlite.folder import is_store, no_store, not_opened
from identity_engine.event_store.sqlite_files import refusal
from identity_engine.settings import in_force, is_postgres, store_folder
from identity_engine.settings.kafka import Subscription
from identity_engine.settings.model import Kafka, Publish
from identity_engine.settings.sources import problems

if TYPE_CHECKING:
    from identity_engine.ingestion.kafka.state import PartitionState

ENOUGH_FREE_BYTES = 1 << 30
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def examine(store: str | None) -> list[Finding]:
    """Run all checks on a store and on what the settings name besides, without making a store that is
    not there."""
    faults = problems({"store": store})
    if faults:
        settings = Finding("settings", False, " ".join(faults))
        try:
            in_force({"store": store})
        except IdentityEngineError:
            return [settings]
    else:
        settings = Finding("settings", True, "All settings are valid.")
    findings, known = _store(store)
    return [settings, *findings, *_kafka(known)]


def _store(store: str | None) -> tuple[list[Finding], Mapping[str, int] | None]:
    """Return what was found of a store, and how far it has read each source, None if nobody can tell."""
    address = is_postgres(store)
    if address is not None:
        from identity_engine.application.diagnosis.server import examine_server

        findings, known = _examined(address, (*CHECKS, _settings_of_server))
        return [*findings, *examine_server(address)], known
    folder = store_folder(store)
    if not is_store(folder):
        return [Finding("store", False, no_store(folder))], None
    findings, known = _examined(str(folder), (*CHECKS, *FILE_CHECKS))
    return [_permissions(folder), _free_space(folder), *findings], known


def _examined(
    store: str, checks: Sequence[Callable[[Engine], Finding]]
) -> tuple[list[Finding], Mapping[str, int] | None]:
    """Open a store and run checks on it."""
    try:
        with Engine.open(store) as engine:
            keys = Finding("keys", True, "The master key opens the key store.")
            found = [keys, *_master_key(), *(_checked(check, engine) for check in checks)]
            return found, engine.store.source_positions()
    except IdentityEngineError as error:
        return [Finding("open", False, str(error))], None
    except OSError as error:
        return [Finding("open", False, not_opened(error))], None
    except sqlite3.OperationalError as error:
        return [Finding("open", False, str(refusal(error)))], None
    except sqlite3.DatabaseError as error:
        said = f"SQLite says: {error}. Restore the store from a backup."
        return [Finding("open", False, said)], None


def _checked(check: Callable[[Engine], Finding], engine: Engine) -> Finding:
    """Run one check; what it may not see, or what fails within, leaves the others their turn."""
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return check(engine)
    except RightMissing:
        return Finding(name, True, NOT_VISIBLE)
    except IdentityEngineError as error:
        return Finding(name, False, str(error))


def _master_key() -> list[Finding]:
    """Look at the file of the master key where the settings name one."""
    path = in_force().master_key
    if path is None:
        return []
    if path.stat().st_mode & OTHERS:
        return [Finding("master key", False, f"Others can read it. Run: chmod 600 {path}")]
    return [Finding("master key", True, "Only its owner can read it.")]


def _kafka(known: Mapping[str, int] | None) -> list[Finding]:
    """Look at the brokers and the topic that the settings name, if they do.

    Args:
        known: how far the store has read each source; None if nobody can tell.
    """
    kafka = in_force().kafka
    if not kafka.servers:
        return []
    try:
        refuse_unreached(Subscription(kafka.topic or "", kafka.servers, settings=kafka))
        brokers = Finding("brokers", True, "A broker answers, and accepts us.")
        return [brokers, *_topics(kafka, known), *_published(kafka, in_force().publish)]
    except IdentityEngineError as error:
        return [Finding("brokers", False, str(error))]


def _topics(kafka: Kafka, known: Mapping[str, int] | None) -> list[Finding]:
    found = []
    for topic in filter(None, (kafka.topic, kafka.dead_letter_topic)):
        partitions = topic_states(Subscription(topic, kafka.servers, settings=kafka), known or {})
        if not partitions:
            found.append(
                Finding("topic", False, f"Kafka has no topic {topic}, or hides it. Make it first.")
            )
            continue
        found.append(Finding("topic", True, f"{topic} has partitions: {len(partitions)}."))
        if topic == kafka.topic:
            found.append(_lag(partitions) if known is not None else LAG_UNKNOWN)
    return found


def _published(kafka: Kafka, publish: Publish) -> list[Finding]:
    """Look at the topics that `publish` writes; it makes those that are missing."""
    found = []
    for topic in filter(None, (publish.topic, publish.profile_topic)):
        partitions = topic_states(Subscription(topic, kafka.servers, settings=kafka), {})
        said = (
            f"{topic} has partitions: {len(partitions)}."
            if partitions
            else f"Kafka has no topic {topic} yet, or hides it; publish makes it."
        )
        found.append(Finding("published topic", True, said))
    return found


def _lag(partitions: "Sequence[PartitionState]") -> Finding:
    missed = sum(one.missed for one in partitions)
    if missed:
        said = (
            f"Messages that Kafka deleted before they were read: {missed}. Keep them longer there."
        )
        return Finding("lag", False, said)
    behind = {one.partition: one.lag for one in partitions if one.lag}
    told = ", ".join(f"partition {number}: {lag}" for number, lag in behind.items())
    return Finding("lag", True, f"Messages not read yet, at most: {told or 'none'}.")


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


def _rules(engine: Engine) -> Finding:
    rules = engine.policies.rules
    said = f"Policy {rules.policy.name} and model {rules.model.name} can be used."
    return Finding("rules", True, said)


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


LAG_UNKNOWN = Finding("lag", True, "Not known: the store could not be opened.")
CHECKS = (_log, _clock, _rules, _views, _dead_letters, _waiting_changes)
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
"""Settings of PostgreSQL without which a commit may be lost."""
