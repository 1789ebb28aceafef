"""How the command line refuses: one plain line that says the fix, its exit code, no traceback."""

import os
import re
import sys
import threading

import pytest

from identity_engine import Engine
from identity_engine.application.rules import shipped_model
from tests.acceptance.commands import EVENTS, in_own_process, lines
from tests.support.world import world

UNKNOWN = "019b1c3e-7c5a-7000-8000-0123456789ab"
WRONG_USE, REFUSED = 2, 1


def check(answer, code, *words):
    """The answer is one line of error with these words and nothing else."""
    assert answer.code == code, answer
    assert answer.out == ""
    first, *more = answer.err.splitlines()
    assert first.startswith("error: ")
    assert more == [] or re.fullmatch("Try: identity-engine [a-z -]*--help", *more)
    assert "Traceback" not in answer.err
    for word in words:
        assert word.lower() in first.lower()


@pytest.mark.parametrize("verb", ["show", "history", "why", "how"])
class TestIds:
    def test_an_unknown_id_is_said(self, filled, verb):
        check(filled("contact", verb, UNKNOWN), REFUSED, "has this id")

    @pytest.mark.parametrize("id_", ["7", "not-an-id", UNKNOWN[:-1], UNKNOWN + "0", "'; DROP"])
    def test_a_malformed_id_is_told_from_an_unknown_one(self, filled, verb, id_):
        check(filled("contact", verb, id_), WRONG_USE, "an id looks like", "copy it whole")


def test_why_not_says_which_of_two_ids_is_unknown_or_malformed(filled):
    known = filled.contact_of("berger")

    check(filled("why-not", known, UNKNOWN), REFUSED, "no contact", UNKNOWN)
    check(filled("why-not", UNKNOWN, known), REFUSED, "no contact", UNKNOWN)
    check(filled("why-not", known, "7"), WRONG_USE, "an id looks like")


@pytest.mark.parametrize("verb", ["show", "history", "how"])
@pytest.mark.parametrize("moment", ["yesterday", "pos:", "pos:-1", "pos:x", "2026-13-01", ""])
def test_a_bad_moment_is_answered_with_a_good_one(filled, verb, moment):
    contact_id = filled.contact_of("berger")

    answer = filled("contact", verb, contact_id, "--as-of", moment)

    check(answer, WRONG_USE, "--as-of", "for example" if "pos:" in moment else "such as")


@pytest.mark.parametrize(
    "verb",
    [
        ("contact", "show", "ID", "--as-of"),
        ("contact", "history", "ID", "--as-of"),
        ("export", "links", "--out", "links.csv", "--as-of"),
        ("admin", "access", "--as-of"),
        ("rehearse", "--model", "model.json", "--since"),
    ],
)
@pytest.mark.parametrize("further", ["99999", "9" * 5_000, None])
def test_a_position_behind_the_end_of_the_log_is_told_where_that_is(
    filled, monkeypatch, verb, further
):
    monkeypatch.chdir(filled.folder)
    filled.write("model.json", shipped_model())
    known = filled.contact_of("berger")
    with Engine.open(filled.store, world()) as engine:
        head = engine.store.head()
    typed = [known if word == "ID" else word for word in verb]

    assert filled(*typed, f"pos:{head}").code == 0
    answer = filled(*typed, f"pos:{further or head + 1}")
    check(answer, WRONG_USE, typed[-1], f"pos:{head}.")


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (("--people", "0"), "There can be 1 to 5,000,000 people, not 0. Choose"),
        (("--interactions", "-1"), "There can be 0 interactions or more, not -1. Choose"),
        (("--seed", "-1"), "A seed is a number from 0 to 18446744073709551615, not -1. Choose"),
    ],
)
def test_traffic_that_cannot_be_is_refused(cli, monkeypatch, verb, words):
    monkeypatch.chdir(cli.folder)

    check(cli("simulate", "--out", "e.jsonl", "--truth", "t.csv", *verb), WRONG_USE, words)


def test_a_demo_without_people_is_refused(cli):
    check(
        cli.bare("demo", "--folder", cli.folder / "demo", "--people", 0), WRONG_USE, "people, not 0"
    )


def test_a_moment_before_the_contact_says_so(filled):
    contact_id = filled.contact_of("berger")

    check(filled("contact", "show", contact_id, "--as-of", "pos:0"), REFUSED, "at that moment")
    check(filled("contact", "how", contact_id, "--as-of", "pos:0"), REFUSED, "at that moment")


