"""What a person corrected is remembered where the contacts lie that it is about (GX-8, GX-12)."""

from datetime import UTC, datetime

import pytest

from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, KENTA, arrive, facts, mailed
from tests.support.soundness import is_sound

WHY = "She said that she is his daughter."
LATER = "2030-01-01T00:30:00Z"


@pytest.fixture
def two(engine):
    """Anna holds a number in the north; a call from it is corrected to be Kenta's."""
    _, call, kenta = arrive(
        engine,
        event("1", phone(), profile=ANNA, division="north"),
        event("2", phone(), time="2026-02-02T09:00:00Z", division="north"),
        mailed("k", "kenta@example.jp", profile=KENTA, division="north"),
    )
    engine.desk.interactions.associate(call.interaction_id, kenta.contact_id, reason=WHY)
    return call.contact_id, kenta.contact_id


def move(engine, contact_id, to):
    engine.desk.divisions.move(contact_id, to, reason=WHY, new_division=True)


def later(engine, clock, division, id_="9"):
    """Somebody calls a division from the number, after all that was done."""
    clock.set(datetime(2030, 1, 1, 1, tzinfo=UTC))
    return arrive(engine, event(id_, phone(), time=LATER, division=division))[0]


def interactions_of(engine, contact_id):
    return [one.id for one in engine.profile(contact_id).interactions]


def test_the_wrong_contact_is_skipped_where_it_is_now(engine, two, clock):
    anna, kenta = two
    move(engine, anna, "south")

    there = later(engine, clock, "south")

    assert there.decision == "corrected_link"
    assert there.contact_id not in (anna, kenta)
    assert [one.proposed for one in engine.review()] == [anna]  # Kenta is absent there
    engine.reevaluate()
    assert interactions_of(engine, anna) == ["1"]
    assert is_sound(engine)


def test_the_wrong_contact_is_skipped_where_the_right_one_left(engine, two, clock):
    anna, kenta = two
    move(engine, kenta, "south")

    here = later(engine, clock, "north")

    assert (here.decision, here.contact_id == anna) == ("corrected_link", False)
    assert kenta not in {here.contact_id, *(one.proposed for one in engine.review())}
    assert is_sound(engine)


@pytest.mark.parametrize("first", [0, 1])
def test_the_right_one_is_proposed_where_both_are_now(engine, two, clock, first):
    move(engine, two[first], "south")
    move(engine, two[1 - first], "south")
    anna, kenta = two

    there = later(engine, clock, "south")

    assert there.contact_id != anna
    assert kenta in {there.contact_id, *(one.proposed for one in engine.review())}
    assert is_sound(engine)


def test_nobody_is_skipped_where_the_wrong_contact_was(engine, two, clock):
    anna, kenta = two
    move(engine, anna, "south")

    here, again = later(engine, clock, "north"), later(engine, clock, "north", "10")

    assert again.contact_id == here.contact_id
    assert here.contact_id not in (anna, kenta)


def test_it_comes_back_with_the_contact(engine, two, clock):
    anna, _ = two
    move(engine, anna, "south")
    move(engine, anna, "north")

    assert later(engine, clock, "north").decision == "corrected_link"
    assert is_sound(engine)


def test_what_a_person_ended_meanwhile_stays_ended(engine, two, clock):
    anna, _ = two
    move(engine, anna, "south")
    call = later(engine, clock, "south")
    engine.desk.interactions.associate(call.interaction_id, anna, reason="It was her after all.")
    move(engine, anna, "north")

    clock.set(datetime(2030, 1, 3, tzinfo=UTC))
    again = event("10", phone(), time="2030-01-02T00:00:00Z", division="north")
    assert arrive(engine, again)[0].contact_id == anna
    assert is_sound(engine)


def test_what_came_between_the_correction_and_the_move_joins_nobody_after_it(engine, two, clock):
    anna, _ = two
    call = later(engine, clock, "north")
    move(engine, call.contact_id, "south")
    move(engine, anna, "south")
    engine.request_reevaluation()
    engine.reevaluate()

    assert interactions_of(engine, anna) == ["1"]
    assert is_sound(engine)


def test_a_member_keeps_what_was_corrected_of_it_when_its_set_parts(engine, two, clock):
    anna, _ = two
    (other,) = arrive(engine, mailed("o", "o@example.org", division="north"))
    merged = engine.desk.merging.merge([anna, other.contact_id], reason=WHY)
    move(engine, anna, "south")
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)

    assert later(engine, clock, "south").decision == "corrected_link"
    assert is_sound(engine)


def test_it_is_said_once_there(engine, two):
    anna, kenta = two
    move(engine, anna, "south")

    first, moved = facts(engine, "identifier.link_corrected")
    assert (moved.contact_id, moved.right) == (anna, kenta)
    assert moved.interaction_id == first.interaction_id
