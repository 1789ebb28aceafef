"""From one line of CloudEvents JSON to what the engine can take, or to its faults: an interaction, or
a change of one."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from msgspec import Struct

from aggregates.change import ChangeKind
from identity_engine.ingestion import json_text
from identity_engine.ingestion.faults import MAX_FAULTS, Fault, Rejected, fault
from identity_engine.ingestion.wire import change as wire_change
from identity_engine.ingestion.wire import interaction as wire

__all__ = [
    "Fault",
    "Incoming",
    "IncomingChange",
    "IncomingIdentifier",
    "IncomingInteraction",
    "Rejected",
    "decode",
]


class IncomingIdentifier(Struct, frozen=True):
    """An identifier as the publisher sent it; `verified` is None where nothing was said."""

    type: str
    value: str
    scope: str | None
    verified: bool | None


class IncomingInteraction(Struct, frozen=True):
    """One interaction as it came in, checked but not yet normalised.

    `time` is aware UTC. `attributes` and `mail` are canonical JSON text, never nested dicts, so
    that no key of a stranger can mean something to a store. `content` is the canonical JSON of
    type, time and data: two events with equal (source, id) say the same if it is equal.
    `traceparent` is None unless it has the form of W3C Trace Context.
    """

    source: str
    id: str
    time: datetime
    channel: str
    direction: Literal["inbound", "outbound"]
    division: str | None
    identifiers: tuple[IncomingIdentifier, ...]
    profile: Mapping[str, str]
    attributes: str | None
    mail: str | None
    session: str | None
    traceparent: str | None
    correlation_id: str | None
    content: bytes
    causation_id: str | None = None


class IncomingChange(Struct, frozen=True):
    """One change of an interaction as it came in; the interaction is named by `of_source`, `of_id`.

    What a kind of change does not have is None, or empty. `mail` and `attributes` are canonical JSON
    text, `content` is that of type, time and data.
    """

    source: str
    id: str
    time: datetime
    of_source: str
    of_id: str
    kind: ChangeKind
    agent: str | None
    to_agent: str | None
    to_queue: str | None
    direction: Literal["inbound", "outbound"] | None
    identifiers: tuple[IncomingIdentifier, ...]
    profile: Mapping[str, str]
    attributes: str | None
    mail: str | None
    reason: str | None
    traceparent: str | None
    correlation_id: str | None
    content: bytes
    causation_id: str | None = None


Incoming = IncomingInteraction | IncomingChange

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_CONTENT: Final = b'{"data":%b,"time":%b,"type":"' + wire.INTERACTION.encode() + b'"}'
_CHANGE_CONTENT: Final = b'{"data":%b,"time":%b,"type":"' + wire.CHANGE.encode() + b'"}'


def decode(line: bytes, *, now: datetime) -> Incoming | Rejected:
    """Decode one JSON event, or say everything that is wrong with it (at most `MAX_FAULTS`).

    `line` is at most 1 MiB of UTF-8, with or without a byte order mark and line ending; `now` is
    aware UTC, and a time more than 5 minutes after it is refused. Never raises, whatever `line` is.
    """
    if len(line) > json_text.MAX_LINE:
        return Rejected(line, (fault("line_too_long"),))
    text = json_text.without_bom(line)
    try:
        document = orjson.loads(text)
        if _is_change(document):
            return _decode_change(line, text, document, now)
        event = wire.validate(document)
    except ValueError:  # not JSON, or not of the shape
        return _rejected(line, text, now)
    data = _whole(document, event["time"], text, now)
    if data is None:
        return _rejected(line, text, now)
    return _interaction(event, content=_CONTENT % (data, orjson.dumps(event["time"])))


def _is_change(document: object) -> bool:
    return isinstance(document, dict) and document.get("type") == wire.CHANGE


def _decode_change(
    line: bytes, text: bytes, document: dict[str, object], now: datetime
) -> IncomingChange | Rejected:
    event = wire_change.validate(document)
    data = _whole(document, event["time"], text, now)
    if data is None or wire_change.broken_rule(event["data"]):
        return _rejected(line, text, now)
    return _change(event, content=_CHANGE_CONTENT % (data, orjson.dumps(event["time"])))


def _whole(document: dict[str, object], time: datetime, text: bytes, now: datetime) -> bytes | None:
    """Return the canonical data of a validated document, None where a rule is broken."""
    if wire.breaks_a_rule(document, time, now=now) or json_text.has_large_integer(text):
        return None
    data = _canonical(document.pop("data"))
    return (
        None if json_text.repeats_key(text, b'{"data":' + data + orjson.dumps(document)) else data
    )


def _rejected(line: bytes, text: bytes, now: datetime) -> Rejected:
    document, faults = json_text.explain(text)
    if document is not None or not faults:
        of_change = wire_change.change_faults if _is_change(document) else None
        shape = wire.wire_faults(document, now=now, shape_faults=of_change)
        # A lone surrogate is found by both; the shape knows the place.
        placed = {known.code for known in shape}
        faults = [known for known in faults if known.code not in placed] + shape
    if len(faults) > MAX_FAULTS:
        faults[MAX_FAULTS:] = [fault("more_faults")]
    return Rejected(line, tuple(faults) or (fault("not_json"),))


def _interaction(event: wire.WireEvent, *, content: bytes) -> IncomingInteraction:
    data = event["data"]
    mail = data.get("mail")
    return IncomingInteraction(
        event["source"],
        event["id"],
        event["time"],
        data["channel"],
        data["direction"],
        data.get("division"),
        tuple([_identifier(identifier) for identifier in data.get("identifiers", ())]),
        data.get("profile", {}),
        data.get("attributes"),
        None if mail is None else _canonical(mail).decode(),
        data.get("session"),
        _trace(event.get("traceparent")),
        event.get("correlationid"),
        content,
        event.get("causationid"),
    )


def _change(event: wire_change.WireChangeEvent, *, content: bytes) -> IncomingChange:
    # Each kind has some of these fields, so the data is read as what they have in common.
    data: Mapping[str, Any] = event["data"]
    mail = data.get("mail")
    return IncomingChange(
        event["source"],
        event["id"],
        event["time"],
        data["interaction"]["source"],
        data["interaction"]["id"],
        data["change"],
        data.get("agent"),
        data.get("to_agent"),
        data.get("to_queue"),
        data.get("direction"),
        tuple([_identifier(identifier) for identifier in data.get("identifiers", ())]),
        data.get("profile", {}),
        data.get("attributes"),
        None if mail is None else _canonical(mail).decode(),
        data.get("reason"),
        _trace(event.get("traceparent")),
        event.get("correlationid"),
        content,
        event.get("causationid"),
    )


def _trace(given: str | None) -> str | None:
    return given if given and _TRACEPARENT.fullmatch(given) else None


def _identifier(identifier: wire.WireIdentifier) -> IncomingIdentifier:
    return IncomingIdentifier(
        identifier["type"], identifier["value"], identifier.get("scope"), identifier.get("verified")
    )


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
