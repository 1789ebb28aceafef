"""An identifier's claims: who held the value when, and when it stops linking by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from aggregates.contact import ContactCreated
from aggregates.errors import NotYet, Refused
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierUnshared,
    evolve,
)
from aggregates.ownership import Claim, Release, decide
from aggregates.release import IdentifierReleased, ReleasePersonal
from aggregates.values import IdentifierClass
from aggregates.verification import IdentifierVerified

NUMBER = ClaimPersonal(
    type="phone", family="phone", value="+81312345678", raw="03-1234-5678", normaliser="1"
)
CAP = 2
START = datetime(2026, 2, 4, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def day(number):
    return START + timedelta(days=number)


def claim(contact="ann", verified=False, valid_from=START + timedelta(days=30)):
    return Claim(
        contact_id=contact,
        interaction_id=f"i-{contact}",
        division="north",
        identifier_class=IdentifierClass.STRONG,
        verified=verified,
        cap=CAP,
        valid_from=valid_from,
        personal=NUMBER,
    )


def claimed(contact="ann", verified=False, valid_to=None):
    return IdentifierClaimed(
        contact_id=contact,
        interaction_id=f"i-{contact}",
        division="north",
        identifier_class=IdentifierClass.STRONG,
        verified=verified,
        valid_to=valid_to,
        personal=NUMBER,
    )


def released(contact="ann"):
    return IdentifierReleased(contact_id=contact)


def given(*dated_facts):
    """The state after (day, fact) pairs."""
    state = None
    for number, fact in dated_facts:
        state = evolve(state, fact, day(number))
    return state


def holders(state, moment):
    return [holding.contact_id for holding in state.holders_at(moment)]


class TestClaiming:
    def test_a_free_value_is_held_from_then_on(self):
        facts = decide(given(), claim("ann", verified=True))

        assert facts == (claimed("ann", verified=True),)
        state = given((0, facts[0]))
        assert state.identifier_class is IdentifierClass.STRONG
        assert state.is_held_by("ann")
        assert not state.is_held_by("bob")

    def test_an_own_value_changes_nothing(self):
        assert decide(given((0, claimed("ann"))), claim("ann")) == ()

    def test_an_own_value_that_is_now_verified_is_raised_to_verified(self):
        facts = decide(given((0, claimed("ann"))), claim("ann", verified=True))

        assert facts == (IdentifierVerified(contact_id="ann", interaction_id="i-ann"),)
        state = given((0, claimed("ann")), (1, claimed("bob")), (2, facts[0]))
        assert [holding.verified for holding in state.holdings] == [True, False]

    def test_a_verified_value_stays_verified_when_it_is_typed_later(self):
        assert decide(given((0, claimed("ann", verified=True))), claim("ann")) == ()

    def test_another_holder_is_added_and_the_first_keeps_the_value(self):
        facts = decide(given((0, claimed("ann"))), claim("bob"))

        assert facts == (claimed("bob"),)
        assert holders(given((0, claimed("ann")), (1, facts[0])), day(1)) == ["ann", "bob"]

    def test_a_value_that_was_released_can_be_claimed_again_by_the_same_contact(self):
        state = given((0, claimed("ann")), (1, released("ann")))

        assert not state.is_held_by("ann")
        assert decide(state, claim("ann")) == (claimed("ann"),)


class TestTheCap:
    def test_the_claim_over_the_cap_marks_the_value_shared(self):
        state = given((0, claimed("ann")), (1, claimed("bob")))

        facts = decide(state, claim("cid"))

        assert facts == (claimed("cid"), IdentifierShared(by="cap", holders=3, cap=CAP))

    def test_a_shared_value_is_not_marked_again(self):
        state = given(
            (0, claimed("ann")),
            (1, claimed("bob")),
            (2, claimed("cid")),
            (2, IdentifierShared(by="cap", holders=3, cap=CAP)),
        )
        assert state.shared
        assert decide(state, claim("dan")) == (claimed("dan"),)

    def test_holders_of_the_past_do_not_count(self):
        state = given((0, claimed("ann")), (1, claimed("bob")), (2, released("ann")))

        assert decide(state, claim("cid")) == (claimed("cid"),)

    @pytest.mark.parametrize(
        ("last", "expected"), [(400, 0), (30, 3)], ids=["years later", "within the window"]
    )
    def test_within_a_window_those_count_together_whose_claims_began_in_it(self, last, expected):
        state = given((0, claimed("ann")), (20, claimed("bob")))
        command = replace(claim("cid", valid_from=day(last)), window=timedelta(days=30))

        shared = [one for one in decide(state, command) if isinstance(one, IdentifierShared)]

        assert [one.holders for one in shared] == ([expected] if expected else [])

    def test_a_claim_that_comes_late_can_bring_the_others_over_the_cap(self):
        state = given((0, claimed("ann")), (40, claimed("bob")))
        late = claim("cid", valid_from=day(20))

        for days, shared in ((39, False), (40, True)):
            facts = decide(state, replace(late, window=timedelta(days=days)))
            assert any(isinstance(one, IdentifierShared) for one in facts) is shared

    def test_a_value_that_a_person_shared_is_shared_with_any_number_of_holders(self):
        state = given((0, claimed("ann")), (1, IdentifierShared(by="person", holders=1)))
        assert state.shared


class TestReleasing:
    def test_a_release_ends_the_claim_and_keeps_its_past(self):
        facts = decide(
            given((0, claimed("ann"))),
            Release(contact_id="ann", valid_from=day(9), reason="recycled"),
        )

        assert facts == (
            IdentifierReleased(contact_id="ann", personal=ReleasePersonal(reason="recycled")),
        )
        state = given((0, claimed("ann")), (5, facts[0]))
        assert holders(state, day(3)) == ["ann"]
        assert holders(state, day(5)) == []

    @pytest.mark.parametrize(
        "history",
        [(), ((0, claimed("bob")),), ((0, claimed("ann")), (1, released("ann")))],
        ids=["never claimed", "held by another", "released before"],
    )
    def test_a_value_that_is_not_held_cannot_be_released(self, history):
        with pytest.raises(NotYet):
            decide(given(*history), Release(contact_id="ann", valid_from=day(9), reason="recycled"))

    def test_a_release_ends_no_claim_of_another_contact(self):
        state = given((0, claimed("ann")), (0, claimed("bob")), (5, released("ann")))
        assert holders(state, day(6)) == ["bob"]

    def test_a_release_cannot_lie_before_the_claim(self):
        with pytest.raises(Refused) as refused:
            decide(given((5, claimed("ann"))), Release(contact_id="ann", valid_from=day(4)))
        assert refused.value.reason == "ends_before_it_begins"


class TestWhoHeldTheValueThen:
    """Two people hold one number, one after the other: 4 February and 20 March."""

    RECYCLED = given((0, claimed("ann")), (30, released("ann")), (44, claimed("bob")))

    def test_each_interaction_meets_the_holder_of_its_own_day(self):
        assert holders(self.RECYCLED, day(10)) == ["ann"]
        assert holders(self.RECYCLED, day(50)) == ["bob"]

    def test_nobody_holds_it_between_two_holders(self):
        assert holders(self.RECYCLED, day(35)) == []

    def test_a_claim_holds_at_its_first_moment_and_no_longer_at_its_end(self):
        assert holders(self.RECYCLED, day(0)) == ["ann"]
        assert holders(self.RECYCLED, day(30) - MOMENT) == ["ann"]
        assert holders(self.RECYCLED, day(30)) == []
        assert holders(self.RECYCLED, day(44)) == ["bob"]

    def test_before_the_first_claim_the_earliest_holder_answers(self):
        assert holders(self.RECYCLED, day(-100)) == ["ann"]

    def test_the_earliest_holder_is_the_one_of_the_earliest_day_not_of_the_first_claim_made(self):
        state = given((44, claimed("bob")), (0, claimed("ann")))
        assert holders(state, day(-1)) == ["ann"]

    def test_holders_of_one_day_come_earliest_first_then_by_id(self):
        state = given((2, claimed("cid")), (1, claimed("bob")), (1, claimed("ann")))
        assert holders(state, day(3)) == ["ann", "bob", "cid"]

    def test_a_claim_with_an_end_given_from_the_start_ends_by_itself(self):
        state = given((0, claimed("ann", valid_to=day(7))))
        assert holders(state, day(6)) == ["ann"]
        assert holders(state, day(7)) == []

    def test_times_of_different_zones_are_compared_as_moments(self):
        tokyo = datetime.fromisoformat("2026-02-04T09:00:00+09:00")
        assert tokyo == day(0)
        assert holders(self.RECYCLED, tokyo) == ["ann"]


@pytest.mark.parametrize(
    "fact",
    [released("ann"), IdentifierVerified(contact_id="ann"), IdentifierShared(by="cap", holders=9)],
)
def test_a_fact_about_a_value_that_nobody_claimed_changes_nothing(fact):
    assert evolve(None, fact, day(0)) is None


def test_a_fact_of_another_aggregate_changes_nothing():
    state = given((0, claimed("ann")))
    assert evolve(state, ContactCreated(division="north"), day(1)) == state


class TestComingLate:
    def test_an_own_claim_before_the_known_one_records_the_earlier_time(self):
        state = given((10, claimed("ann")))
        (fact,) = decide(state, claim("ann", valid_from=day(4)))
        assert fact.valid_to == day(10)
        later = evolve(state, fact, day(4))
        assert holders(later, day(5)) == ["ann"]
        assert later.is_held_by("ann")

    def test_an_own_claim_within_an_ended_one_takes_nothing_back(self):
        state = given((1, claimed("ann")), (10, released("ann")), (12, claimed("bob")))
        assert decide(state, claim("ann", valid_from=day(5))) == ()
        assert holders(state, day(20)) == ["bob"]


def reassigned(interaction, to="bob", from_="ann"):
    return IdentifierReassigned(contact_id=to, from_contact_id=from_, interaction_id=interaction)


class TestGoingAlong:
    def test_a_claim_goes_along_with_its_interaction_from_its_beginning(self):
        state = given((0, claimed("ann", verified=True)), (9, reassigned("i-ann")))

        assert not state.is_held_by("ann")
        assert holders(state, day(0)) == holders(state, day(20)) == ["bob"]
        assert [held.verified for held in state.holdings] == [True]
        assert [held.interaction_id for held in state.holdings] == ["i-ann"]

    def test_a_claim_that_rests_on_another_interaction_stays(self):
        state = given((0, claimed("ann")), (9, reassigned("i-other")))
        assert holders(state, day(9)) == ["ann"]

    def test_a_claim_of_another_contact_stays(self):
        state = given((0, claimed("ann")), (1, claimed("cid")), (9, reassigned("i-ann")))
        assert holders(state, day(9)) == ["bob", "cid"]

    def test_an_ended_claim_goes_along_with_its_end(self):
        state = given((0, claimed("ann")), (5, released("ann")), (9, reassigned("i-ann")))
        assert holders(state, day(4)) == ["bob"]
        assert holders(state, day(5)) == []


class TestWhyAValueIsShared:
    BY_NAMES = IdentifierShared(by="names", holders=4)

    def test_it_links_again_when_the_only_reason_is_gone(self):
        state = given((0, claimed("ann")), (1, self.BY_NAMES), (2, IdentifierUnshared(by="names")))
        assert not state.shared

    def test_one_reason_that_is_gone_leaves_the_other(self):
        state = given(
            (0, claimed("ann")),
            (1, IdentifierShared(by="cap", holders=6, cap=5)),
            (2, self.BY_NAMES),
            (3, IdentifierUnshared(by="names")),
        )
        assert state.shared_by == ("cap",)

    def test_a_reason_given_twice_is_gone_at_once(self):
        state = given(
            (0, claimed("ann")),
            (1, self.BY_NAMES),
            (2, self.BY_NAMES),
            (3, IdentifierUnshared(by="names")),
        )
        assert state.shared_by == ()

    def test_the_reason_of_a_person_is_not_taken_back_by_the_rules(self):
        state = given(
            (0, claimed("ann")),
            (1, IdentifierShared(by="person", holders=1)),
            (2, IdentifierUnshared(by="names")),
        )
        assert state.shared


@pytest.mark.parametrize("fact", [reassigned("i-ann"), IdentifierUnshared(by="names")])
def test_going_along_and_linking_again_change_nothing_where_nobody_claimed(fact):
    assert evolve(None, fact, day(0)) is None