class TestFiles:
    def test_a_missing_file(self, cli):
        check(cli("ingest", cli.folder / "nothing.jsonl"), WRONG_USE, "nothing.jsonl")
        assert cli.bare("doctor", "--store", cli.store).code == 1  # no store was made for it

    def test_a_missing_file_among_others_keeps_all_from_being_read(self, filled):
        others = lines([one | {"id": f"x-{one['id']}"} for one in EVENTS])
        good, missing = filled.write("more.jsonl", others), filled.folder / "nothing.jsonl"
        before = filled("projections", "status", "--json").document["head"]

        check(filled("ingest", good, missing), WRONG_USE, "nothing.jsonl")

        assert filled("projections", "status", "--json").document["head"] == before

    def test_a_pipe_is_opened_once(self, cli):
        pipe = cli.folder / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(lines(EVENTS),), daemon=True)
        writer.start()

        answer = cli("ingest", pipe)

        writer.join()
        assert (answer.code, "rejected" in answer.out) == (0, True)

    def test_a_folder_where_a_file_should_be(self, cli):
        check(cli("ingest", cli.folder), WRONG_USE)

    def test_a_table_without_a_mapping(self, cli):
        table = cli.write("table.csv", b"a,b\n1,2\n")

        check(cli("ingest", table, "--format", "csv"), WRONG_USE, "--mapping")

    def test_a_mapping_that_is_not_there(self, cli):
        table = cli.write("table.csv", b"a,b\n1,2\n")
        mapping = cli.folder / "nothing.json"

        answer = cli("ingest", table, "--format", "csv", "--mapping", mapping)

        check(answer, WRONG_USE, "nothing.json")

    def test_a_policy_that_is_not_there(self, cli):
        answer = cli("policy", "activate", cli.folder / "nothing.json")

        assert answer.code in (REFUSED, WRONG_USE)
        assert len(answer.err.splitlines()) == 1

    def test_a_policy_that_is_not_valid_names_each_fault(self, filled):
        before = filled("policy", "show", "--json").document["policy_version"]

        answer = filled("policy", "activate", filled.write("policy.json", b'{"name": 7}'))

        assert answer.code == REFUSED
        assert "Traceback" not in answer.err
        assert "classes: Field required" in answer.err
        assert filled("policy", "show", "--json").document["policy_version"] == before

    @pytest.mark.parametrize("missing", ["links", "truth"])
    def test_files_to_compare_that_are_not_there(self, cli, missing):
        there = cli.write("there.csv", b"source,interaction_id,contact_id,person\n")
        files = {"links": there, "truth": there} | {missing: cli.folder / "nothing.csv"}

        check(cli.bare("evaluate", *files.values()), WRONG_USE, "nothing.csv")

    def test_files_to_compare_without_the_columns(self, cli):
        wrong = cli.write("wrong.csv", b"a,b\n1,2\n")

        check(cli.bare("evaluate", wrong, wrong), WRONG_USE, "wrong.csv has no column")

    def test_links_cannot_be_written_into_a_folder_that_is_not_there(self, filled):
        check(filled("export", "links", "--out", filled.folder / "no" / "links.csv"), REFUSED)


class TestStores:
    @pytest.mark.parametrize("verb", [["search", "anna"], ["doctor"], ["projections", "status"]])
    def test_an_address_of_another_kind(self, cli, verb):
        answer = cli.bare(*verb, "--store", "mysql://user:secret@host/db")

        check(answer, WRONG_USE, "postgresql://...", "mysql://")
        assert "secret" not in answer.err

    def test_words_of_libpq_are_no_folder(self, cli):
        answer = cli.bare("search", "anna", "--store", "host=h password=swordfish")

        check(answer, WRONG_USE, "postgresql://")
        assert "swordfish" not in answer.err

    def test_a_file_where_the_folder_should_be(self, cli):
        file = cli.write("file", b"")

        check(cli.bare("search", "anna", "--store", file), WRONG_USE)

    def test_another_master_key_than_the_store_was_made_with(self, filled, monkeypatch):
        other = filled.write("other.key", bytes(range(32)))
        other.chmod(0o600)
        monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(other))

        check(filled("search", "anna"), WRONG_USE, "key")
        assert filled("doctor").code == REFUSED

    def test_a_log_of_damaged_bytes(self, filled):
        events = filled.store / "events.db"
        events.write_bytes(b"\0damaged" * 2_000)

        check(filled("search", "anna"), REFUSED, "events.db is damaged", "backup")
        doctor = filled("doctor")
        assert (doctor.code, doctor.err) == (REFUSED, "")
        assert "PROBLEM" in doctor.out

    @pytest.mark.parametrize("verb", ["verify", "rebuild"])
    def test_a_log_that_is_damaged_in_the_middle(self, filled, verb):
        events = filled.store / "events.db"
        content = bytearray(events.read_bytes())
        middle = len(content) // 4
        content[middle:] = b"\xff" * (len(content) - middle)
        events.write_bytes(content)

        answer = filled("projections", verb)

        assert answer.code == REFUSED
        assert "Traceback" not in answer.err
        assert filled("doctor").code == REFUSED


