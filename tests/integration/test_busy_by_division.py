"""Who is busy composing is seen where the case lies, and of a new case where its agent works (CA-3)."""

import pytest

from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, Origin
from tests.support.interactions import event, phone
from tests.support.lifetimes import WHY
from tests.support.world import world


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as engine:
        grant = engine.desk.administration.grant
        for division in ("north", "south"):
            grant(f"agent-{division}", "agent", divisions=[division], new_division=True)
            grant(f"lead-{division}", "supervisor", divisions=[division])
        grant("agent", "agent")
        yield engine


@pytest.fixture
def call(engine):
    (call,) = engine.ingest([event("call", phone(), division="north")])
    return call


@pytest.fixture
def case(engine, call):
    """The number of a case in the north."""
    return engine.desk.cases.open(Origin("contact", call.contact_id), Entry(note="x")).number


def seen(engine, *actors):
    """Who each of these actors sees composing."""
    return [[one.agent for one in engine.acting_as(a).reading_cases.busy()] for a in actors]


def test_with_a_case_it_is_seen_where_the_case_lies(engine, case):
    engine.acting_as("agent").cases.compose(case=case)

    assert seen(engine, "lead-north", "lead-south", "owner") == [["agent"], [], ["agent"]]


def test_it_goes_along_when_the_contact_moves(engine, call, case):
    engine.acting_as("agent").cases.compose(case=case)
    engine.desk.divisions.move(call.contact_id, "south", reason=WHY)

    assert seen(engine, "lead-north", "lead-south", "owner") == [[], ["agent"], ["agent"]]


def test_without_a_case_it_is_seen_where_its_agent_works(engine):
    engine.acting_as("agent-south").cases.compose()
    engine.acting_as("agent").cases.compose()

    assert seen(engine, "lead-north", "lead-south", "owner") == [
        ["agent"],
        ["agent-south", "agent"],
        ["agent-south", "agent"],
    ]


def test_of_an_agent_who_works_nowhere_any_more_it_is_seen_by_who_sees_all(engine):
    engine.acting_as("agent-south").cases.compose()
    engine.desk.administration.revoke("agent-south", "agent")

    assert seen(engine, "lead-south", "owner") == [[], ["agent-south"]]


def test_ones_own_is_always_seen(engine, call, case):
    composition = engine.acting_as("agent-north").cases.compose(case=case)
    engine.desk.divisions.move(call.contact_id, "south", reason=WHY)

    (own,) = engine.acting_as("agent-north").reading_cases.busy()
    assert own.composition_id == composition
