"""What a publisher corrects or takes back while a contact is gone does not come back with it (GX-11)."""

import pytest

from identity_engine.publication.lanes import EventLane
from identity_engine.settings.publication import Publication
from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.lifetimes import WHY, day
from tests.support.resolving import ANNA, MAIL, NUMBER, arrive
from tests.support.world import Clock

LATER = "2026-02-02T09:00:00Z"


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def desk(engine):
    return engine.desk.lifecycle


@pytest.fixture
def anna(engine):
    """A contact with an address and a number, on the word of one interaction."""
    (one,) = arrive(engine, event("1", email(MAIL), phone(), channel="form", profile=ANNA))
    return one.contact_id


def held(engine, contact_id):
    """The values that a contact holds now."""
    claims = engine.profile(contact_id).identifiers
    return sorted(one.value for one in claims if one.valid_to is None)


def without_number(id_="c", of="1"):
    return change(id_, of, "corrected", identifiers=[email(MAIL)], profile=ANNA)


def test_a_value_that_was_corrected_meanwhile_stays_away(engine, desk, anna):
    desk.delete(anna, reason=WHY)
    arrive(engine, without_number())

    assert desk.restore(anna).elsewhere == ()
    assert held(engine, anna) == [MAIL]


def test_so_does_one_of_a_contact_that_had_expired(engine, desk, clock, anna):
    clock.set(day(4, 3))
    desk.sweep()
    arrive(engine, without_number())
    desk.restore(anna)

    assert held(engine, anna) == [MAIL]


def test_all_that_a_retracted_interaction_gave_stays_away(engine, desk, anna):
    desk.delete(anna, reason=WHY)
    arrive(engine, change("r", "1", "retracted"))
    desk.restore(anna)

    assert held(engine, anna) == []


def test_what_was_said_in_its_messages_stays_away_with_it(engine, desk, anna):
    arrive(engine, message("m", "1", customer("C-1")))
    desk.delete(anna, reason=WHY)
    arrive(engine, change("r", "1", "retracted"))
    desk.restore(anna)

    assert held(engine, anna) == []


def test_what_another_interaction_gives_too_comes_back(engine, desk, anna):
    arrive(engine, event("2", email(MAIL), phone(), channel="form", time=LATER))
    desk.delete(anna, reason=WHY)
    arrive(engine, without_number())
    desk.restore(anna)

    assert held(engine, anna) == [NUMBER, MAIL]


def test_it_stays_away_once_the_last_that_gave_it_says_something_else(engine, desk, anna):
    arrive(engine, event("2", email(MAIL), phone(), channel="form", time=LATER))
    arrive(engine, without_number())
    desk.delete(anna, reason=WHY)
    arrive(engine, without_number("d", "2"))
    desk.restore(anna)

    assert held(engine, anna) == [MAIL]


def test_what_is_said_again_before_it_comes_back_is_held(engine, desk, anna):
    desk.delete(anna, reason=WHY)
    again = change("d", "1", "corrected", identifiers=[email(MAIL), phone()], profile=ANNA)
    arrive(engine, without_number(), again)
    desk.restore(anna)

    assert held(engine, anna) == [NUMBER, MAIL]


def test_what_a_person_left_with_the_contact_comes_back(engine, desk, anna):
    (call,) = arrive(engine, event("2", phone(), customer("C-1"), time=LATER))
    assert call.contact_id == anna
    engine.desk.interactions.unlink(call.interaction_id, reason=WHY)
    before = held(engine, anna)
    desk.delete(anna, reason=WHY)
    arrive(engine, without_number())
    desk.restore(anna)

    assert "C-1" in before
    assert held(engine, anna) == [one for one in before if one != NUMBER]


def test_going_and_coming_back_once_more_brings_nothing_back(engine, desk, anna):
    for step in ("c", None):
        desk.delete(anna, reason=WHY)
        if step:
            arrive(engine, without_number(step))
        desk.restore(anna)

    assert held(engine, anna) == [MAIL]


def test_the_profile_says_what_the_publisher_says_by_now(engine, desk, anna):
    desk.delete(anna, reason=WHY)
    arrive(
        engine, change("c", "1", "corrected", identifiers=[email(MAIL)], profile={"city": "Ulm"})
    )
    desk.restore(anna)

    fields = engine.profile(anna).fields
    assert {name: [one.value for one in values] for name, values in fields.items()} == {
        "city": ["Ulm"]
    }


@pytest.mark.parametrize("taken_back", [without_number(), change("r", "1", "retracted")])
def test_subscribers_hear_once_that_it_holds_the_value_no_longer(engine, desk, anna, taken_back):
    desk.delete(anna, reason=WHY)
    arrive(engine, taken_back)
    desk.restore(anna)

    (number,) = [
        one.identifier_id for one in engine.profile(anna).identifiers if one.value == NUMBER
    ]
    assert told(engine, number) == ["claimed", "released"]


def test_subscribers_hear_of_what_is_said_again_and_corrected_once_more(engine, desk, anna):
    desk.delete(anna, reason=WHY)
    again = change("d", "1", "corrected", identifiers=[email(MAIL), phone()], profile=ANNA)
    arrive(engine, without_number(), again)
    desk.restore(anna)
    arrive(engine, without_number("e"))

    (number,) = {
        one.identifier_id for one in engine.profile(anna).identifiers if one.value == NUMBER
    }
    assert told(engine, number) == ["claimed", "released", "claimed", "released"]


def told(engine, identifier_id):
    """What subscribers are told of a value, in the order of the log."""
    lane = EventLane(engine.store, Publication("events", (), None))
    records = [record for portion in lane.after(0) for record in portion.records]
    return [
        dict(one.headers)["ce_type"].decode().split(".")[2]
        for one in records
        if identifier_id.encode() in one.value
    ]
