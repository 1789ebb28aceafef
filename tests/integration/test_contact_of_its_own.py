"""A contact of its own for an interaction: the one that came with it is promoted, none left empty."""

import pytest

from tests.integration.test_correcting import WHY, interactions_of
from tests.support.interactions import customer, event, phone
from tests.support.resolving import ANNA, NUMBER, arrive, facts
from tests.support.soundness import is_sound


@pytest.fixture
def desk(engine):
    return engine.desk.interactions


def test_the_contact_that_came_with_it_is_promoted_and_none_is_left_empty(engine, desk):
    (alone,) = arrive(engine, event("1", phone(), profile=ANNA))
    engine.desk.notes.add(alone.contact_id, "Calls back.")
    done = desk.create_contact(alone.interaction_id, reason=WHY)

    assert done.contact_id == alone.contact_id
    profile = engine.profile(done.contact_id)
    assert (profile.stage, [one.id for one in profile.interactions]) == ("curated", ["1"])
    assert [one.value for one in profile.identifiers] == [NUMBER]
    assert len(engine.desk.notes.list(done.contact_id)) == 1
    assert len(facts(engine, "contact.created")) == 1
    assert facts(engine, "interaction.linked")[-1].pinned
    assert desk.create_contact(alone.interaction_id, reason=WHY).written == ()
    assert is_sound(engine)


def test_from_then_on_only_a_person_moves_it(engine, desk):
    said = ANNA | {"postcode": "10115", "city": "Berlin"}
    (alone,) = arrive(engine, event("1", channel="form", profile=said))
    desk.create_contact(alone.interaction_id, reason=WHY)
    arrive(engine, event("2", channel="form", profile=said, time="2026-03-02T09:00:00Z"))
    engine.reevaluate()
    engine.request_reevaluation()
    engine.reevaluate()

    assert facts(engine, "interaction.unlinked")[1:] == []
    assert "1" in interactions_of(engine, alone.contact_id)
    assert is_sound(engine)


def test_one_that_is_identified_stays_with_its_values(engine, desk):
    (known,) = arrive(engine, event("1", customer("C-1"), profile=ANNA))
    done = desk.create_contact(known.interaction_id, reason=WHY)

    assert done.contact_id != known.contact_id
    assert is_sound(engine)


def test_what_was_written_has_its_position_and_a_dry_run_has_none(engine, desk):
    (alone,) = arrive(engine, event("1", phone(), profile=ANNA))
    rehearsed = desk.create_contact(alone.interaction_id, reason=WHY, dry_run=True)
    assert (bool(rehearsed.written), rehearsed.position) == (True, None)
    assert engine.profile(alone.contact_id).stage == "ephemeral"

    done = desk.create_contact(alone.interaction_id, reason=WHY)
    assert (bool(done.written), done.position) == (True, engine.store.head())
    assert engine.profile(alone.contact_id).stage == "curated"
