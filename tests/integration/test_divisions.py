"""A contact moves between divisions as a whole, and is like others over them by hand (GX-12)."""

import pytest

from aggregates.errors import NotYet, Refused
from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, NotFound
from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.lifetimes import WHY, day
from tests.support.reevaluating import anna_twice
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, unrevised
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

OTHER = "b@gmail.com"


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def engine(clock):
    """A store whose grants name the division south, in which nobody lies yet."""
    with Engine.in_memory(world(clock=clock)) as opened:
        opened.desk.administration.grant(
            "southerner", "agent", divisions=["south"], new_division=True
        )
        yield opened


@pytest.fixture
def desk(engine):
    return engine.desk.divisions


def mail(id_, division, address=MAIL, **more):
    """A mail that came to a division."""
    return event(id_, email(address), channel="email", division=division, **more)


@pytest.fixture
def anna(engine):
    (one,) = arrive(
        engine,
        event("1", email(MAIL), customer("C-1"), channel="email", division="north", profile=ANNA),
    )
    return one.contact_id


def held(engine, contact_id):
    """The values that a contact holds now."""
    claims = engine.profile(contact_id).identifiers
    return sorted(one.value for one in claims if one.valid_to is None)


class TestMove:
    def test_a_contact_lies_in_the_other_division_with_its_interactions(self, engine, desk, anna):
        before = engine.profile(anna)

        desk.move(anna, "south", reason=WHY)

        after = engine.profile(anna)
        assert (before.division, after.division) == ("north", "south")
        assert (after.fields, after.interactions) == (before.fields, before.interactions)
        assert is_sound(engine)

    def test_its_claims_end_there_and_are_made_here(self, engine, desk, anna):
        desk.move(anna, "south", reason=WHY)

        assert held(engine, anna) == ["C-1", MAIL]
        assert len(facts(engine, "identifier.released")) == 2
        made = facts(engine, "identifier.claimed")[-2:]
        assert {one.division for one in made} == {"south"}

    def test_it_is_found_by_what_it_holds_in_the_new_division_only(self, engine, desk, anna):
        desk.move(anna, "south", reason=WHY)
        later = "2026-03-01T00:01:00Z"
        south, north = arrive(
            engine, mail("2", "south", time=later), mail("3", "north", time=later)
        )

        assert south.contact_id == anna
        assert north.contact_id != anna
        assert is_sound(engine)

    def test_it_is_found_by_likeness_in_the_new_division_only(self, engine, desk, anna):
        said = ANNA | {"postcode": "10115"}
        desk.move(anna, "south", reason=WHY)
        south, north = arrive(
            engine,
            event("2", channel="form", division="south", profile=said),
            event("3", channel="form", division="north", profile=said),
        )
        engine.reevaluate()

        assert engine.profile(south.contact_id).contact_id == engine.profile(anna).contact_id
        assert engine.profile(north.contact_id).members == (north.contact_id,)
        assert is_sound(engine)

    def test_it_meets_who_is_alike_there_at_the_next_reevaluation(self, engine, desk, anna):
        (there,) = arrive(engine, event("2", channel="form", division="south", profile=ANNA))
        engine.reevaluate()
        assert len(engine.profile(anna).members) == 1

        desk.move(anna, "south", reason=WHY)
        engine.reevaluate()

        assert set(engine.profile(anna).members) == {anna, there.contact_id}
        assert is_sound(engine)

    def test_what_others_hold_there_is_listed(self, engine, desk, anna):
        (there,) = arrive(engine, mail("2", "south", profile=KENTA))

        moved = desk.move(anna, "south", reason=WHY)

        (elsewhere,) = moved.elsewhere
        assert (elsewhere.value, elsewhere.holders) == (MAIL, (there.contact_id,))
        assert held(engine, anna) == ["C-1"]
        assert is_sound(engine)

    def test_its_whole_set_moves(self, engine, desk):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()

        done = desk.move(second.contact_id, "south", reason=WHY).done

        assert done.written.count("contact.moved") == 2
        assert engine.profile(first.contact_id).division == "south"
        assert len(engine.profile(first.contact_id).members) == 2
        engine.request_reevaluation()
        engine.reevaluate()
        assert len(engine.profile(first.contact_id).members) == 2
        assert is_sound(engine)

    def test_what_was_corrected_moves_as_it_was_corrected(self, engine, desk, anna):
        arrive(engine, change("c-1", "1", "corrected", identifiers=[email(OTHER)], profile=ANNA))
        desk.move(anna, "south", reason=WHY)

        assert is_sound(engine)
        engine.reevaluate()
        assert is_sound(engine)

    def test_its_interactions_are_given_away_where_it_is_now(self, engine, desk, anna):
        kenta, hana, first = arrive(
            engine,
            mail("k", "south", "kenta@example.jp", profile=KENTA),
            mail("h", "north", "hana@example.jp"),
            mail("2", "north"),
        )
        desk.move(anna, "south", reason=WHY)

        with pytest.raises(Refused):
            engine.desk.interactions.associate(first.interaction_id, hana.contact_id, reason=WHY)
        engine.desk.interactions.associate(
            first.interaction_id, kenta.contact_id, reason=WHY, identifiers="transfer"
        )
        assert held(engine, kenta.contact_id) == [MAIL, "kenta@example.jp"]
        assert is_sound(engine)

    def test_what_a_person_added_moves_with_its_label(self, engine, desk, anna):
        engine.desk.identifiers.add(anna, Value("phone", "+81312345678"), label="work")
        desk.move(anna, "south", reason=WHY)

        (line,) = [
            one
            for one in engine.profile(anna).identifiers
            if one.type == "phone" and one.valid_to is None
        ]
        assert (line.value, line.label) == ("+81312345678", "work")
        assert is_sound(engine)

    def test_what_people_saved_moves_and_is_compared_there(self, engine, desk):
        (one,) = arrive(engine, event("1", phone(), division="north"))
        engine.desk.contacts.edit(one.contact_id, set=ANNA | {"postcode": "10115"})
        desk.move(one.contact_id, "south", reason=WHY)
        assert is_sound(engine)

        said = ANNA | {"postcode": "10115", "city": "Berlin"}
        south, north = arrive(
            engine,
            event("2", channel="form", division="south", profile=said),
            event("3", channel="form", division="north", profile=said),
        )
        engine.reevaluate()

        assert engine.profile(south.contact_id).contact_id == one.contact_id
        assert engine.profile(north.contact_id).contact_id == north.contact_id
        assert is_sound(engine)

    def test_it_can_move_back_and_forth(self, engine, desk, anna):
        for there in ("south", "north", "south", "north"):
            desk.move(anna, there, reason=WHY)

        assert held(engine, anna) == ["C-1", MAIL]
        assert is_sound(engine)

    def test_its_past_can_be_seen(self, engine, desk, anna):
        then, head = engine.profile(anna), engine.store.head()
        desk.move(anna, "south", reason=WHY)

        assert engine.profile(anna, f"pos:{head}") == then

    def test_to_where_it_is_nothing_is_written(self, engine, desk, anna):
        head = engine.store.head()

        assert desk.move(anna, "north", reason=WHY).done.written == ()
        assert engine.store.head() == head

    def test_a_dry_run_writes_nothing_and_says_what_would_be_lost(self, engine, desk, anna):
        arrive(engine, mail("2", "south", profile=KENTA))
        head = engine.store.head()

        moved = desk.move(anna, "south", reason=WHY, dry_run=True)

        assert ("contact.moved" in moved.done.written, len(moved.elsewhere)) == (True, 1)
        assert engine.store.head() == head
        assert engine.profile(anna).division == "north"

    def test_the_right_is_needed_in_both_divisions(self, engine, anna):
        context = engine.desk.administration
        context.grant("one-sided", "steward", divisions=["north"], new_division=True)
        context.grant("wrong-side", "steward", divisions=["south"], new_division=True)
        context.grant("two-sided", "steward", divisions=["north", "south"], new_division=True)

        with pytest.raises(Denied):
            engine.acting_as("one-sided").divisions.move(anna, "south", reason=WHY)
        with pytest.raises(NotFound):
            engine.acting_as("wrong-side").divisions.move(anna, "south", reason=WHY)
        assert engine.acting_as("two-sided").divisions.move(anna, "south", reason=WHY).done.written

    def test_who_sees_one_division_sees_it_come_or_go(self, engine, desk, anna):
        context = engine.desk.administration
        context.grant("there", "agent", divisions=["north"], new_division=True)
        context.grant("here", "agent", divisions=["south"], new_division=True)
        desk.move(anna, "south", reason=WHY)

        with pytest.raises(NotFound):
            engine.acting_as("there").reading.profile(anna)
        assert engine.acting_as("here").reading.profile(anna).contact_id == anna

    def test_a_deleted_contact_does_not_move(self, engine, desk, anna):
        engine.desk.lifecycle.delete(anna, reason=WHY)

        with pytest.raises(Refused) as refused:
            desk.move(anna, "south", reason=WHY)
        assert refused.value.reason == "deleted"


