"""Only a sweep lets contacts expire: by one clock for each set, held off by reasons (GX-10)."""

import pytest

from aggregates.access import Action
from aggregates.case_facts import CaseClosed, CaseOpened
from aggregates.contact import ContactMerged, ContactPromoted, MergeEdge
from aggregates.errors import Refused
from aggregates.values import Stage
from identity_engine.application.operations.contacts import expiry
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import UsageError
from tests.support.interactions import event, message, phone
from tests.support.lifetimes import WHY, change_retention, day, ids, presence
from tests.support.reevaluating import anna_twice
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, mailed, unrevised
from tests.support.soundness import is_sound
from tests.support.world import Clock


@pytest.fixture
def clock():
    return Clock(day(3, 1))


@pytest.fixture
def sweep(engine):
    return engine.desk.lifecycle.sweep


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("1", profile=ANNA))[0].contact_id


class TestTheClock:
    def test_sixty_days_after_the_time_of_the_last_interaction_a_contact_expires(
        self, sweep, clock, engine, anna
    ):
        clock.set(day(4, 2))  # 60 days after 1 February, 09:00, are on 2 April, 09:00
        assert sweep().expired == 0
        clock.set(day(4, 3))
        assert sweep().expired == 1
        assert presence(engine, anna) == "expired"

    def test_a_later_interaction_renews_it(self, sweep, clock, engine, anna):
        arrive(engine, mailed("2", time="2026-02-20T09:00:00Z"))
        clock.set(day(4, 3))

        assert sweep().expired == 0

    def test_one_that_was_moved_away_renews_it_no_longer_though_the_contact_began_with_it(
        self, sweep, clock, engine
    ):
        device = {"type": "cookie", "value": "k-2"}
        namesake = {name: ANNA[name] for name in ("given_name", "family_name")}
        _, began, late = arrive(
            engine,
            event("1", profile=ANNA, time="2026-01-01T00:00:00Z"),
            event("2", phone(), device, time="2026-01-11T01:00:00Z"),
            event("3", device, profile=namesake, time="2026-01-01T00:00:00Z"),
        )
        assert late.contact_id == began.contact_id
        engine.desk.interactions.create_contact(began.interaction_id, reason=WHY)
        clock.set(day(3, 3))

        sweep()
        assert presence(engine, late.contact_id) == "expired"

    def test_what_people_say_of_it_renews_it_neither_at_once_nor_when_it_is_counted_anew(
        self, sweep, clock, engine, anna
    ):
        (late,) = arrive(engine, mailed("0", time="2026-01-01T09:00:00Z"))
        assert late.contact_id == anna
        (born,) = [one for one in engine.profile(anna).interactions if one.id == "1"]
        engine.desk.interactions.unlink(born.interaction_id, reason=WHY)
        engine.desk.identifiers.add(anna, Value("email", "second@gmail.com"))
        assert is_sound(engine)
        change_retention(engine)  # everything is counted anew
        assert is_sound(engine)

        clock.set(day(3, 3))  # 60 days after 1 January, before 60 days after its birth
        assert sweep().expired == 1

    def test_a_message_in_it_renews_it(self, sweep, clock, engine, anna):
        assert arrive(engine, message("m-1", "1", time="2026-02-20T09:00:00Z"))
        clock.set(day(4, 3))
        assert sweep().expired == 0
        assert is_sound(engine)

        change_retention(engine)  # everything is counted anew
        assert sweep().expired == 0
        clock.set(day(4, 22))
        assert sweep().expired == 1

    def test_a_message_to_an_expired_contact_does_not_bring_it_back(
        self, sweep, clock, engine, anna
    ):
        clock.set(day(4, 3))
        sweep()
        arrive(engine, message("m-1", "1", time="2026-04-02T09:00:00Z", identifiers=[phone()]))

        assert presence(engine, anna) == "expired"
        assert engine.profile(anna).identifiers == ()
        assert is_sound(engine)

    def test_an_interaction_that_is_late_does_not_set_it_back(self, sweep, clock, engine, anna):
        arrive(engine, mailed("0", time="2026-01-01T09:00:00Z"))
        clock.set(day(4, 2))

        assert sweep().expired == 0

    def test_a_page_view_does_not_renew_it(self, sweep, clock, engine, anna):
        viewed = mailed("2", time="2026-02-28T09:00:00Z")
        viewed["data"]["channel"] = "page_view"
        assert arrive(engine, viewed)[0].contact_id == anna
        clock.set(day(4, 3))

        assert sweep().expired == 1

    def test_which_channels_renew_is_a_setting_that_counts_for_the_past_too(
        self, sweep, clock, engine, anna
    ):
        arrive(engine, mailed("2", time="2026-02-28T09:00:00Z"))
        clock.set(day(4, 3))
        change_retention(engine, not_meaningful=["email"])
        assert is_sound(engine)
        assert sweep(dry_run=True).expired == 1

        change_retention(engine)
        assert sweep().expired == 0
        assert is_sound(engine)

    def test_how_long_is_a_setting(self, sweep, clock, engine, anna):
        change_retention(engine, expiry_days=10)

        assert sweep().expired == 1
        (fact,) = facts(engine, "contact.expired")
        assert (fact.days, fact.last.isoformat()) == (10, "2026-02-01T09:00:00+00:00")

    def test_a_link_that_goes_takes_its_time_along(self, sweep, clock, engine):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        clock.set(day(6, 1))

        assert sweep().expired == 1
        assert {presence(engine, one.contact_id) for one in (first, second)} == {"expired"}
        assert is_sound(engine)

    def test_a_set_has_one_clock(self, sweep, clock, engine):
        first, second, _ = anna_twice(engine)
        engine.reevaluate()
        arrive(engine, event("4", phone(), time="2026-02-25T09:00:00Z", profile=ANNA))
        engine.reevaluate()
        clock.set(day(4, 10))

        swept = sweep()

        assert (swept.expired, swept.held_off) == (0, {})
        assert presence(engine, first.contact_id) == presence(engine, second.contact_id) == "live"

    def test_the_future_is_refused(self, sweep, anna):
        with pytest.raises(UsageError):
            sweep(day(12, 31))


