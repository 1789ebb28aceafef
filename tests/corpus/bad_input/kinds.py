"""Every kind of bad input we know, with the fault codes each must be refused with.

One place for all tests of what comes in from outside: files, HTTP and Kafka. Each kind is one line
(or a line-free run of bytes) made from one good event, so that what is wrong with it is plain.
Personal-looking values carry CANARY; no fault may ever show it.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import orjson

CANARY = "zebra"

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "type": "identity_engine.interaction.v1",
    "source": "crm",
    "id": f"{CANARY}-1",
    "time": "2026-01-01T00:00:00Z",
    "datacontenttype": "application/json",
    "data": {
        "channel": "email",
        "direction": "inbound",
        "identifiers": [{"type": "email", "value": f"{CANARY}@example.com", "verified": True}],
        "profile": {"given_name": CANARY, "city": "Paris"},
        "attributes": {"topic": "order"},
    },
}


@dataclass(frozen=True)
class Kind:
    """One kind of bad input: its bytes, and the codes of all faults it has, in any order."""

    name: str
    line: bytes
    codes: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def good(**changes: Any) -> bytes:
    """The good event as JSON, with changed fields at its top."""
    return orjson.dumps(GOOD | changes)


def changed(place: str, value: Any) -> bytes:
    """The good event with the value at `place`, keys and indexes joined by dots."""
    *path, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    event = deepcopy(GOOD)
    inner: Any = event
    for step in path:
        inner = inner[step]
    inner[last] = value
    return orjson.dumps(event)


def without(place: str) -> bytes:
    """The good event without the field at `place`."""
    *path, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    event = deepcopy(GOOD)
    inner: Any = event
    for step in path:
        inner = inner[step]
    del inner[last]
    return orjson.dumps(event)


def spelled(old: str, new: bytes) -> bytes:
    """The good event as text, with `old` written as `new`."""
    text = good()
    assert old.encode() in text
    return text.replace(old.encode(), new, 1)


def nested(levels: int) -> bytes:
    """The good event with attributes that take it to `levels` levels."""
    inner = levels - 4
    return spelled('"order"', b"[" * (inner + 1) + b"]" * (inner + 1))


_MANY = [{"type": "email", "value": f"{CANARY}{n}@example.com"} for n in range(65)]
_LARGE = ("integer_too_large",)

KINDS = (
    # not JSON
    Kind("plain text", f"hello {CANARY}".encode(), ("not_json",)),
    Kind("truncated JSON", good()[:200], ("truncated_json",)),
    Kind("truncated inside a string", good()[: good().index(b"Paris") + 2], ("truncated_json",)),
    Kind("trailing garbage", good() + b" x", ("trailing_text",)),
    Kind("two objects in a line", good() + good(), ("trailing_text",)),
    Kind("trailing comma", good()[:-1] + b",}", ("not_json",)),
    Kind("single quotes", good().replace(b'"', b"'"), ("not_json",)),
    Kind("NaN", spelled('"order"', b"NaN"), ("not_a_number",)),
    Kind("Infinity", spelled('"order"', b"-Infinity"), ("not_a_number",)),
    Kind("number beyond a float", spelled('"order"', b"1e400"), ("number_too_large",)),
    Kind("integer of 5,000 digits", spelled('"order"', b"9" * 5_000), ("number_too_large",)),
    Kind("integer beyond 64 bits", spelled('"order"', b"18446744073709551616"), _LARGE),
    Kind("negative beyond 64 bits", spelled('"order"', b"-9223372036854775809"), _LARGE),
    Kind("large integer in an extension", spelled('"crm"', b'"crm","n":' + b"7" * 30), _LARGE),
    Kind("depth bomb", b"[" * 100_000, ("too_deep",)),
    Kind("depth bomb of objects", b'{"a":' * 50_000, ("too_deep",)),
    Kind("nested 33 levels", nested(33), ("too_deep",)),
    Kind("duplicate key", spelled('"source"', b'"source":"a","source"'), ("duplicate_key",)),
    Kind("duplicate key deep", spelled('"topic"', b'"topic":"a","topic"'), ("duplicate_key",)),
    Kind(
        "duplicate key, escaped",
        spelled('"topic"', b'"top\\u0069c":"a\\u003a:","topic"'),
        ("duplicate_key",),
    ),
    Kind(
        "duplicate key, hidden by an escaped colon",
        spelled('"topic"', b'"topic":"a","topic":"\\u003a","other"'),
        ("duplicate_key",),
    ),
    Kind("lone surrogate", spelled("Paris", b"Paris\\ud800"), ("lone_surrogate",)),
    Kind("lone surrogate in id", spelled(f"{CANARY}-1", b"1\\udc00"), ("lone_surrogate",)),
    Kind("lone surrogate in attributes", spelled("order", b"\\ud800"), ("lone_surrogate",)),
    Kind("lone surrogate in a key", spelled("topic", b"\\ud800"), ("lone_surrogate",)),
    Kind("raw control character", spelled("Paris", b"Pa\x01ris"), ("control_character",)),
    Kind("raw NUL", spelled("Paris", b"Pa\x00ris"), ("control_character",)),
    Kind("invalid UTF-8", spelled("Paris", b"Par\xff\xfes"), ("invalid_utf8",)),
    Kind("Latin-1", spelled("Paris", "Orléans".encode("latin-1")), ("invalid_utf8",)),
    Kind("surrogate as UTF-8", spelled("Paris", b"\xed\xa0\x80"), ("invalid_utf8",)),
    Kind("UTF-16", good().decode().encode("utf-16-le"), ("wrong_encoding",)),
    Kind("UTF-16 with mark", good().decode().encode("utf-16"), ("wrong_encoding",)),
    Kind("over-long line", changed("data.attributes.topic", "x" * 1_100_000), ("line_too_long",)),
    # another shape
    Kind("array instead of object", b"[" + good() + b"]", ("not_an_object",)),
    Kind("null", b"null", ("not_an_object",)),
    Kind("a number", b"17", ("not_an_object",)),
    Kind("empty object", b"{}", ("missing_field",) * 6),
    Kind("without specversion", without("specversion"), ("missing_field",)),
    Kind("without type", without("type"), ("missing_field",)),
    Kind("without source", without("source"), ("missing_field",)),
    Kind("without id", without("id"), ("missing_field",)),
    Kind("without time", without("time"), ("missing_field",)),
    Kind("without data", without("data"), ("missing_field",)),
    Kind("without channel", without("data.channel"), ("missing_field",)),
    Kind("without direction", without("data.direction"), ("missing_field",)),
    Kind("identifier without type", without("data.identifiers.0.type"), ("missing_field",)),
    Kind("identifier without value", without("data.identifiers.0.value"), ("missing_field",)),
    Kind("wrong specversion", good(specversion="0.3"), ("unsupported_specversion",)),
    Kind(
        "change event",
        good(type="identity_engine.interaction.change.v1", data={"change": "ended"}),
        ("missing_field",),
    ),
    Kind(
        "unknown change",
        good(type="identity_engine.interaction.change.v1", data={"change": "eaten"}),
        ("unknown_change",),
    ),
    Kind("unknown type", good(type="com.example.order.v1"), ("unknown_type",)),
    Kind("content type XML", good(datacontenttype="text/xml"), ("unsupported_content_type",)),
    Kind("data_base64", good(data_base64="e30="), ("binary_data",)),
    Kind("unknown field in data", changed("data.colour", "red"), ("unknown_field",)),
    Kind("value as a field name", changed(f"data.{CANARY} 1990", "x"), ("unknown_field",)),
    Kind(
        "unknown field in identifier",
        changed("data.identifiers.0.label", "work"),
        ("unknown_field",),
    ),
    Kind("unknown field in mail", changed("data.mail", {"bcc": CANARY}), ("unknown_field",)),
    Kind("bad extension name", good(Trace_Id="x"), ("unknown_field",)),
    Kind("bad extension value", good(trace={"id": CANARY}), ("bad_extension",)),
    # a value
    Kind("id is a number", good(id=17), ("wrong_type",)),
    Kind("data is a text", good(data=CANARY), ("wrong_type",)),
    Kind("profile is a list", changed("data.profile", [CANARY]), ("wrong_type",)),
    Kind("profile value is a number", changed("data.profile.given_name", 7), ("wrong_type",)),
    Kind("profile value is null", changed("data.profile.given_name", None), ("wrong_type",)),
    Kind("attributes are a list", changed("data.attributes", [1]), ("wrong_type",)),
    Kind("bad verified", changed("data.identifiers.0.verified", "yes"), ("wrong_type",)),
    Kind("verified is 1", changed("data.identifiers.0.verified", 1), ("wrong_type",)),
    Kind("bad direction", changed("data.direction", "sideways"), ("bad_direction",)),
    Kind("bad channel name", changed("data.channel", "E-Mail"), ("bad_name",)),
    Kind("bad profile name", changed(f"data.profile.{CANARY} x", "v"), ("bad_name",)),
    Kind("empty id", good(id=""), ("empty_value",)),
    Kind("empty identifier", changed("data.identifiers.0.value", ""), ("empty_value",)),
    Kind("long id", good(id="x" * 257), ("too_long",)),
    Kind("10^5 phone", changed("data.identifiers.0.value", "5" * 100_000), ("too_long",)),
    Kind("long profile value", changed("data.profile.city", "x" * 4_097), ("too_long",)),
    Kind("giant key", changed("data.profile." + CANARY * 20_000, "v"), ("bad_name",)),
    Kind("giant key in attributes", changed("data.attributes." + "k" * 70_000, 1), ("too_large",)),
    Kind("too many identifiers", changed("data.identifiers", _MANY), ("too_many",)),
    Kind(
        "too many profile fields",
        changed("data.profile", {f"field_{n}": "x" for n in range(65)}),
        ("too_many",),
    ),
    Kind("control character in id", good(id=f"{CANARY}\n1"), ("hidden_character",)),
    Kind("NUL in source", good(source="crm\x00"), ("hidden_character",)),
    Kind("bidi override in id", good(id="abc\u202e123"), ("hidden_character",)),
    Kind("zero-width space in id", good(id="abc\u200b123"), ("hidden_character",)),
    Kind("NUL in a name", changed("data.profile.city", "Pa\x00ris"), ("control_character",)),
    Kind(
        "line feed in identifier",
        changed("data.identifiers.0.value", "a@b.example\n"),
        ("control_character",),
    ),
    # time
    Kind("future time", good(time="2026-02-01T00:05:01Z"), ("time_in_future",)),
    Kind("naive time", good(time="2026-01-01T00:00:00"), ("naive_time",)),
    Kind("time without a date", good(time="09:30"), ("bad_time",)),
    Kind("no such day", good(time="2026-02-30T00:00:00Z"), ("bad_time",)),
    Kind("time before year 1", good(time="0001-01-01T00:00:00+14:00"), ("bad_time",)),
    Kind("offset of 60 minutes", good(time="2026-01-01T00:00:00+05:60"), ("bad_time",)),
    Kind("leap second", good(time="2016-12-31T23:59:60Z"), ("leap_second",)),
    Kind("time as a number", good(time=1_767_225_600), ("wrong_type",)),
    # all at once
    Kind(
        "many faults",
        good(
            id="",
            specversion="2",
            time="2027-01-01T00:00:00Z",
            data={"channel": "Ü", "direction": "x", "colour": 1, "identifiers": [{"type": "a"}]},
        ),
        (
            "empty_value",
            "unsupported_specversion",
            "time_in_future",
            "bad_name",
            "bad_direction",
            "unknown_field",
            "missing_field",
        ),
    ),
    Kind(
        "faults of the text and of the shape",
        spelled('"source"', b'"source":"a","id":"","source"').replace(b'"order"', b"NaN"),
        ("duplicate_key", "not_a_number"),
    ),
)

# Unusual, and fine.
ACCEPTED = {
    "the good event": good(),
    "byte order mark": b"\xef\xbb\xbf" + good(),
    "carriage return": good() + b"\r",
    "spaces": orjson.dumps(GOOD, option=orjson.OPT_INDENT_2).replace(b"\n", b" "),
    "_type_ and _data_": changed("data.attributes", {"_type_": "os.system", "_data_": "x"}),
    "nested 32 levels": nested(32),
    "escaped colon": spelled("order", b"a\\u003ab: c"),
    "escaped quote before a colon": spelled("order", b'\\": a'),
    "bidi override in a name": changed("data.profile.given_name", "abc\u202edef"),
    "copied phone with a bidi mark": changed("data.identifiers.0.value", "\u202a+33 1 23\u202c"),
    "address of two lines": changed("data.profile.address", "1 rue X\n75001 Paris"),
    "emoji and astral text": changed("data.profile.given_name", "𠮷野 👩\u200d👩\u200d👧"),
    "escaped pair": spelled("Paris", b"\\ud83d\\ude00"),
    "NUL in free attributes": changed("data.attributes.topic", "a\x00b"),
    "extension attributes": good(traceparent="x", correlationid="c", partitionkey="p", n=1, b=True),
    "content type with charset": good(datacontenttype="application/json; charset=utf-8"),
    "no identifiers, profile, attributes": good(data={"channel": "voice", "direction": "outbound"}),
    "time with an offset": good(time="2026-01-01t01:00:00.123456789+01:00"),
    "time with a long fraction": good(time=f"2026-01-01T01:00:00.{'1234567890' * 4}Z"),
    "a little ahead": good(time="2026-02-01T00:05:00Z"),
    "64 identifiers": changed("data.identifiers", _MANY[:64]),
    "repeated words": changed("data.attributes", {"a": {"id": ":"}, "b": {"id": "::"}}),
    "the largest integer": spelled('"order"', b"18446744073709551615"),
    "the smallest integer": spelled('"order"', b"-9223372036854775808"),
    "a text of many digits": spelled("order", b"123456789012345678901234567890"),
    "a fraction of many digits": spelled('"order"', b"0.12345678901234567890"),
    "a large number that is no integer": spelled('"order"', b"1e30"),
}
