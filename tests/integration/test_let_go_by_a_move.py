"""A move lets go of every claim in the old division, however often it was made before (GX-12)."""

import pytest

from aggregates.identifier import IdentifierFact, evolve
from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import customer, email, event, phone
from tests.support.lifetimes import WHY, day
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, mailed
from tests.support.world import Clock

NUMBER = Value("phone", "+81312345678")


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def anna(engine):
    (one,) = arrive(engine, mailed("1", division="north", profile=ANNA))
    return one.contact_id


def values_in(engine, division):
    """The state of each value that somebody claimed in a division."""
    streams, there = {}, set()
    for event_ in engine.store.read(0, 9_999):
        if isinstance(event_.fact, IdentifierFact):
            state = streams.get(event_.stream_id)
            streams[event_.stream_id] = evolve(state, event_.fact, event_.header.valid_from)
            if getattr(event_.fact, "division", None) == division:
                there.add(event_.stream_id)
    return [streams[one] for one in sorted(there)]


def by_hand(engine, clock, anna):
    engine.desk.identifiers.add(anna, NUMBER)


def released_and_added(engine, clock, anna):
    engine.desk.identifiers.add(anna, NUMBER)
    clock.set(day(3, 2))
    engine.desk.identifiers.release(anna, NUMBER)
    clock.set(day(3, 3))
    engine.desk.identifiers.add(anna, NUMBER)


def released_and_given_by_a_call(engine, clock, anna):
    engine.desk.identifiers.add(anna, Value("email", "b@gmail.com"))
    clock.set(day(3, 2))
    engine.desk.identifiers.release(anna, Value("email", MAIL))
    clock.set(day(3, 4))
    both = mailed("2", "b@gmail.com", division="north", time="2026-03-03T09:00:00Z")
    both["data"]["identifiers"].append({"type": "email", "value": MAIL})
    (again,) = arrive(engine, both)
    assert again.contact_id == anna


def deleted_and_restored(engine, clock, anna):
    engine.desk.identifiers.add(anna, NUMBER)
    clock.set(day(3, 2))
    engine.desk.lifecycle.delete(anna, reason=WHY)
    clock.set(day(3, 3))
    engine.desk.lifecycle.restore(anna, reason=WHY)


def deleted_and_restored_twice(engine, clock, anna):
    deleted_and_restored(engine, clock, anna)
    clock.set(day(3, 4))
    engine.desk.lifecycle.delete(anna, reason=WHY)
    clock.set(day(3, 5))
    engine.desk.lifecycle.restore(anna, reason=WHY)


def given_away_and_back(engine, clock, anna):
    (kenta,) = arrive(engine, event("k", phone(), division="north", profile=KENTA))
    mail = Value("email", MAIL)
    other = kenta.contact_id
    engine.desk.identifiers.transfer(other, mail, from_contact_id=anna, reason=WHY)
    clock.set(day(3, 2))
    engine.desk.identifiers.transfer(anna, mail, from_contact_id=other, reason=WHY)


def moved_and_moved_back(engine, clock, anna):
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
    clock.set(day(3, 2))
    engine.desk.divisions.move(anna, "north", reason=WHY, new_division=True)


def moved_deleted_restored_and_moved_back(engine, clock, anna):
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
    deleted_and_restored(engine, clock, anna)
    clock.set(day(3, 4))
    engine.desk.divisions.move(anna, "north", reason=WHY, new_division=True)


def given_to_a_member_that_left(engine, clock, anna):
    (other,) = arrive(engine, event("o", phone(), division="north", profile=KENTA))
    merged = engine.desk.merging.merge([anna, other.contact_id], reason=WHY)
    engine.desk.identifiers.release(anna, NUMBER)
    engine.desk.identifiers.add(other.contact_id, NUMBER)
    engine.desk.identifiers.add(anna, NUMBER)
    clock.set(day(3, 2))
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)


WAYS = (
    moved_deleted_restored_and_moved_back, given_to_a_member_that_left, by_hand,
    released_and_added, released_and_given_by_a_call, deleted_and_restored,
    deleted_and_restored_twice, given_away_and_back, moved_and_moved_back,
)  # fmt: skip


@pytest.mark.parametrize("made_anew", WAYS, ids=lambda way: way.__name__)
def test_no_claim_stays_and_each_value_means_somebody_else_from_then_on(
    engine, clock, anna, made_anew
):
    made_anew(engine, clock, anna)
    clock.set(day(3, 9))
    held = {one.value for one in engine.profile(anna).identifiers if one.valid_to is None}
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)

    for state in values_in(engine, "north"):
        assert not state.is_held_by(anna)
        if any(one.contact_id == anna for one in state.holdings):
            assert state.ends()[-1] >= day(3, 9)
    now = {one.value for one in engine.profile(anna).identifiers if one.valid_to is None}
    assert now == held
    (there,) = arrive(engine, mailed("9", division="north", time="2026-03-09T00:00:01Z"))
    assert there.contact_id != anna
    engine.reevaluate()
    assert engine.profile(there.contact_id).members == (there.contact_id,)


def test_a_claim_made_anew_that_a_move_takes_back_leaves_the_end_before_it(engine, clock):
    """The clock of the publisher is four minutes ahead: at the time of the move it held nothing yet."""
    both = email(MAIL), customer("C-1")
    (first,) = arrive(engine, event("1", *both, division="north"))
    clock.set(day(3, 2))
    engine.desk.identifiers.release(first.contact_id, Value("email", MAIL))
    (again,) = arrive(engine, event("2", *both, division="north", time="2026-03-02T00:04:00Z"))
    assert again.contact_id == first.contact_id
    (mail,) = [one for one in values_in(engine, "north") if len(one.holdings) == 2]
    assert mail.ends() == ()
    engine.desk.divisions.move(first.contact_id, "south", reason=WHY, new_division=True)

    (mail,) = [one for one in values_in(engine, "north") if len(one.holdings) == 2]
    assert mail.ends() == (mail.holdings[0].valid_to,)
