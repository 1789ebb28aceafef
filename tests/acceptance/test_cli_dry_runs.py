"""Dry runs of what activates, composes and works: all is decided, nothing written, nobody asked."""

import json

import orjson
import pytest

from tests.acceptance.commands import lines
from tests.acceptance.test_cli_cases import settings as mail_settings
from tests.support.crm_servers import TOKEN, Rest, listening
from tests.support.interactions import change, event, phone

NOTHING = "Dry run, nothing is written: "
OURS = b'{"format": 1, "name": "ours"}'
CALL = event("1", phone(), profile={"full_name": "Anna Berger"})
TURNS = [
    change(f"t-{kind}", "1", kind, agent="agent-7", time="2026-02-01T09:10:00Z")
    for kind in ("accepted", "ended", "wrapped_up")
]


@pytest.fixture
def dry(filled):
    """Types a command as a dry run, and checks that nothing is written."""

    def typed(*words, cli=filled):
        before = cli("projections", "status", "--json").document["head"]
        answer = cli(*words, "--dry-run")
        assert cli("projections", "status", "--json").document["head"] == before
        return answer

    return typed


@pytest.fixture
def ingest(filled):
    def ingest(*events):
        assert filled("ingest", filled.write("more.jsonl", lines(events))).code == 0

    return ingest


@pytest.fixture
def server(filled, monkeypatch):
    """A CRM that is connected."""
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    with listening(Rest) as server:
        crm = {"kind": "rest", "url": server.url, "token_env": "CRM_TOKEN", "allow_private": True}
        content = {"format": 1, "name": "ours", "crm": {**crm, "may_create": ["lead"]}}
        filled("admin", "configure", filled.write("crm.json", orjson.dumps(content)))
        yield server


@pytest.fixture
def interaction(filled):
    found = filled("contact", "show", filled.contact_of("kenta"), "--json").document
    return found["interactions"][0]["interaction_id"]


class TestActivate:
    @pytest.mark.parametrize("kind", ["policy", "model"])
    def test_other_rules_are_named_by_their_version(self, filled, dry, kind):
        shown = filled(kind, "show", "--json").document[kind]
        other = filled.write("other.json", orjson.dumps(shown | {"name": "other"}))

        answer = dry(kind, "activate", other)
        assert answer.out.startswith(f"{NOTHING}{kind} ")
        assert answer.out.endswith(" is in force.\n")
        assert filled(kind, "show", "--json").document[kind]["name"] != "other"
        assert answer.out == NOTHING + filled(kind, "activate", other).out
        assert dry(kind, "activate", other).out.endswith("in force already; nothing changed.\n")

    def test_settings_too(self, filled, dry):
        file = filled.write("settings.json", OURS)
        assert dry("admin", "configure", file).out == f"{NOTHING}The settings are in force.\n"
        assert filled("admin", "settings").document["name"] != "ours"
        told = dry("admin", "configure", file, "--json").document
        assert told == {"kind": "settings", "changed": True}
        filled("admin", "configure", file)
        assert "already" in dry("admin", "configure", file).out

    @pytest.mark.parametrize("verb", [("admin", "configure"), ("policy", "activate")])
    def test_a_content_that_is_not_valid_is_refused(self, filled, dry, verb):
        assert dry(*verb, filled.write("bad.json", b'{"format": 1, "x": 1}')).code == 1


class TestCases:
    def test_composing_and_discarding(self, filled, dry):
        assert dry("case", "compose").out == f"{NOTHING}You are busy.\n"
        assert dry("case", "compose", "--json").document == {"composition": None}
        assert dry("case", "compose", "--of", "C-000009").code == 1
        assert filled("case", "busy").out == "Nobody is composing.\n"

        composition = filled("case", "compose").out.strip()
        assert dry("case", "discard", composition).out == f"{NOTHING}Discarded; you are free.\n"
        assert "compose" in filled("case", "busy").out
        assert filled("case", "discard", composition).out == "Discarded; you are free.\n"
        assert dry("case", "discard", composition).code == 1

    def test_mails_that_are_due_are_listed_and_not_sent(self, filled, dry):
        assert dry("case", "mail", "send").out == f"{NOTHING}0 tasks are due.\n"
        mail_settings(filled, port=9)
        typed = ("--mail", "Hello", "--to", "a@example.org", "--mail-subject", "A", "--send")
        filled("case", "open", "contact", filled.contact_of("kenta"), *typed)

        answer = dry("case", "mail", "send")
        assert answer.code == 0
        assert answer.out.startswith(f"{NOTHING}1 task is due.\n")
        assert "C-000001" in answer.out
        assert "waiting" in answer.out
        (due,) = dry("case", "mail", "send", "--json").document
        assert (due["number"], due["status"], due["code"]) == ("C-000001", "waiting", None)


