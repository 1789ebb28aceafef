"""Events as bytes: clear JSON that anybody may read, and one encrypted value that only the key opens.

    format byte 1 | length of the clear JSON, 4 bytes | clear JSON | key id, 8 | nonce, 12 | ciphertext

The last three are there only where the fact says something about a person. The ciphertext is bound to
its stream, version, topic, schema and subject, so that nobody can move it to another place (T10).
Only topics of the catalogue are read; no name in the table can make Python import anything (T9). Free
user content is JSON text inside the fact, so no dictionary of a user is ever taken for a type (T2).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import DecodeError, Raw, Struct, convert
from msgspec.json import Decoder, Encoder
from msgspec.json import schema as json_schema

from aggregates.catalogue import FACTS
from aggregates.values import Fact, Header, instant_text
from identity_engine.errors import EventTooLarge, UnknownTopic, Unreadable
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.keys import NONCE_BYTES, DataKey, KeyRing
from identity_engine.event_store.upcasting import UPCASTERS, Upcaster, upcast
from projections.base import Recorded

FORMAT = 1
FORMAT_BYTE = bytes((FORMAT,))
MAX_STATE_BYTES = 4 << 20
SHORTEST_CIPHERTEXT = NONCE_BYTES + 16  # the tag of AES-GCM
PERSONAL = b'"personal":'
ERASED = b'"erased"'
"""What is read in place of a personal part whose key was destroyed."""
ERASED_BEFORE = b'{"erased":true}'
"""The same, as it was stored while facts were models."""
_LENGTH_END = 5
_RECORDED_START = _LENGTH_END + len(b'{"recorded_at":"')
_RECORDED_END = _RECORDED_START + len("2026-01-31T23:59:59.000000Z")


class Pending(Struct, frozen=True):
    """An event that has been decided and not yet stored.

    `subject` and `key` say whose key seals the personal part; both are None where there is none.
    """

    stream_id: str
    version: int
    header: Header
    fact: Fact
    subject: str | None = None
    key: DataKey | None = None


class NewRow(NamedTuple):
    """An event as it is to stand in the log, which gives it its position."""

    stream: bytes
    version: int
    topic: str
    state: bytes


class StoredRow(NamedTuple):
    """An event as it stands in the log; `stream` is the 16 bytes of its stream id."""

    position: int
    stream: bytes
    version: int
    topic: str
    state: bytes


class Clear(Struct, frozen=True):
    """The clear part of an event, with its fact still as JSON."""

    recorded_at: datetime
    schema: int
    header: Header
    fact: Raw
    subject: str | None = None


class Sealed(Struct, frozen=True):
    """An event as stored, with its clear part parsed and its personal part still closed."""

    row: StoredRow
    clear: Clear
    key_id: int
    ciphertext: bytes


_clear = Decoder(Clear)
_json_of = Encoder().encode


@cache
def _fact_of(type_: type[Fact]) -> Callable[[bytes], Fact]:
    """Return what reads a fact of this type; it is made with the first one."""
    return Decoder(type_).decode


class EventMapper:
    """Turns pending events into stored ones and stored ones into recorded ones.

    Args:
        keys: opens the personal parts.
        entropy: source of nonces; a test may seed it.
        facts: topic -> fact, the allow-list.
        upcasters: steps from older schemas.
    """

    def __init__(
        self,
        keys: KeyRing,
        entropy: Callable[[int], bytes],
        facts: Mapping[str, type[Fact]] = FACTS,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self._keys = keys
        self._entropy = entropy
        self._facts = facts
        self._upcasters = upcasters

    def encode(self, event: Pending, recorded_at: datetime) -> NewRow:
        """Return the event as it is stored at a moment.

        Raises:
            UnknownTopic: the fact is not in the catalogue.
            EventTooLarge: its bytes are over the limit.
            TypeError: a field has a value of another type, which no replay could read or which a
                replay would read as another value, or the time of the header is not in UTC.
        """
        fact = event.fact
        topic = fact.TOPIC
        if self._facts.get(topic) is not type(fact):
            raise UnknownTopic(f"{type(fact).__name__} is not in the catalogue of facts.")
        if event.header.valid_from.tzinfo is not UTC:  # JSON has no offset with seconds
            raise TypeError("The time from which a fact is true must be in UTC.")
        personal, schema = fact.about_a_person(), fact.SCHEMA
        said: dict[str, Any] = {"recorded_at": instant_text(recorded_at), "schema": schema}
        if event.subject:
            said["subject"] = event.subject
        said["header"] = event.header
        open_, sealed = _json_of(fact), b""
        _refuse_unreadable(fact, open_)
        if personal is not None:
            told = _json_of(personal)
            open_, sealed = _without(told, open_), self._seal(event, topic, schema, told)
        said["fact"] = Raw(open_)
        clear = _json_of(said)
        state = FORMAT_BYTE + len(clear).to_bytes(4, "big") + clear + sealed
        if len(state) > MAX_STATE_BYTES:
            raise EventTooLarge(f"{topic} has {len(state)} bytes; {MAX_STATE_BYTES} are allowed.")
        return NewRow(id_bytes(event.stream_id), event.version, topic, state)

    def decode(self, rows: Sequence[StoredRow]) -> list[Recorded]:
        """Return the events of the log, all keys opened in one query.

        Raises:
            UnknownTopic: a topic is not in the catalogue.
            Unreadable: bytes are not what was written.
            KeyNeverMade: the key store does not belong to this log.
        """
        opened = [self._parse(row) for row in rows]
        ciphers = self._keys.ciphers(event.key_id for event in opened if event.key_id)
        return [self._restore(event, ciphers) for event in opened]

    def _seal(self, event: Pending, topic: str, schema: int, personal: bytes) -> bytes:
        if event.key is None or event.subject is None:
            raise Unreadable(f"{topic} has a personal part but names no subject to seal it for.")
        nonce = self._entropy(NONCE_BYTES)
        bound = _associated(event.stream_id, event.version, topic, schema, event.subject)
        return (
            event.key.key_id.to_bytes(8, "big")
            + nonce
            + event.key.cipher.encrypt(nonce, personal, bound)
        )

    def _parse(self, row: StoredRow) -> Sealed:
        if row.topic not in self._facts:
            raise UnknownTopic(
                f"Position {row.position} holds an event of an unknown topic. "
                "Use the version of identity-engine that wrote it, or a later one."
            )
        state = row.state
        if not state or state[0] != FORMAT:
            raise _unreadable(row)
        end = _LENGTH_END + int.from_bytes(state[1:_LENGTH_END], "big")
        try:
            clear = _clear.decode(state[_LENGTH_END:end])
        except (DecodeError, UnicodeDecodeError):
            raise _unreadable(row) from None
        key_id, ciphertext = int.from_bytes(state[end : end + 8], "big"), state[end + 8 :]
        has_personal = key_id > 0 and len(ciphertext) >= SHORTEST_CIPHERTEXT
        if (clear.subject is not None) != has_personal:
            raise _unreadable(row)  # the personal part was cut off, or another was added
        return Sealed(row, clear, key_id, ciphertext)

    def _restore(self, event: Sealed, ciphers: Mapping[int, AESGCM | None]) -> Recorded:
        row, clear = event.row, event.clear
        type_, stream_id = self._facts[row.topic], id_text(row.stream)
        try:
            said = bytes(clear.fact)
            if event.key_id:
                said = _with(_open(event, stream_id, ciphers[event.key_id]), said)
            if clear.schema == type_.SCHEMA:
                fact = _fact_of(type_)(said)
            else:
                fields = orjson.loads(said)
                fields = upcast(row.topic, clear.schema, type_.SCHEMA, fields, self._upcasters)
                fact = convert(fields, type_)
            return Recorded(
                row.position,
                stream_id,
                row.version,
                clear.recorded_at,
                clear.header,
                fact,
                event.key_id,
                clear.subject,
            )
        except (InvalidTag, DecodeError, KeyError, ValueError, TypeError):
            # The cause may hold the very values that must not be shown.
            raise _unreadable(row) from None


def recorded_at(state: bytes) -> datetime:
    """Read `recorded_at` without decoding the event."""
    return datetime.fromisoformat(state[_RECORDED_START:_RECORDED_END].decode())


def event_id(state: bytes) -> str:
    """Read the id of an event without decoding it: no key is asked for."""
    end = _LENGTH_END + int.from_bytes(state[1:_LENGTH_END], "big")
    found: str = orjson.loads(state[_LENGTH_END:end])["header"]["event_id"]
    return found


def schema_snapshots(facts: Iterable[type[Fact]]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each fact, as kept in `tests/schemas`."""
    return {f"{fact.TOPIC}.v{fact.SCHEMA}": json_schema(fact) for fact in facts}


