"""Two contacts that were told apart until a day: when it has come, re-evaluation looks at them again."""

from datetime import timedelta, timezone

import pytest

from tests.support.interactions import email, event, phone
from tests.support.lifetimes import WHY
from tests.support.reevaluating import form, together
from tests.support.resolving import MAIL, arrive, facts, mailed
from tests.support.soundness import is_sound

BOTH = form("both", email(MAIL, True), phone() | {"verified": True}, day=3)


@pytest.fixture
def day(engine, clock):
    """The day until which two contacts are told apart whom the evidence would join."""
    one, other = arrive(engine, mailed("1"), event("2", phone()))
    until = clock() + timedelta(days=1)
    engine.desk.telling_apart.tell(one.contact_id, other.contact_id, reason=WHY, until=until)
    arrive(engine, BOTH)
    engine.reevaluate()
    assert [one.guard for one in engine.refused_merges()] == ["told_apart"]
    return until


def test_they_are_joined_once_it_has_come(engine, clock, tmp_path, day):
    clock.set(day)
    engine.reevaluate()

    assert together(engine, tmp_path) == [["1", "2", "both"]]
    assert engine.refused_merges() == []
    (merged,) = facts(engine, "contact.merged")
    assert merged.automatic
    assert is_sound(engine)


def test_not_before(engine, clock, tmp_path, day):
    clock.set(day - timedelta(minutes=1))
    engine.reevaluate()

    assert len(together(engine, tmp_path)) == 2
    assert facts(engine, "contact.told_apart_lifted") == []


def test_it_is_said_once_and_since_that_day(engine, clock, day):
    clock.set(day)
    engine.reevaluate()
    head = engine.store.head()
    engine.reevaluate()

    log = engine.store.read_positions(range(1, head + 1))
    (lifted,) = [one for one in log if one.fact.TOPIC == "contact.told_apart_lifted"]
    assert lifted.header.valid_from == day
    assert engine.store.head() == head


def test_the_day_may_be_told_by_a_clock_that_is_seconds_off(engine, clock):
    one, other = arrive(engine, mailed("1"), event("2", phone()))
    until = (clock() + timedelta(days=1)).astimezone(timezone(timedelta(minutes=-44, seconds=-30)))
    engine.desk.telling_apart.tell(one.contact_id, other.contact_id, reason=WHY, until=until)

    (told,) = facts(engine, "contact.told_apart")
    assert told.until == until