class TestCrm:
    def test_a_new_record_is_checked_and_not_asked_for(self, filled, dry, server, interaction):
        said = f"{NOTHING}The CRM is asked for a new lead.\n"
        typed = ("crm", "create", interaction)
        assert dry(*typed, "lead", "--field", "name=Berger").out == said
        assert dry(*typed, "contact", "--field", "name=Berger").code == 1
        assert dry(*typed, "lead", "--field", "=").code == 2
        assert dry("crm", "create", interaction[::-1], "lead", "--field", "a=b").code != 0
        assert server.requests == []

    def test_what_is_due_is_counted_and_sent_by_the_run_after_it(self, filled, dry, server, ingest):
        ingest(event("7", phone("+493012345678"), profile={"full_name": "Jo Lang"}))
        call = filled("contact", "show", filled.contact_of("lang"), "--json").document
        filled("crm", "link", call["interactions"][0]["interaction_id"], "contact", "003A")
        assert dry("crm", "work").out == f"{NOTHING}0 tasks are due.\n"
        kinds = ("accepted", "ended", "wrapped_up")
        time = "2026-02-01T09:10:00Z"
        ingest(*(change(f"t-{kind}", "7", kind, agent="agent-7", time=time) for kind in kinds))

        assert dry("crm", "work").out == f"{NOTHING}1 task is due.\n"
        told = dry("crm", "work", "--json").document
        assert (told["due"], told["waiting"], told["written"]) == (1, 1, 0)
        assert server.requests == []
        server.fail_next = [(503, {}, b"")]
        assert filled("crm", "work").code == 1
        assert dry("crm", "work").out == f"{NOTHING}0 tasks are due, 1 put off.\n"


class TestAugmentation:
    def test_arrivals_that_are_due_are_counted_and_asked_about_by_the_run_after_it(
        self, filled, dry, ingest
    ):
        assert dry("augment", "work").out == f"{NOTHING}0 tasks are due.\n"
        (filled.folder / "directory").mkdir()
        source = {"name": "directory", "kind": "csv", "folder": str(filled.folder / "directory")}
        sources = [{**source, "identifier_types": ["phone"]}]
        content = {"format": 1, "name": "ours", "augmentation": {"sources": sources}}
        filled("admin", "configure", filled.write("s.json", json.dumps(content).encode()))
        policy = filled("policy", "show", "--json").document["policy"]
        policy["channels"]["voice"]["augment"] = "directory"
        filled("policy", "activate", filled.write("p.json", orjson.dumps(policy)))
        ingest(event("7", phone("+493012345678")), event("8", phone("+493012345679")))

        assert dry("augment", "work").out == f"{NOTHING}2 tasks are due.\n"
        assert dry("augment", "work").out == f"{NOTHING}2 tasks are due.\n"
        told = dry("augment", "work", "--json").document
        assert (told["due"], told["waiting"], told["failed"]) == (2, 2, 0)
        assert filled("augment", "waiting").out == "Nobody waits to be looked up.\n"
        (filled.folder / "directory" / "people.csv").write_bytes(b"\xff")
        assert filled("augment", "work").code == 1
        assert dry("augment", "work").out == f"{NOTHING}1 task is due, 1 put off.\n"


class TestDeadLetters:
    def test_they_are_counted_and_stay(self, filled, dry):
        nothing = f"{NOTHING}0 dead letters are due, of which 0 stay.\n"
        assert dry("dead-letters", "redrive").out == nothing
        filled("ingest", filled.write("bad.jsonl", b"rubbish\n"))
        answer = dry("dead-letters", "redrive")
        assert answer.out == f"{NOTHING}1 dead letter is due, of which 1 stays.\n"
        assert answer.code == 0
        assert len(filled("dead-letters", "list", "--json").document) == 1
        assert dry("dead-letters", "close", "1").out == f"{NOTHING}1 dead letter is closed.\n"
        assert len(filled("dead-letters", "list", "--json").document) == 1
