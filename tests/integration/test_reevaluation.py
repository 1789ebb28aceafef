"""Later evidence shows who is one: contacts are merged, links are moved, and every view follows."""

import orjson
import pytest

from aggregates.contact import ContactToldApart
from aggregates.values import Header
from identity_engine.application.reevaluation.reevaluate import Reevaluated
from identity_engine.application.rules import shipped_policy
from identity_engine.event_store.mapper import Pending
from tests.support.interactions import customer, email, event, phone
from tests.support.reevaluating import LOUISE, SAID, anna_twice, form, together
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, change_policy, facts, mailed
from tests.support.soundness import is_sound

MOBILE = "+819012345678"


class TestMergedByLaterEvidence:
    @pytest.fixture
    def merged(self, engine):
        first, second, third = anna_twice(engine)
        assert first.contact_id == third.contact_id != second.contact_id
        assert engine.reevaluate().merged == 1
        return first, second

    def test_the_merge_is_an_event_with_its_evidence_by_the_policy(self, engine, merged):
        first, second = merged
        (entry,) = [
            one for one in engine.history(first.contact_id) if one.topic == "contact.merged"
        ]
        (fact,) = facts(engine, "contact.merged")
        (edge,) = fact.edges

        assert {edge.one, edge.other} == {first.contact_id, second.contact_id}
        assert fact.automatic
        assert fact.survivor is None
        assert fact.evidence.rule == "score"
        assert fact.evidence.weight >= engine.policies.rules.link_rules.merge
        assert fact.evidence.weight == fact.evidence.prior + sum(
            part.weight for part in fact.evidence.comparisons
        )
        assert {fact.evidence.interaction_id, fact.evidence.against} <= {
            one.interaction_id for one in engine.profile(first.contact_id).interactions
        }
        assert entry.actor.startswith("policy:")
        assert engine.policies.rules.policy_version.startswith(entry.actor.partition(":")[2])

    def test_either_id_answers_with_the_profile_of_the_earlier_born(self, engine, merged):
        first, second = merged
        profile = engine.profile(second.contact_id)

        assert profile == engine.profile(first.contact_id)
        assert profile.contact_id == first.contact_id
        assert set(profile.members) == {first.contact_id, second.contact_id}
        assert [one.id for one in profile.interactions] == ["1", "2", "3"]
        assert {claim.type for claim in profile.identifiers} == {"email", "phone"}
        assert profile.fields["family_name"][0].value == "Berger"

    def test_search_finds_one_contact_by_what_either_said(self, engine, merged):
        for text in ("Berger", MAIL, "Berger gmail"):
            (found,) = engine.search(text)
            assert found.contact_id == merged[0].contact_id

    def test_the_counts_count_one(self, engine, merged):
        assert engine.counts() == {"ephemeral": 1, "in review": 0}

    def test_the_history_of_either_is_that_of_both_and_says_so(self, engine, merged):
        first, second = merged
        history = engine.history(second.contact_id)

        assert history == engine.history(first.contact_id)
        (merge,) = [one.summary for one in history if one.topic == "contact.merged"]
        assert "are one person by the rule score" in merge
        assert first.contact_id in merge
        assert second.contact_id in merge

    def test_the_export_gives_all_links_the_one_id(self, engine, merged, tmp_path):
        assert together(engine, tmp_path) == [["1", "2", "3"]]

    def test_as_of_before_the_merge_there_are_two(self, engine, merged, tmp_path):
        first, second = merged
        (merge,) = [o for o in engine.history(first.contact_id) if o.topic == "contact.merged"]
        before = f"pos:{merge.position - 1}"

        assert [i.id for i in engine.profile(first.contact_id, before).interactions] == ["1", "3"]
        assert [i.id for i in engine.profile(second.contact_id, before).interactions] == ["2"]
        assert together(engine, tmp_path, before) == [["1", "3"], ["2"]]

    def test_the_index_and_the_views_are_what_a_replay_gives(self, engine, merged):
        assert is_sound(engine)

    def test_evaluating_again_writes_nothing(self, engine, merged):
        head = engine.store.head()
        assert engine.reevaluation.waiting() == 0
        assert engine.reevaluate() == Reevaluated()
        assert engine.store.head() == head

    def test_what_arrives_later_finds_the_one_contact_by_either_identifier(self, engine, merged):
        by_mail, by_phone = arrive(engine, mailed("4"), form("5", phone(), day=9))
        assert by_mail.contact_id == by_phone.contact_id == merged[0].contact_id

    def test_a_doubt_between_two_that_are_one_now_is_no_question_any_more(self, engine):
        other = {"given_name": "Anna", "family_name": "Schmitt", "postcode": "10115"}
        hers = email(MAIL, verified=True)
        arrive(
            engine,
            form("1", customer("C-1"), day=1, **SAID),
            form("2", hers, day=2, city="Bonn", **other),
        )
        assert len(engine.review()) == engine.counts()["in review"] == 1

        arrive(engine, form("3", customer("C-1"), hers, day=3, **SAID))
        assert engine.reevaluate().merged == 1

        assert engine.review() == []
        assert engine.counts() == {"identified": 1, "in review": 0}


