"""Any merge is taken back, in any order, at any time, whole or one member of it (GX-3u, GX-17)."""

from datetime import timedelta
from itertools import permutations

import pytest

from aggregates.errors import AlreadyDone, NotYet, Refused
from identity_engine import Engine
from identity_engine.errors import NotFound, UsageError
from tests.support.interactions import customer, email, event, phone
from tests.support.merging import NAMES, all_of, guest, is_one, known, state_of, vouched
from tests.support.resolving import MAIL, arrive, change_channel, facts, mailed, unrevised
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

WHY = "She told us."
LATE = "2026-03-01T09:00:00Z"


def login(value):
    """A name to sign in with, which one person alone can hold."""
    return {"type": "login_id", "value": value, "verified": True}


def five(engine):
    return [known(engine, name, day=day, city=name) for day, name in enumerate(NAMES, 1)]


class TestWhole:
    def test_each_contact_has_again_what_it_had_and_the_views_show_no_trace(self, engine):
        people = five(engine)
        before, state = all_of(engine, *people), state_of(engine)
        merged = engine.desk.merging.merge(people, choices={"city": "bert"}, reason=WHY)

        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)

        assert all_of(engine, *people) == before
        assert state_of(engine) == state
        assert is_sound(engine)

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_any_order_of_undoing_leaves_what_the_other_merges_say(self, order):
        with Engine.in_memory(world()) as engine:
            anna, bert, cleo, dora, emil = five(engine)
            start = state_of(engine)
            pairs = [(anna, bert), (cleo, bert), (dora, emil, anna)]
            merges = [engine.desk.merging.merge(list(pair), reason=WHY).merge_id for pair in pairs]
            left = dict(zip(merges, pairs, strict=True))
            for place in order:
                engine.desk.unmerging.unmerge(merges[place], told_apart=False, reason=WHY)
                del left[merges[place]]
                for pair in pairs:
                    joined = {one for kept in left.values() for one in kept}
                    assert is_one(engine, *pair) == (pair in left.values()), (order, joined)
            assert state_of(engine) == start
            assert is_sound(engine)

    def test_a_merge_made_after_it_stays(self, engine):
        anna, bert, cleo = five(engine)[:3]
        first = engine.desk.merging.merge([anna, bert], reason=WHY)
        engine.desk.merging.merge([bert, cleo], reason=WHY)

        engine.desk.unmerging.unmerge(first.merge_id, reason=WHY)

        assert is_one(engine, bert, cleo)
        assert not is_one(engine, anna, bert)

    def test_the_stage_is_each_contacts_own_again(self, engine):
        curated, other = vouched(engine, "anna"), guest(engine, "call", day=2)
        merged = engine.desk.merging.merge([curated, other], reason=WHY)
        assert engine.profile(other).stage == "curated"
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert engine.profile(other).stage == "ephemeral"

    def test_an_unmerge_never_silently_does_nothing(self, engine):
        anna, bert = five(engine)[:2]
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        undone = engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert set(undone.parts) == {anna, bert}
        assert undone.done.written[0] == "contact.unmerged"
        with pytest.raises(AlreadyDone, match="nothing to undo"):
            engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        with pytest.raises(NotFound):
            engine.desk.unmerging.unmerge(anna, reason=WHY)

    def test_a_merge_that_the_engine_made_is_undone_and_its_stage_falls(self, engine):
        one, other = merged_by_the_engine(engine)
        assert engine.profile(one).stage == "identified"
        (merge,) = facts(engine, "contact.merged")

        engine.desk.unmerging.unmerge(merge.merge_id, reason=WHY)

        assert not is_one(engine, one, other)
        assert {engine.profile(id_).stage for id_ in (one, other)} == {"ephemeral"}
        assert is_sound(engine)


def merged_by_the_engine(engine):
    """Two contacts of one address that nobody looked at on arrival; re-evaluation makes them one."""
    change_channel(engine, "email", resolve=False)
    arrived = arrive(engine, mailed("1"), mailed("2"))
    engine.reevaluate()
    return tuple(one.contact_id for one in arrived)


