"""A record of an enrichment is read whole or refused with all faults of its shape (GX-13)."""

import orjson
import pytest

from identity_engine.ingestion.faults import Rejected
from identity_engine.ingestion.json_text import MAX_LINE
from identity_engine.ingestion.wire.enrichment import decode

MAIL = {"type": "email", "value": "anna@example.org"}


def record(**more):
    return {"operation": "upsert", "identifiers": [MAIL]} | more


def codes(given):
    line = given if isinstance(given, bytes) else orjson.dumps(given)
    rejected = decode(line)
    assert isinstance(rejected, Rejected)
    assert not any("anna" in one.message + one.pointer for one in rejected.faults)
    return [(one.code, one.pointer) for one in rejected.faults]


def test_a_single_text_is_a_list_of_one_and_null_stays():
    read = decode(orjson.dumps(record(fields={"city": "Bonn", "gender": None, "language": ["fr"]})))
    assert read["fields"] == {"city": ["Bonn"], "gender": None, "language": ["fr"]}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (b"", [("empty_line", "")]),
        (b"[]", [("not_an_object", "")]),
        (b'{"operation": "insert"', [("truncated_json", "")]),
        (b"[" * 40 + b"]" * 40, [("too_deep", "")]),
        (b'{"operation":"a","operation":"b","identifiers":[]}', [("duplicate_key", "")]),
        (b"x" * (MAX_LINE + 1), [("line_too_long", "")]),
        ({}, [("missing_field", "/operation"), ("missing_field", "/identifiers")]),
        (record(anna=1), [("unknown_field", "")]),
        (record(identifiers=[MAIL] * 26), [("too_many", "/identifiers")]),
        (record(fields={"city": {"a": 1}}), [("wrong_type", "/fields/city")]),
        (record(effective_at="2026-01-01T00:00:00"), [("naive_time", "/effective_at")]),
        (
            record(identifiers=[{"type": "email"}], promote="yes"),
            [("missing_field", "/identifiers/0/value"), ("wrong_type", "/promote")],
        ),
    ],
)
def test_every_fault_has_a_code_and_a_place_and_no_value(given, faults):
    assert codes(given) == faults