class TestWhatGoesElsewhere:
    """An interaction lies where its contact is, and is linked within its division only."""

    SAID = ANNA | {"postcode": "10115"}

    @pytest.fixture
    def first(self, engine, anna):
        return engine.profile(anna).interactions[0].interaction_id

    def test_what_was_unlinked_after_the_move_can_be_corrected(self, engine, desk, anna, first):
        desk.move(anna, "south", reason=WHY)
        engine.desk.interactions.unlink(first, reason=WHY)
        assert is_sound(engine)

        arrive(engine, change("c-1", "1", "corrected", identifiers=[email(OTHER)], profile=KENTA))

        assert is_sound(engine)

    def test_what_was_unlinked_after_the_move_stays_there_once_it_is_given(
        self, engine, desk, anna, first
    ):
        desk.move(anna, "south", reason=WHY)
        engine.desk.interactions.unlink(first, reason=WHY)
        fresh = engine.desk.interactions.create_contact(first, reason=WHY).contact_id
        assert engine.profile(fresh).division == "south"
        assert is_sound(engine)

        north, south = arrive(
            engine,
            event("2", channel="form", division="north", profile=self.SAID),
            event("3", channel="form", division="south", profile=self.SAID),
        )
        assert south.contact_id == fresh
        assert north.contact_id not in (fresh, anna)
        desk.move(fresh, "west", reason=WHY, new_division=True)
        assert is_sound(engine)

    def test_what_was_said_in_messages_joins_nobody_where_it_was(self, engine, desk, clock):
        said = {"profile": {"given_name": "Anna"}, "division": "north"}
        (chat,) = arrive(engine, event("chat", phone(), channel="messaging", **said))
        arrive(engine, message("m", "chat", email(MAIL, True)))
        desk.move(chat.contact_id, "south", reason=WHY)
        (there,) = arrive(engine, mail("mail", "north", time="2026-02-03T09:00:00Z"))
        engine.reevaluate()

        assert there.contact_id != chat.contact_id
        assert engine.review() == []
        clock.set(day(3, 3))
        (here,) = arrive(engine, mail("mail 2", "south", time="2026-03-02T09:00:00Z"))
        engine.reevaluate()
        assert here.contact_id == chat.contact_id
        assert is_sound(engine)

    def test_a_contact_that_has_moved_cannot_be_confirmed(self, engine, desk):
        (there,) = arrive(engine, mail("1", "north", profile=KENTA))
        (chat,) = arrive(engine, event("2", phone(), channel="chat", division="north"))
        arrive(engine, message("m-1", "2", email(MAIL, True)))
        desk.move(there.contact_id, "south", reason=WHY)

        with pytest.raises(Refused) as refused:
            engine.desk.reviewing.confirm(chat.interaction_id)
        assert refused.value.reason == "other_division"

    def test_what_comes_late_stays_where_it_came(self, engine, desk, anna):
        desk.move(anna, "south", reason=WHY)
        (late,) = arrive(engine, mail("2", "north", time="2026-02-02T09:00:00Z", profile=self.SAID))
        assert late.contact_id != anna
        assert engine.profile(late.contact_id).division == "north"

        arrive(engine, change("c-1", "2", "corrected", identifiers=[email(OTHER)], profile=KENTA))
        engine.reevaluate()
        assert is_sound(engine)


