"""A promotion that is undone leaves the stage that the contact would have had without it (GX-0)."""

import pytest

from tests.support.interactions import customer, event, phone
from tests.support.resolving import ANNA, KENTA, arrive, facts, mailed

WHY = "It was somebody else."


@pytest.fixture
def desk(engine):
    return engine.desk.contacts


@pytest.fixture
def anna(engine, desk):
    """A contact of one call, which a person promoted."""
    (first,) = arrive(engine, event("1", phone(), profile=ANNA))
    desk.promote(first.contact_id)
    return first.contact_id


@pytest.fixture
def kenta(engine):
    (outcome,) = arrive(engine, mailed("k", "kenta@example.jp", profile=KENTA))
    return outcome.contact_id


def again(engine, id_="2"):
    """She calls once more from her number."""
    return arrive(engine, event(id_, phone(), profile=ANNA))[0]


def stage(engine, contact_id):
    return engine.profile(contact_id).stage


def test_a_second_interaction_that_came_meanwhile_identifies_it(engine, desk, anna):
    second, _ = again(engine), again(engine, "3")

    done = desk.undo_promotion(anna)

    assert done.written == ("contact.promotion_undone", "contact.identified")
    assert stage(engine, anna) == "identified"
    raised = facts(engine, "contact.identified")[-1]
    assert (raised.by, raised.interaction_id) == ("second_interaction", second.interaction_id)
    assert raised.identifier_id is not None


def test_it_is_the_same_whether_or_not_it_was_promoted(engine, desk, anna):
    call = again(engine)
    desk.undo_promotion(anna)
    engine.desk.interactions.unlink(call.interaction_id, reason=WHY)

    assert stage(engine, anna) == "ephemeral"


def test_a_link_that_a_person_made_meanwhile_identifies_it(engine, desk, anna, kenta):
    call = again(engine)
    desk.promote(kenta)
    engine.desk.interactions.associate(call.interaction_id, kenta, reason=WHY)
    desk.undo_promotion(kenta)

    assert stage(engine, kenta) == "identified"
    assert facts(engine, "contact.identified")[-1].by == "confirmed"


def test_nothing_that_came_meanwhile_leaves_it_ephemeral(engine, desk, anna):
    assert desk.undo_promotion(anna).written == ("contact.promotion_undone",)
    assert stage(engine, anna) == "ephemeral"


def test_a_link_that_was_taken_back_meanwhile_identifies_it_no_longer(engine, desk, kenta):
    (first,) = arrive(engine, event("1", phone(), profile=ANNA))
    call = again(engine)
    assert stage(engine, first.contact_id) == "identified"
    desk.promote(first.contact_id)
    engine.desk.interactions.unlink(call.interaction_id, reason=WHY)

    done = desk.undo_promotion(first.contact_id)

    assert done.written == ("contact.promotion_undone", "contact.identification_undone")
    assert stage(engine, first.contact_id) == "ephemeral"


def test_what_it_was_born_with_identifies_it_still(engine, desk):
    (known,) = arrive(engine, event("1", customer("C-1"), channel="form"))
    desk.promote(known.contact_id)
    desk.undo_promotion(known.contact_id)

    assert stage(engine, known.contact_id) == "identified"


def test_a_dry_run_says_the_same(engine, desk, anna):
    again(engine)
    wanted = desk.undo_promotion(anna, dry_run=True).written

    assert stage(engine, anna) == "curated"
    assert desk.undo_promotion(anna).written == wanted
