"""A change event is decoded whole or refused with all its faults (IX-1)."""

from datetime import UTC, datetime

import orjson
import pytest

from identity_engine.ingestion.envelope import IncomingChange, decode
from tests.support.interactions import change, email

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(event):
    """An event as it comes in."""
    return decode(orjson.dumps(event), now=NOW)


def codes(event):
    """Its faults: code and place."""
    return [(one.code, one.pointer) for one in read(event).faults]


def test_a_message_is_read_with_all_it_says():
    mail = {"message_id": "<m@x>", "references": "<a@x> <b@x>"}
    said = {"attributes": {"b": 1, "a": 2}, "mail": mail, "profile": {"city": "Lyon"}}
    read_ = read(
        change("c", "1", "message", direction="inbound", identifiers=[email("a@b.fr")], **said)
    )

    assert isinstance(read_, IncomingChange)
    assert (read_.kind, read_.of_id, read_.id, read_.direction) == ("message", "1", "c", "inbound")
    assert [one.value for one in read_.identifiers] == ["a@b.fr"]
    assert read_.profile == {"city": "Lyon"}
    assert read_.attributes == '{"a":2,"b":1}'
    assert read_.mail == '{"message_id":"<m@x>","references":["<a@x>","<b@x>"]}'


def test_the_content_does_not_depend_on_the_order_of_keys_or_the_form_of_the_time():
    one = change("c", "1", "accepted", agent="agent-7", time="2026-02-01T09:00:00Z")
    other = dict(reversed(list(change("d", "1", "accepted", agent="agent-7").items())))
    other["data"] = dict(reversed(list(other["data"].items())))
    other["time"] = "2026-02-01T10:00:00+01:00"

    assert read(one).content == read(other).content
    assert read(one).content != read(change("c", "1", "unassigned", agent="agent-7")).content


@pytest.mark.parametrize(
    ("event", "faults"),
    [
        (change("c", "1", "eaten"), [("unknown_change", "/data/change")]),
        (change("c", "1", "accepted"), [("missing_field", "/data/agent")]),
        (change("c", "1", "accepted", agent="Ada L."), [("not_opaque", "/data/agent")]),
        (change("c", "1", "accepted", agent="a@b.fr"), [("not_opaque", "/data/agent")]),
        (change("c", "1", "transferred"), [("no_recipient", "/data")]),
        (change("c", "1", "transferred", to_agent="a", to_queue="q"), [("no_recipient", "/data")]),
        (change("c", "1", "ended", identifiers=[]), [("unknown_field", "/data/identifiers")]),
        (
            change("c", "1", "corrected"),
            [("missing_field", "/data/identifiers"), ("missing_field", "/data/profile")],
        ),
        (
            change("c", "1", "message", direction="up", profile={"City": "Lyon"}),
            [("bad_direction", "/data/direction"), ("bad_name", "/data/profile")],
        ),
        (change("c", "", "ended"), [("empty_value", "/data/interaction/id")]),
        (change("c", "1", "ended", time="2026-03-02T00:00:00Z"), [("time_in_future", "/time")]),
        (change("c", "1", "ended") | {"data": []}, [("wrong_type", "/data")]),
    ],
)
def test_every_fault_has_a_code_and_a_place(event, faults):
    assert codes(event) == faults


def test_a_key_that_is_named_twice_is_a_fault():
    line = orjson.dumps(change("c", "1", "ended")).replace(b'"change":', b'"change":"x","change":')

    assert [one.code for one in decode(line, now=NOW).faults] == ["duplicate_key"]
