"""How far a source is read moves with the events, and only from where its reader went on."""

import pytest

from identity_engine import Engine
from identity_engine.errors import Fenced
from identity_engine.event_store.source_positions import SourcePosition
from tests.corpus.bad_input.kinds import good
from tests.support.world import world

SOURCE, OTHER = "kafka:interactions:0", "kafka:interactions:1"


@pytest.fixture
def store():
    with Engine.in_memory(world()) as engine:
        yield engine.store


def positions(store):
    return {
        source: position
        for source, position in store.source_positions().items()
        if source in (SOURCE, OTHER)
    }


def test_a_position_moves_from_where_its_reader_went_on(store):
    store.append([], sources=[SourcePosition(SOURCE, 10, 0)])
    store.append([], sources=[SourcePosition(SOURCE, 25, 10)])
    assert positions(store) == {SOURCE: 25}


def test_a_position_may_go_back_where_a_source_has_lost_its_end(store):
    store.append([], sources=[SourcePosition(SOURCE, 10, 0)])
    store.append([], sources=[SourcePosition(SOURCE, 3, 10)])
    assert positions(store) == {SOURCE: 3}


@pytest.mark.parametrize("went_on_from", [0, 5, 11])
def test_whoever_went_on_from_elsewhere_is_fenced(store, went_on_from):
    store.append([], sources=[SourcePosition(SOURCE, 10, 0)])
    with pytest.raises(Fenced, match=SOURCE):
        store.append([], sources=[SourcePosition(SOURCE, 20, went_on_from)])
    assert positions(store) == {SOURCE: 10}


def test_several_positions_move_together_or_not_at_all(store):
    store.append([], sources=[SourcePosition(SOURCE, 10, 0)])
    with pytest.raises(Fenced):
        store.append([], sources=[SourcePosition(OTHER, 5, 0), SourcePosition(SOURCE, 20, 0)])
    assert positions(store) == {SOURCE: 10}

    store.append([], sources=[SourcePosition(OTHER, 5, 0), SourcePosition(SOURCE, 20, 10)])
    assert positions(store) == {SOURCE: 20, OTHER: 5}


def test_a_reader_that_is_alone_names_no_position_to_go_on_from(store):
    store.append([], sources=[SourcePosition(SOURCE, 10)])
    store.append([], sources=[SourcePosition(SOURCE, 4)])
    assert positions(store) == {SOURCE: 4}


def test_the_name_that_a_position_had_before_goes_with_it(store):
    store.append([], sources=[SourcePosition(SOURCE, 10)])
    store.append([], sources=[SourcePosition(OTHER, 20, instead_of=SOURCE)])
    assert positions(store) == {OTHER: 20}


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_that_begins_like_one_that_was_read_loses_no_line(tmp_path, more):
    def written(name, start, count):
        lines = [good(id=f"e{number}") for number in [*range(300), *range(start, start + count)]]
        (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
        return tmp_path / name

    with Engine.in_memory(world()) as engine:
        engine.ingest_file(written("a", 1_000, 30))
        assert engine.ingest_file(written("b", 2_000, 30 + more)).accepted == 30 + more
        again = engine.ingest_file(written("a", 1_000, 31))
        assert (again.read, again.accepted) == (1, 1)
        assert len(engine.store.source_positions()) == 2
