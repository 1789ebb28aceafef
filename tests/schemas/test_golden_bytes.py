"""Old events stay readable for ever: bytes stored by each released schema are read as expected.

The files hold what was once written and are never written again. For a new fact or schema add its
example to `golden_facts.py` and run `UPDATE_SCHEMAS=1 pytest tests/schemas`, which writes the files
that are missing and touches no other.
"""

import os
from pathlib import Path

import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from aggregates.catalogue import FACTS
from aggregates.change import InteractionChanged
from aggregates.values import Erased
from identity_engine.errors import Unreadable
from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.mapper import EventMapper, Pending, StoredRow
from tests.schemas.golden_facts import (
    GOLDEN,
    HEADER,
    RECORDED_AT,
    STREAM,
    SUBJECT,
    VERSION,
    FixedKeys,
    Golden,
)

FOLDER = Path(__file__).with_name("golden")


def file_of(golden: Golden) -> Path:
    path = FOLDER / f"{golden.name}.bin"
    if not path.exists() and os.environ.get("UPDATE_SCHEMAS") == "1":
        path.write_bytes(written_today(golden))
    return path


def written_today(golden: Golden) -> bytes:
    keys = FixedKeys()
    pending = Pending(
        STREAM,
        VERSION,
        HEADER,
        golden.fact,
        SUBJECT if golden.is_personal else None,
        keys.data_key() if golden.is_personal else None,
    )
    return EventMapper(keys, entropy=bytes).encode(pending, RECORDED_AT).state


def read(golden: Golden, keys: FixedKeys):
    state = file_of(golden).read_bytes()
    row = StoredRow(5, id_bytes(STREAM), VERSION, golden.fact.TOPIC, state)
    return EventMapper(keys, entropy=bytes).decode([row])[0]


each_golden = pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)


def test_every_schema_of_every_fact_has_its_bytes():
    wanted = {
        f"{topic}.v{schema}"
        for topic, fact in FACTS.items()
        for schema in range(1, fact.SCHEMA + 1)
    }
    assert {golden.name for golden in GOLDEN} == wanted
    assert {path.stem for path in map(file_of, GOLDEN) if path.exists()} == wanted, (
        "Run UPDATE_SCHEMAS=1 pytest tests/schemas to write the bytes of a new schema, once."
    )


def default_of(field):
    return field.default if field.default is not NODEFAULT else field.default_factory()


@each_golden
def test_the_example_uses_every_field(golden):
    left_out = {
        field.name
        for field in fields(golden.fact)
        if not field.required and getattr(golden.fact, field.name) == default_of(field)
    }
    assert left_out == set()


@each_golden
def test_stored_bytes_are_read_as_the_expected_fact(golden):
    recorded = read(golden, FixedKeys())

    assert recorded.fact == golden.fact
    assert recorded.header == HEADER
    assert recorded.recorded_at == RECORDED_AT
    assert (recorded.position, recorded.stream_id, recorded.version) == (5, STREAM, VERSION)


@pytest.mark.parametrize(
    "golden", [one for one in GOLDEN if one.is_personal], ids=lambda golden: golden.name
)
def test_stored_bytes_whose_key_was_destroyed_are_read_as_erased(golden):
    recorded = read(golden, FixedKeys(is_live=False))

    assert recorded.fact == replace(golden.fact, personal=Erased.ERASED)


def test_what_was_erased_when_it_was_stored_is_read_as_erased():
    """As a change that had waited for its interaction longer than its key was kept."""
    state = Path(__file__).with_name("golden_erased.bin").read_bytes()
    row = StoredRow(5, id_bytes(STREAM), VERSION, InteractionChanged.TOPIC, state)

    (recorded,) = EventMapper(FixedKeys(), entropy=bytes).decode([row])

    assert recorded.fact.personal is Erased.ERASED


@pytest.mark.parametrize("golden", GOLDEN[:40:4], ids=lambda golden: golden.name)
@pytest.mark.parametrize("wrong", [0xC8, ord('"'), ord("{"), 0])
def test_a_byte_that_is_wrong_makes_at_worst_an_unreadable_event(golden, wrong):
    state = file_of(golden).read_bytes()
    mapper = EventMapper(FixedKeys(), entropy=bytes)
    refused = 0
    for place in range(len(state)):
        changed = state[:place] + bytes([wrong]) + state[place + 1 :]
        row = StoredRow(5, id_bytes(STREAM), VERSION, golden.fact.TOPIC, changed)
        try:
            mapper.decode([row])
        except Unreadable:
            refused += 1
    assert refused > len(state) // 4
