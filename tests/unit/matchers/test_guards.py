"""What keeps two records apart although a weight would join them."""

import pytest
from msgspec.structs import replace

from matchers.guards import (
    IDENTIFIER_ONLY,
    NAME_ONLY,
    contradict,
    rests_on,
    rests_on_household,
    share_identifier,
    speaks_for_person,
)
from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.proposals import Node, scored_pairs
from matchers.record import MatchRecord, build_record
from matchers.scoring import MILLIBITS, Scorer
from matchers.vocabulary import LinkRules

MODEL = parse_model(shipped_model())
SCORER = Scorer(MODEL)
LIMIT = round(MILLIBITS * MODEL.contradiction)
RULES = LinkRules(
    attach=round(MILLIBITS * MODEL.thresholds.attach),
    review=round(MILLIBITS * MODEL.thresholds.review),
    contradiction=LIMIT,
)
HOME = {"address": "Hauptstraße 5", "postcode": "10115", "city": "Berlin"}
PHONE = ("+493012345",)


def of(given_name="", family_name="Schmidt", phones=(), emails=(), **more):
    profile = {"given_name": given_name, "family_name": family_name} | more
    return replace(build_record(profile, [], []), phones=phones, emails=emails)


def links(one, other, *, live=False, rules=RULES):
    """Whether the weight of the pair may join two records."""
    nodes = {key: Node(key, str(key), key, r, live, {}) for key, r in enumerate((one, other))}
    return bool(list(scored_pairs(nodes, [(0, 1)], SCORER, rules)))


class TestHouseholds:
    @pytest.mark.parametrize(
        "kin",
        [
            (of("Anna", **HOME), of("", **HOME)),
            (of("", organisation="Acme", **HOME), of("", organisation="Acme", **HOME)),
            (of("Anna", phones=("+493012345",)), of("Otto", phones=("+493012346",))),
            (
                of("Sarah", emails=("schmidt.sarah.788@example.org",)),
                of("Noah", emails=("schmidt.noah.789@example.org",)),
            ),
        ],
        ids=[
            "surname and address",
            "one employer",
            "numbers bought together",
            "one form of address",
        ],
    )
    def test_what_kin_and_colleagues_have_in_common_is_no_person(self, kin):
        assert rests_on_household(SCORER.compare(*kin))
        assert not speaks_for_person(SCORER.compare(*kin))

    @pytest.mark.parametrize(
        "person",
        [
            (of("Anna", **HOME), of("Anna", **HOME)),
            (of("Anna", date_of_birth="1980-02-03"), of("", date_of_birth="1980-02-03")),
        ],
        ids=["a given name", "a birth date"],
    )
    def test_a_given_name_or_a_birth_date_speaks_for_one(self, person):
        assert not rests_on_household(SCORER.compare(*person))
        assert speaks_for_person(SCORER.compare(*person))

    def test_a_common_identifier_alone_speaks_for_no_person_at_a_place(self):
        one = other = of("", "", phones=PHONE, emails=("anna@schmidt.example",))
        assert SCORER.weight(one, other) > 0
        assert not speaks_for_person(SCORER.compare(one, other))

    def test_a_surname_and_an_address_link_nobody_however_much_they_weigh(self):
        one, other = of("Anna", **HOME), of("", **HOME)
        assert SCORER.weight(one, other) >= RULES.attach
        assert not links(one, other)
        assert links(one, of("Anna", **HOME))


class TestBareNames:
    NAME = of("Anna")

    def test_a_bare_name_links_where_somebody_wrote_it_and_not_on_a_live_channel(self):
        assert rests_on(NAME_ONLY, SCORER.compare(self.NAME, self.NAME))
        assert links(self.NAME, self.NAME)
        assert not links(self.NAME, self.NAME, live=True)

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ({"emails": ("anna@mail.example",)}, {"emails": ("schmidt75@post.example",)}),
            ({"phones": ("+4915112345678",)}, {"phones": ("+4917098765432",)}),
        ],
        ids=["another mailbox", "another number"],
    )
    def test_it_links_nobody_who_is_reached_elsewhere(self, ours, theirs):
        one, other = of("Anna", **ours), of("Anna", **theirs)

        assert SCORER.weight(one, other) >= RULES.attach
        assert not links(one, other)
        assert links(one, self.NAME)
        assert links(one, other, rules=replace(RULES, live_name_only_links=True))

    def test_a_policy_may_let_it_link_there(self):
        assert links(
            self.NAME,
            self.NAME,
            live=True,
            rules=LinkRules(
                attach=RULES.attach,
                review=RULES.review,
                contradiction=LIMIT,
                live_name_only_links=True,
            ),
        )

    def test_a_name_and_a_birth_date_are_more_than_a_name(self):
        born = of("Anna", date_of_birth="1980-02-03")
        assert not rests_on(NAME_ONLY, SCORER.compare(born, born))
        assert links(born, born, live=True)


class TestCommonIdentifiers:
    def test_any_common_phone_or_address_counts(self):
        assert share_identifier(of(phones=("1", "2")), of(phones=("2", "3")))
        assert share_identifier(of(emails=("a@b.c",)), of(emails=("a@b.c",)))
        assert not share_identifier(of(phones=("1",), emails=("a@b.c",)), of(phones=("2",)))
        assert not share_identifier(MatchRecord(), MatchRecord())

    def test_likeness_that_is_the_identifier_itself_is_left_to_the_exact_rungs(self):
        one = other = of("", "", phones=PHONE, emails=("anna@schmidt.example",))
        assert rests_on(IDENTIFIER_ONLY, SCORER.compare(one, other))
        assert SCORER.weight(one, other) >= RULES.attach
        assert not links(one, other)

    def test_attributes_that_contradict_refuse_the_likeness_that_rests_on_it(self):
        anna = of("Anna", phones=PHONE, emails=("s@schmidt.example",), **HOME)
        otto = of("Otto", phones=PHONE, emails=("s@schmidt.example",), **HOME)
        assert contradict(anna, otto, SCORER, LIMIT)
        assert not links(anna, otto)


class TestContradiction:
    def test_a_silent_record_contradicts_nobody(self):
        assert not contradict(None, of("Anna"), SCORER, LIMIT)
        assert not contradict(of("Anna"), None, SCORER, LIMIT)
        assert not contradict(MatchRecord(), of("Anna"), SCORER, LIMIT)

    def test_another_birth_date_contradicts_and_it_does_not_matter_who_is_asked_first(self):
        one = of("Anna", date_of_birth="1980-02-03")
        other = of("Otto", date_of_birth="1951-11-22")
        assert contradict(one, other, SCORER, LIMIT)
        assert contradict(other, one, SCORER, LIMIT)

    def test_the_limit_itself_is_still_believed(self):
        one, other = of("Anna"), of("Otto")
        said = SCORER.corroboration(one, other)
        assert not contradict(one, other, SCORER, said)
        assert contradict(one, other, SCORER, said + 1)