class TestOneMember:
    @pytest.mark.parametrize("place", range(4))
    def test_the_one_who_leaves_is_alone_and_the_rest_stays_one(self, place):
        with Engine.in_memory(world()) as engine:
            people = five(engine)[:4]
            before = all_of(engine, *people)
            merged = engine.desk.merging.merge(people, reason=WHY)
            leaving = people.pop(place)

            engine.desk.unmerging.unmerge(merged.merge_id, member=leaving, reason=WHY)

            assert unrevised(engine, leaving) == before[leaving]
            assert is_one(engine, *people)
            assert len(engine.profile(people[0]).members) == 3
            assert is_sound(engine)

    def test_one_after_the_other_leaves_nothing(self, engine):
        people = five(engine)
        state = state_of(engine)
        merged = engine.desk.merging.merge(people, survivor=people[2], reason=WHY)
        for leaving in (people[2], people[0], people[4], people[1]):
            engine.desk.unmerging.unmerge(merged.merge_id, member=leaving, reason=WHY)
        assert state_of(engine) == state
        with pytest.raises(AlreadyDone):
            engine.desk.unmerging.unmerge(merged.merge_id, member=people[3], reason=WHY)

    def test_the_rest_can_be_undone_later_by_the_same_id(self, engine):
        people = five(engine)
        before = all_of(engine, *people)
        merged = engine.desk.merging.merge(people, reason=WHY)
        engine.desk.unmerging.unmerge(merged.merge_id, member=people[0], reason=WHY)
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert all_of(engine, *people) == before

    def test_what_other_merges_joined_to_the_member_goes_along(self, engine):
        anna, bert, cleo, dora, emil = five(engine)
        engine.desk.merging.merge([cleo, emil], reason=WHY)
        merged = engine.desk.merging.merge([anna, bert, cleo], reason=WHY)
        engine.desk.merging.merge([dora, cleo], reason=WHY)

        engine.desk.unmerging.unmerge(merged.merge_id, member=emil, reason=WHY)

        assert is_one(engine, cleo, dora, emil)
        assert is_one(engine, anna, bert)
        assert not is_one(engine, anna, cleo)

    def test_a_contact_that_this_merge_did_not_join_is_refused(self, engine):
        anna, bert, cleo = five(engine)[:3]
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        with pytest.raises(Refused, match="did not join"):
            engine.desk.unmerging.unmerge(merged.merge_id, member=cleo, reason=WHY)


class TestNeverAgain:
    """The pain: an unmerged pair is fused again by the matcher."""

    def fused(self, engine):
        one, other = merged_by_the_engine(engine)
        assert is_one(engine, one, other)
        return one, other, facts(engine, "contact.merged")[-1].merge_id

    def test_an_unmerged_pair_is_not_fused_again_by_the_matcher(self, engine):
        one, other, merge_id = self.fused(engine)
        engine.desk.unmerging.unmerge(merge_id, reason="Father and son.")

        engine.request_reevaluation()
        engine.reevaluate()

        assert not is_one(engine, one, other)

    def test_nor_by_what_arrives_later_nor_by_an_import_of_it_all(self, engine):
        one, other, merge_id = self.fused(engine)
        engine.desk.unmerging.unmerge(merge_id, reason=WHY)

        arrive(engine, event("3", email(MAIL, verified=True), channel="import"))
        engine.reevaluate()

        assert not is_one(engine, one, other)

    def test_one_that_was_not_told_apart_is_judged_by_the_evidence_again(self, engine):
        one, other, merge_id = self.fused(engine)
        engine.desk.unmerging.unmerge(merge_id, told_apart=False, reason=WHY)
        assert not is_one(engine, one, other)

        engine.reevaluate()

        assert is_one(engine, one, other)

    def test_lifting_lets_the_rules_decide_again(self, engine):
        one, other, merge_id = self.fused(engine)
        engine.desk.unmerging.unmerge(merge_id, reason=WHY)
        engine.reevaluate()

        engine.desk.telling_apart.lift(other, one, reason=WHY)
        engine.reevaluate()

        assert is_one(engine, one, other)

    def test_all_parts_of_a_merge_of_many_are_told_apart_from_each_other(self, engine):
        people = five(engine)[:3]
        merged = engine.desk.merging.merge(people, reason=WHY)
        undone = engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert len(undone.told_apart) == 3
        for pair in ((0, 1), (1, 2), (0, 2)):
            with pytest.raises(Refused) as refused:
                engine.desk.merging.merge([people[place] for place in pair], reason=WHY)
            assert refused.value.reason == "told_apart"


