"""The command line as a user meets it: what each verb does, says and answers."""

import csv
import gzip
import json
import re

import orjson
import pytest

from identity_engine.application.rules import shipped_policy
from tests.acceptance.commands import EVENTS, in_own_process, lines
from tests.support.interactions import SOURCE, event

MAPPING = {
    "source": "crm",
    "id": "Ticket",
    "time": {"column": "Opened"},
    "channel": {"value": "form"},
    "identifiers": [{"type": "email", "column": "E-mail"}],
    "profile": {"given_name": "First name"},
}
TABLE = b"Ticket,Opened,E-mail,First name\nT-1,2026-02-01T09:00:00Z,anna@gmail.com,Anna\n"


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestIngest:
    def test_it_tells_what_became_of_each_line(self, cli):
        file = cli.write("mixed.jsonl", lines([*EVENTS, EVENTS[0]]) + b"rubbish\n")

        answer = cli("ingest", file)

        assert answer.code == 0
        assert "5 read, 3 accepted, 1 known before, 1 rejected" in answer.out
        assert "not_json 1" in answer.out
        assert "dead-letters list" in answer.out

    def test_the_summary_is_one_json_document(self, cli):
        first, second = cli.traffic(), cli.write("more.jsonl", lines([event("4")]))

        summary = cli("ingest", first, second, "--json").document

        assert (summary["read"], summary["accepted"], summary["rejected"]) == (4, 4, 0)
        assert summary["decisions"]["exact_exclusive"] == 1

    def test_a_compressed_file_is_read_as_it_is(self, cli):
        file = cli.write("traffic.jsonl.gz", gzip.compress(lines(EVENTS)))

        assert cli("ingest", file, "--json").document["accepted"] == 3

    def test_a_compressed_file_that_is_cut_short_is_used_as_far_as_it_goes(self, cli):
        file = cli.write("cut.jsonl.gz", gzip.compress(lines(EVENTS))[:-20])

        summary = cli("ingest", file, "--json").document

        assert summary["accepted"] == 2
        assert summary["faults"] == {"truncated_gzip": 1}

    def test_a_dash_is_standard_input(self, cli):
        typed = ("ingest", "-", "--json", "--store", cli.store)

        answer = in_own_process(*typed, given=lines(EVENTS))

        assert answer.document["accepted"] == 3

    def test_a_table_is_read_with_a_mapping(self, cli):
        table = cli.write("tickets.csv", TABLE)
        mapping = cli.write("mapping.json", orjson.dumps(MAPPING))

        summary = cli("ingest", table, "--format", "csv", "--mapping", mapping, "--json").document

        assert summary["accepted"] == 1
        profile = cli("contact", "show", cli.contact_of("anna@gmail.com"), "--json").document
        assert profile["fields"]["given_name"][0]["value"] == "Anna"
        assert profile["interactions"][0]["source"] == "crm"

    def test_twice_is_the_same_as_once(self, filled):
        before = filled("projections", "status", "--json").document["head"]

        again = filled("ingest", filled.traffic())

        assert again.code == 0
        assert "nothing new" in again.out
        assert filled("projections", "status", "--json").document["head"] == before

    def test_again_reads_from_the_start_and_finds_all_known(self, filled):
        before = filled("projections", "status", "--json").document["head"]

        summary = filled("ingest", filled.traffic(), "--again", "--json").document

        assert (summary["read"], summary["duplicates"], summary["accepted"]) == (3, 3, 0)
        assert filled("projections", "status", "--json").document["head"] == before

    def test_lines_that_were_added_to_a_file_are_read_alone(self, filled):
        filled.write("traffic.jsonl", lines([*EVENTS, event("4")]))

        summary = filled("ingest", filled.folder / "traffic.jsonl", "--json").document

        assert (summary["read"], summary["accepted"]) == (1, 1)

    @pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
    @pytest.mark.parametrize("before_the_verb", [True, False])
    def test_the_store_can_be_named_before_and_after_the_verb(self, cli, form, before_the_verb):
        store, verb = ["--store", form.format(cli.store)], ["ingest", cli.traffic()]

        answer = cli.bare(*(store + verb if before_the_verb else verb + store))

        assert answer.code == 0
        assert (cli.store / "events.db").exists()

    def test_the_store_can_be_named_by_the_environment(self, cli, monkeypatch):
        monkeypatch.setenv("IDENTITY_ENGINE_STORE", str(cli.store))

        assert cli.bare("ingest", cli.traffic()).code == 0
        assert (cli.store / "events.db").exists()