class TestWhatHoldsItOff:
    def curate(self, engine, contact_id):
        with engine.desk.lifecycle.under(Action.CONTACT_EDIT).command() as command:
            command.contact(contact_id)
            command.write(contact_id, ContactPromoted(stage_before=Stage.EPHEMERAL))

    def merge(self, engine, one, other):
        with engine.desk.lifecycle.under(Action.CONTACT_EDIT).command() as command:
            command.contacts([one, other])
            edges = (MergeEdge(one=one, other=other),)
            command.write(one, ContactMerged(merge_id=command.new_id(), edges=edges))

    def test_a_curated_contact_never_expires(self, sweep, clock, engine, anna):
        self.curate(engine, anna)
        clock.set(day(12, 31))

        assert sweep().expired == 0
        assert is_sound(engine)

    def test_a_curated_member_keeps_its_set(self, sweep, clock, engine, anna):
        (other,) = arrive(engine, event("2", phone(), profile=KENTA))
        self.curate(engine, other.contact_id)
        self.merge(engine, anna, other.contact_id)
        clock.set(day(12, 31))

        assert sweep().expired == 0

    def test_a_merge_by_a_person_keeps_its_set(self, sweep, clock, engine, anna):
        (other,) = arrive(engine, event("2", phone(), profile=KENTA))
        self.merge(engine, anna, other.contact_id)
        clock.set(day(12, 31))

        swept = sweep()

        assert (swept.expired, swept.held_off) == (0, {"merged_by_person": 1})

    def test_a_legal_hold_keeps_it_until_it_is_lifted(self, sweep, clock, engine, anna):
        engine.desk.lifecycle.set_hold(anna, reason="case 4 O 12/26")
        clock.set(day(12, 31))
        assert sweep().held_off == {"legal_hold": 1}

        engine.desk.lifecycle.lift_hold(anna, reason="settled")

        assert sweep().expired == 1

    @pytest.mark.parametrize("opened", ["contact", "interaction"])
    def test_a_case_that_is_not_closed_keeps_it(self, sweep, clock, engine, opened):
        (one,) = arrive(engine, mailed("1", profile=ANNA))
        whose = {
            "contact": {"contact_id": one.contact_id},
            "interaction": {"interaction_id": one.interaction_id},
        }[opened]
        with engine.desk.lifecycle.under(Action.CASE_EDIT).command() as command:
            case = command.new_id()
            command.write(case, CaseOpened(number=1, division="default", place="contact", **whose))
        clock.set(day(12, 31))
        assert sweep().held_off == {"case_open": 1}

        with engine.desk.lifecycle.under(Action.CASE_EDIT).command() as command:
            command.reader.load_cases({case})
            command.write(case, CaseClosed(cause="hand"))

        assert sweep().expired == 1

    def test_looking_editing_and_importing_do_not_renew_it(self, sweep, clock, engine, anna):
        engine.profile(anna)
        engine.search("anna")
        arrive(engine, mailed("1", profile=ANNA))  # sent again
        clock.set(day(4, 3))

        assert sweep().expired == 1


