"""An interaction that its publisher took back: the CRM is told nothing more of it."""

import pytest

from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.event_store import crm_queue
from tests.support.crm import activities, arrives, connect, happens, topics
from tests.support.crm_servers import Rest, listening
from tests.support.world import Clock, world

CALL = ("accepted", "ended", "wrapped_up")


@pytest.fixture
def server():
    with listening(Rest) as server:
        yield server


@pytest.fixture
def engine(server, monkeypatch):
    with Engine.in_memory(world(clock=Clock())) as engine:
        connect(engine, server, monkeypatch, may_create=["lead"])
        yield engine
        engine.follow()
        assert all(verdict.is_sound for verdict in engine.verify())


@pytest.fixture
def call(engine):
    """A call under way, linked to a record."""
    call = arrives(engine)
    engine.desk.crm.link(call, "contact", "003A")
    return call


def retracted(engine, call):
    happens(engine, call, "retracted", agent=None)


def states(engine):
    return [(one.state, one.correction) for one in engine.desk.crm.status().links]


def test_a_link_that_waits_ends(engine, call):
    retracted(engine, call)
    engine.desk.crm.work()

    assert states(engine) == [("unlinked", None)]
    assert topics(engine) == ["record_linked", "record_unlinked"]


def test_it_ends_once(engine, call):
    retracted(engine, call)
    engine.desk.crm.work()
    head = engine.store.head()
    engine.desk.crm.work()

    assert engine.store.head() == head


@pytest.mark.parametrize("is_retracted_last", [True, False])
def test_what_was_due_is_not_sent(engine, server, call, is_retracted_last):
    turns = (*CALL, "retracted") if is_retracted_last else ("retracted", *CALL)
    for turn in turns:
        happens(engine, call, turn, agent=None if turn == "retracted" else "agent-7")
    worked = engine.desk.crm.work()

    assert (worked.written, worked.waiting, server.requests) == (0, 0, [])
    assert states(engine) == [("unlinked", None)]


def test_what_failed_so_far_is_tried_no_more(engine, server, call):
    happens(engine, call, *CALL)
    server.fail_next = [(503, {}, b"")]
    engine.desk.crm.work()
    retracted(engine, call)

    assert engine.desk.crm.work().waiting == 0
    assert states(engine) == [("unlinked", None)]
    with engine.store.reading() as cursor:
        assert crm_queue.waiting(cursor, Clock()().replace(year=2000)) == {}


def test_what_was_written_is_proposed_to_be_withdrawn(engine, server, call):
    happens(engine, call, *CALL)
    engine.desk.crm.work()
    retracted(engine, call)
    engine.desk.crm.work()
    assert states(engine) == [("unlinked", "withdraw")]

    engine.desk.crm.approve(engine.desk.crm.status().links[0].link_id)
    assert engine.desk.crm.work().corrected == 1
    assert activities(server) == []


def test_a_dry_run_says_that_nothing_is_due_any_more(engine, call):
    happens(engine, call, *CALL)
    retracted(engine, call)

    assert engine.desk.crm.work(dry_run=True).due == 0
    assert states(engine) == [("waiting", None)]


def test_a_record_that_was_asked_for_is_made_and_not_linked(engine, server, call):
    server.fail_next = [(503, {}, b"")]
    engine.desk.crm.create(call, "lead", {"name": "Anna Berger"}, link=True)
    retracted(engine, call)
    engine.desk.crm.work()

    assert states(engine) == [("unlinked", None)]
    (asked,) = engine.desk.crm.status().creations
    assert asked.failure == "unavailable"


def test_no_record_is_linked_to_it(engine, call):
    retracted(engine, call)

    with pytest.raises(Refused, match="took this interaction back") as refused:
        engine.desk.crm.link(call, "account", "001B")
    assert refused.value.reason == "retracted"