class TestAcross:
    @pytest.fixture
    def south(self, engine):
        return arrive(engine, mail("2", "south", profile=ANNA))[0].contact_id

    def test_likeness_alone_never_crosses_divisions(self, engine, anna, south):
        engine.reevaluate()

        assert engine.profile(anna).members == (anna,)
        assert engine.desk.reading.across(anna) == []

    def test_it_joins_no_profile_and_is_seen_from_both(self, engine, desk, anna, south):
        profile = unrevised(engine, anna)

        desk.link_across(anna, south, reason=WHY)

        assert unrevised(engine, anna) == profile
        (there,) = engine.desk.reading.across(anna)
        assert (there.contact_id, there.division) == (south, "south")
        assert [one.contact_id for one in engine.desk.reading.across(south)] == [anna]
        assert is_sound(engine)

    def test_it_is_seen_only_with_rights_in_both(self, engine, desk, anna, south):
        desk.link_across(anna, south, reason=WHY)
        engine.desk.administration.grant("there", "agent", divisions=["north"], new_division=True)
        reading = engine.acting_as("there").reading

        assert reading.across(anna) == []
        assert not any("across" in one.topic for one in reading.history(anna))
        assert not any("across" in one.topic for one in reading.how(anna))
        assert any("across" in one.topic for one in engine.history(anna))

    def test_it_needs_rights_in_both(self, engine, anna, south):
        engine.desk.administration.grant("there", "steward", divisions=["north"], new_division=True)

        with pytest.raises(NotFound):
            engine.acting_as("there").divisions.link_across(anna, south, reason=WHY)

    def test_it_is_taken_back_from_either_side(self, engine, desk, anna, south):
        desk.link_across(anna, south, reason=WHY)
        desk.unlink_across(south, anna, reason=WHY)

        assert engine.desk.reading.across(anna) == []
        with pytest.raises(NotYet):
            desk.unlink_across(anna, south, reason=WHY)
        assert is_sound(engine)

    def test_linking_again_from_either_side_writes_nothing(self, engine, desk, anna, south):
        desk.link_across(anna, south, reason=WHY)

        assert desk.link_across(anna, south, reason=WHY).written == ()
        assert desk.link_across(south, anna, reason=WHY).written == ()

    def test_within_a_division_it_is_refused(self, engine, desk, anna):
        (other,) = arrive(engine, event("2", phone(), division="north", profile=KENTA))

        with pytest.raises(Refused) as refused:
            desk.link_across(anna, other.contact_id, reason=WHY)
        assert refused.value.reason == "same_division"

    def test_who_is_gone_is_not_shown(self, engine, desk, anna, south):
        desk.link_across(anna, south, reason=WHY)
        engine.desk.lifecycle.delete(south, reason=WHY)

        assert engine.desk.reading.across(anna) == []