class TestUsage:
    @pytest.mark.parametrize(
        "typed",
        [
            ["frobnicate"],
            ["contact", "frobnicate"],
            ["contact", "show"],
            ["search", "anna", "--stage", "expired"],
            ["search", "anna", "--limit", "many"],
            ["search", "anna", "--frobnicate"],
            ["export", "links"],
            ["dead-letters", "list", "--state", "lost"],
            ["dead-letters", "close"],
            ["why-not", UNKNOWN],
            ["contact", "why", UNKNOWN, "--lang", "it"],
            ["ingest", "--frobnicate"],
        ],
        ids=" ".join,
    )
    def test_a_wrong_word_ends_with_2(self, filled, typed):
        answer = filled(*typed)

        assert answer.code == WRONG_USE
        assert answer.err.startswith("error: ")
        assert "Traceback" not in answer.err

    def test_an_unknown_dead_letter_is_said(self, filled):
        for id_ in ("99", "9" * 30):
            check(filled("dead-letters", "show-original", id_), REFUSED, "has this id")
        check(filled("dead-letters", "redrive", "99"), REFUSED, "has the id 99")
        check(filled("dead-letters", "close", "99"), REFUSED, "has the id 99")

    def test_the_program_itself_ends_with_the_code_and_writes_to_standard_error(self, tmp_path):
        unknown = in_own_process("frobnicate")
        refused = in_own_process("doctor", "--store", tmp_path / "nothing")
        version = in_own_process("--version")

        assert unknown.code == WRONG_USE
        assert unknown.out == ""
        assert unknown.err.startswith("error: ")
        assert refused.code == REFUSED
        assert (version.code, version.err) == (0, "")

    def test_help_is_no_error(self):
        answer = in_own_process("--help")

        assert (answer.code, answer.err) == (0, "")
        for verb in ("ingest", "contact", "search", "projections", "doctor"):
            assert verb in answer.out


@pytest.mark.parametrize(
    "verb",
    [
        ("model", "activate", "nowhere.json"),
        ("policy", "activate", "nowhere.json"),
        ("rehearse", "--model", "nowhere.json"),
        ("rehearse", "--policy", "nowhere.json"),
        ("reevaluate", "--only", "nowhere.json"),
    ],
)
def test_a_file_that_is_not_there_is_named(filled, verb):
    check(filled(*verb), WRONG_USE, "nowhere.json")


@pytest.mark.parametrize("content", ['{"a": 1}', "[1]", '["zz"]', "no json"])
def test_what_rehearse_has_not_written_queues_nothing(filled, tmp_path, content):
    file = tmp_path / "flips.json"
    file.write_text(content)

    check(filled("reevaluate", "--only", str(file)), WRONG_USE, "flips.json")


def test_rehearse_without_other_rules_says_what_to_give(filled):
    check(filled("rehearse"), WRONG_USE, "--model", "--policy")


@pytest.mark.parametrize("typed", [("--actor", ""), ("--actor=",), ("--actor",)], ids=str)
def test_an_actor_that_is_empty_is_not_the_owner(filled, typed):
    answer = in_own_process("search", "berger", "--store", filled.store, *typed)

    check(answer, WRONG_USE, "--actor", "needs an id")


@pytest.mark.parametrize("limit", ["0", "-1"])
@pytest.mark.parametrize(
    "typed",
    [
        "search berger",
        "interaction list",
        "interaction waiting",
        "review list",
        "review refused",
        "review shared",
        f"contact duplicates {UNKNOWN}",
        "dead-letters list",
        "case list",
        "case history",
        "crm ledger",
        "admin refusals",
    ],
)
def test_a_list_of_less_than_one_is_wrong_usage(filled, typed, limit):
    check(filled(*typed.split(), "--limit", limit), WRONG_USE, "--limit")


def test_an_identifier_is_asked_for_in_its_own_form(filled):
    check(filled("contact", "create", "--identifier", "x"), WRONG_USE, "TYPE=VALUE")


@pytest.mark.parametrize("typed", ["ingest -", "contact enrich -", "case note add C-000001 -"])
def test_standard_input_that_is_closed_is_told(filled, monkeypatch, typed):
    monkeypatch.setattr(sys, "stdin", None)

    check(filled(*typed.split()), WRONG_USE, "standard input is closed", "pipe the")
