"""What an event becomes once it is decoded."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine.ingestion.envelope import (
    IncomingIdentifier,
    IncomingInteraction,
    Rejected,
    decode,
)
from identity_engine.ingestion.faults import MAX_FAULTS
from identity_engine.ingestion.json_text import repeats_key
from tests.corpus.bad_input.kinds import GOOD, KINDS, changed, good

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def accept(line: bytes) -> IncomingInteraction:
    decoded = decode(line, now=NOW)
    assert isinstance(decoded, IncomingInteraction), decoded.faults
    return decoded


def refuse(line: bytes) -> list[tuple[str, str]]:
    decoded = decode(line, now=NOW)
    assert isinstance(decoded, Rejected)
    return [(fault.code, fault.pointer) for fault in decoded.faults]


def test_every_field_arrives():
    line = good(
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        correlationid="c-1",
        causationid="c-0",
        time="2026-01-01T10:00:00.5+01:00",
        data={
            "channel": "email",
            "direction": "outbound",
            "division": "EMEA",
            "identifiers": [
                {"type": "email", "value": "a@b.example", "scope": "shop", "verified": False},
                {"type": "cookie", "value": "c"},
            ],
            "profile": {"given_name": "Ada"},
            "attributes": {"b": 1, "a": {"_type_": "x", "_data_": None}},
            "mail": {"message_id": "<1@x>", "references": "<a@x> <b@x>", "to": "c@d.example"},
            "session": "s-1",
        },
    )

    interaction = accept(line)

    assert interaction.time == datetime(2026, 1, 1, 9, 0, 0, 500_000, UTC)
    assert interaction.time.tzinfo is UTC
    assert interaction.identifiers == (
        IncomingIdentifier("email", "a@b.example", "shop", False),
        IncomingIdentifier("cookie", "c", None, None),
    )
    assert interaction.profile == {"given_name": "Ada"}
    assert interaction.attributes == '{"a":{"_data_":null,"_type_":"x"},"b":1}'
    assert interaction.mail == (
        '{"message_id":"<1@x>","references":["<a@x>","<b@x>"],"to":["c@d.example"]}'
    )
    assert (interaction.source, interaction.channel, interaction.direction) == (
        "crm",
        "email",
        "outbound",
    )
    assert (interaction.division, interaction.session) == ("EMEA", "s-1")
    assert interaction.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert (interaction.correlation_id, interaction.causation_id) == ("c-1", "c-0")


def test_what_is_absent_is_none_or_empty():
    interaction = accept(good(data={"channel": "voice", "direction": "inbound"}))

    assert interaction.identifiers == ()
    assert interaction.profile == {}
    assert interaction.attributes is interaction.mail is interaction.session is None
    assert interaction.division is interaction.traceparent is interaction.correlation_id is None


def test_a_malformed_trace_is_left_out_and_loses_nothing():
    assert accept(good(traceparent="anna@example.com")).traceparent is None


def test_content_is_equal_however_the_same_event_is_written():
    event = orjson.loads(good())
    backwards = {key: event[key] for key in reversed(event)}
    backwards["data"] = {key: event["data"][key] for key in reversed(event["data"])}
    indented = orjson.dumps(backwards, option=orjson.OPT_INDENT_2)
    moved = good(time="2026-01-01T02:00:00+02:00", traceparent="another attempt")

    assert accept(indented).content == accept(good()).content == accept(moved).content


def test_content_is_canonical_json_of_type_time_and_data():
    content = orjson.loads(accept(good()).content)

    assert content["data"] == GOOD["data"]
    assert content["type"] == GOOD["type"]
    assert datetime.fromisoformat(content["time"]) == datetime(2026, 1, 1, tzinfo=UTC)
    assert list(content) == sorted(content)


@pytest.mark.parametrize(
    "line",
    [
        changed("data.profile.city", "Lyon"),
        changed("time", "2026-01-01T00:00:01Z"),
        changed("data.direction", "outbound"),
    ],
)
def test_content_differs_with_what_is_said(line):
    assert accept(line).content != accept(good()).content


def test_faults_point_at_their_place():
    line = good(data={"channel": "A", "direction": "inbound", "identifiers": [{"type": "a"}]})

    assert refuse(line) == [
        ("bad_name", "/data/channel"),
        ("missing_field", "/data/identifiers/0/value"),
    ]


def test_a_name_that_may_be_a_value_is_not_shown():
    assert refuse(changed("data.anna@example_com", 1)) == [("unknown_field", "/data")]
    assert refuse(changed("data.Yamada", 1)) == [("unknown_field", "/data")]
    assert refuse(changed("data.city", 1)) == [("unknown_field", "/data/city")]


def test_the_limit_of_the_future_is_five_minutes():
    edge = NOW + timedelta(minutes=5)

    assert accept(good(time=edge.isoformat())).time == edge
    assert refuse(good(time=(edge + timedelta(microseconds=1)).isoformat())) == [
        ("time_in_future", "/time")
    ]


def test_a_hostile_line_does_not_make_a_fault_list_without_end():
    codes = [code for code, _ in refuse(good(data={f"X{number}": 1 for number in range(9_999)}))]

    assert len(codes) == MAX_FAULTS + 1
    assert codes[-1] == "more_faults"


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        accept(good()).id = "other"  # type: ignore[misc]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.booleans())
def test_keys_are_never_called_repeated_when_they_are_not(value, spaced):
    line = orjson.dumps(value, option=orjson.OPT_INDENT_2 if spaced else 0)

    assert not repeats_key(line, orjson.dumps(orjson.loads(line)))


@given(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(["", " ", "  "]),
    st.booleans(),
)
def test_a_repeated_key_is_always_found(text, space, is_escaped):
    word = orjson.dumps(text + ":")
    if is_escaped:
        word = word.replace(b":", b"\\u003A")
    gap = space.encode()
    line = b'{"a":[%b,{%b%b:1,"x":%b,%b%b:%b}]}' % (word, word, gap, word, word, gap, word)

    assert repeats_key(line, orjson.dumps(orjson.loads(line)))


@given(st.sampled_from(KINDS), st.data())
def test_decode_answers_for_any_bytes(kind, choose):
    line = good() if choose.draw(st.booleans()) else kind.line[:2_000]
    at = choose.draw(st.integers(0, len(line)))
    broken = (
        line[:at] + choose.draw(st.binary(max_size=4)) + line[at + choose.draw(st.integers(0, 3)) :]
    )

    decoded = decode(broken, now=NOW)

    if isinstance(decoded, Rejected):
        assert decoded.faults
        assert decoded.raw == broken