class TestThePreview:
    def test_is_exactly_the_result(self, engine):
        people = five(engine)
        merged = engine.desk.merging.merge(people, choices={"city": "bert"}, reason=WHY)

        for member in (people[0], None):
            preview = engine.desk.unmerging.preview(merged.merge_id, member=member)
            undone = engine.desk.unmerging.unmerge(
                merged.merge_id, member=member, token=preview.token, reason=WHY
            )
            assert tuple(one.contact_id for one in preview.parts) == undone.parts
            assert preview.told_apart == undone.told_apart
            for part in preview.parts:
                assert engine.profile(part.contact_id) == part

    def test_writes_nothing(self, engine):
        anna, bert = five(engine)[:2]
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        head = engine.store.head()
        engine.desk.unmerging.preview(merged.merge_id)
        assert engine.store.head() == head

    def test_an_unmerge_is_refused_if_a_member_changed_since(self, engine):
        anna, bert = five(engine)[:2]
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        token = engine.desk.unmerging.preview(merged.merge_id).token
        known(engine, "bert", day=9)
        with pytest.raises(Refused) as refused:
            engine.desk.unmerging.unmerge(merged.merge_id, token=token, reason=WHY)
        assert refused.value.reason == "changed"


class TestMeanwhile:
    def given(self, engine):
        anna, bert = five(engine)[:2]
        merged = engine.desk.merging.merge([anna, bert], reason=WHY)
        (call,) = arrive(engine, event("call", phone()))
        engine.desk.interactions.associate(call.interaction_id, anna, reason=WHY)
        (position,) = [
            one.position
            for one in engine.history(anna)
            if one.topic == "interaction.linked" and one.actor == "owner"
        ]
        return anna, bert, merged.merge_id, position

    def test_what_a_person_wrote_on_the_survivor_is_listed(self, engine):
        _, _, merge_id, position = self.given(engine)
        known(engine, "anna", day=9)  # by the rules: it names its contact by its evidence
        listed = engine.desk.unmerging.preview(merge_id).meanwhile
        (one,) = [event for event in listed if event.is_movable]
        assert (one.position, one.topic, one.actor) == (position, "interaction.linked", "owner")
        assert {event.actor for event in listed} == {"owner"}

    def test_it_stays_with_the_survivor_unless_it_is_moved(self, engine):
        anna, bert, merge_id, position = self.given(engine)
        preview = engine.desk.unmerging.preview(merge_id, move={position: bert})

        engine.desk.unmerging.unmerge(merge_id, move={position: bert}, reason=WHY)

        assert {one.id for one in engine.profile(bert).interactions} == {"bert-2", "call"}
        assert {one.id for one in engine.profile(anna).interactions} == {"anna-1"}
        assert {part.contact_id for part in preview.parts} == {anna, bert}
        assert all(engine.profile(part.contact_id) == part for part in preview.parts)
        assert is_sound(engine)

    @pytest.mark.parametrize("wrong", ["position", "target"])
    def test_what_cannot_be_moved_is_refused_and_nothing_is_undone(self, engine, wrong):
        anna, bert, merge_id, position = self.given(engine)
        move = {1: bert} if wrong == "position" else {position: known(engine, "zoe")}
        with pytest.raises(UsageError):
            engine.desk.unmerging.unmerge(merge_id, move=move, reason=WHY)
        assert is_one(engine, anna, bert)


