"""A contact moves to a division that something knows, or that is begun on purpose (GX-12)."""

import json

import pytest

from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.application.rules import shipped_policy
from tests.integration.lifetimes import WHY
from tests.integration.resolving import MAIL, arrive
from tests.support.interactions import email, event
from tests.support.world import world


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        yield opened


@pytest.fixture
def desk(engine):
    return engine.desk.divisions


@pytest.fixture
def anna(engine):
    """A contact in the north, where nobody else lies."""
    (one,) = arrive(engine, event("1", email(MAIL), channel="email", division="north"))
    return one.contact_id


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_division_that_nothing_knows_is_refused(engine, desk, anna, dry_run):
    head = engine.store.head()

    with pytest.raises(
        Refused, match=r"No contact lies in sout,.* add --new-division\."
    ) as refused:
        desk.move(anna, "sout", WHY, dry_run=dry_run)

    assert (refused.value.reason, engine.store.head()) == ("unknown_division", head)


def test_a_new_one_is_begun_on_purpose(engine, desk, anna):
    assert desk.move(anna, "south", WHY, new_division=True).done.written
    assert engine.profile(anna).division == "south"


def test_the_way_back_is_known(engine, desk, anna):
    desk.move(anna, "default", WHY)
    desk.move(anna, "north", WHY)
    assert engine.profile(anna).division == "north"


def test_it_is_known_by_its_contacts(engine, desk, anna):
    arrive(engine, event("2", email("b@gmail.com"), channel="email", division="south"))
    assert desk.move(anna, "south", WHY).done.written


def test_it_is_known_by_a_grant(engine, desk, anna):
    engine.desk.administration.grant("southerner", "agent", divisions=["south"])
    assert desk.move(anna, "south", WHY).done.written


@pytest.mark.parametrize("names", ["across", "channel"])
def test_it_is_known_by_the_policy(engine, desk, anna, names):
    content = json.loads(shipped_policy())
    if names == "across":
        content["across"] = ["north", "south"]
    else:
        content["channels"]["email"]["division"] = "south"
    engine.desk.administration.activate("policy", json.dumps(content).encode())

    assert desk.move(anna, "south", WHY).done.written
