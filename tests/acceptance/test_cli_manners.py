"""What all verbs have in common: how they say nothing, one, a dry run and a time."""

import orjson
import pytest

from tests.acceptance.commands import lines
from tests.support.interactions import email, event

WHY = ("--reason", "A test")
NOBODY = "019b1c3e-7c5a-7000-8000-0123456789ab"


@pytest.fixture
def by_hand(filled):
    """The id of a contact that was entered by hand and has one field."""
    done = filled("contact", "create", "--set", "full_name=Jonas Wettstein", "--json").document
    return done["done"]["contact_id"]


class TestEmptyAnswers:
    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            (("contact", "journey", "ID"), "There are no sessions"),
            (("contact", "show", "ID"), "No interactions."),
            (("contact", "note", "list", "ID"), "No notes."),
            (("contact", "across", "list", "ID"), "no contact of another division"),
            (("contact", "duplicates", "ID"), "Nobody known is likely"),
            (("case", "history"), "Nothing has happened"),
            (("case", "list"), "No case found."),
            (("crm", "status"), "No record is linked"),
            (("interaction", "waiting"), "No change waits"),
            (("admin", "refusals"), "No call was refused."),
            (("dead-letters", "list"), "No dead letters are open."),
        ],
        ids=lambda typed: " ".join(typed) if isinstance(typed, tuple) else "",
    )
    def test_a_list_without_entries_says_so(self, filled, by_hand, typed, said):
        answer = filled(*(by_hand if word == "ID" else word for word in typed))
        assert answer.code == 0
        assert said in answer.out.splitlines()[-1]

    def test_a_person_who_sees_no_interaction_is_told_so(self, filled):
        assert filled("interaction", "list", "--own").out == "There are no interactions to show.\n"


class TestNumbers:
    def test_one_thing_is_said_in_the_singular(self, cli):
        one = cli.write("one.jsonl", lines([event("1", email("a@example.org"))]))
        assert "Re-evaluated 1 interaction: 0 merges" in cli("ingest", one).out
        out = cli.folder / "links.csv"
        assert cli("export", "links", "--out", out).out == f"1 link written to {out}.\n"

    def test_several_are_said_in_the_plural(self, filled):
        out = filled.folder / "links.csv"
        assert filled("export", "links", "--out", out).out == f"3 links written to {out}.\n"


class TestDryRuns:
    def test_every_verb_says_it_in_the_same_words(self, filled, by_hand):
        filled("case", "open", "contact", by_hand, "--note", "x")
        for typed in (
            ("contact", "edit", by_hand, "--set", "city=Ulm"),
            ("contact", "delete", by_hand, "--reason", "A test"),
            ("contact", "move", by_hand, "--to", "x", "--new-division", "--reason", "A test"),
            (
                "case",
                "mail",
                "write",
                "C-000001",
                "Hello",
                "--to",
                "a@example.org",
                "--subject",
                "A",
            ),
            ("case", "pin", "C-000001"),
            ("case", "state", "C-000001", "pending", "--reason", "customer"),
        ):
            answer = filled(*typed, "--dry-run")
            assert answer.code == 0, answer
            assert answer.out.startswith("Dry run, nothing is written: "), typed

    def test_a_verb_that_changes_nothing_says_it_in_the_same_words(self, filled, by_hand):
        filled("case", "open", "contact", by_hand, "--note", "x")
        for typed in (
            ("contact", "edit", by_hand, "--set", "full_name=Jonas Wettstein"),
            ("contact", "promote", by_hand),
            ("case", "unpin", "C-000001"),
        ):
            assert filled(*typed).out == "Nothing to change.\n", typed


class TestTimes:
    @pytest.mark.parametrize(
        "typed",
        [
            ("case", "history", "--since", "garbage"),
            ("case", "history", "--until", "2026-13-01"),
            ("contact", "show", NOBODY, "--as-of", "garbage"),
            ("admin", "settings", "--as-of", "garbage"),
            ("rehearse", "--policy", "POLICY", "--since", "garbage"),
            ("contact", "edit", NOBODY, "--set", "city=Ulm", "--effective-at", "garbage"),
            ("contact", "tell-apart", NOBODY, NOBODY[::-1], *WHY, "--until", "garbage"),
        ],
        ids=lambda typed: f"{' '.join(typed[:2])} {typed[-2]}",
    )
    def test_what_is_no_time_is_refused_in_the_same_words(self, filled, typed):
        policy = filled("policy", "show", "--json").document["policy"]
        file = filled.write("policy.json", orjson.dumps(policy))
        answer = filled(*(file if word == "POLICY" else word for word in typed))
        option = typed[-2]
        assert answer.code == 2
        assert answer.err.startswith(f"error: {option} needs a time such as 2026-01-31T12:00:00Z")
        assert "garbage" not in answer.err

    @pytest.mark.parametrize(
        "typed",
        [
            ("contact", "edit", NOBODY, "--set", "city=Ulm", "--effective-at", "2026-01-31T12:00"),
            ("contact", "tell-apart", NOBODY, NOBODY[::-1], *WHY, "--until", "2099-01-01"),
        ],
        ids=lambda typed: " ".join(typed[:2]),
    )
    def test_a_time_that_is_written_down_needs_its_offset(self, filled, typed):
        answer = filled(*typed)
        assert answer.code == 2
        assert answer.err == f"error: {typed[-2]} needs the offset of the time: " + (
            "2026-01-31T12:00:00Z.\n"
        )

    def test_a_day_that_is_read_from_is_its_beginning_in_utc(self, filled, by_hand):
        filled("case", "open", "contact", by_hand, "--note", "x")
        assert len(filled("case", "history", "--since", "2020-01-01", "--json").document) == 2
        assert filled("case", "history", "--until", "2020-01-01", "--json").document == []


class TestStores:
    @pytest.mark.parametrize("form", [["--store", "S"], ["--store=S"]], ids=" ".join)
    def test_a_verb_without_a_store_takes_the_option_before_it(self, cli, form):
        before = [word.replace("S", str(cli.store)) for word in form]
        events, truth = cli.folder / "e.jsonl", cli.folder / "t.csv"
        small = ("--people", 1, "--interactions", 5)
        answer = cli.bare(*before, "simulate", "--out", events, "--truth", truth, *small)
        assert answer.out == f"5 interactions of 1 person written to {events}.\n"
        assert not cli.store.exists()


def test_settings_can_be_read_as_they_were(filled):
    content = b'{"format": 1, "name": "other", "cases": {"close_after_days": 3}}'
    head = filled("projections", "status", "--json").document["head"]
    filled("admin", "configure", filled.write("settings.json", content))

    now = filled("admin", "settings").document
    then = filled("admin", "settings", "--as-of", f"pos:{head}").document
    assert (now["name"], now["cases"]["close_after_days"]) == ("other", 3)
    assert then["cases"]["close_after_days"] != 3
    never = filled("admin", "settings", "--as-of", "2000-01-01")
    assert (never.code, "no settings at that moment" in never.err) == (1, True)


def test_the_id_of_an_interaction_is_told_from_that_of_a_contact(filled):
    interaction = filled("interaction", "list", "--json").document[0]["interaction_id"]
    for verb in ("show", "history"):
        answer = filled("contact", verb, interaction)
        assert (answer.code, f"See: interaction show {interaction}" in answer.err) == (1, True)


def test_a_file_that_cannot_be_written_is_named(filled):
    out = filled.folder / "nowhere" / "links.csv"
    answer = filled("export", "links", "--out", out)
    assert (answer.code, str(out) in answer.err) == (1, True)
