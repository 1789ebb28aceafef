"""What a person does to an identifier: claim, verify, release, transfer, share, unshare."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import asdict, replace

from aggregates.errors import NotYet, Refused
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierTransferred,
    IdentifierUnshared,
    SharePersonal,
    TransferPersonal,
    evolve,
)
from aggregates.ownership import (
    Claim,
    ClaimByHand,
    Release,
    Share,
    Transfer,
    Unshare,
    Verify,
    decide,
)
from aggregates.release import IdentifierReleased, ReleasePersonal
from aggregates.values import IdentifierClass
from aggregates.verification import IdentifierVerified

MAIL = ClaimPersonal(
    type="email", family="email", value="ann@example.org", raw="Ann@example.org", normaliser="1"
)
START = datetime(2026, 2, 4, tzinfo=UTC)
WHY = "She showed the contract."


def day(number):
    return START + timedelta(days=number)


def claim(contact="ann", verified=False, valid_from=START + timedelta(days=30)):
    return Claim(
        contact_id=contact,
        interaction_id=None,
        division="north",
        identifier_class=IdentifierClass.WEAK,
        verified=verified,
        cap=5,
        valid_from=valid_from,
        personal=MAIL,
    )


def by_hand(contact="ann", identity=None, **more):
    return ClaimByHand(claim(contact, **more), frozenset(identity or {contact}))


def transfer(to="bob", from_="ann", from_identity=None, **more):
    return Transfer(
        claim(to, **more),
        frozenset(from_identity or {from_}),
        WHY,
    )


def share(contact="bob"):
    return Share(claim(contact), WHY)


def claimed(contact="ann", verified=False, interaction=None):
    return IdentifierClaimed(
        contact_id=contact,
        interaction_id=interaction,
        division="north",
        identifier_class=IdentifierClass.WEAK,
        verified=verified,
        personal=MAIL,
    )


def transferred(to="bob", from_="ann"):
    return IdentifierTransferred(
        contact_id=to,
        from_contact_id=from_,
        division="north",
        identifier_class=IdentifierClass.WEAK,
        verified=False,
        personal=TransferPersonal(**asdict(MAIL), reason=WHY),
    )


def given(*dated_facts):
    """The state after (day, fact) pairs."""
    state = None
    for number, fact in dated_facts:
        state = evolve(state, fact, day(number))
    return state


def holders(state, moment):
    return [holding.contact_id for holding in state.holders_at(moment)]


class TestClaimingByHand:
    def test_a_free_value_is_held_from_now(self):
        assert decide(None, by_hand()) == (claimed(),)

    def test_a_value_that_was_released_is_free(self):
        state = given((0, claimed("bob")), (5, IdentifierReleased(contact_id="bob")))
        assert decide(state, by_hand()) == (claimed(),)

    def test_a_value_held_by_another_is_refused_and_nothing_moves(self):
        with pytest.raises(Refused) as refused:
            decide(given((0, claimed("bob"))), by_hand())
        assert refused.value.reason == "held_by_another"

    def test_a_value_that_another_takes_over_later_is_refused(self):
        state = given((40, claimed("bob")), (50, IdentifierReleased(contact_id="bob")))
        with pytest.raises(Refused):
            decide(state, by_hand(valid_from=day(30)))
        assert decide(state, by_hand(valid_from=day(60))) == (claimed(),)

    def test_an_own_value_changes_nothing(self):
        assert decide(given((0, claimed())), by_hand()) == ()

    def test_a_value_of_another_member_is_claimed_for_the_one_that_is_named(self):
        command = by_hand(identity={"ann", "cid"}, verified=True)
        assert decide(given((0, claimed("cid"))), command) == (claimed(verified=True),)

    def test_members_of_one_identity_are_not_too_many_holders(self):
        command = by_hand(identity={"ann", "cid"})
        command = replace(command, claim=replace(command.claim, cap=1))
        assert decide(given((0, claimed("cid"))), command) == (claimed(),)

    def test_an_earlier_claim_of_a_holder_brings_nobody_over_the_cap(self):
        state = given((40, claimed("ann")), (40, claimed("cid")))
        (fact,) = decide(state, replace(claim(), cap=1))
        assert (fact.contact_id, fact.valid_to) == ("ann", day(40))

    def test_an_own_value_that_is_verified_now_is_raised(self):
        facts = decide(given((0, claimed())), by_hand(verified=True))
        assert facts == (IdentifierVerified(contact_id="ann"),)

    def test_what_is_verified_is_never_lowered(self):
        assert decide(given((0, claimed(verified=True))), by_hand(verified=False)) == ()


class TestVerifying:
    def test_the_claims_of_the_identity_are_raised_once(self):
        state = given((0, claimed("ann")), (1, claimed("bob")))
        facts = decide(state, Verify(frozenset({"ann"})))
        assert facts == (IdentifierVerified(contact_id="ann"),)
        assert decide(evolve(state, facts[0], day(2)), Verify(frozenset({"ann"}))) == ()

    def test_a_value_that_is_not_held_cannot_be_verified(self):
        with pytest.raises(NotYet):
            decide(given((0, claimed("bob"))), Verify(frozenset({"ann"})))


class TestTransferring:
    def test_the_old_claim_ends_where_the_new_one_begins(self):
        facts = decide(given((0, claimed())), transfer())
        assert facts == (transferred(),)

        state = given((0, claimed()), (30, facts[0]))
        assert holders(state, day(29)) == ["ann"]
        assert holders(state, day(30)) == ["bob"]
        assert [held.interaction_id for held in state.held_by({"bob"})] == [None]

    def test_the_new_holder_is_not_verified_because_the_old_one_was(self):
        (fact,) = decide(given((0, claimed(verified=True))), transfer())
        state = given((0, claimed(verified=True)), (30, fact))
        assert [held.verified for held in state.held_by({"bob"})] == [False]

    def test_only_what_is_held_can_be_transferred(self):
        with pytest.raises(NotYet):
            decide(given((0, claimed("cid"))), transfer())

    def test_it_cannot_lie_before_the_old_claim(self):
        with pytest.raises(Refused) as refused:
            decide(given((5, claimed())), transfer(valid_from=day(4)))
        assert refused.value.reason == "ends_before_it_begins"

    def test_the_claims_of_all_members_end(self):
        state = given((0, claimed("ann")), (1, claimed("cid")))
        facts = decide(state, transfer(from_identity={"ann", "cid"}))
        assert facts == (IdentifierReleased(contact_id="ann"), transferred(from_="cid"))

    def test_where_both_hold_it_only_the_old_claim_ends(self):
        state = given((0, claimed("ann")), (1, claimed("bob")))
        said = ReleasePersonal(reason=WHY)
        assert decide(state, transfer()) == (IdentifierReleased(contact_id="ann", personal=said),)

    def test_a_claim_that_came_with_an_interaction_is_taken_from_it_for_the_time_after(self):
        state = given((0, claimed(interaction="i-1")), (30, transferred()))
        assert holders(state, day(10)) == ["ann"]
        assert holders(state, day(40)) == ["bob"]

    def test_a_transfer_of_a_value_whose_first_claim_was_erased_still_gives_it_a_holder(self):
        assert holders(given((30, transferred())), day(31)) == ["bob"]


class TestSharing:
    def test_both_hold_the_value_and_it_stops_linking_alone(self):
        facts = decide(given((0, claimed())), share())
        mark = IdentifierShared(by="person", holders=2, personal=SharePersonal(reason=WHY))
        assert facts == (claimed("bob"), mark)

        state = given((0, claimed()), (30, facts[0]), (30, facts[1]))
        assert holders(state, day(31)) == ["ann", "bob"]
        assert state.shared

    def test_a_value_of_which_both_are_holders_is_only_marked(self):
        state = given((0, claimed()), (1, claimed("bob")))
        (fact,) = decide(state, share())
        assert (fact.by, fact.holders) == ("person", 2)

    def test_a_shared_value_takes_a_further_holder_without_a_second_mark(self):
        state = given((0, claimed()), (1, IdentifierShared(by="person", holders=1)))
        assert decide(state, share()) == (claimed("bob"),)
        assert decide(given((0, claimed()), (1, claimed("bob"))), share())

    def test_sharing_twice_changes_nothing(self):
        state = given(
            (0, claimed()), (1, claimed("bob")), (1, IdentifierShared(by="person", holders=2))
        )
        assert decide(state, share()) == ()

    def test_a_value_over_its_cap_is_not_marked_twice(self):
        state = given((0, claimed()))
        command = share()
        facts = decide(state, replace(command, claim=replace(command.claim, cap=1)))
        assert [getattr(fact, "by", None) for fact in facts] == [None, "person"]

    def test_a_free_value_is_not_shared(self):
        with pytest.raises(NotYet):
            decide(None, share())

    def test_a_person_takes_back_what_a_person_marked(self):
        state = given((0, claimed()), (1, IdentifierShared(by="person", holders=2)))
        (fact,) = decide(state, Unshare(WHY))
        assert fact == IdentifierUnshared(by="person", personal=SharePersonal(reason=WHY))
        assert not evolve(state, fact, day(2)).shared

    def test_a_mark_of_the_rules_is_not_a_persons_to_take_back(self):
        state = given((0, claimed()), (1, IdentifierShared(by="names", holders=3)))
        with pytest.raises(NotYet):
            decide(state, Unshare(WHY))


def test_a_release_keeps_the_past():
    state = given((0, claimed()))
    facts = decide(state, Release("ann", day(9), WHY))
    later = evolve(state, facts[0], day(9))
    assert holders(later, day(8)) == ["ann"]
    assert holders(later, day(9)) == []


class TestTheEndsOfAValue:
    """Whoever uses the value before such a moment and whoever uses it after need not be one."""

    def test_a_transfer_and_a_release_end_what_the_value_meant(self):
        state = given((0, claimed()), (30, transferred()))
        assert state.ends() == (day(30),)
        assert given((0, claimed()), (9, IdentifierReleased(contact_id="ann"))).ends() == (day(9),)

    def test_who_holds_it_again_later_has_not_ceased_to(self):
        state = given((0, claimed()), (9, IdentifierReleased(contact_id="ann")), (12, claimed()))
        assert state.ends() == ()

    def test_a_later_claim_that_was_taken_back_changes_nothing_in_an_end(self):
        let_go = IdentifierReleased(contact_id="ann")
        state = given((0, claimed()), (9, let_go), (12, claimed()), (12, let_go))
        assert state.ends() == (day(9),)

    def test_an_earlier_claim_that_reaches_to_a_later_one_lets_nothing_go(self):
        state = given((30, claimed()))
        (earlier,) = decide(state, replace(claim(valid_from=day(0)), interaction_id="call"))
        state = evolve(state, earlier, day(0))
        gone = IdentifierReassigned(contact_id="ben", from_contact_id="ann", interaction_id="call")
        moved = evolve(state, gone, day(0))
        assert state.ends() == ()
        assert moved.ends() == ()
        assert moved.holdings[1].contact_id == "ben"

    def test_a_claim_that_was_taken_back_never_meant_anybody(self):
        assert given((0, claimed()), (0, IdentifierReleased(contact_id="ann"))).ends() == ()
