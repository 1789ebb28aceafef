"""Merges by hand: seen before, all or nothing, and nothing is lost by one (GX-3, GX-3m)."""

import pytest

from aggregates.errors import AlreadyDone, Refused
from identity_engine.errors import Denied, NotFound, UsageError
from tests.support.interactions import customer, email, event
from tests.support.merging import (
    NAMES,
    all_of,
    guest,
    is_one,
    known,
    numbered,
    promote,
    shown,
    vouched,
)
from tests.support.resolving import arrive, facts
from tests.support.soundness import is_sound

WHY = "She told us."


def refusal(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.reason


class TestTheResult:
    def test_shows_what_all_of_them_had(self, engine):
        anna = known(engine, "anna", city="Berlin")
        bert = known(engine, "bert", day=2, city="Tokyo")
        cleo = known(engine, "cleo", day=3)

        merged = engine.desk.merging.merge([anna, bert, cleo], reason="One household of one.")

        profile = engine.profile(cleo)
        assert profile.members == (anna, bert, cleo) == merged.members
        assert profile.contact_id == anna == merged.done.contact_id
        assert shown(profile)["city"] == ["Tokyo", "Berlin"]
        assert {one.value for one in profile.identifiers} == {
            f"{name}@shop.example" for name in ("anna", "bert", "cleo")
        }
        assert len(profile.interactions) == 3
        assert is_sound(engine)

    def test_is_said_with_what_was_written(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        assert merged.done.written == ("contact.merged",)
        assert merged.done.position == engine.store.head()

    def test_a_value_that_all_have_is_shown_once_with_every_origin(self, engine):
        anna = known(engine, "anna", city="Berlin")
        bert = known(engine, "bert", city="Berlin")

        engine.desk.merging.merge([anna, bert], reason=WHY)

        (city,) = engine.profile(anna).fields["city"]
        assert {origin.id for origin in city.origins} == {"anna-1", "bert-1"}

    def test_the_random_new_record_never_survives_instead_of_the_curated_one(self, engine):
        guest_ = guest(engine, "call", day=1)
        curated = vouched(engine, "anna", day=20)

        engine.desk.merging.merge([guest_, curated], reason=WHY)

        assert engine.profile(guest_).contact_id == curated
        assert engine.profile(guest_).stage == "curated"

    def test_the_survivor_that_a_person_names_stands_for_all(self, engine):
        anna, guest_ = vouched(engine, "anna"), guest(engine, "call", day=9)
        merged = engine.desk.merging.merge([anna, guest_], survivor=guest_, reason=WHY)
        assert merged.done.contact_id == engine.profile(anna).contact_id == guest_

    def test_of_equally_known_ones_the_earliest_survives(self, engine):
        late, early = known(engine, "anna", day=9), known(engine, "bert", day=2)
        assert engine.desk.merging.merge([late, early], reason=WHY).done.contact_id == early

    def test_a_merged_id_is_never_not_found(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
        engine.desk.merging.merge([anna, bert], reason=WHY)

        assert engine.profile(bert).contact_id == anna
        assert engine.history(bert)
        assert engine.how(bert)
        assert [one.contact_id for one in engine.search("bertson")] == [anna]

    def test_merge_loses_no_claim_link_note_or_time_line(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
        before = all_of(engine, anna, bert)
        entries = {one: {e.event_id for e in engine.history(one)} for one in (anna, bert)}

        engine.desk.merging.merge([anna, bert], reason=WHY)

        profile = engine.profile(anna)
        for one in before.values():
            assert set(one.identifiers) <= set(profile.identifiers)
            assert set(one.interactions) <= set(profile.interactions)
        merged = {entry.event_id for entry in engine.history(anna)}
        assert entries[anna] | entries[bert] <= merged

    def test_the_reason_is_personal_and_told_in_the_history(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.merging.merge([anna, bert], reason="Frau Annason heisst jetzt so.")
        (told,) = [one for one in engine.history(bert) if one.topic == "contact.merged"]
        assert told.personal["reason"] == "Frau Annason heisst jetzt so."
        assert "Annason" not in told.summary

    def test_an_id_that_was_merged_earlier_is_taken_and_kept_in_the_edge(self, engine):
        anna, bert, cleo = (known(engine, name, day=n) for n, name in enumerate(NAMES[:3], 1))
        engine.desk.merging.merge([anna, bert], reason=WHY)

        engine.desk.merging.merge([cleo, bert], reason=WHY)

        edge = facts(engine, "contact.merged")[-1].edges[0]
        assert {edge.one, edge.other} == {bert, cleo}
        assert is_one(engine, anna, bert, cleo)

    def test_the_revision_of_every_member_rises(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        before = revisions(engine)
        engine.desk.merging.merge([anna, bert], reason=WHY)
        after = revisions(engine)
        assert after[anna] == after[bert] > max(before[anna], before[bert])

    def test_twenty_five_are_merged_at_once_and_no_more(self, engine):
        people = [known(engine, f"p{n:02}") for n in range(26)]
        assert refusal(engine.desk.merging.merge, people, reason=WHY) == "too_many"
        engine.desk.merging.merge(people[:25], reason=WHY)
        assert len(engine.profile(people[0]).members) == 25

    def test_no_set_is_larger_than_the_settings_allow(self, engine):
        people = [known(engine, f"p{n:02}") for n in range(53)]
        engine.desk.merging.merge(people[:25], reason=WHY)
        engine.desk.merging.merge(people[25:50], reason=WHY)
        ends = [people[0], people[25], people[50]]

        assert (
            refusal(engine.desk.merging.merge, [*ends, people[51], people[52]], reason=WHY)
            == "too_large"
        )
        engine.desk.merging.merge([*ends, people[51]], reason=WHY)
        assert len(engine.profile(people[0]).members) == 52


def revisions(engine):
    with engine.store.reading() as cursor:
        cursor.execute("SELECT lower(hex(contact_id)), revision FROM contact")
        rows = cursor.fetchall()
    return {
        "-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:])): revision for h, revision in rows
    }


class TestChoices:
    def test_a_chosen_value_wins_over_survivorship_and_the_other_stays_visible(self, engine):
        anna = known(engine, "anna", city="Berlin")
        bert = known(engine, "bert", day=2, city="Tokyo")
        engine.desk.merging.merge([anna, bert], choices={"city": "Berlin"}, reason=WHY)
        assert shown(engine.profile(bert))["city"] == ["Berlin", "Tokyo"]

    def test_the_choice_goes_with_the_merge(self, engine):
        anna = known(engine, "anna", city="Berlin")
        known(engine, "anna", day=2, city="Tokyo")
        bert = known(engine, "bert", day=3)
        merged = engine.desk.merging.merge([anna, bert], choices={"city": "Berlin"}, reason=WHY)

        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)

        assert shown(engine.profile(anna))["city"] == ["Tokyo", "Berlin"]

    def test_a_value_that_nobody_has_is_refused_and_not_repeated(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        with pytest.raises(UsageError) as refused:
            engine.desk.merging.merge([anna, bert], choices={"city": "Atlantis"}, reason=WHY)
        assert "Atlantis" not in str(refused.value)
        assert not facts(engine, "contact.merged")


class TestRefusals:
    def test_a_self_merge_never_destroys_the_contact(self, engine):
        anna = known(engine, "anna")
        before = engine.profile(anna)
        assert refusal(engine.desk.merging.merge, [anna, anna], reason=WHY) == "self_merge"
        assert engine.profile(anna) == before

    def test_a_merge_within_one_contact(self, engine):
        anna, bert, cleo = (known(engine, name) for name in NAMES[:3])
        engine.desk.merging.merge([anna, bert], reason=WHY)
        assert refusal(engine.desk.merging.merge, [anna, bert], reason=WHY) == "already_one"
        assert refusal(engine.desk.merging.merge, [cleo, anna, bert], reason=WHY) == "already_one"
        assert not is_one(engine, anna, cleo)

    def test_people_who_were_told_apart_until_that_is_lifted(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.telling_apart.tell(anna, bert, reason="Father and son.")
        assert refusal(engine.desk.merging.merge, [anna, bert], reason=WHY) == "told_apart"

        engine.desk.telling_apart.lift(anna, bert, reason=WHY)

        engine.desk.merging.merge([anna, bert], reason=WHY)
        assert is_one(engine, anna, bert)

    def test_telling_apart_holds_for_all_members_of_both(self, engine):
        anna, bert, cleo, dora = (known(engine, name) for name in NAMES[:4])
        engine.desk.merging.merge([anna, bert], reason=WHY)
        engine.desk.merging.merge([cleo, dora], reason=WHY)
        engine.desk.telling_apart.tell(anna, cleo, reason=WHY)

        assert refusal(engine.desk.merging.merge, [bert, dora], reason=WHY) == "told_apart"

        engine.desk.telling_apart.lift(bert, dora, reason=WHY)
        engine.desk.merging.merge([bert, dora], reason=WHY)

    def test_two_curated_contacts_unless_the_person_confirms(self, engine):
        anna, bert = vouched(engine, "anna"), vouched(engine, "bert")
        assert refusal(engine.desk.merging.merge, [anna, bert], reason=WHY) == "both_curated"
        assert engine.desk.merging.preview([anna, bert]).needs_confirmation

        engine.desk.merging.merge([anna, bert], confirmed=True, reason=WHY)

        assert is_one(engine, anna, bert)

    def test_contacts_of_two_divisions(self, engine):
        anna = known(engine, "anna")
        north = event("n", email("n@shop.example"), channel="email", division="north")
        (other,) = arrive(engine, north)
        assert (
            refusal(engine.desk.merging.merge, [anna, other.contact_id], reason=WHY)
            == "other_division"
        )

    def test_a_survivor_who_is_none_of_them(self, engine):
        anna, bert, cleo = (known(engine, name) for name in NAMES[:3])
        asked = {"survivor": cleo}
        assert (
            refusal(engine.desk.merging.merge, [anna, bert], **asked, reason=WHY)
            == "unknown_survivor"
        )

    def test_an_unknown_id_and_a_single_one(self, engine):
        anna = known(engine, "anna")
        with pytest.raises(NotFound):
            engine.desk.merging.merge([anna, "019b1c3e-7c5a-7000-8000-0123456789ab"], reason=WHY)
        with pytest.raises(UsageError):
            engine.desk.merging.merge([anna], reason=WHY)

    def test_an_actor_without_the_right_and_the_refusal_is_recorded(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        with pytest.raises(Denied):
            engine.acting_as("agent-7").merging.merge([anna, bert], reason=WHY)
        (refused,) = facts(engine, "access.refused")
        assert refused.action == "identity:merge"

    def test_one_refused_pair_refuses_all_and_nothing_is_written(self, engine):
        anna, bert, cleo = (known(engine, name) for name in NAMES[:3])
        engine.desk.telling_apart.tell(bert, cleo, reason=WHY)
        head = engine.store.head()
        assert refusal(engine.desk.merging.merge, [anna, bert, cleo], reason=WHY) == "told_apart"
        assert engine.store.head() == head

    def test_the_preview_lists_every_objection_and_promises_nothing(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.telling_apart.tell(anna, bert, reason=WHY)
        preview = engine.desk.merging.preview([anna, bert, anna])
        assert [one.reason for one in preview.objections] == [
            "self_merge",
            "told_apart",
            "told_apart",
        ]
        assert (preview.token, preview.profile) == (None, None)


class TestThePreview:
    def test_is_exactly_the_result(self, engine):
        anna = known(engine, "anna", city="Berlin")
        bert = known(engine, "bert", day=2, city="Tokyo")
        cleo = guest(engine, "call", day=3, city="Paris")
        dora = known(engine, "dora", day=4)
        engine.desk.merging.merge([bert, dora], reason=WHY)
        asked = {"survivor": dora, "choices": {"city": "Berlin"}}

        preview = engine.desk.merging.preview([anna, bert, cleo], **asked)
        engine.desk.merging.merge([anna, bert, cleo], **asked, token=preview.token, reason=WHY)

        assert engine.profile(anna) == preview.profile
        assert preview.contact_id == dora

    def test_writes_nothing(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        before, head = all_of(engine, anna, bert), engine.store.head()
        engine.desk.merging.preview([anna, bert])
        assert all_of(engine, anna, bert) == before
        assert engine.store.head() == head
        assert is_sound(engine)

    def test_shows_where_they_say_different_things_and_what_survives(self, engine):
        anna = known(engine, "anna", city="Berlin", country="DE")
        bert = known(engine, "bert", day=2, city="Tokyo", country="DE")

        conflicts = {c.field: c for c in engine.desk.merging.preview([anna, bert]).conflicts}

        assert set(conflicts) == {"city", "given_name", "family_name"}
        assert conflicts["city"].values == {anna: "Berlin", bert: "Tokyo"}
        assert conflicts["city"].survives == "Tokyo"

    @pytest.mark.parametrize("change", ["interaction", "promotion", "merge"])
    def test_a_merge_is_refused_if_a_member_changed_since_the_preview(self, engine, change):
        anna, bert, cleo = (known(engine, name) for name in NAMES[:3])
        token = engine.desk.merging.preview([anna, bert]).token
        if change == "interaction":
            known(engine, "bert", day=5, city="Tokyo")
        elif change == "promotion":
            promote(engine, bert)
        else:
            engine.desk.merging.merge([bert, cleo], reason=WHY)

        assert (
            refusal(engine.desk.merging.merge, [anna, bert], token=token, reason=WHY) == "changed"
        )

    def test_the_token_holds_for_what_was_previewed_only(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        token = engine.desk.merging.preview([anna, bert]).token
        asked = {"survivor": bert, "token": token}
        assert refusal(engine.desk.merging.merge, [anna, bert], **asked, reason=WHY) == "changed"

    def test_what_happens_to_others_does_not_spend_the_token(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        token = engine.desk.merging.preview([anna, bert]).token
        known(engine, "cleo")
        engine.desk.merging.merge([bert, anna], token=token, reason=WHY)
        assert is_one(engine, anna, bert)


def test_a_call_card_and_yesterdays_mail_card_are_found_by_search_and_merged_into_one(engine):
    said = {"given_name": "Anna", "family_name": "Berger"}
    yesterday = {"time": "2026-02-01T18:00:00Z", "profile": said}
    mail = event("mail", email("anna@shop.example"), channel="email", **yesterday)
    mail_card = arrive(engine, mail)[0].contact_id
    call = guest(engine, "call", day=2, **said)
    found = [one.contact_id for one in engine.search("anna berger")]
    assert sorted(found) == sorted((call, mail_card))

    engine.desk.merging.merge(found, reason=WHY)

    (one,) = engine.search("anna berger")
    profile = engine.profile(one.contact_id)
    assert {held.type for held in profile.identifiers} == {"phone", "email"}
    assert {said.channel for said in profile.interactions} == {"voice", "email"}


def test_both_customer_numbers_of_a_merged_contact_still_lead_to_it(engine):
    anna, bert = numbered(engine, "anna", "C-1"), numbered(engine, "bert", "C-2")
    engine.desk.merging.merge([anna, bert], reason=WHY)

    again = arrive(engine, event("x", customer("C-1")), event("y", customer("C-2")))

    assert [one.contact_id for one in again] == [anna, anna]
    links = facts(engine, "interaction.linked")[-2:]
    assert [one.contact_id for one in links] == [anna, bert]


def test_undoing_what_is_not_there_is_said(engine):
    with pytest.raises(NotFound):
        engine.desk.unmerging.unmerge("019b1c3e-7c5a-7000-8000-0123456789ab", reason=WHY)
    anna, bert = known(engine, "anna"), known(engine, "bert")
    merged = engine.desk.merging.merge([anna, bert], reason=WHY)
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
    with pytest.raises(AlreadyDone, match="nothing to undo"):
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
