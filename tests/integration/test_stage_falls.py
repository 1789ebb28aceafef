"""A stage falls with the link that raised it, once a person takes the link back (GX-0)."""

import pytest

from identity_engine import Engine
from tests.integration.reevaluating import is_sound
from tests.integration.resolving import ANNA, KENTA, arrive, facts, mailed
from tests.support.interactions import customer, email, event, phone
from tests.support.world import world

WHY = "It was somebody else."
JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
ALIKE = {"given_name": "Johana", "family_name": "Weidenfelt", "date_of_birth": "1971-11-28"}


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        yield opened


@pytest.fixture
def twice(engine):
    """Anna called twice from one number, which made her more than a passer-by."""
    first, second = arrive(
        engine, event("1", phone(), profile=ANNA), event("2", phone(), profile=ANNA)
    )
    assert engine.profile(first.contact_id).stage == "identified"
    return first.contact_id, first.interaction_id, second.interaction_id


@pytest.fixture
def kenta(engine):
    (outcome,) = arrive(engine, mailed("k", "kenta@example.jp", profile=KENTA))
    return outcome.contact_id


def stage(engine, contact_id):
    assert is_sound(engine)
    return engine.profile(contact_id).stage


def unlink(engine, interaction_id):
    return engine.desk.interactions.unlink(interaction_id, reason=WHY)


def give(engine, interaction_id, contact_id):
    return engine.desk.interactions.associate(interaction_id, contact_id, reason=WHY)


def test_a_confirmed_review_that_is_taken_back_leaves_no_stage(engine):
    known, held = arrive(
        engine,
        event("1", email("j@example.net"), channel="form", profile=JOHANNA),
        event("2", phone(), channel="form", profile=ALIKE),
    )
    engine.desk.reviewing.confirm(held.interaction_id)
    done = engine.desk.reviewing.undo(held.interaction_id, reason=WHY)

    assert "contact.identification_undone" in done.written
    assert stage(engine, known.contact_id) == "ephemeral"
    engine.desk.reviewing.confirm(held.interaction_id)
    assert stage(engine, known.contact_id) == "identified"


def test_a_link_by_a_person_that_a_person_takes_back_leaves_no_stage(engine, twice, kenta):
    _, _, second = twice
    give(engine, second, kenta)
    assert stage(engine, kenta) == "identified"
    unlink(engine, second)

    assert stage(engine, kenta) == "ephemeral"
    engine.rebuild()
    engine.rebuild_index()
    assert stage(engine, kenta) == "ephemeral"


def test_the_second_interaction_that_goes_to_another_takes_the_stage_along(engine, twice, kenta):
    anna, _, second = twice
    give(engine, second, kenta)

    assert [stage(engine, anna), stage(engine, kenta)] == ["ephemeral", "identified"]
    assert facts(engine, "contact.identification_undone")[-1].interaction_id == second


def test_another_link_that_is_as_good_holds_it_up(engine, twice):
    anna, _, second = twice
    (third,) = arrive(engine, event("3", phone(), profile=ANNA))
    unlink(engine, second)
    assert stage(engine, anna) == "identified"

    unlink(engine, third.interaction_id)
    assert stage(engine, anna) == "ephemeral"


def test_another_link_by_a_person_holds_it_up(engine, twice, kenta):
    _, first, second = twice
    give(engine, first, kenta)
    give(engine, second, kenta)
    unlink(engine, first)

    assert stage(engine, kenta) == "identified"


def test_the_first_interaction_is_not_what_raised_it(engine, twice):
    anna, first, _ = twice
    unlink(engine, first)

    assert stage(engine, anna) == "identified"


def test_an_identifier_that_only_one_person_has_holds_it_up(engine):
    (known,) = arrive(engine, event("1", customer("C-1") | {"verified": True}, channel="form"))
    (call,) = arrive(engine, event("2", customer("C-1") | {"verified": True}, channel="form"))
    unlink(engine, call.interaction_id)

    assert stage(engine, known.contact_id) == "identified"


def test_a_contact_that_a_person_vouched_for_stays_curated(engine, twice):
    anna, _, second = twice
    engine.desk.contacts.promote(anna)
    unlink(engine, second)

    assert stage(engine, anna) == "curated"


def test_of_merged_contacts_the_member_falls_that_had_the_link(engine, twice, kenta):
    anna, _, second = twice
    merged = engine.desk.merging.merge([anna, kenta], reason=WHY)
    unlink(engine, second)
    engine.desk.unmerging.unmerge(merged.merge_id, reason="Two people.")

    assert [stage(engine, anna), stage(engine, kenta)] == ["ephemeral", "ephemeral"]
