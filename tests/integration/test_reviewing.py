"""What people decide about interactions in doubt, and take back (GX-18)."""

import pytest

from aggregates.errors import NotYet, Refused
from identity_engine.application.training import table_of_store
from identity_engine.errors import NotFound, UsageError
from tests.support.interactions import email, event, phone
from tests.support.resolving import arrive, facts
from tests.support.soundness import is_sound

JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
ALIKE = {"given_name": "Johana", "family_name": "Weidenfelt", "date_of_birth": "1971-11-28"}
WHY = "She named her street."


@pytest.fixture
def desk(engine):
    return engine.desk.reviewing


@pytest.fixture
def doubt(engine):
    """Two forms that are rather alike: the second waits for a person."""
    known, held = arrive(
        engine,
        event("1", email("j@example.net"), channel="form", profile=JOHANNA),
        event("2", phone(), channel="form", profile=ALIKE),
    )
    (item,) = engine.review()
    assert (item.interaction_id, item.proposed) == (held.interaction_id, known.contact_id)
    return known.contact_id, held.interaction_id, held.contact_id


def ids(engine, contact_id):
    """The upstream ids of what a contact has."""
    return [one.id for one in engine.profile(contact_id).interactions]


class TestConfirm:
    def test_it_moves_to_the_proposed_contact_with_its_claims(self, engine, desk, doubt):
        known, held, own = doubt
        desk.confirm(held, reason=WHY)

        profile = engine.profile(known)
        assert ids(engine, known) == ["1", "2"]
        assert "phone" in {one.type for one in profile.identifiers if one.valid_to is None}
        assert ids(engine, own) == []
        assert engine.review() == []
        assert is_sound(engine)

    def test_the_contact_is_identified(self, engine, desk, doubt):
        known, held, _ = doubt
        assert engine.profile(known).stage == "ephemeral"

        desk.confirm(held)

        assert engine.profile(known).stage == "identified"
        assert facts(engine, "contact.identified")[-1].by == "confirmed"

    def test_re_evaluation_leaves_it_there(self, engine, desk, doubt):
        known, held, _ = doubt
        desk.confirm(held)
        engine.request_reevaluation()
        engine.reevaluate()

        assert ids(engine, known) == ["1", "2"]
        assert is_sound(engine)


class TestReject:
    def test_it_stays_for_good_and_is_not_asked_again(self, engine, desk, doubt):
        known, held, own = doubt
        desk.reject(held, reason=WHY)
        engine.request_reevaluation()
        engine.reevaluate()

        assert (ids(engine, known), ids(engine, own)) == (["1"], ["2"])
        assert engine.review() == []
        assert facts(engine, "interaction.review_decided")[-1].decision == "rejected"
        assert is_sound(engine)

    def test_the_two_are_told_apart(self, engine, desk, doubt):
        known, held, _ = doubt
        desk.reject(held)

        (apart,) = facts(engine, "contact.told_apart")
        assert apart.other == known


class TestDefer:
    def test_it_comes_after_all_others(self, engine, desk, doubt):
        _known, _held, _ = doubt
        arrive(engine, event("3", channel="form", profile=ALIKE | {"given_name": "Joanna"}))
        first = [one.interaction_id for one in engine.review()]
        desk.defer(first[0])

        assert [one.interaction_id for one in engine.review()] == [*first[1:], first[0]]
        assert engine.review()[-1].deferred
        assert is_sound(engine)


class TestUndo:
    @pytest.mark.parametrize("decision", ["confirm", "reject", "defer"])
    def test_the_last_decision_is_taken_back_and_asked_again(self, engine, desk, doubt, decision):
        known, held, own = doubt
        before = engine.review()
        getattr(desk, decision)(held, reason=WHY)
        desk.undo(held, reason="A slip of the key.")

        assert engine.review() == before
        assert (ids(engine, known), ids(engine, own)) == (["1"], ["2"])
        assert [one.type for one in engine.profile(own).identifiers] == ["phone"]
        assert is_sound(engine)
        desk.confirm(held)
        assert ids(engine, known) == ["1", "2"]

    def test_what_went_elsewhere_since_is_not_taken_back(self, engine, desk, doubt):
        _, held, own = doubt
        desk.confirm(held)
        engine.desk.interactions.associate(held, own, reason=WHY)

        with pytest.raises((Refused, NotYet)):
            desk.undo(held)

    def test_without_a_decision_there_is_nothing_to_take_back(self, desk, doubt):
        with pytest.raises(NotYet):
            desk.undo(doubt[1])


def test_only_what_is_asked_can_be_decided(engine, desk):
    (call,) = arrive(engine, event("1", phone()))

    for decide in (desk.confirm, desk.reject, desk.defer):
        with pytest.raises(NotYet):
            decide(call.interaction_id)


def test_confirmed_and_rejected_reviews_are_labels_of_training(engine, desk, doubt):
    _, held, _ = doubt
    desk.confirm(held)
    assert table_of_store(engine.store).confirmed == [(0, 1)]

    desk.undo(held)
    assert table_of_store(engine.store).confirmed == []

    desk.reject(held)
    table = table_of_store(engine.store)
    assert (table.confirmed, table.refuted) == ([], [(0, 1)])


def test_a_contact_is_not_taken_for_an_interaction(desk, doubt):
    known, _, _ = doubt

    for answer in (desk.confirm, desk.reject, desk.defer, desk.undo):
        with pytest.raises(UsageError, match="contact merge, or contact tell-apart"):
            answer(known)
    with pytest.raises(NotFound, match="No interaction has this id"):
        desk.confirm("01a214bf-d4ee-7003-8c26-0ff03681ca06")
