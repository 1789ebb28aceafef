"""Both modes of CloudEvents in Kafka say the same, and what is wrong in either is heard of."""

import base64
from datetime import UTC, datetime

import orjson
import pytest

from identity_engine.ingestion.envelope import IncomingChange, decode
from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.kafka.messages import Message, read
from tests.corpus.bad_input.kinds import KINDS
from tests.support.interactions import change, event, phone

NOW = datetime(2030, 1, 1, tzinfo=UTC)
EVENT = event("1", phone(), profile={"given_name": "Anna"})


def message(value, *headers):
    return Message("interactions", 0, 7, None, value, headers)


def headers_of(event, content_type=b"application/json", **changed):
    attributes = {name: value for name, value in event.items() if name != "data"} | changed
    named = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return *named, ("content-type", content_type)


def decoded(value, *headers):
    return read(message(value, *headers), now=NOW).decoded


def codes(rejected):
    assert isinstance(rejected, Rejected)
    return {(one.code, one.pointer) for one in rejected.faults}


PLAIN = decode(orjson.dumps(EVENT), now=NOW)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b"application/cloudevents",
    ],
)
def test_structured_mode_is_the_event(content_type):
    assert decoded(orjson.dumps(EVENT), ("content-type", content_type)) == PLAIN


def test_a_message_without_headers_is_the_event():
    assert decoded(orjson.dumps(EVENT)) == PLAIN


def test_binary_mode_says_the_same_as_structured_mode():
    assert decoded(orjson.dumps(EVENT["data"]), *headers_of(EVENT)) == PLAIN


def test_headers_that_are_none_of_ours_are_passed_over():
    traced = ("traceparent", b"not ours"), ("ce_partitionkey", b"k")
    assert decoded(orjson.dumps(EVENT["data"]), *headers_of(EVENT), *traced) == PLAIN


def test_a_change_comes_in_binary_mode_too():
    one = change("2", "1", "accepted", agent="agent-7")
    assert isinstance(decoded(orjson.dumps(one["data"]), *headers_of(one)), IncomingChange)


def test_every_fault_of_attributes_and_data_is_listed():
    bad = headers_of(EVENT, specversion="0.3", time="yesterday")
    found = codes(decoded(b'{"channel": "voice"', *bad))
    assert found == {
        ("truncated_json", "/data"),
        ("unsupported_specversion", "/specversion"),
        ("bad_time", "/time"),
    }


def test_data_cannot_write_attributes():
    found = codes(decoded(b'{"channel":"voice"},"id":"another"', *headers_of(EVENT)))
    assert ("trailing_text", "/data") in found


def test_data_that_is_no_json_is_kept_byte_for_byte():
    rejected = decoded(b"\xff\xfenot json", *headers_of(EVENT))
    kept = orjson.loads(rejected.raw)
    assert base64.b64decode(kept["data_base64"]) == b"\xff\xfenot json"
    assert kept["id"] == "1"
    assert isinstance(decode(rejected.raw, now=NOW), Rejected), "it stays refused when driven again"


def test_a_header_that_comes_twice_is_refused():
    found = codes(decoded(orjson.dumps(EVENT["data"]), *headers_of(EVENT), ("ce_id", b"2")))
    assert found == {("duplicate_key", "")}


def test_a_header_that_is_no_utf8_is_refused():
    others = [one for one in headers_of(EVENT) if one[0] != "ce_id"]
    found = codes(decoded(orjson.dumps(EVENT["data"]), *others, ("ce_id", b"\xff")))
    assert {code for code, _ in found} == {"lone_surrogate"}


def test_data_of_another_content_type_is_refused():
    found = codes(decoded(orjson.dumps(EVENT["data"]), *headers_of(EVENT, b"application/xml")))
    assert found == {("unsupported_content_type", "/datacontenttype")}


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+avro", b"application/cloudevents-batch+json"]
)
def test_events_in_another_format_are_refused(content_type):
    found = codes(decoded(b"[]", ("content-type", content_type)))
    assert {code for code, _ in found} == {"unsupported_content_type"}


def test_a_message_without_a_value_is_refused():
    assert {code for code, _ in codes(decoded(None))} == {"empty_line"}
    assert ("missing_field", "/data") in codes(decoded(None, *headers_of(EVENT)))


def test_a_message_that_the_client_cannot_read_is_refused_with_its_place():
    unreadable = Message("interactions", 0, 7, None, None, (), is_readable=False)
    assert codes(read(unreadable, now=NOW).decoded) == {("unreadable_message", "")}


def test_a_message_that_is_too_long_is_refused():
    for headers in ((), headers_of(EVENT)):
        found = codes(decoded(b" " * (1024 * 1024 + 1), *headers))
        assert {code for code, _ in found} == {"line_too_long"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_bad_input_never_raises_in_either_mode(kind):
    for headers in ((), headers_of(EVENT)):
        answer = read(message(kind.line, *headers), now=NOW)
        if isinstance(answer.decoded, Rejected):
            assert answer.decoded.faults
