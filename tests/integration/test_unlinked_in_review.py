"""What a person unlinked waits where it lies itself, whatever becomes of who had it (GX-8)."""

import pytest

from identity_engine import Engine
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, arrive, mailed
from tests.support.soundness import is_sound
from tests.support.world import world


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        for actor in ("north", "south"):
            opened.desk.administration.grant(actor, "owner", divisions=[actor], new_division=True)
        yield opened
        assert is_sound(opened)


@pytest.fixture
def two(engine):
    """A contact of the north, and the second of its two interactions."""
    one, other = arrive(
        engine,
        mailed("1", division="north", profile=ANNA),
        mailed("2", division="north", time="2026-02-02T09:00:00Z"),
    )
    assert one.contact_id == other.contact_id
    return one.contact_id, other.interaction_id


def waiting(engine, actor):
    """What waits for an actor, by interaction, with the contact that had it."""
    reading = engine.acting_as(actor).reading
    found = {one.interaction_id: one.contact_id for one in reading.review()}
    assert reading.counts()["in review"] == len(found)
    return found


def unlink(engine, interaction_id):
    engine.desk.interactions.unlink(interaction_id, reason=WHY)


def test_it_does_not_follow_its_former_contact_to_another_division(engine, two):
    anna, taken = two
    unlink(engine, taken)
    assert waiting(engine, "north") == {taken: anna}
    engine.desk.divisions.move(anna, "south", reason=WHY)

    assert waiting(engine, "north") == {taken: None}
    assert waiting(engine, "south") == {}
    assert engine.acting_as("north").interactions.create_contact(taken, reason=WHY)
    assert waiting(engine, "north") == {}


def test_it_stays_where_it_moved_to_when_its_former_contact_goes_back(engine, two):
    anna, taken = two
    engine.desk.divisions.move(anna, "south", reason=WHY)
    unlink(engine, taken)
    engine.desk.divisions.move(anna, "north", reason=WHY)

    assert waiting(engine, "south") == {taken: None}
    assert waiting(engine, "north") == {}


def test_it_waits_also_when_its_former_contact_is_gone(engine, two):
    anna, taken = two
    unlink(engine, taken)
    engine.desk.lifecycle.delete(anna, reason=WHY)

    assert waiting(engine, "north") == {taken: anna}
