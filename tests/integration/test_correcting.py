"""A person corrects whom an interaction belongs to, and it is remembered (GX-8)."""

from datetime import UTC, datetime

import pytest

from aggregates.errors import AlreadyDone, Refused
from identity_engine.errors import Denied, NotFound
from tests.support.interactions import change, customer, event, phone
from tests.support.resolving import (
    ANNA,
    KENTA,
    MAIL,
    NUMBER,
    arrive,
    change_channel,
    facts,
    mailed,
)
from tests.support.soundness import is_sound

WHY = "She said that she is his daughter."
LATER = "2030-01-01T00:30:00Z"
STILL_LATER = "2030-01-01T00:31:00Z"


@pytest.fixture
def desk(engine):
    return engine.desk.interactions


@pytest.fixture
def two(engine):
    """Anna holds a number; a second call from it was linked to her. Kenta is known by mail."""
    first, call = arrive(
        engine, event("1", phone(), profile=ANNA), event("2", phone(), time="2026-02-02T09:00:00Z")
    )
    (kenta,) = arrive(engine, mailed("k", "kenta@example.jp", profile=KENTA))
    assert first.contact_id == call.contact_id
    return first.contact_id, call.interaction_id, kenta.contact_id


def later(engine, clock, id_="3", *identifiers, **more):
    """Somebody calls from the number, after the correction."""
    clock.set(datetime(2030, 1, 1, 1, tzinfo=UTC))
    (outcome,) = arrive(engine, event(id_, phone(), *identifiers, **({"time": LATER} | more)))
    return outcome


def interactions_of(engine, contact_id):
    """The upstream ids of what a contact has."""
    return [one.id for one in engine.profile(contact_id).interactions]


class TestUnlink:
    def test_the_interaction_belongs_to_nobody_and_is_listed_for_review(self, engine, desk, two):
        anna, call, _ = two
        desk.unlink(call, reason=WHY)

        assert interactions_of(engine, anna) == ["1"]
        (item,) = engine.review()
        assert (item.interaction_id, item.contact_id, item.proposed) == (call, anna, None)
        assert is_sound(engine)

    def test_a_contact_that_does_not_hold_its_values_lets_it_go_to_a_new_one(
        self, engine, desk, two
    ):
        anna, _, _ = two
        change_channel(engine, "import", resolve=False)
        (alone,) = arrive(engine, event("i", phone(), channel="import"))
        desk.unlink(alone.interaction_id, reason=WHY)
        fresh = desk.create_contact(alone.interaction_id, reason=WHY).contact_id

        assert fresh not in (anna, alone.contact_id)
        assert interactions_of(engine, fresh) == ["i"]
        assert is_sound(engine)

    def test_re_evaluation_leaves_it_there(self, engine, desk, two):
        anna, call, _ = two
        desk.unlink(call, reason=WHY)

        engine.request_reevaluation()
        engine.reevaluate()

        assert interactions_of(engine, anna) == ["1"]
        assert is_sound(engine)

    def test_it_cannot_be_taken_away_twice(self, engine, desk, two):
        _, call, _ = two
        desk.unlink(call, reason=WHY)

        with pytest.raises(Exception, match="linked to no contact"):
            desk.unlink(call, reason=WHY)

    def test_the_reason_is_personal(self, engine, desk, two):
        _, call, _ = two
        desk.unlink(call, reason=WHY)

        assert facts(engine, "interaction.unlinked")[-1].personal.reason == WHY
        stored = engine.store.stored_bytes(engine.store.head() - 1).state
        assert WHY.encode() not in stored

    def test_a_dry_run_writes_nothing(self, engine, desk, two):
        _, call, _ = two
        head = engine.store.head()

        done = desk.unlink(call, reason=WHY, dry_run=True)

        assert done.written == (
            "interaction.unlinked",
            "contact.identification_undone",
            "identifier.link_corrected",
        )
        assert engine.store.head() == head


