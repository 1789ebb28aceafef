"""Where input goes that cannot be used: every fault in clear, the original bytes sealed.

A file of its own beside the store, so that it can be dropped by age and never holds up a batch. The
bytes are personal, so they are sealed under a key per day, and destroying a day's key is enough to
lose them. Faults hold no value of the input (see `faults`) and stay readable.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final, Literal, Protocol, Self

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from identity_engine.errors import NotFound
from identity_engine.event_store.closed import CLOSED
from identity_engine.event_store.sqlite_files import wipe, write_transaction
from identity_engine.ingestion.faults import Fault, Rejected
from projections.sql import Connection

MAX_ORIGINAL: Final = 1024 * 1024  # bytes kept of one original
MAX_PAGE: Final = 500
_NONCE: Final = 12  # bytes, as NIST SP 800-38D advises for GCM

State = Literal["open", "redriven", "closed"]
_CLOSED: Final = "dropped"  # as the table has called it since before a letter could be closed

# What was refused again after a redrive, or although it was closed, is open again.
_ADD: Final = """
INSERT INTO dead_letters (stream, position, received_at, day, codes, faults, sealed, is_truncated)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream, position) DO UPDATE SET
    received_at = excluded.received_at, day = excluded.day, codes = excluded.codes,
    faults = excluded.faults, sealed = excluded.sealed, is_truncated = excluded.is_truncated,
    count = dead_letters.count + 1, state = 'open'
