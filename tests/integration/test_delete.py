"""Deleting, restoring and keeping a contact, always with its whole set (GX-11)."""

from datetime import UTC, datetime

import pytest

from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, NotFound, UsageError
from tests.support.interactions import customer, email, event, message, phone
from tests.support.lifetimes import WHY, day, ids, presence
from tests.support.reevaluating import anna_twice, together
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, mailed, unrevised
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

FIRST = event("1", email(MAIL), customer("C-1"), channel="email", profile=ANNA)
NO_ID = "019b1c3e-7c5a-7000-8000-0123456789ab"


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def desk(engine):
    return engine.desk.lifecycle


@pytest.fixture
def anna(engine):
    return arrive(engine, FIRST)[0].contact_id


class TestDelete:
    def test_it_takes_the_whole_set(self, engine, desk):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        assert len(engine.profile(first.contact_id).members) == 2

        done = desk.delete(second.contact_id, reason=WHY)

        assert done.written.count("contact.deleted") == 2
        assert (
            presence(engine, first.contact_id) == presence(engine, second.contact_id) == "deleted"
        )
        assert engine.search("berger") == []
        assert engine.counts() == {"in review": 0}
        assert is_sound(engine)

    def test_the_preview_of_an_unmerge_says_that_each_part_can_come_back(self, engine, desk):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        (merge,) = engine.desk.reading.lineage(first.contact_id).merges
        desk.delete(second.contact_id, reason=WHY)

        parts = engine.desk.unmerging.preview(merge.merge_id).parts
        engine.desk.unmerging.unmerge(merge.merge_id, reason=WHY)

        assert [part.is_restorable for part in parts] == [True, True]
        assert [engine.profile(part.contact_id) for part in parts] == list(parts)

    def test_the_id_says_deleted_and_since_when(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)

        profile = engine.profile(anna)
        assert (profile.presence, profile.since[:10]) == ("deleted", "2026-03-01")
        assert profile.fields == {}

    def test_the_way_back_is_named_while_there_is_one(self, engine, desk, clock, anna):
        then = f"pos:{desk.delete(anna, reason=WHY).position}"
        assert engine.profile(anna).is_restorable is True
        with pytest.raises(Refused, match="Bring it back first: contact restore"):
            engine.desk.notes.add(anna, "Too late?")

        clock.set(day(4, 1))
        assert engine.profile(anna).is_restorable is False
        assert engine.profile(anna, then).is_restorable is None
        with pytest.raises(Refused, match="for too long to be brought back"):
            engine.desk.notes.add(anna, "Too late?")
        with pytest.raises(Refused, match="30 days"):
            desk.restore(anna)

    def test_the_reason_stands_in_the_history(self, engine, desk, anna):
        desk.delete(anna, reason=f"  {WHY} ")

        assert engine.history(anna)[-1].personal == {"reason": WHY}

    def test_its_past_can_be_seen(self, engine, desk, clock, anna):
        then = engine.profile(anna)
        head = engine.store.head()
        desk.delete(anna, reason=WHY)

        assert engine.profile(anna, f"pos:{head}") == then

    def test_its_claims_end_and_the_next_holder_matches(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        second, third = arrive(
            engine,
            mailed("2", time="2026-03-01T00:01:00Z"),
            mailed("3", time="2026-03-01T00:02:00Z"),
        )

        assert second.contact_id == third.contact_id != anna
        assert len(facts(engine, "identifier.released")) == 2

    def test_another_holder_matches_at_once(self, engine, desk):
        # Two people hold one number, because what they say contradicts.
        number = phone()
        first, second = arrive(
            engine,
            event("1", number, profile=ANNA),
            event("2", number, profile=KENTA, time="2026-02-02T09:00:00Z"),
        )
        assert first.contact_id != second.contact_id
        desk.delete(first.contact_id, reason=WHY)

        (third,) = arrive(engine, event("3", number, time="2026-02-03T09:00:00Z"))

        assert third.contact_id == second.contact_id

    def test_its_links_stay_in_the_export(self, engine, desk, anna, tmp_path):
        desk.delete(anna, reason=WHY)

        assert together(engine, tmp_path) == [["1"]]

    def test_a_resend_is_answered_with_the_present_link(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        (again,) = arrive(engine, FIRST)

        assert (again.status, again.contact_id) == ("duplicate", anna)

    def test_nothing_alike_is_linked_to_it_or_proposed(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        said = ANNA | {"postcode": "10115"}
        (other,) = arrive(engine, event("2", channel="form", profile=said))

        assert other.decision == "none"
        assert engine.review() == []

    def test_why_not_says_that_it_is_gone(self, engine, desk, anna):
        (other,) = arrive(engine, event("2", phone(), profile=KENTA))
        desk.delete(anna, reason=WHY)

        answer = engine.why_not(anna, other.contact_id)
        assert (answer.verdict, "deleted" in answer.sentence) == ("gone", True)

    def test_an_open_review_of_it_is_closed(self, engine, desk):
        contacts = arrive(
            engine,
            event("1", customer("C-1"), profile=ANNA),
            event("2", customer("C-1"), customer("C-9"), profile=KENTA),
        )
        for one in contacts:
            desk.delete(one.contact_id, reason=WHY)

        assert engine.review() == []

    def test_deleting_again_writes_nothing(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        head = engine.store.head()

        assert desk.delete(anna, reason=WHY).written == ()
        assert engine.store.head() == head

    def test_it_is_not_deleted_before_it_was_known(self, engine, desk, anna):
        head = engine.store.head()
        with pytest.raises(Refused) as refused:
            desk.delete(anna, reason=WHY, effective_at=datetime(1990, 1, 1, tzinfo=UTC))
        assert (refused.value.reason, engine.store.head()) == ("before_birth", head)

    def test_a_dry_run_writes_nothing(self, engine, desk, anna):
        head = engine.store.head()

        assert "contact.deleted" in desk.delete(anna, reason=WHY, dry_run=True).written
        assert engine.store.head() == head

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 5_000])
    def test_a_reason_is_needed(self, desk, anna, reason):
        with pytest.raises(UsageError, match="The reason"):
            desk.delete(anna, reason=reason)

    def test_an_unknown_id_is_not_found(self, desk):
        with pytest.raises(NotFound):
            desk.delete(NO_ID, reason=WHY)

    def test_it_needs_the_right_in_the_division(self, engine):
        north, south = arrive(
            engine,
            event("1", phone("+81312340001"), division="north"),
            event("2", phone("+81312340002"), division="south"),
        )
        context = engine.desk.administration
        context.grant("lead", "supervisor", divisions=["north"])
        context.grant("agent", "agent")

        with pytest.raises(NotFound):
            engine.acting_as("lead").lifecycle.delete(south.contact_id, reason=WHY)
        with pytest.raises(Denied):
            engine.acting_as("agent").lifecycle.delete(north.contact_id, reason=WHY)
        assert (
            "contact.deleted"
            in engine.acting_as("lead").lifecycle.delete(north.contact_id, reason=WHY).written
        )


class TestRestore:
    def test_it_gives_the_same_profile_as_before(self, engine, desk):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        before = unrevised(engine, first.contact_id)
        desk.delete(first.contact_id, reason=WHY)

        restored = desk.restore(second.contact_id, reason="by mistake")

        assert restored.elsewhere == ()
        assert unrevised(engine, first.contact_id) == before
        assert ids(engine.search("berger")) == [before.contact_id]
        assert is_sound(engine)

    def test_it_is_found_again_by_what_it_holds(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        desk.restore(anna)

        (again,) = arrive(engine, mailed("2", time="2026-03-01T00:03:00Z"))
        assert again.contact_id == anna

    def test_what_people_saved_comes_back_with_it(self, engine, desk, anna):
        engine.desk.contacts.edit(anna, set={"city": "Weimar"})
        engine.desk.identifiers.add(anna, Value("phone", "+81312345678"))
        before = unrevised(engine, anna)
        desk.delete(anna, reason=WHY)
        assert is_sound(engine)

        desk.restore(anna)

        assert unrevised(engine, anna) == before
        assert is_sound(engine)
        (again,) = arrive(engine, event("2", phone(), time="2026-03-01T00:01:00Z"))
        assert again.contact_id == anna

    def test_an_exclusive_identifier_guards_it_again(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        desk.restore(anna)

        (other,) = arrive(
            engine,
            event("2", email(MAIL), customer("C-2"), channel="email", time="2026-03-01T00:03:00Z"),
        )

        assert other.contact_id != anna

    def test_what_others_hold_now_is_listed(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        (new,) = arrive(engine, mailed("2", time="2026-03-01T00:01:00Z"))

        restored = desk.restore(anna)

        (elsewhere,) = restored.elsewhere
        assert (elsewhere.type, elsewhere.value) == ("email", MAIL)
        assert elsewhere.holders == (new.contact_id,)
        held = [one.type for one in engine.profile(anna).identifiers if one.valid_to is None]
        assert held == ["customer_id"]
        assert is_sound(engine)

    def test_a_claim_that_went_to_another_contact_meanwhile_is_listed(self, engine, desk):
        chat, _ = arrive(
            engine,
            event("1", email(MAIL), channel="chat"),
            event("2", email("kenta@gmail.com", True), channel="form", profile=KENTA),
        )
        gone = engine.desk.contacts.create(set=ANNA).done.contact_id
        engine.desk.identifiers.share(gone, Value("email", MAIL), reason=WHY)
        engine.desk.identifiers.unshare(gone, Value("email", MAIL), reason=WHY)
        desk.delete(gone, reason=WHY)
        arrive(engine, message("m-1", "1", email("kenta@gmail.com")))
        given = engine.desk.reviewing.confirm(chat.interaction_id).contact_id

        foreseen, restored = desk.restore(gone, dry_run=True), desk.restore(gone)

        for answer in (foreseen, restored):
            assert [(one.value, one.holders) for one in answer.elsewhere] == [(MAIL, (given,))]
        assert presence(engine, gone) == "live"
        assert is_sound(engine)

    def test_a_holder_in_a_division_that_the_actor_does_not_see_is_not_named(self, engine, anna):
        engine.desk.lifecycle.delete(anna, reason=WHY)
        arrive(engine, mailed("2", time="2026-03-01T00:01:00Z"))
        context = engine.desk.administration
        context.define_role("keeper", ["contact:restore"])
        context.grant("keeper-1", "keeper")

        restored = engine.acting_as("keeper-1").lifecycle.restore(anna)

        assert [one.holders for one in restored.elsewhere] == [()]

    def test_a_live_contact_stays_as_it_is(self, engine, desk, anna):
        head = engine.store.head()

        assert desk.restore(anna).done.written == ()
        assert engine.store.head() == head

    def test_what_expired_and_was_deleted_comes_back_with_all_it_held(self, engine, desk, clock):
        (one,) = arrive(engine, mailed("1", profile=ANNA))
        before = unrevised(engine, one.contact_id)
        clock.set(day(4, 3))
        desk.sweep()
        desk.delete(one.contact_id, reason=WHY)
        assert presence(engine, one.contact_id) == "deleted"

        desk.restore(one.contact_id)

        assert unrevised(engine, one.contact_id) == before

    def test_it_can_go_and_come_back_many_times(self, engine, desk, anna):
        before = unrevised(engine, anna)
        for _ in range(3):
            desk.delete(anna, reason=WHY)
            desk.restore(anna)

        assert unrevised(engine, anna) == before
        assert is_sound(engine)

    def test_what_came_meanwhile_is_compared_with_it(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        arrive(engine, mailed("2", time="2026-03-01T00:01:00Z", profile=ANNA))
        engine.reevaluate()
        desk.restore(anna)

        engine.reevaluate()

        assert len(engine.profile(anna).members) == 2
        assert is_sound(engine)


class TestLegalHold:
    def test_it_refuses_a_delete_of_the_whole_set(self, engine, desk):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        desk.set_hold(second.contact_id, reason="case 4 O 12/26")

        with pytest.raises(Refused) as refused:
            desk.delete(first.contact_id, reason=WHY)
        assert refused.value.reason == "legal_hold"

        desk.lift_hold(second.contact_id, reason="settled")
        assert desk.delete(first.contact_id, reason=WHY).written

    def test_it_keeps_one_that_is_gone_as_it_is(self, engine, desk, anna):
        desk.delete(anna, reason=WHY)
        desk.set_hold(anna, reason="case 4 O 12/26")

        with pytest.raises(Refused) as refused:
            desk.restore(anna)
        assert refused.value.reason == "legal_hold"

        desk.lift_hold(anna, reason="settled")
        assert desk.restore(anna).done.written

    def test_its_reason_is_personal(self, engine, desk, anna):
        desk.set_hold(anna, reason="case 4 O 12/26")

        entry = engine.history(anna)[-1]
        assert entry.personal == {"reason": "case 4 O 12/26"}
        assert "case" not in entry.summary

    def test_it_needs_its_own_right(self, engine, anna):
        engine.desk.administration.grant("lead", "supervisor")

        with pytest.raises(Denied):
            engine.acting_as("lead").lifecycle.set_hold(anna, reason=WHY)


def test_an_upgraded_index_is_built_from_the_log(tmp_path, clock):
    with Engine.open(tmp_path, world(clock=clock)) as engine:
        one, two = arrive(engine, mailed("1", profile=ANNA), event("2", phone(), profile=KENTA))
        engine.desk.lifecycle.delete(one.contact_id, reason=WHY)
        with engine.store.writing() as writer:
            writer.cursor.execute("UPDATE index_version SET number = 1")

    with Engine.open(tmp_path, world(2, clock)) as engine:
        assert presence(engine, two.contact_id) == "live"
        assert is_sound(engine)
        clock.set(day(4, 3))
        assert engine.desk.lifecycle.sweep().expired == 1
