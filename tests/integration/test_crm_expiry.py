"""A contact of which the CRM is still to be told something does not expire."""

from datetime import timedelta

import pytest

from identity_engine import Engine
from tests.support.crm import ENDED, arrives, connect, happens
from tests.support.crm_servers import Rest, listening
from tests.support.world import Clock, world

AFTER_EXPIRY = ENDED + timedelta(days=70)


@pytest.fixture
def server():
    with listening(Rest) as server:
        yield server


def test_a_pending_write_back_holds_expiry_off_until_it_is_written(server, monkeypatch):
    clock = Clock(ENDED)
    with Engine.in_memory(world(clock=clock)) as engine:
        connect(engine, server, monkeypatch)
        call = arrives(engine)
        engine.desk.crm.link(call, "contact", "003A")
        happens(engine, call, "accepted", "ended", "wrapped_up")
        server.fail_next = [(503, {}, b"")]
        engine.desk.crm.work()

        clock.set(AFTER_EXPIRY)
        assert engine.desk.lifecycle.sweep().expired == 0
        assert engine.desk.crm.work().written == 1
        assert engine.desk.lifecycle.sweep().expired == 1


def test_a_linked_record_for_which_nothing_fell_due_holds_nothing_off(server, monkeypatch):
    clock = Clock(ENDED)
    with Engine.in_memory(world(clock=clock)) as engine:
        connect(engine, server, monkeypatch)
        engine.desk.crm.link(arrives(engine), "contact", "003A")
        clock.set(AFTER_EXPIRY)
        assert engine.desk.lifecycle.sweep().expired == 1
