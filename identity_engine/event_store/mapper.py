"""Events as bytes: clear JSON that anybody may read, and one encrypted value that only the key opens.

    format byte 1 | length of the clear JSON, 4 bytes | clear JSON | key id, 8 | nonce, 12 | ciphertext

The last three are there only where the fact says something about a person. The ciphertext is bound to
its stream, version, topic, schema and subject, so that nobody can move it to another place (T10).
Only topics of the catalogue are read; no name in the table can make Python import anything (T9). Free
user content is JSON text inside the fact, so no dictionary of a user is ever taken for a type (T2).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder
from pydantic import ValidationError

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
NOT_IN_CLEAR = {"personal"}
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
        """
        fact = event.fact
        topic = fact.TOPIC
        if self._facts.get(topic) is not type(fact):
            raise UnknownTopic(f"{type(fact).__name__} is not in the catalogue of facts.")
        personal, schema = fact.about_a_person(), fact.SCHEMA
        said: dict[str, Any] = {"recorded_at": instant_text(recorded_at), "schema": schema}
        if event.subject:
            said["subject"] = event.subject
        said["header"] = _written(event.header)
        said["fact"] = orjson.Fragment(
            fact.__pydantic_serializer__.to_json(
                fact, exclude_none=True, exclude=NOT_IN_CLEAR if personal is not None else None
            )
        )
        clear = orjson.dumps(said)
        state = FORMAT_BYTE + len(clear).to_bytes(4, "big") + clear
        if personal is not None:
            state += self._seal(event, topic, schema, personal)
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

    def _seal(self, event: Pending, topic: str, schema: int, personal: Any) -> bytes:
        if event.key is None or event.subject is None:
            raise Unreadable(f"{topic} has a personal part but names no subject to seal it for.")
        nonce = self._entropy(NONCE_BYTES)
        text = personal.__pydantic_serializer__.to_json(personal, exclude_none=True)
        bound = _associated(event.stream_id, event.version, topic, schema, event.subject)
        return (
            event.key.key_id.to_bytes(8, "big")
            + nonce
            + event.key.cipher.encrypt(nonce, text, bound)
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
        type_ = self._facts[row.topic]
        try:
            said = bytes(clear.fact)
            if event.key_id:
                said = _with_personal(said, _open(event, ciphers[event.key_id]))
            if clear.schema == type_.SCHEMA:
                fact = type_.__pydantic_validator__.validate_json(said)
            else:
                fields = orjson.loads(said)
                fields = upcast(row.topic, clear.schema, type_.SCHEMA, fields, self._upcasters)
                fact = type_.__pydantic_validator__.validate_python(fields)
            return Recorded(
                row.position,
                id_text(row.stream),
                row.version,
                clear.recorded_at,
                clear.header,
                fact,
                event.key_id,
                clear.subject,
            )
        except (InvalidTag, ValidationError, KeyError, ValueError, TypeError):
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
    return {
        f"{fact.TOPIC}.v{fact.SCHEMA}": fact.model_json_schema(mode="serialization")
        for fact in facts
    }


def _written(header: Header) -> dict[str, str]:
    """Return a header as it is stored: what is None is left out."""
    written: dict[str, str] = {
        "event_id": header.event_id,
        "valid_from": instant_text(header.valid_from),
        "actor": header.actor,
        "command_id": header.command_id,
    }
    if header.correlation_id is not None:
        written["correlation_id"] = header.correlation_id
    if header.causation_id is not None:
        written["causation_id"] = header.causation_id
    if header.traceparent is not None:
        written["traceparent"] = header.traceparent
    return written


def _with_personal(said: bytes, personal: bytes) -> bytes:
    """Put the personal part back into a fact: JSON into a JSON object, as its last member."""
    return (
        said[:-1]
        + (b',"personal":' if len(said) > len(b"{}") else b'"personal":')
        + personal
        + b"}"
    )


def _open(event: Sealed, cipher: AESGCM | None) -> bytes:
    """Return the personal part as JSON."""
    if cipher is None:
        return b'{"erased":true}'
    row, clear = event.row, event.clear
    bound = _associated(
        id_text(row.stream), row.version, row.topic, clear.schema, clear.subject or ""
    )
    sealed = event.ciphertext
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)


def _associated(stream_id: str, version: int, topic: str, schema: int, subject: str) -> bytes:
    # None of the parts can hold the separator: ids are UUIDs and topics are names of the catalogue.
    return f"{stream_id}|{version}|{topic}|{schema}|{subject}".encode()


def _unreadable(row: StoredRow) -> Unreadable:
    return Unreadable(
        f"The event at position {row.position} ({row.topic}) is not what was written. "
        "Restore the store from a backup."
    )
