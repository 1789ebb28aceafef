"""Likeness over divisions by policy: found by re-evaluation, taken back with its evidence (GX-12)."""

import orjson
import pytest

from aggregates.errors import NotYet
from identity_engine import Engine
from identity_engine.application.rules import shipped_policy
from identity_engine.errors import Denied, InvalidContent, NotFound, Stale
from tests.support.interactions import change, customer, email, event
from tests.support.lifetimes import WHY
from tests.support.reevaluating import LOUISE, SAID
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, change_policy, facts
from tests.support.soundness import is_sound
from tests.support.world import world

BOTH = ("north", "south")


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        change_policy(opened, across=BOTH)
        yield opened


@pytest.fixture
def desk(engine):
    return engine.desk.divisions


def form(id_, division, *given, **more):
    return event(id_, *given, channel="form", division=division, **{"profile": SAID, **more})


@pytest.fixture
def two(engine):
    """Anna in the north and Anna in the south."""
    north, south = arrive(engine, form("1", "north"), form("2", "south"))
    engine.reevaluate()
    return north.contact_id, south.contact_id


def found(engine, contact_id, actor=None):
    reading = (engine.acting_as(actor) if actor else engine.desk).reading
    return [one.contact_id for one in reading.across(contact_id)]


def test_nothing_is_looked_for_unless_the_policy_names_divisions():
    with Engine.in_memory(world()) as engine:
        (north, _) = arrive(engine, form("1", "north"), form("2", "south"))
        engine.reevaluate()

        assert found(engine, north.contact_id) == []
        assert facts(engine, "contact.across_found") == []


def test_a_policy_that_names_one_division_is_refused(engine):
    content = orjson.loads(shipped_policy()) | {"across": ["north"]}

    with pytest.raises(InvalidContent, match="two of them or more"):
        engine.policies.activate({"policy": orjson.dumps(content)})


def test_who_is_alike_is_found_and_no_profile_is_joined(engine, two):
    north, south = two

    assert found(engine, north) == [south]
    assert found(engine, south) == [north]
    assert engine.profile(north).members == (north,)
    assert is_sound(engine)


def test_each_of_them_is_shown_as_it_was_and_edited_by_its_revision(engine, two):
    then = f"pos:{engine.store.head()}"
    live = [engine.profile(one) for one in two]

    for shown in live:
        assert engine.profile(shown.contact_id, then) == shown
        edit = engine.desk.contacts.edit
        edit(shown.contact_id, set={"city": "Bonn"}, revision=shown.revision)
        with pytest.raises(Stale):
            edit(shown.contact_id, set={"city": "Ulm"}, revision=shown.revision)


def test_the_event_holds_the_evidence_and_the_policy_under_which_it_was_found(engine, two):
    (fact,) = facts(engine, "contact.across_found")

    assert fact.evidence.rule == "score"
    assert fact.evidence.policy == engine.policies.rules.policy_version
    (one,) = engine.desk.reading.across(two[0])
    assert (one.by, one.rule, one.bits) == ("rules", "score", fact.evidence.weight / 1000)


def test_why_tells_it_with_the_parts_of_the_weight(engine, two):
    (why,) = [one for one in engine.why(two[0]) if one.kind == "across"]

    assert set(why.contacts) == set(two)
    assert "two divisions, so nothing is joined" in why.sentence
    assert sum(part.bits for part in why.parts) == pytest.approx(why.bits)


def test_a_number_that_only_one_person_can_hold_is_enough(engine):
    north, south = arrive(
        engine,
        event("1", customer("C-1"), division="north", profile={"given_name": "Anna"}),
        event("2", customer("C-1"), division="south", profile={"given_name": "Anna"}),
    )
    engine.reevaluate()

    (one,) = engine.desk.reading.across(north.contact_id)
    assert (one.contact_id, one.rule) == (south.contact_id, "exact_exclusive")


def test_the_same_number_of_two_people_is_not(engine):
    north, _ = arrive(
        engine,
        event("1", customer("C-1"), division="north", profile=ANNA),
        event("2", customer("C-1"), division="south", profile=KENTA),
    )
    engine.reevaluate()

    assert found(engine, north.contact_id) == []


def test_a_verified_address_that_nobody_shares_is_enough(engine):
    north, south = arrive(
        engine,
        event("1", email(MAIL), channel="email", division="north"),
        event("2", email(MAIL), channel="email", division="south"),
    )
    engine.reevaluate()
    assert found(engine, north.contact_id) == [south.contact_id]

    many = [
        event(f"m-{number}", email(MAIL), channel="email", division="south", profile=said)
        for number, said in enumerate((ANNA, KENTA, LOUISE))
    ]
    arrive(engine, *many)
    engine.reevaluate()
    assert found(engine, north.contact_id) == []
    assert is_sound(engine)


def test_a_division_that_the_policy_does_not_name_is_left_alone(engine, two):
    (west,) = arrive(engine, form("3", "west"))
    engine.reevaluate()

    assert found(engine, west.contact_id) == []