class TestExportAndEvaluate:
    def test_links_are_written_with_their_weight_in_bits(self, filled):
        out = filled.folder / "links.csv"

        answer = filled("export", "links", "--out", out)

        assert answer.code == 0
        assert "3 links" in answer.out
        links = rows(out)
        assert list(links[0]) == [
            "source",
            "interaction_id",
            "contact_id",
            "stage",
            "decision",
            "weight",
        ]
        assert [(one["source"], one["interaction_id"]) for one in links] == [
            (SOURCE, "1"),
            (SOURCE, "2"),
            (SOURCE, "3"),
        ]
        assert links[0]["contact_id"] == links[1]["contact_id"] != links[2]["contact_id"]
        assert [one["stage"] for one in links] == ["identified", "identified", "ephemeral"]
        assert [one["decision"] for one in links] == ["none", "exact_exclusive", "none"]
        assert all(re.fullmatch(r"-?\d+\.\d{3}", one["weight"]) for one in links)

    def test_links_can_be_written_as_they_were(self, filled):
        head = filled("projections", "status", "--json").document["head"]
        then, now = filled.folder / "then.csv", filled.folder / "now.csv"
        filled("export", "links", "--out", now)
        filled("ingest", filled.write("more.jsonl", lines([event("4")])))

        answer = filled("export", "links", "--out", then, "--as-of", f"pos:{head}", "--json")

        assert answer.document["links"] == 3
        assert then.read_text() == now.read_text()

    def test_links_are_compared_with_the_truth(self, filled):
        out = filled.folder / "links.csv"
        filled("export", "links", "--out", out)
        truth = filled.write(
            "truth.csv",
            f"source,interaction_id,person\n{SOURCE},1,a\n{SOURCE},2,a\n{SOURCE},3,a\n".encode(),
        )

        quality = filled.bare("evaluate", out, truth, "--json").document

        assert quality["precision"] == 1.0
        assert quality["recall"] == pytest.approx(1 / 3)
        assert "precision" in filled.bare("evaluate", out, truth).out


class TestContacts:
    def test_show_gives_the_single_view(self, filled):
        contact_id = filled.contact_of("berger")

        answer = filled("contact", "show", contact_id)

        assert answer.code == 0
        for shown in (contact_id, "identified", "Berger", "C-1", "anna.berger@gmail.com"):
            assert shown in answer.out

    def test_history_tells_the_events_in_the_order_they_were_recorded(self, filled):
        entries = filled("contact", "history", filled.contact_of("berger"), "--json").document

        positions = [one["position"] for one in entries]
        assert positions == sorted(positions)
        topics = [one["topic"] for one in entries]
        assert topics.count("interaction.received") == 2
        assert topics.count("contact.identified") == 1

    def test_why_explains_the_links_of_a_contact_and_the_link_of_an_interaction(self, filled):
        of_contact = filled("contact", "why", filled.contact_of("berger"), "--json").document
        second = of_contact[1]

        of_interaction = filled("contact", "why", second["interaction_id"], "--json").document

        assert of_interaction == [second]
        assert [one["rule"] for one in of_contact] == ["none", "exact_exclusive"]
        assert second["sentence"] in filled("contact", "why", second["interaction_id"]).out

    def test_show_and_history_answer_as_of_a_position_and_a_time(self, filled):
        contact_id = filled.contact_of("berger")
        before = filled("contact", "show", contact_id, "--json").document
        history = filled("contact", "history", contact_id, "--json").document
        more = event("4", *EVENTS[0]["data"]["identifiers"], profile={"given_name": "Anne"})
        filled("ingest", filled.write("more.jsonl", lines([more])))
        assert filled("contact", "show", contact_id, "--json").document != before

        for moment in (f"pos:{history[-1]['position']}", history[-1]["recorded_at"]):
            as_of = ("--as-of", moment, "--json")
            assert filled("contact", "show", contact_id, *as_of).document == before
            assert filled("contact", "history", contact_id, *as_of).document == history

    def test_search_finds_by_words_field_and_stage_and_says_when_nothing_is_found(self, filled):
        anna = filled.contact_of("berger")

        assert anna in filled("search", "anna", "berg").out
        assert anna in filled("search", "berger", "--field", "family_name").out
        assert anna in filled("search", "berger", "--stage", "identified").out
        for nothing in (["nobody"], ["berger", "--field", "phone"]):
            answer = filled("search", *nothing)
            assert (answer.code, answer.out) == (0, "Nothing found.\n")
        assert filled("search", "berger", "--stage", "ephemeral", "--json").document == []

    def test_review_lists_what_is_in_doubt(self, cli):
        johanna = {
            "given_name": "Johanna",
            "family_name": "Weidenfeld",
            "date_of_birth": "1971-03-09",
        }
        alike = {"given_name": "Johana", "family_name": "Weidenfelt", "date_of_birth": "1971-11-28"}
        doubt = [
            event("1", channel="form", profile=johanna),
            event("2", channel="form", profile=alike),
        ]
        cli("ingest", cli.write("none.jsonl", b""))
        assert cli("review", "list").out == "Nothing waits for review.\n"
        cli("ingest", cli.write("doubt.jsonl", lines(doubt)))

        (item,) = cli("review", "list", "--json").document

        assert item["proposed"] == cli.contact_of("johanna weidenfeld")
        assert item["interaction_id"] in cli("review", "list").out


