"""What went on in messages takes its time along, wherever it or its contact goes (GX-10)."""

from unittest.mock import patch

import pytest

from identity_engine import Engine
from identity_engine.application import indexing
from tests.support.interactions import email, message, phone
from tests.support.lifetimes import WHY, day, presence
from tests.support.reevaluating import LOUISE, SAID, form
from tests.support.resolving import KENTA, MAIL, arrive
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

VALUES = email(MAIL), phone()


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def engine(clock):
    with Engine.in_memory(world(clock=clock)) as opened:
        yield opened
        # A replay in one step sees only whose the interaction is in the end, one in many whose it was.
        for events in (1, 2_000):
            with patch.object(indexing, "BATCH", events):
                assert is_sound(opened)


@pytest.fixture
def silent(engine):
    """A form of 1 February that says nothing, with a message of the 25th; Anna says the same twice."""
    silent, *annas = arrive(
        engine,
        form("silent", *VALUES),
        form("anna", *VALUES, day=2, **SAID),
        form("anna again", *VALUES, day=3, **SAID),
    )
    assert {one.contact_id for one in annas} == {silent.contact_id}
    arrive(engine, message("m", "silent", time="2026-02-25T09:00:00Z"))
    return silent


def anybody(engine):
    """The values turn out to be other people's too: re-evaluation takes the silent form from Anna."""
    arrive(
        engine, form("kenta", *VALUES, day=4, **KENTA), form("lou", email(MAIL), day=5, **LOUISE)
    )
    engine.reevaluate()


def whose(engine, interaction_id):
    return engine.desk.conversations.show(interaction_id).contact_id


def expires(engine, clock, contact_id):
    """The first of these days on which a sweep finds a contact quiet for 60 days."""
    for when in (day(4, 3), day(4, 5), day(4, 25), day(4, 27)):
        clock.set(when)
        engine.desk.lifecycle.sweep()
        if presence(engine, contact_id) == "expired":
            return when
    return None


def test_the_contact_that_it_was_taken_from_is_as_old_as_what_is_left(engine, clock, silent):
    anybody(engine)
    assert whose(engine, silent.interaction_id) != silent.contact_id
    assert expires(engine, clock, silent.contact_id) == day(4, 5)


def test_the_contact_that_it_went_to_was_heard_of_with_its_last_message(engine, clock, silent):
    anybody(engine)
    assert expires(engine, clock, whose(engine, silent.interaction_id)) == day(4, 27)


def test_messages_before_and_after_it_went_count_for_who_has_it(engine, clock, silent):
    arrive(engine, message("m-0", "silent", time="2026-02-10T09:00:00Z"))
    anybody(engine)
    arrive(engine, message("m-1", "silent", time="2026-02-12T09:00:00Z"))
    assert expires(engine, clock, whose(engine, silent.interaction_id)) == day(4, 27)


def test_over_a_move_to_another_division_the_contact_keeps_its_time(engine, clock, silent):
    engine.desk.divisions.move(silent.contact_id, "south", reason=WHY, new_division=True)
    arrive(engine, message("m-1", "silent", time="2026-02-12T09:00:00Z"))
    assert expires(engine, clock, silent.contact_id) == day(4, 27)


def test_what_is_taken_away_after_such_a_move_no_longer_renews_it(engine, clock, silent):
    engine.desk.divisions.move(silent.contact_id, "south", reason=WHY, new_division=True)
    engine.desk.interactions.unlink(silent.interaction_id, reason=WHY)
    arrive(engine, message("m-1", "silent", time="2026-02-26T09:00:00Z"))
    assert expires(engine, clock, silent.contact_id) == day(4, 5)


def test_given_to_somebody_there_it_renews_them_alone(engine, clock, silent):
    (kenta,) = arrive(engine, form("kenta", email("kenta@example.jp"), day=4, **KENTA))
    for one in (silent.contact_id, kenta.contact_id):
        engine.desk.divisions.move(one, "south", reason=WHY, new_division=True)
    engine.desk.interactions.associate(silent.interaction_id, kenta.contact_id, reason=WHY)
    engine.desk.divisions.move(kenta.contact_id, "west", reason=WHY, new_division=True)
    assert expires(engine, clock, silent.contact_id) == day(4, 5)
