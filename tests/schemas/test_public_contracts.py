"""A released contract keeps its promise: a new field is optional, and what is there stays as it is."""

import os

import pytest

from identity_engine.publication.contracts import EVENTS, PROFILES
from identity_engine.publication.released import (
    FOLDER,
    breaks,
    readable,
    release,
    released_schemas,
    schema_of,
)

CONTRACTS = {one.TYPE: one for one in (*EVENTS, *PROFILES)}
HOW_TO_GO_ON = (
    "The contract {type} has changed. If subscribers do not notice (a new optional field), run "
    "UPDATE_SCHEMAS=1 pytest tests/schemas and commit the schema. Otherwise leave it as it is and add "
    "the next version of the type beside it."
)


@pytest.fixture(scope="module", autouse=True)
def _released():
    if os.environ.get("UPDATE_SCHEMAS") == "1":
        release()


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contract_is_the_one_that_was_released(name):
    path = FOLDER / f"{name}.json"
    assert path.exists(), HOW_TO_GO_ON.format(type=name)
    assert path.read_bytes() == readable(schema_of(CONTRACTS[name])), HOW_TO_GO_ON.format(type=name)


@pytest.mark.parametrize("name", released_schemas())
def test_a_released_contract_is_still_kept(name):
    assert name in CONTRACTS, "subscribers still read it"
    assert list(breaks(released_schemas()[name], schema_of(CONTRACTS[name]))) == []


def schema(properties, required=("a",), **more):
    return {"type": "object", "properties": properties, "required": list(required), **more}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
INNER = {"$defs": {"Part": schema({"a": TEXT})}}
WITH_PART = schema({"a": {"items": {"$ref": "#/$defs/Part"}, "type": "array"}}, **INNER)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (schema({"a": TEXT}), schema({"a": TEXT, "b": TEXT})),
        (schema({"a": TEXT}), schema({"a": {**TEXT, "description": "what it is"}})),
        (
            WITH_PART,
            {**WITH_PART, "$defs": {"Part": schema({"a": TEXT, "b": NUMBER})}},
        ),
    ],
    ids=["a new optional field", "other words", "a new optional field inside"],
)
def test_what_subscribers_do_not_notice_passes(before, now):
    assert list(breaks(before, now)) == []


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (schema({"a": TEXT, "b": TEXT}), schema({"a": TEXT}), "b is gone"),
        (schema({"a": TEXT}), schema({"a": NUMBER}), "a has another type"),
        (schema({"a": TEXT}), schema({"a": TEXT}, ()), "a is optional now"),
        (schema({"a": TEXT}, ()), schema({"a": TEXT}), "a is required now"),
        (schema({"a": TEXT}), schema({"a": TEXT, "b": TEXT}, ("a", "b")), "b is new and required"),
        (
            schema({"a": {"enum": ["x"]}}),
            schema({"a": {"enum": ["x", "y"]}}),
            "a has another type",
        ),
        (
            WITH_PART,
            {**WITH_PART, "$defs": {"Part": schema({"a": NUMBER})}},
            "a[].a has another type",
        ),
    ],
)
def test_what_subscribers_would_notice_is_found(before, now, said):
    assert list(breaks(before, now)) == [said]


def test_nothing_is_released_that_would_break_a_subscriber(tmp_path, monkeypatch):
    from identity_engine.publication import released

    monkeypatch.setattr(released, "FOLDER", tmp_path)
    assert release() == []
    path = tmp_path / "identity.contact.created.v1.json"
    promised = released_schemas()[path.stem]
    promised["properties"]["colour"] = TEXT
    path.write_bytes(readable(promised))

    assert release() == ["identity.contact.created.v1"]
    assert released_schemas()[path.stem] == promised
