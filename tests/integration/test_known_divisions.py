"""A division that is named is one that something knows, or is begun on purpose (GX-12)."""

import json

import pytest

from aggregates.errors import Refused
from identity_engine.application.rules import shipped_policy
from identity_engine.errors import Denied
from tests.support.interactions import email, event
from tests.support.lifetimes import WHY
from tests.support.resolving import MAIL, arrive


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
        desk.move(anna, "sout", reason=WHY, dry_run=dry_run)

    assert (refused.value.reason, engine.store.head()) == ("unknown_division", head)


def test_a_new_one_is_begun_on_purpose(engine, desk, anna):
    assert desk.move(anna, "south", reason=WHY, new_division=True).done.written
    assert engine.profile(anna).division == "south"


def test_the_way_back_is_known(engine, desk, anna):
    desk.move(anna, "default", reason=WHY)
    desk.move(anna, "north", reason=WHY)
    assert engine.profile(anna).division == "north"


def test_it_is_known_by_its_contacts(engine, desk, anna):
    arrive(engine, event("2", email("b@gmail.com"), channel="email", division="south"))
    assert desk.move(anna, "south", reason=WHY).done.written


def test_it_is_known_by_a_grant(engine, desk, anna):
    engine.desk.administration.grant("one", "agent", divisions=["south"], new_division=True)
    assert desk.move(anna, "south", reason=WHY).done.written


@pytest.mark.parametrize("names", ["across", "channel"])
def test_it_is_known_by_the_policy(engine, desk, anna, names):
    content = json.loads(shipped_policy())
    if names == "across":
        content["across"] = ["north", "south"]
    else:
        content["channels"]["email"]["division"] = "south"
    engine.desk.administration.activate("policy", json.dumps(content).encode())

    assert desk.move(anna, "south", reason=WHY).done.written


SOUTH = {"set": {"city": "Ulm"}, "division": "south"}
NAMED = {
    "a grant": lambda desk, **new: desk.administration.grant(
        "agent-7", "agent", divisions=["default", "south"], **new
    ),
    "a new contact": lambda desk, **new: desk.contacts.create(**SOUTH, **new).done,
}


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
class TestANameInAnOrder:
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_that_nothing_knows_is_refused(self, engine, named, dry_run):
        head = engine.store.head()

        with pytest.raises(
            Refused, match=r"No contact lies in south,.* --new-division\."
        ) as refused:
            named(engine.desk, dry_run=dry_run)

        assert (refused.value.reason, engine.store.head()) == ("unknown_division", head)

    def test_begins_a_division_on_purpose_and_is_known_from_then_on(self, engine, named):
        assert named(engine.desk, new_division=True).written
        assert engine.desk.contacts.create(**SOUTH, despite_duplicates=True).done.written

    def test_is_known_where_a_contact_lies(self, engine, named):
        arrive(engine, event("2", email(MAIL), channel="email", division="south"))
        assert named(engine.desk).written


def test_the_divisions_of_the_policy_are_known_before_there_are_data(engine):
    content = json.loads(shipped_policy())
    content["channels"]["email"]["division"] = "mails"
    engine.desk.administration.activate("policy", json.dumps(content).encode())

    assert engine.desk.administration.grant("one", "agent", divisions=["default", "mails"]).written
    assert engine.desk.contacts.create(set={"city": "Ulm"}, division="mails").done.written
    assert engine.desk.contacts.create(set={"city": "Bonn"}, division="default").done.written


def test_who_may_not_enter_contacts_there_hears_that_and_nothing_of_the_division(engine):
    engine.desk.administration.grant("agent-7", "agent", divisions=["default"])
    with pytest.raises(Denied):
        engine.acting_as("agent-7").contacts.create(**SOUTH)
