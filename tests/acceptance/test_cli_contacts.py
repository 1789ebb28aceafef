"""Contacts by hand on the command line: what each verb does, says and answers."""

import json

import pytest


@pytest.fixture
def anna(cli):
    """A contact of two interactions."""
    cli("ingest", cli.traffic())
    return cli("search", "Berger", "--json").document[0]["contact_id"]


@pytest.fixture
def kenta(cli, anna):
    """Another contact, of one interaction."""
    return cli("search", "Moriyama", "--json").document[0]["contact_id"]


class TestEdit:
    def test_a_save_is_shown_with_who_made_it(self, cli, anna):
        answer = cli("contact", "edit", anna, "--set", "city=Köln")
        assert answer.code == 0
        assert f"{anna} is saved, revision " in answer.out
        shown = cli("contact", "show", anna).out
        assert "Köln" in shown
        assert "by hand, owner" in shown
        assert "revision" in shown

    def test_a_stale_save_says_what_changed_and_exits_1(self, cli, anna):
        revision = cli("contact", "show", anna, "--json").document["revision"]
        cli("contact", "edit", anna, "--set", "city=Köln", "--revision", revision)
        stale = cli("contact", "edit", anna, "--set", "city=Ulm", "--revision", revision)
        assert stale.code == 1
        assert "The contact has changed since" in stale.err
        assert "Köln" not in stale.err
        (row,) = [line.split() for line in stale.out.splitlines() if line.startswith("city")]
        assert row == ["city", "Köln"]

    def test_a_program_gets_what_moved_meanwhile(self, cli, anna):
        shown = cli("contact", "show", anna, "--json").document
        cli("contact", "edit", anna, "--set", "city=Köln")
        typed = ("contact", "edit", anna, "--set", "city=Ulm", "--revision", shown["revision"])
        stale = cli(*typed, "--json")
        answer = json.loads(stale.out)
        assert (stale.code, answer["error"]) == (1, "stale")
        assert answer["revision"] == shown["revision"] + 1
        moved = {"kind": "field", "name": "city", "before": [], "now": ["Köln"]}
        assert answer["difference"] == [moved]
        assert [one["topic"] for one in answer["changes"]] == ["contact.edited"]

    def test_a_dry_run_and_an_empty_save_write_nothing(self, cli, anna):
        answer = cli("contact", "edit", anna, "--set", "city=Köln", "--dry-run")
        assert answer.out.startswith("Dry run, nothing is written:")
        assert cli("contact", "edit", anna, "--json").document["written"] == []

    @pytest.mark.parametrize("typed", [["--set", "city"], ["--set", "shoes=44"]])
    def test_wrong_usage_exits_2(self, cli, anna, typed):
        assert cli("contact", "edit", anna, *typed).code == 2

    def test_a_value_is_removed(self, cli, anna):
        cli("contact", "edit", anna, "--remove", "family_name=Berger")
        assert "Berger" not in cli("contact", "show", anna).out