class TestSelectAnother:
    def test_a_conversation_given_to_another_contact_stays_there(self, engine, desk, two, clock):
        """Pain: a conversation cannot be given to another contact; the reply still goes to the old
        one."""
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY)
        reply = later(engine, clock)

        assert interactions_of(engine, kenta) == ["k", "2"]
        assert reply.contact_id != anna
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions_of(engine, kenta) == ["k", "2"]
        assert interactions_of(engine, anna) == ["1"]
        assert is_sound(engine)

    def test_it_takes_its_values_along_and_leaves_the_identifier(self, engine, desk, two):
        anna, call, kenta = two
        arrive(engine, change("c", "2", "message", direction="inbound", profile={"city": "Oita"}))
        desk.associate(call, kenta, reason=WHY)

        assert "city" not in engine.profile(anna).fields
        assert engine.profile(kenta).fields["city"][0].value == "Oita"
        assert holds(engine, anna, NUMBER)
        assert not holds(engine, kenta, NUMBER)

    def test_a_contact_of_which_it_is_confirmed_is_identified(self, engine, desk, two):
        _, call, kenta = two
        assert engine.profile(kenta).stage == "ephemeral"

        desk.associate(call, kenta, reason=WHY)

        assert engine.profile(kenta).stage == "identified"

    def test_it_cannot_be_given_to_the_contact_that_has_it(self, desk, two):
        anna, call, _ = two

        with pytest.raises(AlreadyDone):
            desk.associate(call, anna, reason=WHY)

    def test_what_was_retracted_cannot_be_given_to_anybody(self, engine, desk, two):
        _, call, kenta = two
        arrive(engine, change("r", "2", "retracted"))

        with pytest.raises(Refused):
            desk.associate(call, kenta, reason=WHY)

    def test_what_was_unlinked_before_can_be_given(self, engine, desk, two, clock):
        _, call, kenta = two
        desk.unlink(call, reason=WHY)
        desk.associate(call, kenta, reason=WHY)
        reply = later(engine, clock)

        assert interactions_of(engine, kenta) == ["k", "2"]
        (item,) = engine.review()
        assert (item.interaction_id, item.proposed) == (reply.interaction_id, kenta)
        assert is_sound(engine)

    def test_told_apart_only_if_it_is_ticked(self, engine, desk, two):
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY)
        assert facts(engine, "contact.told_apart") == []

        desk.associate(call, anna, reason=WHY, tell_apart=True)

        (apart,) = facts(engine, "contact.told_apart")
        assert apart.other == kenta
        assert is_sound(engine)


class TestCreateNew:
    def test_the_new_contact_is_curated_and_has_the_interaction(self, engine, desk, two):
        anna, call, _ = two
        done = desk.create_contact(call, reason=WHY)

        profile = engine.profile(done.contact_id)
        assert (profile.stage, [one.id for one in profile.interactions]) == ("curated", ["2"])
        assert interactions_of(engine, anna) == ["1"]
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions_of(engine, done.contact_id) == ["2"]
        assert is_sound(engine)

    def test_it_is_not_made_a_second_time(self, engine, desk, two):
        _, call, _ = two
        made = desk.create_contact(call, reason=WHY).contact_id
        head = engine.store.head()

        for reason in (WHY, "Again."):
            done = desk.create_contact(call, reason=reason)
            assert (done.contact_id, done.written) == (made, ())
        assert engine.store.head() == head

    def test_one_that_has_more_by_now_is_left_for_a_new_one(self, engine, desk, two):
        anna, call, _ = two
        made = desk.create_contact(call, reason=WHY).contact_id
        first = engine.profile(anna).interactions[0].interaction_id
        desk.associate(first, made, reason=WHY)

        fresh = desk.create_contact(call, reason=WHY).contact_id
        assert fresh != made
        assert interactions_of(engine, made) == ["1"]
        assert interactions_of(engine, fresh) == ["2"]
        assert is_sound(engine)

    def test_one_that_was_merged_meanwhile_is_left_for_a_new_one(self, engine, desk, two):
        anna, call, _ = two
        made = desk.create_contact(call, reason=WHY).contact_id
        engine.desk.merging.merge([anna, made], reason=WHY)

        fresh = desk.create_contact(call, reason=WHY).contact_id
        assert interactions_of(engine, fresh) == ["2"]
        assert interactions_of(engine, anna) == ["1"]
        assert is_sound(engine)


class TestTimes:
    @pytest.mark.parametrize("verb", ["unlink", "associate", "create_contact"])
    def test_a_link_is_not_corrected_from_before_its_interaction_on(self, engine, desk, two, verb):
        _, call, kenta = two
        head, given = engine.store.head(), (kenta,) if verb == "associate" else ()
        too_early = datetime(2026, 2, 2, 8, 59, tzinfo=UTC)

        with pytest.raises(Refused, match="2026-02-02T09:00") as refused:
            getattr(desk, verb)(call, *given, reason=WHY, effective_at=too_early)
        assert refused.value.reason == "before_interaction"
        assert engine.store.head() == head

    def test_it_may_be_corrected_from_its_interaction_on(self, engine, desk, two):
        _, call, kenta = two
        at_once = datetime(2026, 2, 2, 9, tzinfo=UTC)
        assert desk.associate(call, kenta, reason=WHY, effective_at=at_once).written