def test_what_a_person_says_of_a_contact_is_compared_too(engine):
    (north,) = arrive(engine, form("1", "north"))
    made = engine.desk.contacts.create(set=SAID).done.contact_id
    engine.desk.divisions.move(made, "south", reason=WHY)
    engine.reevaluate()

    assert found(engine, made) == [north.contact_id]
    assert is_sound(engine)


def test_it_is_taken_back_when_its_evidence_is_gone(engine, two):
    arrive(engine, change("c-1", "2", "corrected", identifiers=[], profile=LOUISE))
    engine.reevaluate()

    assert found(engine, two[0]) == []
    assert len(facts(engine, "contact.across_ended")) == 1
    assert is_sound(engine)


def test_it_is_taken_back_when_the_interaction_is_given_to_somebody_else(engine, two):
    (louise,) = arrive(engine, event("3", channel="form", division="south", profile=LOUISE))
    (gone,) = [one.interaction_id for one in engine.profile(two[1]).interactions]
    engine.desk.interactions.associate(gone, louise.contact_id, reason=WHY)
    engine.reevaluate()

    assert found(engine, two[0]) == []
    assert is_sound(engine)


def test_it_is_taken_back_when_the_policy_asks_no_longer(engine, two):
    change_policy(engine)
    engine.request_reevaluation()
    engine.reevaluate()

    assert found(engine, two[0]) == []
    assert is_sound(engine)


def test_it_is_taken_back_when_the_contact_moves_to_the_same_division(engine, desk, two):
    north, south = two
    desk.move(north, "south", reason=WHY)
    engine.reevaluate()

    assert found(engine, north) == []
    assert set(engine.profile(north).members) == {north, south}
    assert is_sound(engine)


def test_who_is_told_apart_is_not_found(engine, two):
    engine.desk.telling_apart.tell(*two, reason=WHY)
    engine.reevaluate()

    assert found(engine, two[0]) == []
    engine.desk.telling_apart.lift(*two, reason=WHY)
    engine.reevaluate()
    assert found(engine, two[0]) == [two[1]]


class TestAPersonsWord:
    def test_what_a_person_takes_back_stays_away_until_it_is_lifted(self, engine, desk, two):
        north, south = two
        desk.unlink_across(south, north, reason=WHY)
        assert found(engine, north) == found(engine, south) == []
        engine.request_reevaluation()
        engine.reevaluate()
        assert found(engine, north) == []
        arrive(engine, form("3", "south", time="2026-02-09T10:00:00Z"))
        engine.reevaluate()
        assert found(engine, north) == []

        desk.lift_unlink(north, south, reason=WHY)
        engine.reevaluate()
        assert found(engine, north) == [engine.profile(south).contact_id]
        assert is_sound(engine)

    def test_a_link_by_hand_lifts_it_too(self, engine, desk, two):
        north, south = two
        desk.unlink_across(south, north, reason=WHY)
        desk.link_across(north, south, reason=WHY)

        (one,) = engine.desk.reading.across(north)
        assert (one.contact_id, one.by) == (south, "person")
        engine.reevaluate()
        (one,) = engine.desk.reading.across(south)
        assert (one.by, one.rule) == ("person", "score")
        assert is_sound(engine)

    def test_there_must_be_something_to_take_back_and_to_lift(self, engine, desk, two):
        with pytest.raises(NotYet):
            desk.lift_unlink(*two, reason=WHY)
        desk.unlink_across(*two, reason=WHY)
        with pytest.raises(NotYet):
            desk.unlink_across(*two, reason=WHY)

    def test_it_speaks_of_everybody_who_is_one_with_them(self, engine, desk, two):
        north, south = two
        (more,) = arrive(engine, event("4", email("x@y.example"), division="south", profile=LOUISE))
        preview = engine.desk.merging.preview([south, more.contact_id])
        engine.desk.merging.merge([south, more.contact_id], token=preview.token, reason=WHY)
        desk.unlink_across(more.contact_id, north, reason=WHY)

        assert found(engine, north) == []
        assert is_sound(engine)


class TestRights:
    @pytest.fixture
    def scoped(self, engine):
        engine.desk.administration.grant("here", "agent", divisions=["north"])
        engine.desk.administration.grant("both", "agent", divisions=["north", "south"])

    def test_it_is_seen_only_with_rights_in_both(self, engine, two, scoped):
        north, south = two

        assert found(engine, north, "here") == []
        assert found(engine, north, "both") == [south]

    def test_nothing_that_tells_of_it_names_the_other_without_them(self, engine, two, scoped):
        north, south = two
        reading = engine.acting_as("here").reading

        for told in (reading.history(north), reading.how(north), reading.why(north)):
            assert south not in repr(told)
            assert "across" not in repr(told)
        for told in (engine.history(north), engine.how(north), engine.why(north)):
            assert south in repr(told)

    def test_it_is_not_found_nor_taken_back_by_who_may_act_in_one_only(self, engine, two, scoped):
        engine.desk.administration.grant("half", "steward", divisions=["north"])
        half = engine.acting_as("half").divisions

        for verb in (half.unlink_across, half.lift_unlink):
            with pytest.raises((NotFound, Denied)):
                verb(*two, reason=WHY)
        assert found(engine, two[0]) == [two[1]]
