"""The verbs of the CRM and of augmentation, as people type them."""

import json

import orjson
import pytest

from tests.support.crm_servers import TOKEN, Rest, listening
from tests.support.interactions import change, event, phone

CALL = event("1", phone(), profile={"full_name": "Anna Berger"})
TURNS = [
    change(f"t-{kind}", "1", kind, agent="agent-7", time="2026-02-01T09:10:00Z")
    for kind in ("accepted", "ended", "wrapped_up")
]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    with listening(Rest) as server:
        yield server


@pytest.fixture
def ingest(cli):
    def ingest(*events):
        file = cli.folder / "more.jsonl"
        file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
        return cli("ingest", file, "--json").document

    return ingest


@pytest.fixture
def call(cli, ingest):
    ingest(CALL)
    (contact,) = cli("search", "Berger", "--json").document
    shown = cli("contact", "show", contact["contact_id"], "--json").document
    return shown["interactions"][0]["interaction_id"], contact["contact_id"]


@pytest.fixture
def configure(cli):
    def configure(**sections):
        file = cli.folder / "settings.json"
        file.write_text(json.dumps({"format": 1, "name": "ours", **sections}))
        assert cli("admin", "configure", file).code == 0

    return configure


@pytest.fixture
def connected(configure, server):
    crm = {"kind": "rest", "url": server.url, "token_env": "CRM_TOKEN", "allow_private": True}
    configure(crm={**crm, "may_create": ["lead"]})
    return server


class TestCrm:
    def test_without_one_the_verbs_say_so(self, cli, call):
        answer = cli("crm", "link", call[0], "contact", "003A")
        assert (answer.code, "No CRM is connected" in answer.err) == (1, True)
        assert cli("crm", "status").out.startswith("No CRM is connected.\n")

    def test_from_link_to_ledger(self, cli, connected, call, ingest):
        interaction, _ = call
        linked = cli("crm", "link", interaction, "contact", "003A", "--label", "Anna Berger")
        assert linked.out == "The contact 003A is linked.\n"
        assert "Linked, waiting" in cli("crm", "status", interaction).out
        assert cli("crm", "work", "--json").document["written"] == 0
        ingest(*TURNS)
        assert cli("crm", "work", "--json").document["written"] == 1
        topics = [one["topic"] for one in cli("crm", "ledger", interaction, "--json").document]
        assert topics == ["crm.written_back", "crm.write_back_due", "crm.record_linked"]

    def test_from_unlink_to_the_correction(self, cli, connected, call, ingest):
        interaction, _ = call
        cli("crm", "link", interaction, "contact", "003A")
        ingest(*TURNS)
        cli("crm", "work")
        assert cli("crm", "unlink", interaction, "contact", "003A", "--reason", "no").code == 0
        (link,) = cli("crm", "status", "--json").document["links"]
        assert (link["state"], link["correction"]) == ("unlinked", "withdraw")
        assert cli("crm", "approve", link["link_id"]).out == "The correction is approved.\n"
        assert cli("crm", "work", "--json").document["corrected"] == 1
        assert connected.rows.tables["activity"] == {}

    def test_a_failed_run_is_exit_1_and_says_what_waits(self, cli, connected, call, ingest):
        cli("crm", "link", call[0], "contact", "003A")
        ingest(*TURNS)
        connected.fail_next = [(503, {}, b"")]
        answer = cli("crm", "work")
        assert answer.code == 1
        assert "1 failed, 1 waiting" in answer.out
        assert "unavailable" in answer.out

    def test_a_new_record_and_what_is_related(self, cli, connected, call):
        made = cli("crm", "create", call[0], "lead", "--field", "name=Berger", "--link")
        assert made.code == 0
        assert f"{connected.url}/lead/" in made.out
        (found,) = cli("crm", "related", call[0], "--json").document
        assert (found["type"], found["label"]) == ("lead", "Berger")
        assert "No related" in cli("crm", "related", call[0], "--expand", f"lead:{found['id']}").out

    def test_a_record_that_was_refused_is_exit_1_and_says_why(self, cli, connected, call):
        connected.fail_next = [(422, {}, b"")]
        answer = cli("crm", "create", call[0], "lead", "--field", "name=Berger")
        assert (answer.code, "made no record: refused" in answer.out) == (1, True)

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            (("link", "x", "contact", "003A"), 2),
            (("link", "019b1c3e-7c5a-7000-8000-0123456789ab", "contact", "003A"), 1),
            (("create", "019b1c3e-7c5a-7000-8000-0123456789ab", "lead", "--field", "name"), 2),
            (("approve", "019b1c3e-7c5a-7000-8000-0123456789ab"), 1),
        ],
    )
    def test_what_cannot_be_done_is_one_plain_line(self, cli, connected, call, typed, code):
        answer = cli("crm", *typed)
        assert (answer.code, answer.err.count("\n")) == (code, 1)


class TestAugment:
    @pytest.fixture
    def folder(self, cli):
        folder = cli.folder / "directory"
        folder.mkdir()
        (folder / "people.csv").write_text("id,phone,city\nr-1,+81312345678,Osaka\n")
        return folder

    @pytest.fixture
    def source(self, configure, folder):
        source = {"name": "directory", "kind": "csv", "folder": str(folder)}
        configure(augmentation={"sources": [{**source, "identifier_types": ["phone"]}]})

    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "No data."),
            ("fr", "Pas de données"),
            ("de", "Keine Daten."),
            ("ja", "データなし。"),
        ],
    )
    def test_no_source_and_no_match_say_the_same(self, cli, call, folder, request, language, said):
        _, contact = call
        assert cli("augment", "look", contact, "--lang", language).out == f"{said}\n"
        assert cli("augment", "look", contact, "--json").document["reason"] == "not_configured"
        (folder / "people.csv").write_text("id,phone,city\n")
        request.getfixturevalue("source")
        assert cli("augment", "look", contact, "--lang", language).out == f"{said}\n"
        assert cli("augment", "look", contact, "--json").document["reason"] == "no_match"

    def test_look_apply_list_and_revert(self, cli, call, source):
        _, contact = call
        assert "Osaka" in cli("augment", "look", contact).out
        given = ("augment", "apply", contact, "--source", "directory", "--record", "r-1")
        assert cli(*given).out == "Nothing to change.\n"  # nothing was ticked
        (augmentation,) = cli(*given, "--tick", "city=Osaka", "--json").document["augmentation_ids"]
        shown = cli("contact", "show", contact, "--json").document
        assert shown["fields"]["city"][0]["value"] == "Osaka"
        assert "city=Osaka" in cli("augment", "list", contact).out
        assert cli("augment", "revert", contact, augmentation).code == 0
        assert "city" not in cli("contact", "show", contact, "--json").document["fields"]

    def test_a_source_that_fails_is_exit_1_and_never_no_data(self, cli, call, source, folder):
        (folder / "people.csv").write_bytes(b"\xff")
        answer = cli("augment", "look", call[1])
        assert (answer.code, answer.out) == (1, "The source directory failed (unreadable).\n")

    def test_all_and_tick_together_is_wrong_usage(self, cli, call, source):
        given = ("augment", "apply", call[1], "--source", "directory", "--record", "r-1")
        assert cli(*given, "--all", "--tick", "city=Osaka").code == 2
