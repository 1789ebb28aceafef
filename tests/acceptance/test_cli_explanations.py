"""The verbs that explain: contact why, why-not, contact how, in every language."""

import pytest

from identity_engine.application.explanation.sentences import LANGUAGES, sentences_in
from tests.acceptance.commands import lines
from tests.support.interactions import email, event, phone

MAIL = "anna.berger@gmail.com"
ANNA = {"given_name": "Anna", "family_name": "Berger", "date_of_birth": "1980-05-06"}
THREE = [
    event("1", phone(), profile={"given_name": "Anna", "family_name": "Berger"}),
    event("2", email(MAIL), channel="email", profile={"given_name": "Anna"}),
    event("3", phone(), email(MAIL, True), channel="form", profile=ANNA),
]


@pytest.fixture
def merged(cli):
    """A store in which re-evaluation has merged two contacts."""
    assert cli("ingest", cli.write("three.jsonl", lines(THREE))).code == 0
    return cli


class TestWhy:
    def test_an_interaction_that_belongs_to_nobody_is_not_explained_by_its_old_link(self, filled):
        (first, *_) = filled("interaction", "list", "--json").document
        assert filled("contact", "why", first["interaction_id"]).code == 0
        filled("interaction", "unlink", first["interaction_id"], "--reason", "not hers")

        answer = filled("contact", "why", first["interaction_id"])

        assert (answer.code, answer.out) == (1, "")
        assert "belongs to no contact" in answer.err

    def test_a_merge_in_force_is_told_with_its_thresholds(self, merged):
        contact_id = merged.contact_of("berger")

        document = merged("contact", "why", contact_id, "--json").document
        shown = merged("contact", "why", contact_id, "--lang", "en").out

        merge = document[-1]
        assert merge["kind"] == "merge"
        assert sum(part["bits"] for part in merge["parts"]) == pytest.approx(merge["bits"])
        assert f"several records on both sides: from {merge['thresholds']['merge']} bits" in shown
        for contact in merge["contacts"]:
            assert contact in shown

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_speaks_the_language_asked_for(self, merged, language):
        contact_id = merged.contact_of("berger")

        shown = merged("contact", "why", contact_id, "--lang", language).out

        assert sentences_in(language).say("rule.none") in shown
        assert sentences_in(language).say("bar.sum") in shown

    def test_it_speaks_the_language_of_the_user(self, merged, monkeypatch):
        for name in ("LC_ALL", "LC_MESSAGES"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("LANG", "fr_FR.UTF-8")

        shown = merged("contact", "why", merged.contact_of("berger")).out

        assert sentences_in("fr").say("rule.none") in shown


class TestByHand:
    """A contact that no interaction brought."""

    @pytest.fixture
    def jonas(self, filled):
        values = ("--set", "given_name=Jonas", "--set", "family_name=Wettstein")
        created = filled("contact", "create", *values, "--json").document
        return created["done"]["contact_id"]

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_why_says_who_entered_it_and_when(self, filled, jonas, language):
        recorded = filled("contact", "history", jonas, "--json").document[0]["recorded_at"]
        shown = filled("contact", "why", jonas, "--lang", language).out
        say = sentences_in(language)
        at = {"day": recorded[:10], "time": recorded[11:16]}
        assert say.say("why.contact", contact=jonas) in shown
        assert say.say("entered_by_hand", actor="owner", **at) in shown

    def test_a_program_gets_it_as_an_explanation(self, filled, jonas):
        (entered,) = filled("contact", "why", jonas, "--json").document
        assert (entered["kind"], entered["rule"]) == ("entered", "person")
        assert entered["contact_id"] == jonas

    def test_its_links_are_explained_too(self, filled, jonas):
        interaction = filled("interaction", "list", "--json").document[0]["interaction_id"]
        filled("interaction", "link", interaction, jonas, "--reason", "A test")
        kinds = [one["kind"] for one in filled("contact", "why", jonas, "--json").document]
        assert kinds == ["entered", "link"]

    def test_why_not_does_not_call_it_an_interaction(self, filled, jonas):
        anna = filled.contact_of("berger")
        answer = filled("why-not", anna, jonas, "--json").document
        assert answer["by_hand"] == [jonas]
        shown = filled("why-not", anna, jonas, "--lang", "en").out
        (compared,) = [line for line in shown.splitlines() if line.startswith("Compared:")]
        assert f"what people say of {jonas}" in compared
        assert f"interaction {jonas}" not in shown


class TestWhyNot:
    def test_it_tells_what_is_missing_and_what_would_tip_it(self, filled):
        anna, kenta = filled.contact_of("berger"), filled.contact_of("moriyama")

        document = filled("why-not", anna, kenta, "--json").document
        shown = filled("why-not", anna, kenta, "--lang", "en")

        assert document["verdict"] == "below_attach"
        assert document["bits"] + document["missing"] == pytest.approx(document["needed"])
        assert shown.code == 0
        assert f"{document['missing']:.1f} bits more would reach" in shown.out
        for absent in document["absent"]:
            assert f"  {absent['name']}: {absent['bits']:+.1f} bits" in shown.out

    def test_those_that_are_one_already(self, merged):
        contact_id = merged.contact_of("berger")

        document = merged("why-not", contact_id, contact_id, "--json").document

        assert document["verdict"] == "already_one"

    def test_it_writes_nothing(self, filled):
        anna, kenta = filled.contact_of("berger"), filled.contact_of("moriyama")
        before = filled("projections", "status", "--json").document["head"]

        filled("why-not", anna, kenta)

        assert filled("projections", "status", "--json").document["head"] == before


class TestHow:
    def test_the_steps_come_in_order_and_end_with_what_it_is_now(self, merged):
        contact_id = merged.contact_of("berger")

        steps = merged("contact", "how", contact_id, "--json").document

        positions = [one["position"] for one in steps]
        assert positions == sorted(positions)
        assert (steps[0]["topic"], steps[-1]["topic"]) == ("contact.created", "contact.merged")
        assert [steps[-1][name] for name in ("interactions", "members")] == [3, 2]

    def test_as_of_a_position_it_tells_no_later_step(self, merged):
        contact_id = merged.contact_of("berger")
        steps = merged("contact", "how", contact_id, "--json").document
        as_of = ("--as-of", f"pos:{steps[-1]['position'] - 1}")

        before = merged("contact", "how", contact_id, *as_of, "--json").document

        assert before
        assert all(one["members"] == 1 for one in before)
        assert "are one person" not in merged("contact", "how", contact_id, *as_of).out