class TestProjectionsAndPolicy:
    @pytest.mark.parametrize("also", [[], ["--index"]], ids=["views", "views and match index"])
    def test_views_are_sound_before_and_after_a_rebuild(self, filled, also):
        before = filled("projections", "verify", *also, "--json").document
        assert all(one["sound"] for one in before)

        assert filled("projections", "rebuild", *also).code == 0

        after = filled("projections", "verify", *also, "--json").document
        assert [one["live_hash"] for one in after] == [one["live_hash"] for one in before]

    def test_status_tells_how_far_each_view_is(self, filled):
        assert filled("projections", "follow").code == 0

        status = filled("projections", "status", "--json").document

        assert {one["position"] for one in status["projections"]} == {status["head"]}

    def test_a_policy_is_put_in_force_once(self, filled):
        shown = filled("policy", "show", "--json").document
        changed = orjson.dumps(orjson.loads(shipped_policy()) | {"name": "ours"})
        file = filled.write("ours.json", changed)

        first = filled("policy", "activate", file, "--json").document
        second = filled("policy", "activate", file, "--json").document

        assert (first["changed"], second["changed"]) == (True, False)
        assert first["version"] == second["version"] != shown["policy_version"]
        assert filled("policy", "show", "--json").document["policy"]["name"] == "ours"

    @pytest.mark.parametrize("kind", ["policy", "model"])
    def test_what_is_shown_is_what_is_in_force(self, filled, kind):
        shown = filled(kind, "show", "--json").document[kind]
        file = filled.write("shown.json", orjson.dumps(shown))

        assert not filled(kind, "activate", file, "--json").document["changed"]


def test_simulated_traffic_repeats_itself_and_comes_with_the_truth(cli):
    def write(name):
        out, truth = cli.folder / f"{name}.jsonl", cli.folder / f"{name}.csv"
        size = ("--people", 5, "--interactions", 20, "--seed", 3)
        answer = cli.bare("simulate", *size, "--out", out, "--truth", truth, "--json")
        assert answer.document["interactions"] == 20
        return out.read_bytes(), truth.read_bytes()

    first = write("first")

    assert first == write("second")
    assert first[0].count(b"\n") == 20
    assert set(rows(cli.folder / "first.csv")[0]) >= {"source", "interaction_id", "person"}


def test_doctor_finds_a_filled_store_sound_and_none_where_none_is(filled, tmp_path):
    sound = filled("doctor", "--json").document
    assert all(one["is_sound"] for one in sound)

    missing = filled.bare("doctor", "--store", tmp_path / "elsewhere")

    assert missing.code == 1
    assert "There is no store" in missing.out
    assert not (tmp_path / "elsewhere").exists()


def test_every_question_can_be_answered_in_json(filled):
    contact_id = filled.contact_of("berger")
    questions = [
        ["contact", "show", contact_id],
        ["contact", "history", contact_id],
        ["contact", "why", contact_id],
        ["contact", "how", contact_id],
        ["why-not", contact_id, filled.contact_of("moriyama")],
        ["search", "anna"],
        ["review", "list"],
        ["export", "links", "--out", filled.folder / "out.csv"],
        ["ingest", filled.traffic()],
        ["dead-letters", "list"],
        ["dead-letters", "redrive"],
        ["projections", "status"],
        ["projections", "follow"],
        ["projections", "verify"],
        ["projections", "rebuild"],
        ["projections", "redrive"],
        ["policy", "show"],
        ["model", "show"],
        ["doctor"],
    ]
    for question in questions:
        answer = filled(*question, "--json")
        assert (answer.code, answer.err) == (0, ""), question
        json.loads(answer.out)


def test_a_table_that_is_piped_keeps_each_row_on_one_line(filled):
    answer = in_own_process("interaction", "list", "--store", filled.store, COLUMNS="")

    head, *rows = answer.out.splitlines()
    assert {"interaction", "channel", "time", "contact"} <= set(head.split())
    assert len(rows) == 3
