"""The rules of merges by hand: given identities, when a person merges or undoes, then edges."""

from itertools import permutations

import pytest

from aggregates.contact import MergeEdge
from aggregates.errors import Refused
from aggregates.identity import Edge, Identity, components, stage_of
from aggregates.merging import (
    MergeByHand,
    Party,
    decide_merge_by_hand,
    needs_confirmation,
    objections,
    undo,
)
from aggregates.settings import Merging
from aggregates.values import Stage

LIMITS = Merging(at_once=4, members=6)


def party(*members, stage=Stage.IDENTIFIED, division="default", presence="live"):
    """An identity that was asked for by the last of its members."""
    identity = Identity(members[0], frozenset(members), stage, division)
    return Party(members[-1], identity, presence)


def against(parties, apart=(), **command):
    found = objections(parties, [frozenset(p) for p in apart], MergeByHand("m", **command), LIMITS)
    return [one.reason for one in found]


def merged(*parties, **command):
    return decide_merge_by_hand(parties, (), MergeByHand("m", **command), LIMITS)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("parties", "reason"),
        [
            ([party("ann"), party("ann")], "self_merge"),
            ([party("ann", "bob"), party("ann", "old")], "already_one"),
            ([party("ann"), party("bob", division="south")], "other_division"),
            ([party("ann"), party("bob", presence="expired")], "expired"),
            ([party("ann"), party("bob", presence="deleted")], "deleted"),
            ([party("ann"), party("bob", presence="erased")], "erased"),
            ([party(name) for name in "abcde"], "too_many"),
            ([party("a", "b", "c", "d"), party("e", "f", "g")], "too_large"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_each_with_its_reason(self, parties, reason):
        assert against(parties) == [reason]

    def test_nothing_speaks_against_several_live_contacts_of_one_division(self):
        assert against([party("ann"), party("bob", "bea"), party("cid")]) == []

    @pytest.mark.parametrize("pair", [("ann", "bob"), ("old", "bea"), ("bea", "ann")])
    def test_any_members_that_were_told_apart(self, pair):
        assert against([party("ann", "old"), party("bob", "bea")], [pair]) == ["told_apart"]

    def test_who_was_told_apart_from_somebody_else_is_free(self):
        assert against([party("ann"), party("bob")], [("ann", "cid"), ("cid", "bob")]) == []

    def test_a_survivor_from_elsewhere(self):
        parties = [party("ann", "old"), party("bob")]
        assert against(parties, survivor="cid") == ["unknown_survivor"]
        assert against(parties, survivor="ann") == []

    def test_two_curated_ones_until_the_person_confirms(self):
        parties = [party(name, stage=Stage.CURATED) for name in ("ann", "bob")]
        assert against(parties) == ["both_curated"]
        assert against(parties, confirmed=True) == []
        assert needs_confirmation(parties)
        assert not needs_confirmation([parties[0], party("cid")])

    def test_nothing_is_to_be_confirmed_inside_one_identity(self):
        inside = [party("ann", named, stage=Stage.CURATED) for named in ("old", "older")]
        assert against(inside) == ["already_one"]
        assert not needs_confirmation(inside)
        other = party("bob", stage=Stage.CURATED)
        assert against([*inside, other]) == ["already_one", "both_curated"]

    def test_all_of_it_is_listed_and_the_first_names_the_refusal(self):
        parties = [party("ann"), party("ann"), party("bob", presence="erased")]
        assert against(parties) == ["self_merge", "erased"]
        with pytest.raises(Refused) as refused:
            merged(*parties)
        assert refused.value.reason == "self_merge"
        assert "erased" in str(refused.value)


class TestTheMerge:
    def test_joins_n_contacts_by_one_edge_less_between_the_ids_that_were_asked_for(self):
        fact = merged(party("ann", "old"), party("bob"), party("cid", "kid"))
        assert fact.edges == (MergeEdge(one="old", other="bob"), MergeEdge(one="old", other="kid"))
        assert (fact.survivor, fact.automatic, fact.personal) == (None, False, None)

    def test_hangs_them_on_the_survivor_that_was_named(self):
        fact = merged(party("ann"), party("bob"), party("cid"), survivor="cid")
        assert {edge.one for edge in fact.edges} == {"cid"}
        assert fact.survivor == "cid"

    def test_keeps_reason_and_choices_as_personal(self):
        fact = merged(party("ann"), party("bob"), reason="One.", choices={"city": "Rome"})
        assert (fact.personal.reason, fact.personal.choices) == ("One.", {"city": "Rome"})


def edge(one, other, merge_id="m"):
    return Edge(merge_id, one, other, "ann", automatic=False)


STAR = [edge("ann", "bob"), edge("ann", "cid"), edge("ann", "dan")]
PEOPLE = ("ann", "bob", "cid", "dan")


def parts_after(edges, undoing, others=()):
    left = [(e.one, e.other) for e in edges]
    for gone in undoing.taken_back:
        left.remove((gone.one, gone.other))
    left += [(e.one, e.other) for e in undoing.joined]
    kept = [edge(one, other) for one, other in left]
    return sorted(map(sorted, components(PEOPLE, [*kept, *others])))


class TestUndoing:
    def test_the_whole_merge_leaves_all_alone_and_every_pair_apart(self):
        undoing = undo(STAR, [])
        assert parts_after(STAR, undoing) == [["ann"], ["bob"], ["cid"], ["dan"]]
        assert len(undoing.apart) == 6

    @pytest.mark.parametrize("leaving", PEOPLE)
    def test_any_member_leaves_and_the_rest_stays_one(self, leaving):
        undoing = undo(STAR, [], leaving)
        rest = sorted(set(PEOPLE) - {leaving})
        assert parts_after(STAR, undoing) == sorted([[leaving], rest])
        assert {frozenset(pair) for pair in undoing.apart} == {
            frozenset((leaving, one)) for one in rest
        }

    @pytest.mark.parametrize("order", list(permutations(PEOPLE, 3)))
    def test_members_leave_one_after_the_other_in_any_order(self, order):
        edges = STAR
        for leaving in order:
            undoing = undo(edges, [], leaving)
            gone = {(one.one, one.other) for one in undoing.taken_back}
            edges = [one for one in edges if (one.one, one.other) not in gone]
            edges += [edge(one.one, one.other) for one in undoing.joined]
        assert edges == []

    def test_what_other_merges_hold_goes_along_with_the_member(self):
        others = [edge("cid", "dan", "k")]
        edges = [edge("ann", "bob"), edge("ann", "cid")]
        undoing = undo(edges, others, "dan")
        assert parts_after(edges, undoing, others) == [["ann", "bob"], ["cid", "dan"]]

    def test_a_contact_that_the_merge_did_not_join_is_refused(self):
        with pytest.raises(Refused):
            undo([edge("ann", "bob")], [], "cid")


def test_a_merge_whose_evidence_shows_a_lasting_person_identifies_the_set_while_in_force():
    lasting = edge("ann", "bob")._replace(identifies=True)
    assert stage_of([Stage.EPHEMERAL, Stage.EPHEMERAL], [lasting]) is Stage.IDENTIFIED
    assert stage_of([Stage.EPHEMERAL, Stage.CURATED], [lasting]) is Stage.CURATED
    assert stage_of([Stage.EPHEMERAL], []) is Stage.EPHEMERAL