def _refuse_unreadable(fact: Fact, said: bytes) -> None:
    try:
        is_same = _fact_of(type(fact))(said) == fact
    except DecodeError:  # the cause may hold the very value
        is_same = False
    if not is_same:
        raise TypeError(f"A field of {fact.TOPIC} has a value of another type.")


def _without(personal: bytes, said: bytes) -> bytes:
    """Take the personal part out of a fact, all as JSON.

    Raises:
        TypeError: it is not the last field, and would be stored in clear.
    """
    end = PERSONAL + personal + b"}"
    if not said.endswith(end):
        raise TypeError("What is personal must be the last field of a fact.")
    return said[: -len(end)].rstrip(b",") + b"}"


def _with(personal: bytes, said: bytes) -> bytes:
    """Put the personal part back into a fact, all as JSON."""
    comma = b"," if len(said) > len(b"{}") else b""
    return said[:-1] + comma + PERSONAL + personal + b"}"


def _open(event: Sealed, stream_id: str, cipher: AESGCM | None) -> bytes:
    """Return the personal part as JSON."""
    if cipher is None:
        return ERASED
    row, clear = event.row, event.clear
    bound = _associated(stream_id, row.version, row.topic, clear.schema, clear.subject or "")
    sealed = event.ciphertext
    personal = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    return ERASED if personal == ERASED_BEFORE else personal


def _associated(stream_id: str, version: int, topic: str, schema: int, subject: str) -> bytes:
    # None of the parts can hold the separator: ids are UUIDs and topics are names of the catalogue.
    return f"{stream_id}|{version}|{topic}|{schema}|{subject}".encode()


def _unreadable(row: StoredRow) -> Unreadable:
    return Unreadable(
        f"The event at position {row.position} ({row.topic}) is not what was written. "
        "Restore the store from a backup."
    )
