"""The final clusters: what joins records, what keeps them apart, and that order is nothing."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from matchers.clustering import cluster
from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.proposals import FEW_USES, Node, Pair, Use, exact_pairs, scored_pairs
from matchers.record import build_record
from matchers.scoring import MILLIBITS, Scorer
from matchers.vocabulary import LinkRules
from tests.support.histories import examples

MODEL = parse_model(shipped_model())
SCORER = Scorer(MODEL)
RULES = LinkRules(
    attach=round(MILLIBITS * MODEL.thresholds.attach),
    review=round(MILLIBITS * MODEL.thresholds.review),
    merge=round(MILLIBITS * MODEL.thresholds.merge),
    contradiction=round(MILLIBITS * MODEL.contradiction),
)


def record(**profile):
    return build_record(profile, [], [])


HOME = {"city": "Ulm", "postcode": "89073"}
ANNA = record(given_name="Anna", family_name="Zimmermann", date_of_birth="1985-03-07", **HOME)
ANNA_BY_NAME = record(given_name="Anna", family_name="Zimmermann")
"""Enough for one record, less than two groups need."""
OTTO = record(given_name="Otto", family_name="Zimmermann", date_of_birth="1951-11-22", **HOME)
KENTA = record(given_name="Kenta", family_name="Moriyama", date_of_birth="1955-11-30")
SILENT = None
VALUE = b"one value"


def people(*records, **more):
    """Nodes by key, from 1 on, one minute after the other; `more` maps a field to key -> value."""
    return {
        key: Node(
            key,
            f"source/{key:03}",
            60 * key,
            one,
            more.get("live", False),
            more.get("exclusive", {}).get(key, {}),
            more.get("anchor", {}).get(key),
            key in more.get("lasting", ()),
        )
        for key, one in enumerate(records, 1)
    }


def likenesses(nodes, *, rules=RULES):
    return list(scored_pairs(nodes, combinations(sorted(nodes), 2), SCORER, rules))


def mentions(nodes, *uses, rules=RULES, value=VALUE):
    """The pairs of a value that these keys mention, each as (key, class)."""
    return list(exact_pairs(nodes, value, [Use(*use) for use in uses], SCORER, rules))


def clusters(nodes, pairs, apart=(), rules=RULES):
    return cluster(nodes, pairs, apart, SCORER, rules)


def groups(found):
    return sorted(tuple(sorted(group)) for group in found.groups)


def guards(found):
    return sorted((one.pair.one, one.pair.other, one.guard) for one in found.refused)


def joined(nodes, pairs, **how):
    return groups(clusters(nodes, pairs, **how))


class TestLikeness:
    def test_alike_records_are_one_and_others_are_not(self):
        nodes = people(ANNA, KENTA, ANNA)
        found = clusters(nodes, likenesses(nodes))
        assert groups(found) == [(1, 3), (2,)]
        assert [(join.rule, join.one, join.other) for join in found.joins] == [("score", 1, 3)]
        assert found.joins[0].weight == SCORER.weight(ANNA, ANNA)

    def test_the_strongest_pair_is_taken_first(self):
        apart = {1: {"passport": b"a"}, 3: {"passport": b"c"}}
        nodes = people(ANNA, ANNA_BY_NAME, ANNA_BY_NAME, exclusive=apart)
        assert SCORER.weight(ANNA_BY_NAME, ANNA_BY_NAME) == SCORER.weight(ANNA, ANNA_BY_NAME)
        by_weight = [Pair("score", 7_000, 1, 2), Pair("score", 8_000, 2, 3)]
        found = clusters(nodes, by_weight)
        assert groups(found) == [(1,), (2, 3)]
        assert guards(found) == [(1, 2, "exclusive_conflict")]

    def test_of_equal_pairs_the_one_of_earlier_records_is_taken_first(self):
        apart = {1: {"passport": b"a"}, 3: {"passport": b"c"}}
        nodes = people(ANNA, ANNA, ANNA, exclusive=apart)
        assert joined(nodes, reversed(likenesses(nodes))) == [(1, 2), (3,)]

    def test_records_too_unlike_make_no_pair(self):
        assert likenesses(people(ANNA, KENTA)) == []

    def test_a_record_that_says_nothing_makes_no_pair(self):
        assert likenesses(people(ANNA, SILENT)) == []

    def test_a_record_joins_a_group_above_the_lower_threshold(self):
        nodes = people(ANNA, ANNA, ANNA_BY_NAME)
        assert RULES.attach <= SCORER.weight(ANNA, ANNA_BY_NAME) < RULES.merge
        assert joined(nodes, likenesses(nodes)) == [(1, 2, 3)]

    def test_two_groups_need_the_higher_threshold(self):
        nodes = people(ANNA, ANNA, ANNA_BY_NAME, ANNA_BY_NAME)
        within = [Pair("score", 20_000, 1, 2), Pair("score", 20_000, 3, 4)]
        between = Pair("score", SCORER.weight(ANNA, ANNA_BY_NAME), 2, 3)

        found = clusters(nodes, [*within, between])

        assert groups(found) == [(1, 2), (3, 4)]
        assert guards(found) == [(2, 3, "below_merge")]
        lower = replace(RULES, merge=between.weight)
        assert joined(nodes, [*within, between], rules=lower) == [(1, 2, 3, 4)]

    def test_a_chain_does_not_drag_people_together_who_differ(self):
        nodes = people(ANNA, ANNA, OTTO, OTTO)
        within = [Pair("score", 30_000, 1, 2), Pair("score", 30_000, 3, 4)]
        unlike = replace(RULES, member_floor=SCORER.weight(ANNA, OTTO) + 1)
        found = clusters(nodes, [*within, Pair("score", 20_000, 2, 3)], rules=unlike)
        assert groups(found) == [(1, 2), (3, 4)]
        assert guards(found) == [(2, 3, "members_differ")]


class TestExactValues:
    def test_a_strong_value_joins_records_that_say_nothing_else(self):
        nodes = people(SILENT, SILENT)
        pairs = mentions(nodes, (1, "strong"), (2, "strong"))
        assert [pair.rule for pair in pairs] == ["exact_strong"]
        assert joined(nodes, pairs) == [(1, 2)]

    def test_a_strong_value_does_not_join_people_who_contradict_each_other(self):
        assert mentions(people(ANNA, OTTO), (1, "strong"), (2, "strong")) == []

    def test_an_exclusive_value_joins_whatever_else_is_said(self):
        nodes = people(ANNA, KENTA)
        pairs = mentions(nodes, (1, "exclusive"), (2, "exclusive"))
        assert [pair.rule for pair in pairs] == ["exact_exclusive"]
        assert joined(nodes, pairs) == [(1, 2)]

    @pytest.mark.parametrize("cls", ["exclusive", "strong"])
    def test_another_value_of_an_exclusive_type_vetoes(self, cls):
        exclusive = {1: {"passport": b"a"}, 2: {"passport": b"b"}}
        nodes = people(SILENT, SILENT, exclusive=exclusive)
        found = clusters(nodes, mentions(nodes, (1, cls), (2, cls)))
        assert groups(found) == [(1,), (2,)]
        assert guards(found) == [(1, 2, "exclusive_conflict")]

    def test_a_veto_holds_for_every_member_of_a_group(self):
        exclusive = {1: {"passport": b"a"}, 3: {"passport": b"b"}}
        nodes = people(ANNA, ANNA, ANNA, exclusive=exclusive)
        found = clusters(nodes, [Pair("score", 30_000, 1, 2), Pair("score", 20_000, 2, 3)])
        assert groups(found) == [(1, 2), (3,)]

    def test_values_of_two_exclusive_types_do_not_veto(self):
        exclusive = {1: {"passport": b"a"}, 2: {"login_id": b"b"}}
        nodes = people(ANNA, ANNA, exclusive=exclusive)
        assert joined(nodes, likenesses(nodes)) == [(1, 2)]

    def test_a_strong_value_and_attributes_that_speak_join_two_groups(self):
        nodes = people(ANNA, ANNA, ANNA_BY_NAME, ANNA_BY_NAME)
        within = [Pair("score", 20_000, 1, 2), Pair("score", 20_000, 3, 4)]
        shared = mentions(nodes, (2, "strong"), (3, "strong"))
        assert SCORER.corroboration(ANNA, ANNA_BY_NAME) >= RULES.attributes_speak
        assert joined(nodes, [*within, *shared]) == [(1, 2, 3, 4)]
        deaf = replace(RULES, attributes_speak=20_000)
        assert joined(nodes, [*within, *shared], rules=deaf) == [(1, 2), (3, 4)]

    def test_a_join_names_the_value_rather_than_a_likeness_of_the_same_weight(self):
        nodes = people(ANNA, ANNA)
        pairs = [*likenesses(nodes), *mentions(nodes, (1, "strong"), (2, "strong"))]
        assert len({pair.weight for pair in pairs}) == 1
        for order in (pairs, pairs[::-1]):
            assert [join.rule for join in clusters(nodes, order).joins] == ["exact_strong"]

    def test_many_mentions_of_one_value_are_paired_without_growing_as_the_square(self):
        many = 4 * FEW_USES
        nodes = people(*[SILENT] * many)
        pairs = mentions(nodes, *((key, "strong") for key in nodes))
        assert len(pairs) <= 2 * many
        assert joined(nodes, pairs) == [tuple(range(1, many + 1))]


class TestWeakValues:
    def test_one_record_is_linked(self):
        nodes = people(ANNA, ANNA, SILENT)
        pairs = [*likenesses(nodes), *mentions(nodes, (2, "weak"), (3, "weak"))]
        assert joined(nodes, pairs) == [(1, 2, 3)]

    def test_two_groups_are_not_fused_by_it_alone(self):
        given = people(ANNA, ANNA, SILENT, SILENT)
        pairs = [
            *likenesses(given),
            *mentions(given, (3, "strong"), (4, "strong"), value=b"their phone"),
            *mentions(given, (2, "weak"), (3, "weak")),
        ]
        found = clusters(given, pairs)
        assert groups(found) == [(1, 2), (3, 4)]
        assert guards(found) == [(2, 3, "below_merge")]

    def test_two_lasting_people_are_not_fused_by_it_alone_however_few_their_records(self):
        nodes = people(SILENT, SILENT, lasting=(1, 2))
        found = clusters(nodes, mentions(nodes, (1, "strong"), (2, "weak")))
        assert guards(found) == [(1, 2, "unverified")]

    def test_nor_by_one_record_that_has_a_value_of_each(self):
        nodes = people(SILENT, SILENT, SILENT, lasting=(1, 3))
        found = clusters(
            nodes,
            [
                *mentions(nodes, (1, "strong"), (2, "weak"), value=b"her phone"),
                *mentions(nodes, (2, "weak"), (3, "strong"), value=b"his mail"),
            ],
        )
        assert groups(found) == [(1, 2), (3,)]
        assert guards(found) == [(2, 3, "unverified")]

    def test_two_records_with_one_strong_value_are_a_lasting_person(self):
        nodes = people(SILENT, SILENT, SILENT, lasting=(1,))
        strong = mentions(nodes, (2, "strong"), (3, "strong"), value=b"their phone")
        found = clusters(nodes, [*strong, *mentions(nodes, (1, "weak"), (2, "strong"))])
        assert guards(found) == [(1, 2, "unverified")]

    @pytest.mark.parametrize("lasting", [(), (1,), (2,)])
    def test_it_links_a_record_to_a_lasting_person(self, lasting):
        nodes = people(SILENT, SILENT, lasting=lasting)
        assert joined(nodes, mentions(nodes, (1, "strong"), (2, "weak"))) == [(1, 2)]

    def test_lasting_people_are_one_where_what_they_say_speaks_for_it(self):
        nodes = people(ANNA, ANNA, lasting=(1, 2))
        assert joined(nodes, mentions(nodes, (1, "strong"), (2, "weak"))) == [(1, 2)]

    def test_one_that_leads_to_somebody_else_as_well_links_nobody(self):
        nodes = people(ANNA, SILENT, KENTA)
        found = clusters(nodes, mentions(nodes, (1, "weak"), (2, "weak"), (3, "weak")))
        assert groups(found) == [(1,), (2,), (3,)]
        assert guards(found) == [(1, 2, "several_users"), (2, 3, "several_users")]

    def test_a_value_that_one_side_has_verified_only_is_weak(self):
        nodes = people(SILENT, SILENT)
        assert [pair.rule for pair in mentions(nodes, (1, "strong"), (2, "weak"))] == ["exact_weak"]


class TestPlaces:
    def test_records_that_do_not_speak_for_a_person_are_not_joined(self):
        for one, other in [(ANNA, SILENT), (SILENT, SILENT), (record(**HOME), record(**HOME))]:
            assert mentions(people(one, other), (1, "place"), (2, "place")) == []

    def test_records_that_speak_for_one_person_are_joined(self):
        nodes = people(ANNA, ANNA_BY_NAME)
        pairs = mentions(nodes, (1, "place"), (2, "strong"))
        assert [pair.rule for pair in pairs] == ["exact_weak"]
        assert joined(nodes, pairs) == [(1, 2)]


class TestDevices:
    def test_a_visit_that_says_nothing_belongs_to_the_one_user(self):
        nodes = people(ANNA, SILENT, SILENT)
        pairs = mentions(nodes, (1, "device"), (2, "device"), (3, "device"))
        assert joined(nodes, pairs) == [(1, 2, 3)]

    def test_a_device_never_joins_two_who_say_something(self):
        assert mentions(people(ANNA, ANNA), (1, "device"), (2, "device")) == []

    def test_who_is_signed_in_says_something(self):
        nodes = people(ANNA, SILENT, exclusive={2: {"login_id": b"x"}})
        assert mentions(nodes, (1, "device"), (2, "device")) == []

    def test_a_device_of_two_people_leads_to_neither(self):
        nodes = people(ANNA, KENTA, SILENT)
        pairs = mentions(nodes, (1, "device"), (2, "device"), (3, "device"))
        found = clusters(nodes, pairs)
        assert groups(found) == [(1,), (2,), (3,)]
        assert {guard for *_, guard in guards(found)} == {"several_users"}


class TestWhatPeopleSaid:
    def test_what_a_person_put_together_stays_together_without_a_pair(self):
        nodes = people(ANNA, KENTA, OTTO, anchor={1: "contact", 2: "contact"})
        assert joined(nodes, []) == [(1, 2), (3,)]

    def test_contacts_that_were_told_apart_are_not_joined_by_any_pair(self):
        nodes = people(ANNA, ANNA, anchor={1: "a", 2: "b"})
        pairs = [*likenesses(nodes), *mentions(nodes, (1, "exclusive"), (2, "exclusive"))]
        found = clusters(nodes, pairs, apart=[frozenset("ab")])
        assert groups(found) == [(1,), (2,)]
        assert {guard for *_, guard in guards(found)} == {"told_apart"}

    def test_nor_by_a_record_between_them(self):
        nodes = people(ANNA, ANNA, ANNA, anchor={1: "a", 3: "b"})
        assert joined(nodes, likenesses(nodes), apart=[frozenset("ab")]) == [(1, 2), (3,)]

    def test_other_contacts_are_joined(self):
        nodes = people(ANNA, ANNA, anchor={1: "a", 2: "c"})
        assert joined(nodes, likenesses(nodes), apart=[frozenset("ab")]) == [(1, 2)]


def test_no_group_grows_over_the_size_cap():
    nodes = people(ANNA, ANNA, ANNA)
    found = clusters(nodes, likenesses(nodes), rules=replace(RULES, size_cap=2))
    assert groups(found) == [(1, 2), (3,)]
    assert {guard for *_, guard in guards(found)} == {"size_cap"}


RECORDS = st.sampled_from([ANNA, ANNA_BY_NAME, OTTO, KENTA, SILENT])
CLASSES = st.sampled_from(["exclusive", "strong", "weak", "place", "device"])
EXCLUSIVE = st.dictionaries(st.just("passport"), st.sampled_from([b"a", b"b"]), max_size=1)
ANCHORS = st.sampled_from([None, None, "a", "b"])


@examples(60)
@given(data=st.data(), size=st.integers(2, 9), cap=st.integers(2, 10))
def test_the_order_of_nodes_and_of_pairs_changes_nothing(data, size, cap):
    rules = replace(RULES, size_cap=cap)
    nodes = {
        key: node._replace(
            time=data.draw(st.integers(0, 3)), exclusive=data.draw(EXCLUSIVE), anchor=anchor
        )
        for key, node in people(*(data.draw(RECORDS) for _ in range(size))).items()
        for anchor in [data.draw(ANCHORS)]
    }
    uses = st.lists(
        st.tuples(st.sampled_from(sorted(nodes)), CLASSES), unique_by=lambda use: use[0]
    )
    used = {value: data.draw(uses) for value in (b"x", b"y")}
    keys = data.draw(st.permutations(sorted(nodes)))

    def found(nodes, shuffle):
        pairs = shuffle(
            [
                *scored_pairs(nodes, combinations(nodes, 2), SCORER, rules),
                *(
                    pair
                    for value, users in used.items()
                    for pair in mentions(nodes, *shuffle(users), rules=rules, value=value)
                ),
            ]
        )
        result = clusters(nodes, pairs, apart=[frozenset("ab")], rules=rules)
        return groups(result), guards(result), sorted(result.joins)

    in_order = found(nodes, list)
    shuffled = found({k: nodes[k] for k in keys}, lambda some: data.draw(st.permutations(some)))
    assert shuffled == in_order
    assert sorted(key for group in in_order[0] for key in group) == sorted(nodes)


class TestARecordByHand:
    """A record of people's own words goes where its contact is, and draws others there last."""

    def test_it_goes_where_most_records_of_its_contact_are_whatever_they_say(self):
        nodes = people(KENTA, KENTA, OTTO, ANNA)
        found = cluster(nodes, likenesses(nodes), (), SCORER, RULES, {4: [1, 2, 3]})
        assert groups(found) == [(1, 2, 4), (3,)]

    def test_it_stays_alone_where_its_contact_has_no_record(self):
        nodes = people(KENTA, ANNA)
        assert groups(cluster(nodes, (), (), SCORER, RULES, {2: []})) == [(1,), (2,)]

    def test_it_draws_what_is_like_it_to_its_contact(self):
        nodes = people(SILENT, ANNA, ANNA)
        found = cluster(nodes, likenesses(nodes), (), SCORER, RULES, {3: [1]})
        assert groups(found) == [(1, 2, 3)]

    def test_it_takes_no_record_from_its_contact(self):
        nodes = people(ANNA, ANNA, KENTA, KENTA)
        found = cluster(nodes, likenesses(nodes), (), SCORER, RULES, {4: [1, 2]})
        assert (1, 2, 4) in [group[:3] for group in groups(found)]