class TestAsIfItHadNeverBeen:
    """What the rules write while contacts are one is written on the member that it is about."""

    def test_a_second_exact_interaction_identifies_the_member_that_it_links_to(self, engine):
        curated, caller = vouched(engine, "anna"), guest(engine, "call")
        merged = engine.desk.merging.merge([curated, caller], reason=WHY)
        guest(engine, "again", day=2)
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert engine.profile(caller).stage == "identified"

    def test_a_link_goes_to_the_holder_of_the_identifier_not_to_the_most_alike_member(self, engine):
        said = {"given_name": "Kenta", "family_name": "Moriyama", "postcode": "10115"}
        holder = known(engine, "anna")
        alike = guest(engine, "call", **said)
        merged = engine.desk.merging.merge([holder, alike], reason=WHY)
        arrive(engine, event("m", email("anna@shop.example"), channel="email", profile=said))
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        assert "m" in {one.id for one in engine.profile(holder).interactions}

    def test_a_doubt_stays_with_the_contact_that_it_is_about(self, engine):
        anna = known(engine, "anna")
        (bert,) = arrive(engine, event("b", customer("C-1"), login("L-1"), time=LATE))
        engine.desk.merging.merge([anna, bert.contact_id], reason=WHY)

        arrive(engine, event("x", customer("C-1"), login("L-2"), time=LATE))

        assert engine.profile(bert.contact_id).contact_id == anna
        assert facts(engine, "interaction.held_for_review")[-1].proposed == bert.contact_id


class TestToldApart:
    def test_holds_until_its_end_and_not_longer(self):
        clock = Clock()
        with Engine.in_memory(world(clock=clock)) as engine:
            anna, bert = five(engine)[:2]
            end = engine.now() + timedelta(days=1)
            engine.desk.telling_apart.tell(anna, bert, until=end, reason=WHY)
            with pytest.raises(Refused):
                engine.desk.merging.merge([anna, bert], reason=WHY)
            assert engine.why_not(anna, bert).verdict == "told_apart"

            clock.set(end + timedelta(seconds=1))

            assert engine.why_not(anna, bert).verdict != "told_apart"
            engine.desk.merging.merge([anna, bert], reason=WHY)
            assert is_sound(engine)

    def test_re_evaluation_heeds_it_until_its_end(self):
        clock = Clock()
        with Engine.in_memory(world(clock=clock)) as engine:
            one, other = merged_by_the_engine(engine)
            merge_id = facts(engine, "contact.merged")[-1].merge_id
            engine.desk.unmerging.unmerge(merge_id, told_apart=False, reason=WHY)
            end = engine.now() + timedelta(days=1)
            engine.desk.telling_apart.tell(one, other, until=end, reason=WHY)
            engine.reevaluate()
            assert not is_one(engine, one, other)

            clock.set(end)
            engine.request_reevaluation()
            engine.reevaluate()

            assert is_one(engine, one, other)

    def test_the_same_again_writes_nothing_and_another_end_does(self, engine):
        anna, bert = five(engine)[:2]
        assert engine.desk.telling_apart.tell(anna, bert, reason=WHY).written
        assert not engine.desk.telling_apart.tell(anna, bert, reason=WHY).written
        later = engine.now() + timedelta(days=2)
        assert engine.desk.telling_apart.tell(anna, bert, until=later, reason=WHY).written
        assert is_sound(engine)

    def test_contacts_that_are_one_are_not_told_apart(self, engine):
        anna, bert = five(engine)[:2]
        engine.desk.merging.merge([anna, bert], reason=WHY)
        with pytest.raises(Refused, match="Undo the merge"):
            engine.desk.telling_apart.tell(anna, bert, reason=WHY)

    def test_itself_an_end_in_the_past_and_lifting_what_is_not_there(self, engine):
        anna, bert = five(engine)[:2]
        with pytest.raises(UsageError):
            engine.desk.telling_apart.tell(anna, anna, reason=WHY)
        with pytest.raises(UsageError):
            engine.desk.telling_apart.tell(
                anna, bert, until=engine.now() - timedelta(days=1), reason=WHY
            )
        with pytest.raises(NotYet):
            engine.desk.telling_apart.lift(anna, bert, reason=WHY)

    def test_survives_a_restart_and_a_rebuild_of_the_index(self, tmp_path):
        with Engine.open(tmp_path, world()) as engine:
            anna, bert = five(engine)[:2]
            engine.desk.telling_apart.tell(anna, bert, reason=WHY)
            engine.rebuild_index()
        with Engine.open(tmp_path, world(2)) as engine, pytest.raises(Refused):
            engine.desk.merging.merge([anna, bert], reason=WHY)
