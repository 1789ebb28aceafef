"""An identity is the component of the merge edges in force; one of its members stands for it."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from aggregates.contact import MergeEdge
from aggregates.errors import AlreadyDone, Refused
from aggregates.identity import (
    Edge,
    Identity,
    Member,
    Merge,
    canonical_id,
    components,
    decide_merge,
    survivor_of,
)
from aggregates.values import Evidence, Stage

START = datetime(2026, 2, 4, tzinfo=UTC)
EVIDENCE = Evidence(rule="score", model="m", policy="p", weight=12_000)


def member(contact_id, stage=Stage.EPHEMERAL, day=0):
    return Member(contact_id, stage, START + timedelta(days=day))


def edge(one, other, merge_id="m1", survivor=None):
    return Edge(merge_id, one, other, stream=one, automatic=survivor is None, survivor=survivor)


def identity(*members, stage=Stage.EPHEMERAL, division="north"):
    return Identity(members[0], frozenset(members), stage, division)


def merge(one="ann", other="bob", *, automatic=True):
    edge_ = MergeEdge(one=one, other=other)
    return Merge("m1", edge_, automatic, EVIDENCE if automatic else None)


class TestWhoStandsForAnIdentity:
    def test_a_contact_that_was_never_merged_stands_for_itself(self):
        assert canonical_id([member("ann")], []) == "ann"

    def test_the_survivor_that_a_person_named_comes_before_stage_and_age(self):
        members = [member("ann", Stage.CURATED), member("bob", day=9)]
        assert canonical_id(members, [edge("ann", "bob", survivor="bob")]) == "bob"

    def test_the_survivor_that_was_named_last_wins_whatever_order_the_edges_come_in(self):
        members = [member("ann"), member("bob"), member("cid")]
        edges = [
            edge("ann", "bob", "m1", survivor="ann"),
            edge("bob", "cid", "m3", survivor="cid"),
            edge("ann", "cid", "m2", survivor="bob"),
        ]
        assert {canonical_id(members, order) for order in permutations(edges)} == {"cid"}

    def test_a_later_merge_that_names_nobody_takes_nothing_from_the_named_survivor(self):
        members = [member("ann"), member("bob"), member("cid", Stage.CURATED)]
        edges = [edge("ann", "bob", "m1", survivor="bob"), edge("bob", "cid", "m2")]
        assert canonical_id(members, edges) == "bob"

    def test_a_survivor_that_is_no_member_any_more_does_not_count(self):
        members = [member("ann"), member("bob", day=-1)]
        edges = [edge("ann", "bob", "m1"), edge("ann", "gone", "m2", survivor="gone")]
        assert canonical_id(members, edges) == "bob"

    @pytest.mark.parametrize(
        ("members", "expected"),
        [
            ([member("ann"), member("bob", Stage.IDENTIFIED, day=9)], "bob"),
            ([member("ann", Stage.IDENTIFIED), member("bob", Stage.CURATED, day=9)], "bob"),
            ([member("ann", day=1), member("bob", day=0)], "bob"),
            ([member("bob"), member("ann")], "ann"),
        ],
        ids=["identified before ephemeral", "curated before identified", "the earliest", "by id"],
    )
    def test_where_nobody_named_one_stage_then_birth_then_id_decide(self, members, expected):
        for order in permutations(members):
            assert canonical_id(order, [edge("ann", "bob")]) == expected


class TestComponents:
    def test_contacts_without_an_edge_stay_alone(self):
        assert sorted(map(sorted, components(["ann", "bob"], []))) == [["ann"], ["bob"]]

    def test_edges_join_over_several_steps_in_any_direction_and_order(self):
        edges = [edge("ann", "bob"), edge("cid", "bob"), edge("dan", "cid"), edge("eva", "fox")]
        contacts = ["ann", "bob", "cid", "dan", "eva", "fox", "gus"]
        for order in permutations(edges):
            found = components(contacts, order)
            assert sorted(map(sorted, found)) == [
                ["ann", "bob", "cid", "dan"],
                ["eva", "fox"],
                ["gus"],
            ]

    def test_taking_one_of_two_edges_between_contacts_away_leaves_them_one(self):
        both = [edge("ann", "bob", "m1"), edge("ann", "bob", "m2")]
        assert components(["ann", "bob"], both) == components(["ann", "bob"], both[:1])

    def test_a_circle_is_one_component(self):
        circle = [edge("ann", "bob"), edge("bob", "cid"), edge("cid", "ann")]
        assert components(["ann", "bob", "cid"], circle) == [frozenset({"ann", "bob", "cid"})]


class TestDecidingAMerge:
    def test_two_identities_become_one_by_an_edge_between_the_two_that_were_named(self):
        ann, bob = identity("ann", "old"), identity("bob", "bea")

        fact = decide_merge(ann, bob, (), merge("old", "bea"))

        assert fact.edges == (MergeEdge(one="old", other="bea"),)
        assert (fact.merge_id, fact.automatic, fact.survivor) == ("m1", True, None)
        assert fact.evidence == EVIDENCE

    def test_one_identity_is_not_merged_with_itself(self):
        ann = identity("ann", "bob")
        with pytest.raises(AlreadyDone):
            decide_merge(ann, ann, (), merge())

    def test_contacts_of_two_divisions_are_refused(self):
        with pytest.raises(Refused) as refused:
            decide_merge(identity("ann"), identity("bob", division="south"), (), merge())
        assert refused.value.reason == "other_division"

    def test_any_two_members_that_were_told_apart_keep_their_identities_apart(self):
        ann, bob = identity("ann", "old"), identity("bob", "bea")
        for automatic in (True, False):
            with pytest.raises(Refused) as refused:
                decide_merge(ann, bob, [frozenset(("bea", "old"))], merge(automatic=automatic))
            assert refused.value.reason == "told_apart"

    def test_who_was_told_apart_from_somebody_else_may_be_merged(self):
        apart = [frozenset(("ann", "cid")), frozenset(("bob", "cid"))]
        assert decide_merge(identity("ann"), identity("bob"), apart, merge()).edges

    def test_two_curated_contacts_are_merged_by_a_person_only(self):
        ann = identity("ann", stage=Stage.CURATED)
        bob = identity("bob", stage=Stage.CURATED)

        with pytest.raises(Refused) as refused:
            decide_merge(ann, bob, (), merge())

        assert refused.value.reason == "both_curated"
        assert decide_merge(ann, bob, (), merge(automatic=False)).automatic is False

    def test_a_curated_contact_and_another_one_may_be_merged_automatically(self):
        ann = identity("ann", stage=Stage.CURATED)
        for stage in (Stage.EPHEMERAL, Stage.IDENTIFIED):
            assert decide_merge(ann, identity("bob", stage=stage), (), merge()).automatic


class TestTheSurvivor:
    BORN = {"ann": START, "bob": START + timedelta(days=1)}  # noqa: RUF012 - nobody changes it

    def test_the_better_known_identity_survives(self):
        bob = identity("bob", stage=Stage.IDENTIFIED)
        assert survivor_of(identity("ann"), bob, self.BORN) == "bob"

    def test_of_equally_known_ones_the_earlier_born_survives_either_way_round(self):
        ann, bob = identity("ann"), identity("bob")
        assert survivor_of(ann, bob, self.BORN) == survivor_of(bob, ann, self.BORN) == "ann"
