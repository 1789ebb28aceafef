"""Where input goes that cannot be used: every fault in clear, the original bytes sealed.

A file of its own beside the store, so that it can be dropped by age and never holds up a batch. The
bytes are personal and the name of their file may be, so they are sealed under a key per day, and
destroying a day's key is enough to lose them. Faults hold no value of the input (see `faults`) and stay
readable.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

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
_LARGEST_ID: Final = (1 << 63) - 1  # that a database can be asked for
_NONCE: Final = 12  # bytes, as NIST SP 800-38D advises for GCM
_NAME: Final = "file"  # to what a sealed name is bound besides, so that no original stands for it

State = Literal["open", "redriven", "closed"]
_CLOSED: Final = "dropped"  # as the table has called it since before a letter could be closed

# What was refused again after a redrive, or although it was closed, is open again.
_ADD: Final = """
INSERT INTO dead_letters
    (stream, position, received_at, day, codes, faults, sealed, is_truncated, file)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream, position) DO UPDATE SET
    received_at = excluded.received_at, day = excluded.day, codes = excluded.codes,
    faults = excluded.faults, sealed = excluded.sealed, is_truncated = excluded.is_truncated,
    file = excluded.file, count = dead_letters.count + 1, state = 'open'
"""

COLUMNS: Final = (
    "id", "stream", "position", "received_at", "day", "codes", "faults", "sealed", "is_truncated",
    "state", "count", "file",
)  # fmt: skip


class _Row(NamedTuple):
    """What is read of a letter without its original bytes."""

    id: int
    stream: str
    position: int
    received_at: str
    day: str
    faults: str
    is_truncated: int
    state: str
    times: int
    file: bytes | None


_COLUMNS: Final = "id, stream, position, received_at, day, faults, is_truncated, state, count, file"


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
    """What is known of a dead letter without its original bytes.

    `position` is where it stood in `stream` (a file's fingerprint, a topic's partition), `file` the
    name of the file, None where it is from none or the name is not known; `count` is how often it was
    met there; `is_truncated` says that only the beginning was kept.
    """

    id: int
    stream: str
    position: int
    file: str | None
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
        self,
        rejected: Iterable[tuple[int, Rejected]],
        *,
        stream: str,
        received_at: datetime,
        file: str | None = None,
    ) -> None:
        """Keep rejected input of `stream`, each with its position; on disk when this returns.

        Adding the same position again counts it once more and adds no row. `received_at` is aware
        UTC, its day picks the key. `file` is the name of the file that it is from, if any.
        """
        key = AESGCM(self._keys.day_key(received_at.date()))
        rows = [_row(key, stream, place, one, received_at, file) for place, one in rejected]
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
        return [self._letter(_Row._make(row)) for row in rows]

    def get(self, letter_id: int) -> OpenedLetter | None:
        """Return one letter opened, None if there is none.

        Raises `DamagedLetterError` if it was changed from outside.
        """
        if not 0 < letter_id <= _LARGEST_ID:
            return None
        rows = self._read(f"SELECT {_COLUMNS}, sealed FROM dead_letters WHERE id = ?", (letter_id,))
        if not rows:
            return None
        *clear, sealed = rows[0]
        row = _Row._make(clear)
        return OpenedLetter(self._letter(row), self._unsealed(sealed, row))

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

    def _letter(self, row: _Row) -> DeadLetter:
        return DeadLetter(
            row.id,
            row.stream,
            row.position,
            self._file(row),
            datetime.fromisoformat(row.received_at),
            tuple(Fault(*fault) for fault in orjson.loads(row.faults)),
            bool(row.is_truncated),
            _state(row.state),
            row.times,
        )

    def _file(self, row: _Row) -> str | None:
        """Return the name of the file; one that does not open keeps no letter from being listed."""
        if row.file is None:
            return None
        with suppress(DamagedLetterError):
            name = self._unsealed(row.file, row, _NAME)
            return None if name is None else name.decode()
        return None

    def _unsealed(self, sealed: bytes, row: _Row, *what: str) -> bytes | None:
        """Open what a row has sealed; None once the key of its day is destroyed."""
        try:
            key = AESGCM(self._keys.day_key(date.fromisoformat(row.day)))
        except LookupError:
            return None
        bound = _bound_to(row.stream, row.position, row.day, *what)
        try:
            return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except (InvalidTag, ValueError):  # the latter where not even the nonce is whole
            raise DamagedLetterError(f"dead letter {row.id} was changed from outside") from None

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


def _row(
    key: AESGCM,
    stream: str,
    position: int,
    rejected: Rejected,
    received_at: datetime,
    file: str | None,
) -> tuple[object, ...]:
    day = received_at.date().isoformat()
    original = rejected.raw[:MAX_ORIGINAL]
    sealed = _sealed(key, original, _bound_to(stream, position, day))
    name = None
    if file is not None:
        name = _sealed(key, file.encode(), _bound_to(stream, position, day, _NAME))
    return (
        stream,
        position,
        received_at.isoformat(),
        day,
        orjson.dumps(sorted({fault.code for fault in rejected.faults})).decode(),
        orjson.dumps([[f.code, f.message, f.pointer] for f in rejected.faults]).decode(),
        sealed,
        int(rejected.is_cut or len(original) < len(rejected.raw)),
        name,
    )


def _sealed(key: AESGCM, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, content, bound)


def _stored(state: State | None) -> str | None:
    return _CLOSED if state == "closed" else state


def _state(stored: Any) -> State:
    state: State = "closed" if stored == _CLOSED else stored
    return state


def _bound_to(stream: str, position: int, day: str, *what: str) -> bytes:
    return orjson.dumps([stream, position, day, *what])
