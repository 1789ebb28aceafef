"""The key store: one data key per subject, wrapped by a key-encryption key, in a file of its own.

A data key is made in a block and durable before the first event that uses it, so that no crash can
leave an event whose key is lost. A key has three states: live, erased (its row stays for ever as a
tombstone), and never made. Which key a subject has stands in its events, beside the ciphertext.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import date
from threading import RLock
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from identity_engine.errors import KeyNeverMade, SettingsError, StoreError, Unreadable
from identity_engine.event_store.closed import CLOSED
from identity_engine.event_store.sqlite_files import wipe, write_transaction
from projections.sql import Connection, select

KEY_BYTES = 32
NONCE_BYTES = 12
BLOCK = 1_024
LOG_BEGUN = "log-begun"
"""The name of a key that opens nothing: who has it belongs to a log that holds events."""
CACHED_KEYS = 100_000
CACHED_CIPHERS = 4_096
"""Ciphers kept ready for the batch at hand: each takes ten times the memory of its key."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
    key_id INTEGER PRIMARY KEY,
    wrapped BLOB -- nonce and ciphertext; NULL once erased
);
CREATE TABLE IF NOT EXISTS named_key (name TEXT PRIMARY KEY, wrapped BLOB);
CREATE TABLE IF NOT EXISTS made (last INTEGER NOT NULL); -- number of the newest key, also if it is gone
INSERT INTO made SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM made);
"""


KEY_TABLES = {
    "data_key": ("key_id", "wrapped"),
    "named_key": ("name", "wrapped"),
    "made": ("last",),
}


class DataKey(Struct, frozen=True):
    """A data key ready for use. `cipher` is AES-256-GCM."""

    key_id: int
    cipher: AESGCM


class KeyRing:
    """Makes, opens and destroys data keys; keeps the named keys of the index and the dead letters.

    Args:
        connection: the key store, which keeps no trace of what is deleted.
        key_encryption_key: 32 bytes; it never lies in the key store.
        entropy: source of random bytes; a test may seed it.
    """

    def __init__(
        self,
        connection: Connection,
        key_encryption_key: bytes,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._wrapper = AESGCM(key_encryption_key)
        self._entropy = entropy
        self._lock = RLock()
        self._connection = connection
        self._ready: list[tuple[int, bytes]] = []
        self._opened: dict[int, bytes] = {}
        self._ciphers: dict[int, AESGCM] = {}
        self._named: dict[str, bytes] = {}
        self._check_key_encryption_key()

    def reserve(self, count: int) -> None:
        """Make sure that `count` keys are ready and durable, so that a batch syncs once."""
        with self._lock:
            missing = count - len(self._ready)
            if missing > 0:
                self._make(max(missing, BLOCK))

    def new_key(self) -> DataKey:
        """Return a fresh key, durable already."""
        with self._lock:
            if not self._ready:
                self._make(BLOCK)
            key_id, key = self._ready.pop()
            return DataKey(key_id, self._remember(key_id, key))

    def take_back(self, keys: Iterable[DataKey]) -> None:
        """Let keys under which nothing was stored be given again."""
        with self._lock:
            for key_id in sorted((one.key_id for one in keys), reverse=True):
                if key_id in self._opened:  # else it stays behind unused, which does no harm
                    self._ready.append((key_id, self._opened[key_id]))

    def last_made(self) -> int:
        """Return the number of the newest key that was ever made."""
        (last,) = self._connection.execute("SELECT last FROM made").fetchone()
        return int(last)

    def ciphers(self, key_ids: Iterable[int]) -> dict[int, AESGCM | None]:
        """Return the cipher of each key, None where it was erased; one query for all.

        Raises:
            KeyNeverMade: a key is not in this key store and never was.
        """
        wanted = set(key_ids)
        with self._lock:
            ready, opened = self._ciphers, self._opened
            found: dict[int, AESGCM | None] = {
                key_id: ready[key_id] if key_id in ready else self._ready_cipher(key_id)
                for key_id in wanted
                if key_id in opened
            }
            missing = wanted - found.keys()
            if missing:
                found |= self._open(missing)
        return found

    def count_missing(self, key_ids: Collection[int]) -> int:
        """Return how many of these different keys this key store has never had or has lost."""
        with self._lock:
            there = select(
                self._connection,
                "SELECT key_id FROM data_key WHERE key_id IN (%s)",
                list(key_ids),
            )
        return len(key_ids) - len(there)

    def destroy(self, key_ids: Iterable[int]) -> int:
        """Erase keys for ever and return how many were live; doing it again changes nothing."""
        with self._lock:
            numbers = list(set(key_ids))
            for key_id in numbers:
                self._opened.pop(key_id, None)
                self._ciphers.pop(key_id, None)
            with write_transaction(self._connection):
                erased = self._connection.execute(
                    "UPDATE data_key SET wrapped = NULL WHERE wrapped IS NOT NULL "
                    "AND key_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
                    (orjson.dumps(numbers).decode(),),
                ).rowcount
            self._wipe_log()
            return erased

    def named(self, name: str) -> bytes:
        """Return the key of this name, made and durable at its first use.

        Raises:
            LookupError: it was dropped; a dropped name stays dropped.
        """
        with self._lock:
            if name not in self._named:
                self._named[name] = self._load_named(name)
            return self._named[name]

    def has_named(self, name: str) -> bool:
        """Tell whether a key of this name was ever made, without making it."""
        with self._lock:
            found = self._connection.execute("SELECT 1 FROM named_key WHERE name = ?", (name,))
            return found.fetchone() is not None

    def day_key(self, day: date) -> bytes:
        """Return the key of a day's dead letters."""
        return self.named(f"dead-letters/{day.isoformat()}")

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Return all rows of a table of `KEY_TABLES`, for a copy of the store."""
        with self._lock:
            columns = ", ".join(KEY_TABLES[table])
            return self._connection.execute(f"SELECT {columns} FROM {table}").fetchall()

    def close(self) -> None:
        """Take back the keys that were never used and close the file."""
        with self._lock:
            if self._ready:
                # A key that stays behind unused does no harm.
                with suppress(StoreError), write_transaction(self._connection):
                    self._connection.executemany(
                        "DELETE FROM data_key WHERE key_id = ?", [(id_,) for id_, _ in self._ready]
                    )
                self._ready.clear()
            self._connection.close()
            self._connection = CLOSED

    def _wipe_log(self) -> None:
        """Take the last copies of what was destroyed off the disk: those in the write-ahead log."""
        wipe(self._connection)

    def _make(self, count: int) -> None:
        keys = _parted(self._entropy(count * KEY_BYTES), KEY_BYTES)
        nonces = _parted(self._entropy(count * NONCE_BYTES), NONCE_BYTES)
        with write_transaction(self._connection):
            self._connection.execute("UPDATE made SET last = last + ?", (count,))
            first = self.last_made() - count + 1
            fresh = list(enumerate(keys, first))
            self._connection.executemany(
                "INSERT INTO data_key VALUES (?, ?)",
                [
                    (id_, self._wrap(_label(id_), key, nonce))
                    for (id_, key), nonce in zip(fresh, nonces, strict=True)
                ],
            )
        self._ready = fresh[::-1] + self._ready

    def _open(self, key_ids: set[int]) -> dict[int, AESGCM | None]:
        rows = select(
            self._connection,
            "SELECT key_id, wrapped FROM data_key WHERE key_id IN (%s)",
            list(key_ids),
        )
        if len(rows) < len(key_ids):
            raise KeyNeverMade(
                "The key store holds no key for some of these events. Restore the keys.db that "
                "belongs to this store, from the same backup or a later one."
            )
        found: dict[int, AESGCM | None] = {}
        for key_id, wrapped in rows:
            if wrapped is None:
                found[key_id] = None
                continue
            found[key_id] = self._remember(key_id, self._unwrap(_label(key_id), wrapped))
        return found

    def _remember(self, key_id: int, key: bytes) -> AESGCM:
        if len(self._opened) >= CACHED_KEYS:
            for old in list(self._opened)[: CACHED_KEYS // 10]:
                del self._opened[old]
        self._opened[key_id] = key
        return self._ready_cipher(key_id)

    def _ready_cipher(self, key_id: int) -> AESGCM:
        if len(self._ciphers) >= CACHED_CIPHERS:
            self._ciphers.clear()
        cipher = self._ciphers[key_id] = AESGCM(self._opened[key_id])
        return cipher

    def _load_named(self, name: str) -> bytes:
        connection = self._connection
        with write_transaction(connection):
            row = connection.execute(
                "SELECT wrapped FROM named_key WHERE name = ?", (name,)
            ).fetchone()
            if row is None:
                key = self._entropy(KEY_BYTES)
                wrapped = self._wrap(name.encode(), key, self._entropy(NONCE_BYTES))
                connection.execute("INSERT INTO named_key VALUES (?, ?)", (name, wrapped))
        if row is None:
            return key
        if row[0] is None:
            raise LookupError(f"The key {name} was dropped.")
        return self._unwrap(name.encode(), row[0])

    def _wrap(self, label: bytes, key: bytes, nonce: bytes) -> bytes:
        return nonce + self._wrapper.encrypt(nonce, key, label)

    def _unwrap(self, label: bytes, wrapped: bytes) -> bytes:
        try:
            return self._wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], label)
        except InvalidTag:
            raise Unreadable(
                f"keys.db is damaged: the master key opens it, but not {label.decode()}. Restore it "
                "from a backup, of the same time as events.db or later."
            ) from None

    def _check_key_encryption_key(self) -> None:
        try:
            self.named("check")
        except Unreadable:
            raise SettingsError(
                "The key-encryption key does not open this key store. Put back the master.key "
                "that the store was made with."
            ) from None


def _label(key_id: int) -> bytes:
    return b"data-key/%d" % key_id


def _parted(whole: bytes, size: int) -> list[bytes]:
    return [whole[at : at + size] for at in range(0, len(whole), size)]