class TestIdentifiers:
    def test_add_describe_verify_and_release(self, cli, anna):
        work = ("email", "work@example.org")
        added = cli("contact", "identifier", "add", anna, *work, "--label", "work", "--primary")
        assert f"{anna} holds the identifier." in added.out
        assert "work, primary" in cli("contact", "show", anna).out
        assert cli("contact", "identifier", "verify", anna, *work).out == (
            "The identifier is verified.\n"
        )
        (held,) = [
            one
            for one in cli("contact", "show", anna, "--json").document["identifiers"]
            if one["value"] == "work@example.org"
        ]
        assert (held["label"], held["primary"], held["verified"]) == ("work", True, True)
        holders = cli("contact", "identifier", "holders", held["identifier_id"], "--json")
        assert [one["contact_id"] for one in holders.document] == [anna]
        assert "no longer" in cli("contact", "identifier", "release", anna, *work).out
        assert cli("contact", "identifier", "release", anna, *work).code == 1

    def test_a_value_of_another_is_refused_until_it_is_transferred(self, cli, anna, kenta):
        value = ("email", "anna.berger@gmail.com")
        refused = cli("contact", "identifier", "add", kenta, *value)
        assert (refused.code, anna in refused.err) == (1, True)
        moved = cli(
            *("contact", "identifier", "transfer", kenta, *value),
            *("--from", anna, "--reason", "She gave it to him."),
        )
        assert moved.code == 0
        assert f"{kenta} holds the identifier." in moved.out

    def test_share_and_unshare(self, cli, anna, kenta):
        value = ("email", "anna.berger@gmail.com")
        assert cli("contact", "identifier", "share", kenta, *value, "--reason", "Couple").code == 0
        assert cli("contact", "identifier", "unshare", kenta, *value, "--reason", "Over").code == 0

    def test_a_merge_with_an_ephemeral_holder_is_offered_with_exit_code_1(self, cli, anna, kenta):
        cli("contact", "identifier", "add", kenta, "email", "kenta@example.org")
        offered = cli("contact", "identifier", "add", anna, "email", "kenta@example.org")
        assert (offered.code, kenta in offered.out) == (1, True)
        assert "merge" in offered.out

    def test_an_invalid_value_says_its_fault(self, cli, anna):
        refused = cli("contact", "identifier", "add", anna, "email", "nowhere")
        assert (refused.code, refused.err) == (1, "error: This is no e-mail address.\n")


class TestCreateAndPromote:
    JONAS = ("--set", "full_name=Jonas Wettstein", "--set", "date_of_birth=1961-02-17")

    def test_a_contact_is_entered_and_shown(self, cli, anna):
        answer = cli("contact", "create", *self.JONAS, "--identifier", "+email=jonas@example.org")
        assert answer.code == 0
        entered = answer.out.split()[1]
        shown = cli("contact", "show", entered, "--json").document
        assert shown["stage"] == "curated"
        assert [one["verified"] for one in shown["identifiers"]] == [True]

    def test_possible_duplicates_come_first_with_exit_code_1(self, cli, anna):
        typed = ("contact", "create", "--identifier", "email=anna.berger@gmail.com")
        refused = cli(*typed, *self.JONAS)
        assert (refused.code, anna in refused.out) == (1, True)
        assert "--despite-duplicates" in refused.out
        looked = cli(*typed, *self.JONAS, "--dry-run")
        assert (looked.code, anna in looked.out) == (0, True)

    def test_a_dry_run_says_where_there_are_none(self, cli, anna):
        assert cli("contact", "create", *self.JONAS, "--dry-run").out == "No possible duplicates.\n"

    def test_promote_and_undo(self, cli, anna):
        assert cli("contact", "promote", anna).out == f"{anna} is curated.\n"
        assert cli("contact", "promote", anna).out == "Nothing to change.\n"
        undone = cli("contact", "promote", anna, "--undo", "--reason", "The wrong one")
        assert undone.out == f"The promotion of {anna} is undone.\n"


class TestNotes:
    def test_a_note_is_written_changed_listed_and_removed(self, cli, anna):
        assert cli("contact", "note", "list", anna).out == "No notes.\n"
        written = cli("contact", "note", "add", anna, "Calls at noon.", "--json").document
        note_id = written["note_id"]
        assert cli("contact", "note", "change", note_id, "Calls at ten.").out == (
            "The note is changed.\n"
        )
        (shown,) = cli("contact", "note", "list", anna, "--json").document
        assert shown["text"] == "Calls at ten."
        assert note_id in cli("contact", "note", "list", anna).out
        assert cli("contact", "note", "remove", note_id, "--reason", "Wrong").code == 0
        assert cli("contact", "note", "list", anna).out == "No notes.\n"
        (note,) = cli("contact", "note", "list", anna, "--removed", "--json").document
        assert [one["did"] for one in note["words"]] == ["added", "changed", "removed"]

    def test_an_empty_note_is_wrong_usage(self, cli, anna):
        assert cli("contact", "note", "add", anna, " ").code == 2