class TestTheSweep:
    def many(self, engine, count=7):
        numbers = [event(str(n), phone(f"+8131234{n:04}")) for n in range(count)]
        return [one.contact_id for one in arrive(engine, *numbers)]

    def test_only_the_sweep_expires(self, engine, clock, anna):
        clock.set(day(12, 31))
        arrive(engine, event("2", phone(), profile=KENTA))
        engine.reevaluate()

        assert presence(engine, anna) == "live"
        assert facts(engine, "contact.expired") == []

    def test_a_dry_run_writes_nothing(self, sweep, engine, clock, anna):
        clock.set(day(4, 3))
        head = engine.store.head()

        assert sweep(dry_run=True).expired == 1
        assert engine.store.head() == head
        assert presence(engine, anna) == "live"

    def test_it_works_in_batches_and_goes_on_where_it_was_stopped(
        self, sweep, engine, clock, monkeypatch
    ):
        contacts = self.many(engine)
        monkeypatch.setattr(expiry, "BATCH", 2)
        clock.set(day(4, 3))

        def stop(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sweep(progress=stop)
        assert sorted(presence(engine, one) for one in contacts) == ["expired"] * 2 + ["live"] * 5
        assert sweep().expired == 5
        assert sweep().expired == 0
        assert is_sound(engine)

    def test_an_interaction_that_came_since_wins(self, sweep, engine, clock, monkeypatch):
        contacts = self.many(engine)
        monkeypatch.setattr(expiry, "BATCH", 2)
        clock.set(day(4, 3))
        came = []

        def call_again(_):
            if not came:
                again = event("again", phone("+81312340006"), time="2026-04-02T09:00:00Z")
                came.extend(arrive(engine, again))

        swept = sweep(progress=call_again)

        assert came[0].contact_id == contacts[6]
        assert swept.expired == 6
        assert presence(engine, contacts[6]) == "live"

    def test_the_rules_are_the_actor(self, sweep, engine, clock, anna):
        clock.set(day(4, 3))
        sweep()

        (entry,) = [one for one in engine.history(anna) if one.topic == "contact.expired"]
        assert entry.actor.startswith("policy:")

    def test_only_divisions_of_the_actor_are_swept(self, engine, clock):
        north, south = arrive(
            engine,
            event("1", phone("+81312340001"), division="north"),
            event("2", phone("+81312340002"), division="south"),
        )
        context = engine.desk.administration
        context.define_role("sweeper", ["operations:redrive"])
        context.grant("night", "sweeper", divisions=["north"])
        clock.set(day(4, 3))

        assert engine.acting_as("night").lifecycle.sweep().expired == 1
        assert presence(engine, north.contact_id) == "expired"
        assert presence(engine, south.contact_id) == "live"


class TestExpired:
    @pytest.fixture
    def gone(self, engine, sweep, clock, anna):
        clock.set(day(4, 3))
        assert sweep().expired == 1
        return anna

    def test_the_id_answers_that_it_expired_and_when(self, engine, gone):
        profile = engine.profile(gone)

        assert (profile.presence, profile.since[:10]) == ("expired", "2026-04-03")
        assert (profile.fields, profile.identifiers, profile.interactions) == ({}, (), ())

    def test_it_is_not_found_unless_asked_for(self, engine, gone):
        assert engine.search("anna") == []
        assert ids(engine.search("anna", presences=["expired"])) == [gone]
        assert engine.counts() == {"in review": 0}

    def test_its_past_can_be_seen(self, engine, gone):
        then = engine.profile(gone, "2026-04-02")

        assert then.presence == "live"
        assert [one.value for one in then.identifiers] == [MAIL]

    def test_an_interaction_that_comes_later_makes_a_new_contact(self, engine, gone):
        (new,) = arrive(engine, mailed("2", time="2026-04-02T09:00:00Z", profile=ANNA))

        assert new.contact_id != gone
        assert new.decision == "none"
        assert [one.value for one in engine.profile(new.contact_id).identifiers] == [MAIL]

    def test_reevaluation_does_not_touch_it(self, engine, gone):
        (new,) = arrive(engine, mailed("2", time="2026-04-02T09:00:00Z", profile=ANNA))
        engine.request_reevaluation()

        done = engine.reevaluate()

        assert (done.merged, done.moved) == (0, 0)
        assert engine.profile(new.contact_id).members == (new.contact_id,)
        assert is_sound(engine)

    def test_it_comes_back_whole_and_waits_anew(self, engine, clock, sweep, gone):
        before = unrevised(engine, gone, "2026-04-02")
        clock.set(day(4, 20))

        restored = engine.desk.lifecycle.restore(gone)

        assert restored.elsewhere == ()
        assert unrevised(engine, gone) == before
        assert sweep().expired == 0
        clock.set(day(6, 20))
        assert sweep().expired == 1

    def test_after_the_days_it_cannot_come_back_and_is_due_for_destruction(
        self, engine, clock, gone
    ):
        clock.set(day(5, 2))
        assert engine.desk.lifecycle.due_for_destruction() == []
        clock.set(day(5, 4))

        with pytest.raises(Refused) as refused:
            engine.desk.lifecycle.restore(gone)
        assert refused.value.reason == "restore_period_over"
        (due,) = engine.desk.lifecycle.due_for_destruction()
        assert (due.canonical_id, due.presence) == (gone, "expired")

    def test_a_legal_hold_keeps_what_expired_from_destruction(self, engine, clock, gone):
        engine.desk.lifecycle.set_hold(gone, reason=WHY)
        clock.set(day(7, 1))

        assert engine.desk.lifecycle.due_for_destruction() == []
