"""How far a source is read moves with the events, and only from where its reader went on."""

import pytest

from identity_engine import Engine
from identity_engine.errors import Fenced
from identity_engine.event_store.store import SourcePosition
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