class TestRemembered:
    def test_later_interactions_with_nothing_else_go_to_review(self, engine, desk, two, clock):
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY)

        one, other = later(engine, clock), later(engine, clock, "4", time=STILL_LATER)

        assert {one.decision, other.decision} == {"corrected_link"}
        assert len({anna, kenta, one.contact_id, other.contact_id}) == 4
        assert [one.proposed for one in engine.review()] == [kenta, kenta]
        engine.reevaluate()
        assert interactions_of(engine, anna) == ["1"]
        assert interactions_of(engine, one.contact_id) == ["3"]
        assert is_sound(engine)

    def test_with_something_else_of_the_contact_they_go_there(self, engine, desk, two, clock):
        anna, call, kenta = two
        arrive(engine, event("c", customer("C-1"), phone(), profile=ANNA))
        desk.associate(call, kenta, reason=WHY)

        reply = later(engine, clock, "3", customer("C-1"))

        assert reply.contact_id == anna
        engine.reevaluate()
        assert "3" in interactions_of(engine, anna)

    def test_they_go_to_the_right_contact_if_it_holds_the_value(self, engine, desk, two, clock):
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY, identifiers="share")

        reply = later(engine, clock)

        assert reply.contact_id == kenta
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions_of(engine, kenta) == ["k", "2", "3"]
        assert interactions_of(engine, anna) == ["1"]
        assert holds(engine, anna, NUMBER)
        assert is_sound(engine)

    def test_a_transferred_value_leads_to_its_new_holder(self, engine, desk, two, clock):
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY, identifiers="transfer")

        reply = later(engine, clock)

        assert reply.contact_id == kenta
        assert not holds(engine, anna, NUMBER)
        assert interactions_of(engine, anna) == ["1"]

    def test_a_person_ends_it(self, engine, desk, two, clock):
        anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY)
        first = later(engine, clock)
        desk.associate(first.interaction_id, anna, reason="It was her after all.")

        reply = later(engine, clock, "4", time=STILL_LATER)

        assert reply.contact_id == anna
        assert is_sound(engine)

    def test_it_holds_in_a_rebuilt_index(self, engine, desk, two, clock):
        _anna, call, kenta = two
        desk.associate(call, kenta, reason=WHY)
        engine.rebuild_index()

        assert later(engine, clock).decision == "corrected_link"


class TestPermission:
    def test_it_needs_the_right_and_a_refusal_is_recorded(self, engine, two):
        _, call, kenta = two
        engine.desk.administration.grant("agent-7", "auditor")

        with pytest.raises(Denied):
            engine.acting_as("agent-7").interactions.associate(call, kenta, reason=WHY)
        assert facts(engine, "access.refused")[-1].action == "conversation:associate"

    def test_transfer_needs_its_own_right(self, engine, two):
        _, call, kenta = two
        engine.desk.administration.grant("agent-7", "agent")

        with pytest.raises(Denied):
            engine.acting_as("agent-7").interactions.associate(
                call, kenta, reason=WHY, identifiers="transfer"
            )

    def test_an_interaction_of_another_division_is_absent(self, engine, two):
        _, call, kenta = two
        engine.desk.administration.grant("agent-7", "agent", divisions=["north"], new_division=True)

        with pytest.raises(NotFound):
            engine.acting_as("agent-7").interactions.associate(call, kenta, reason=WHY)


def holds(engine, contact_id, value):
    """Whether a contact holds a value now."""
    return any(
        one.value == value and one.valid_to is None
        for one in engine.profile(contact_id).identifiers
    )


def test_two_people_hold_one_number_and_the_first_is_linked_the_second_shown(engine):
    """Pain: two people hold one number (4 Feb and 20 Mar): the first is linked, the second is shown."""
    first, second = arrive(
        engine,
        event("1", phone(), time="2026-02-04T09:00:00Z", profile=ANNA),
        event("2", phone(), time="2026-03-20T09:00:00Z", profile=KENTA),
    )
    assert first.contact_id != second.contact_id

    (call,) = arrive(engine, event("3", phone(), time="2026-04-01T09:00:00Z"))

    assert call.contact_id == first.contact_id
    shown = facts(engine, "interaction.linked")[-1].evidence
    assert [one.contact_id for one in shown.candidates] == [second.contact_id]


def test_a_call_card_and_yesterdays_mail_card_are_found_by_search(engine):
    """Pain: a call card and yesterday's mail card are found by search."""
    mail, call = arrive(
        engine,
        mailed("2", MAIL, profile={"full_name": "Louise Fontaine"}),
        event("1", phone(), profile={"full_name": "Louise Fontaine"}),
    )
    assert call.contact_id != mail.contact_id

    found = engine.search("louise fontaine")

    assert {one.contact_id for one in found} == {call.contact_id, mail.contact_id}