"""

COLUMNS: Final = (
    "id", "stream", "position", "received_at", "day", "codes", "faults", "sealed", "is_truncated",
    "state", "count",
)  # fmt: skip
_COLUMNS: Final = "id, stream, position, received_at, faults, is_truncated, state, count"


class DayKeys(Protocol):
    """The keys that dead letters are sealed under."""

    def day_key(self, day: date) -> bytes:
        """Return the 32-byte key of `day`, made when first asked for.

        Raises `LookupError` once the key is destroyed.
        """
        ...


class DamagedLetterError(Exception):
    """A dead letter does not open under its key: the file was changed from outside."""


class DeadLetter(Struct, frozen=True):
    """What is known of a dead letter without opening it.

    `position` is where it stood in `stream` (a file's fingerprint, a topic's partition); `count` is
    how often it was met there; `is_truncated` says that only the beginning was kept.
    """

    id: int
    stream: str
    position: int
    received_at: datetime
    faults: tuple[Fault, ...]
    is_truncated: bool
    state: State
    count: int


class OpenedLetter(Struct, frozen=True):
    """A dead letter with its original bytes; None once the key of its day is destroyed."""

    letter: DeadLetter
    raw: bytes | None


class DeadLetters:
    """All dead letters of one store; safe to use from several threads.

    Args:
        database: where they lie, which keeps no trace of what is deleted.
        keys: the key of each day.
    """

    def __init__(self, database: Connection, keys: DayKeys) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._database = database

    def add(
        self, rejected: Iterable[tuple[int, Rejected]], *, stream: str, received_at: datetime
    ) -> None:
        """Keep rejected input of `stream`, each with its position; on disk when this returns.

        Adding the same position again counts it once more and adds no row. `received_at` is aware
        UTC, its day picks the key.
        """
        day = received_at.date()
        seal = AESGCM(self._keys.day_key(day))
        rows = [self._row(seal, stream, place, one, received_at) for place, one in rejected]
        if rows:
            with self._lock, write_transaction(self._database):
                self._database.executemany(_ADD, rows)

    def list(
        self, state: State | None = None, *, limit: int = 100, after: int = 0
    ) -> Sequence[DeadLetter]:
        """Return up to `limit` (1 to 500) letters with ids above `after`, oldest first."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE id > ?"
            " AND (CAST(? AS TEXT) IS NULL OR state = ?) ORDER BY id LIMIT ?",
            (after, _stored(state), _stored(state), min(limit, MAX_PAGE)),
        )
        return [_letter(row) for row in rows]

    def get(self, letter_id: int) -> OpenedLetter | None:
        """Return one letter opened, None if there is none.

        Raises `DamagedLetterError` if it was changed from outside.
        """
        rows = self._read(
            f"SELECT {_COLUMNS}, day, sealed FROM dead_letters WHERE id = ?", (letter_id,)
        )
        return self._opened(rows[0]) if rows else None

    def states(self, ids: Sequence[int]) -> Mapping[int, State]:
        """Return the state of each of `ids`, in their order.

        Raises:
            NotFound: one of them is that of no letter.
        """
        rows = self._read(
            # As text, because an id that somebody typed may be larger than any that is stored.
            "SELECT id, state FROM dead_letters"
            " WHERE CAST(id AS TEXT) IN (SELECT value FROM json_each(?))",
            (orjson.dumps([str(each) for each in ids]).decode(),),
        )
        found = {letter_id: _state(stored) for letter_id, stored in rows}
        for each in ids:
            if each not in found:
                raise NotFound(
                    f"No dead letter has the id {each}; see: identity-engine dead-letters list"
                )
        return {each: found[each] for each in ids}

    def redrive(self, ids: Sequence[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield (id, original bytes) of the open letters among `ids`, or of all, to decode again.

        Left out is what cannot come through: truncated, without its key, or damaged. Nothing is
        marked; `mark` those that went through.
        """
        wanted = self._ids("open") if ids is None else iter(ids)
        for letter_id in wanted:
            with suppress(DamagedLetterError):
                opened = self.get(letter_id)
                if opened is None or opened.raw is None:
                    continue
                if opened.letter.state == "open" and not opened.letter.is_truncated:
                    yield letter_id, opened.raw

    def mark(self, ids: Iterable[int], state: State) -> int:
        """Set the state of those of the letters `ids` that are open, and return how many they are."""
        with self._lock, write_transaction(self._database):
            return self._database.executemany(
                "UPDATE dead_letters SET state = ? WHERE id = ? AND state = 'open'",
                [(_stored(state), each) for each in ids],
            ).rowcount

    def counts(self, state: State | None = "open") -> Mapping[str, int]:
        """Return the number of letters by fault code; one with two codes counts under both."""
        rows = self._read(
            "SELECT value, COUNT(*) FROM dead_letters, json_each(codes)"
            " WHERE CAST(? AS TEXT) IS NULL OR state = ? GROUP BY value ORDER BY value",
            (_stored(state), _stored(state)),
        )
        return dict(rows)

    def drop_before(self, day: date) -> int:
        """Delete the letters received before `day` from the file, and return how many."""
        return self._delete("day < ?", [(day.isoformat(),)])

    def erase(self, is_about: Callable[[bytes], bool]) -> int:
        """Delete the letters whose original bytes `is_about` recognises, and return how many.

        For the erasure of a person, whatever the state; what cannot be opened is passed over.
        """
        found = []
        for letter_id in self._ids(None):
            with suppress(DamagedLetterError):
                opened = self.get(letter_id)
                if opened and opened.raw is not None and is_about(opened.raw):
                    found.append((letter_id,))
        return self._delete("id = ?", found)

    def rows(self) -> Sequence[tuple[Any, ...]]:
        """Return all rows as they are stored, for a copy of the store."""
        return self._read(f"SELECT {', '.join(COLUMNS)} FROM dead_letters ORDER BY id", ())

    def close(self) -> None:
        """Close the file."""
        self._database.close()
        self._database = CLOSED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _row(
        self, seal: AESGCM, stream: str, position: int, rejected: Rejected, received_at: datetime
    ) -> tuple[object, ...]:
        day = received_at.date().isoformat()
        nonce = os.urandom(_NONCE)
        original = rejected.raw[:MAX_ORIGINAL]
        return (
            stream,
            position,
            received_at.isoformat(),
            day,
            orjson.dumps(sorted({fault.code for fault in rejected.faults})).decode(),
            orjson.dumps([[f.code, f.message, f.pointer] for f in rejected.faults]).decode(),
            nonce + seal.encrypt(nonce, original, _bound_to(stream, position, day)),
            int(rejected.is_cut or len(original) < len(rejected.raw)),
        )

    def _opened(self, row: tuple[Any, ...]) -> OpenedLetter:
        *clear, day, sealed = row
        letter = _letter(tuple(clear))
        try:
            key = self._keys.day_key(date.fromisoformat(day))
        except LookupError:
            return OpenedLetter(letter, None)
        bound = _bound_to(letter.stream, letter.position, day)
        try:
            raw = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except InvalidTag:
            raise DamagedLetterError(f"dead letter {letter.id} was changed from outside") from None
        return OpenedLetter(letter, raw)

    def _ids(self, state: State | None) -> Iterator[int]:
        last = 0
        while page := self.list(state, limit=MAX_PAGE, after=last):
            last = page[-1].id
            yield from [letter.id for letter in page]

    def _delete(self, condition: str, arguments: Sequence[tuple[object, ...]]) -> int:
        with self._lock:
            with write_transaction(self._database):
                deleted = self._database.executemany(
                    f"DELETE FROM dead_letters WHERE {condition}",
                    arguments,
                ).rowcount
            # The bytes go from the log too, not only from the table.
            wipe(self._database)
        return max(deleted, 0)

    def _read(self, query: str, arguments: tuple[object, ...]) -> Sequence[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, arguments).fetchall()


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    letter_id, stream, position, received_at, faults, is_truncated, state, count = row
    return DeadLetter(
        letter_id,
        stream,
        position,
        datetime.fromisoformat(received_at),
        tuple(Fault(*fault) for fault in orjson.loads(faults)),
        bool(is_truncated),
        _state(state),
        count,
    )


def _stored(state: State | None) -> str | None:
    return _CLOSED if state == "closed" else state


def _state(stored: Any) -> State:
    state: State = "closed" if stored == _CLOSED else stored
    return state


def _bound_to(stream: str, position: int, day: str) -> bytes:
    return orjson.dumps([stream, position, day])