class TestMovedLinks:
    @pytest.fixture
    def moved(self, engine):
        """An address leads Kenta to a contact, and then turns out to be Anna's as well."""
        known, kenta, _ = arrive(
            engine,
            form("1", email(MAIL), day=1),
            form("2", email(MAIL), phone(), day=2, **KENTA),
            form("3", email(MAIL), day=3, **SAID),
        )
        assert known.contact_id == kenta.contact_id
        engine.reevaluate()
        return known, kenta

    def test_a_link_that_was_made_on_arrival_is_moved(self, engine, moved, tmp_path):
        known, kenta = moved
        (profile,) = [engine.profile(found.contact_id) for found in engine.search("Moriyama")]

        assert together(engine, tmp_path) == [["1"], ["2"], ["3"]]
        assert [one.id for one in engine.profile(known.contact_id).interactions] == ["1"]
        assert [one.interaction_id for one in profile.interactions] == [kenta.interaction_id]

    def test_its_claim_goes_along_and_others_stay(self, engine, moved):
        known, kenta = moved
        (went,) = facts(engine, "identifier.reassigned")
        to = engine.profile(went.contact_id)

        assert went.interaction_id == kenta.interaction_id
        assert went.from_contact_id == known.contact_id
        assert [claim.type for claim in to.identifiers] == ["phone"]
        assert [c.type for c in engine.profile(known.contact_id).identifiers] == ["email"]

    def test_the_next_call_goes_where_the_claim_went(self, engine, moved):
        (went,) = facts(engine, "identifier.reassigned")
        (call,) = arrive(engine, form("4", phone(), day=4))
        assert call.contact_id == went.contact_id

    def test_the_index_and_the_views_are_what_a_replay_gives(self, engine, moved):
        assert is_sound(engine)

    def test_as_of_before_it_the_link_is_where_it_was(self, engine, moved, tmp_path):
        (move, *_) = [
            entry.position
            for entry in engine.history(moved[0].contact_id)
            if entry.topic == "interaction.unlinked"
        ]
        assert together(engine, tmp_path, f"pos:{move - 1}") == [["1", "2"], ["3"]]


class TestAValueOfManyPeople:
    def call(self, id_, **said):
        return event(id_, phone(MOBILE), profile=said)

    @pytest.fixture
    def two(self, engine):
        """As many as the policy allows, and a silent call."""
        arrive(engine, self.call("1", **ANNA), self.call("2", **KENTA), self.call("3"))
        engine.reevaluate()
        assert facts(engine, "identifier.shared") == []

    @pytest.fixture
    def three(self, engine, two):
        arrive(engine, self.call("4", **LOUISE))
        assert engine.reevaluate().shared == 1

    def test_it_is_marked_as_shared_by_the_names(self, engine, three):
        (shared,) = facts(engine, "identifier.shared")
        assert (shared.by, shared.holders) == ("names", 3)

    def test_what_rested_on_it_alone_is_taken_apart(self, engine, two, tmp_path):
        assert ["3"] not in together(engine, tmp_path)
        arrive(engine, self.call("4", **LOUISE))
        engine.reevaluate()
        assert together(engine, tmp_path) == [["1"], ["2"], ["3"], ["4"]]
        assert is_sound(engine)

    def test_the_next_silent_call_links_to_nobody(self, engine, three, tmp_path):
        (silent,) = arrive(engine, self.call("5"))
        engine.reevaluate()
        assert silent.decision == "shared_identifier"
        assert ["5"] in together(engine, tmp_path)

    def test_who_says_more_is_still_recognised(self, engine, three, tmp_path):
        arrive(engine, self.call("5", **LOUISE))
        engine.reevaluate()
        assert ["4", "5"] in together(engine, tmp_path)

    @pytest.mark.parametrize("vague", [{}, {"city": "Berlin"}, {"gender": "female"}])
    def test_an_earlier_call_that_names_nobody_hides_none_of_them(self, engine, vague):
        arrive(
            engine,
            event("0", phone(MOBILE), time="2026-01-01T09:00:00Z", profile=vague),
            *(self.call(str(n), **said) for n, said in enumerate((ANNA, KENTA, LOUISE), 1)),
        )
        engine.reevaluate()
        assert [one.holders for one in facts(engine, "identifier.shared")] == [3]

    def test_it_is_not_marked_again(self, engine, three):
        arrive(engine, self.call("5", **LOUISE))
        assert engine.reevaluate().shared == 0

    def test_it_links_again_under_a_policy_that_allows_so_many(self, engine, three, tmp_path):
        guards = orjson.loads(shipped_policy())["guards"]
        change_policy(engine, guards=guards | {"people_per_value": 3})

        arrive(engine, self.call("5"))
        engine.reevaluate()

        assert [one.by for one in facts(engine, "identifier.unshared")] == ["names"]
        assert any("5" in group and len(group) > 1 for group in together(engine, tmp_path))
        assert is_sound(engine)


