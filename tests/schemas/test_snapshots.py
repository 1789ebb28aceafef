"""The stored shape of a fact changes on purpose only: each has a JSON Schema snapshot here."""

import os
from pathlib import Path

import orjson
import pytest

from aggregates.catalogue import FACTS
from identity_engine.event_store.mapper import schema_snapshots

FOLDER = Path(__file__).with_name("snapshots")
HOW_TO_UPDATE = (
    "The stored shape of {name} has changed. If old bytes are still read (a new field with a "
    "default), run UPDATE_SCHEMAS=1 pytest tests/schemas and commit the snapshot. Otherwise raise "
    "SCHEMA of the fact, register an upcaster, add a golden example, and then run the same."
)


def shape_of(schema):
    """A JSON Schema without its prose: a docstring may be written better at any time."""
    if isinstance(schema, list | tuple):
        return [shape_of(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: shape_of(part)
        for name, part in schema.items()
        if not (name == "description" and isinstance(part, str))
    }


SNAPSHOTS = shape_of(schema_snapshots(FACTS.values()))


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_the_stored_shape_is_the_one_that_was_agreed(name):
    path = FOLDER / f"{name}.json"
    if os.environ.get("UPDATE_SCHEMAS") == "1":
        path.write_bytes(_readable(SNAPSHOTS[name]))

    assert path.exists(), HOW_TO_UPDATE.format(name=name)
    assert orjson.loads(path.read_bytes()) == SNAPSHOTS[name], HOW_TO_UPDATE.format(name=name)


def test_no_snapshot_was_left_behind_by_a_topic_that_is_gone():
    topics = {path.stem.rpartition(".v")[0] for path in FOLDER.glob("*.json")}
    assert topics == set(FACTS)


def _readable(schema):
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(schema, option=options)
