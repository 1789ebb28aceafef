"""A Kafka message as the one line of JSON that the envelope decodes.

After the Kafka Protocol Binding for CloudEvents 1.0.2: in *structured* mode the value is the event;
in *binary* mode its attributes are headers that begin with `ce_`, and the value is its data. A message
without any such header is taken as structured, since many publishers send the plain event.
"""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from identity_engine.ingestion import json_text
from identity_engine.ingestion.envelope import Incoming, decode
from identity_engine.ingestion.faults import MAX_FAULTS, Fault, Rejected, fault

PREFIX: Final = "ce_"
CONTENT_TYPE: Final = "content-type"
STRUCTURED: Final = b"application/cloudevents"
JSON_EVENT: Final = b"application/cloudevents+json"

Headers = Sequence[tuple[str, bytes | None]]


class Message(NamedTuple):
    """One message as it lies in a partition; all but its place is empty if the client cannot read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    is_readable: bool = True


class Read(NamedTuple):
    """A message as a line that can be kept and decoded again, and what it says."""

    line: bytes
    decoded: Incoming | Rejected


def read(message: Message, *, now: datetime) -> Read:
    """Decode a message; never raises, whatever it holds.

    Args:
        message: of either mode.
        now: aware UTC, as for `decode`.
    """
    value = message.value or b""
    if not message.is_readable:
        return Read(value, Rejected(value, (fault("unreadable_message"),)))
    content_type = _content_type(message.headers)
    if content_type.startswith(STRUCTURED):
        if content_type.partition(b";")[0].strip() not in (STRUCTURED, JSON_EVENT):
            return Read(value, Rejected(value, (fault("unsupported_content_type"),)))
    elif any(name.startswith(PREFIX) for name, _ in message.headers):
        return _read_binary(message.headers, value, now)
    return Read(value, decode(value, now=now))


def _read_binary(headers: Headers, data: bytes, now: datetime) -> Read:
    if len(data) > json_text.MAX_LINE:
        return Read(data, Rejected(data, (fault("line_too_long"),)))
    attributes = [(name[len(PREFIX) :], text) for name, text in headers if name.startswith(PREFIX)]
    attributes += [
        ("datacontenttype", text) for name, text in headers if name.lower() == CONTENT_TYPE
    ]
    text = json_text.without_bom(data)
    found = _faults_of(text)
    if found:
        # As CloudEvents writes data that is not JSON, so that no byte of it is lost.
        line = _event(attributes, "data_base64", orjson.dumps(base64.b64encode(data).decode()))
        return Read(line, _rejected(line, found, now))
    line = _event(attributes, "data", text)
    return Read(line, decode(line, now=now))


def _faults_of(data: bytes) -> list[Fault]:
    """List what is wrong with the JSON of the data; no data is a fault of the event, not of it."""
    if not data:
        return []
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return json_text.explain(data)[1] or [fault("not_json")]
    return []


def _rejected(line: bytes, found: list[Fault], now: datetime) -> Rejected:
    """Reject an event whose data cannot be read, with the faults of its attributes besides."""
    decoded = decode(line, now=now)
    assert isinstance(decoded, Rejected), "data in base64 is never taken"
    others = [one for one in decoded.faults if one.code != "binary_data"]
    of_data = [fault(one.code, "data") for one in found]
    return Rejected(line, (*of_data, *others)[:MAX_FAULTS])


def _event(attributes: Sequence[tuple[str, bytes | None]], name: str, data: bytes) -> bytes:
    """Write the event in structured form; two equal names stay two, for the decoder to refuse."""
    members = [
        b"%b:%b" % (_text(key.encode("utf-8", "surrogateescape")), _text(value))
        for key, value in attributes
    ]
    if data:
        members.append(b'"%b":%b' % (name.encode(), data))
    return b"{%b}" % b",".join(members)


def _text(value: bytes | None) -> bytes:
    """Write a header as JSON; bytes that are no UTF-8 become half surrogates, which are refused."""
    if value is None:
        return b"null"
    return json.dumps(value.decode("utf-8", "surrogateescape")).encode()


def _content_type(headers: Headers) -> bytes:
    for name, value in headers:
        if name.lower() == CONTENT_TYPE:
            return (value or b"").strip().lower()
    return b""