class TestToldApart:
    def tell_apart(self, engine, one, other):
        """A person says that two contacts are two people."""
        store = engine.store
        with store.reading() as cursor:
            reader = store.index.begin(cursor)
            index = reader.index
            reader.load_nearby((), [one, other])
        version, now = index.contacts[one].version + 1, engine.now()
        fact = ContactToldApart(other=other)
        index.apply(one, version, now, fact)
        header = Header(engine._world.new_id(), now, "steward:7", engine._world.new_id())
        store.append([Pending(one, version, header, fact)], index=index)

    def test_contacts_that_a_person_told_apart_are_not_merged(self, engine, tmp_path):
        first, second, _ = anna_twice(engine)
        self.tell_apart(engine, first.contact_id, second.contact_id)

        engine.reevaluate()

        assert facts(engine, "contact.merged") == []
        assert together(engine, tmp_path) == [["1", "3"], ["2"]]
        assert is_sound(engine)

    def test_nor_later_when_there_is_more_that_speaks_for_it(self, engine, tmp_path):
        first, second, _ = anna_twice(engine)
        self.tell_apart(engine, second.contact_id, first.contact_id)
        engine.reevaluate()

        arrive(engine, form("4", email(MAIL), phone(), day=4, **SAID))
        engine.reevaluate()

        assert facts(engine, "contact.merged") == []
        assert engine.profile(first.contact_id).members == (first.contact_id,)
        assert engine.profile(second.contact_id).members == (second.contact_id,)


def test_a_merged_contact_that_is_identified_on_arrival_stays_one_with_the_other(engine):
    first, second, _ = anna_twice(engine)
    engine.reevaluate()

    *_, last = arrive(engine, mailed("4"), mailed("5"))

    assert last.stage == "identified"
    assert engine.profile(second.contact_id).members == engine.profile(first.contact_id).members
    assert engine.counts() == {"identified": 1, "in review": 0}
    assert is_sound(engine)


class TestAFixedLineOfTwo:
    LINE, MOBILE = "+81335564239", "+819012345678"

    def calls(self, number):
        return [
            event("anna", phone(number), profile=ANNA),
            event("kenta", phone(number), profile=KENTA),
            event("silent", phone(number)),
        ]

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["named first", "silent first"])
    def test_who_calls_from_it_and_says_nothing_may_be_either(self, engine, tmp_path, order):
        arrive(engine, *(self.calls(self.LINE)[place] for place in order))
        engine.reevaluate()

        assert [one.holders for one in facts(engine, "identifier.shared")] == [2]
        assert together(engine, tmp_path) == [["anna"], ["kenta"], ["silent"]]
        assert is_sound(engine)

    def test_a_mobile_number_is_rather_one_persons(self, engine, tmp_path):
        arrive(engine, *self.calls(self.MOBILE))
        engine.reevaluate()

        assert facts(engine, "identifier.shared") == []
        assert ["silent"] not in together(engine, tmp_path)

    def test_a_line_on_which_one_alone_was_heard_is_that_persons(self, engine, tmp_path):
        anna, _, silent = self.calls(self.LINE)
        arrive(engine, anna, silent)
        engine.reevaluate()

        assert together(engine, tmp_path) == [["anna", "silent"]]

    def test_a_policy_that_knows_no_such_exception_counts_as_for_any_value(self, engine, tmp_path):
        guards = orjson.loads(shipped_policy())["guards"]
        change_policy(engine, guards=guards | {"people_per_line": None})
        arrive(engine, *self.calls(self.LINE))
        engine.reevaluate()

        assert facts(engine, "identifier.shared") == []
        assert ["silent"] not in together(engine, tmp_path)


class TestTheLineOfAFirm:
    LINE, MOBILE, TYPED = "+81335564239", "+819012345678", {"type": "customer_id", "value": "C-1"}

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["line first", "line last"])
    def test_only_the_line_stands_for_all_who_work_there(self, engine, tmp_path, order):
        calls = [
            event("1", phone(self.LINE), self.TYPED, profile=ANNA | {"organisation": "Acme"}),
            event("2", phone(self.MOBILE), self.TYPED),
        ]
        engine.ingest([calls[place] for place in order])

        engine.reevaluate()

        assert facts(engine, "identifier.shared") == []
        assert together(engine, tmp_path) == [["1", "2"]]

    def test_colleagues_who_call_from_it_stay_two(self, engine, tmp_path):
        arrive(
            engine,
            event("1", phone(self.LINE), profile={"full_name": "Anna Berger"}),
            event("2", phone(self.LINE), profile={"organisation": "Acme"}),
        )

        engine.reevaluate()

        assert [one.by for one in facts(engine, "identifier.shared")] == ["names"]
        assert together(engine, tmp_path) == [["1"], ["2"]]
        assert is_sound(engine)


def test_a_person_who_always_says_the_same_stays_one_however_often(engine, tmp_path):
    """More records than a block key may lead to, and no fact that would part them."""
    many = [form(f"{number}", day=1 + number % 28, **SAID) for number in range(60)]
    arrive(engine, *many[:25])
    arrive(engine, *many[25:])
    engine.reevaluate()

    assert len(together(engine, tmp_path)) == 1
    assert is_sound(engine)
