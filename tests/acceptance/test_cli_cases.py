"""Cases as a user of the command line meets them."""

import json
import re

import orjson
import pytest

from identity_engine.application.rules import shipped_settings
from tests.acceptance.commands import lines
from tests.support.interactions import email, event, phone
from tests.support.mail import LocalServer
from tests.support.working_on_cases import ANNA, OUTGOING, mail

CALL = event("call", phone(), email(ANNA))


@pytest.fixture
def desk(cli):
    """A command line in whose store mail opens cases, with a call and a mail."""
    settings(cli)
    assert cli("ingest", cli.write("t.jsonl", lines([CALL, mail("1")]))).code == 0
    return cli


def settings(cli, **outgoing):
    content = orjson.loads(shipped_settings()) | {
        "cases": {"channels": ["email"]},
        "outgoing_mail": OUTGOING | outgoing,
    }
    assert cli("admin", "configure", cli.write("settings.json", orjson.dumps(content))).code == 0


def case_of(desk, number):
    return desk("case", "show", number, "--json").document


def test_a_mail_is_a_case_and_an_agent_works_on_it(desk):
    (found,) = desk("case", "list", "--state", "new", "--json").document
    assert (found["number"], found["subject"]) == ("C-000001", "Rechnung 17")
    answer = desk(
        "case", "add", "C-000001", "--note", "Prüft die Buchhaltung", "--pending", "colleague"
    )
    assert (answer.code, answer.out) == (0, "C-000001 is pending.\n")
    shown = desk("case", "show", "C-000001").out
    assert "pending (colleague)" in shown
    assert "Buchhaltung" in shown
    assert desk("case", "state", "C-000001", "open").out == "C-000001 is open.\n"
    desk("case", "state", "C-000001", "resolved", "--disposition", "solved")
    assert desk("case", "state", "C-000001", "closed").out == "C-000001 is closed.\n"
    history = desk("case", "history", "C-000001", "--lang", "de", "--json").document
    assert "Der Fall wurde gelöst: solved." in [one["summary"] for one in history]
    follow_up = desk("case", "follow-up", "C-000001", "--note", "meldet sich wieder")
    assert follow_up.out == "C-000002 is open.\n"


def test_what_the_rules_refuse_ends_with_exit_code_1_and_says_why(desk):
    refused = desk("case", "state", "C-000001", "pending", "--reason", "lunch")
    assert refused.code == 1
    assert "A case waits for one of: colleague, customer, third_party." in refused.err
    assert desk("case", "state", "C-000001", "closed").code == 1
    assert desk("case", "show", "C-000009").code == 1
    assert desk("case", "state", "C-000001", "pending").code == 2
    nonsense = desk("case", "show", "nonsense")
    assert (nonsense.code, "such as C-000001" in nonsense.err) == (2, True)
    assert "such as C-000001" in desk("case", "add", "nonsense", "--note", "x").err
    assert desk("case", "add", "C-000001").code == 2
    assert desk("case", "add", "C-000001", "--to", ANNA).code == 2


def test_a_case_is_opened_from_a_contact_and_the_contact_shows_it(desk):
    contact = desk.contact_of(ANNA)
    dry = desk("case", "open", "contact", contact, "--note", "x", "--dry-run")
    assert dry.out == "Dry run, nothing is written: C-000002 is open.\n"
    saved = desk("case", "open", "contact", contact, "--note", "x", "--json").document
    assert (saved["number"], saved["contact_id"]) == ("C-000002", contact)
    assert "cases C-000002, C-000001" in desk("contact", "show", contact).out
    assert desk("contact", "show", contact, "--json").document["cases"] == ["C-000002", "C-000001"]
    assert desk.contact_of("C-000002") == contact
    alone = desk("case", "open", "contact", contact, "--contact-note", "Ruft lieber an")
    assert alone.out == "The note is written; no case came of it.\n"


def test_notes_queues_pins_and_links(desk):
    desk("case", "note", "add", "C-000001", "erste Notiz")
    (note,) = case_of(desk, "C-000001")["notes"]
    desk("case", "note", "change", "C-000001", note["note_id"], "bessere Notiz")
    assert [one["text"] for one in case_of(desk, "C-000001")["notes"]] == ["bessere Notiz"]
    desk("case", "note", "remove", "C-000001", note["note_id"], "--reason", "falsch")
    assert case_of(desk, "C-000001")["notes"] == []
    desk("case", "assign", "C-000001", "--queue", "billing")
    assert len(desk("case", "list", "--queue", "billing", "--json").document) == 1
    desk("case", "pin", "C-000001")
    assert len(desk("case", "list", "--pinned", "--json").document) == 1
    desk("case", "unpin", "C-000001")
    assert desk("case", "list", "--pinned").out == "No case found.\n"
    (call,) = (
        one["interaction_id"]
        for one in desk("contact", "show", desk.contact_of(ANNA), "--json").document["interactions"]
        if one["channel"] == "voice"
    )
    desk("case", "link", "C-000001", call)
    assert len(case_of(desk, "C-000001")["interactions"]) == 2


def test_a_mail_is_written_sent_and_shown_as_sent(desk):
    with LocalServer() as server:
        settings(desk, port=server.port)
        desk("case", "mail", "write", "C-000001", "Guten Tag")
        (mail_,) = case_of(desk, "C-000001")["mails"]
        desk("case", "mail", "rewrite", "C-000001", mail_["mail_id"], "Grüß Gott")
        assert desk("case", "mail", "send").out == "No mail is due.\n"
        desk("case", "mail", "release", "C-000001", mail_["mail_id"])
        sent = desk("case", "mail", "send")
        assert sent.code == 0
        assert re.search(r"C-000001 .* sent", sent.out)
        (message,) = server.messages
        assert message["To"] == ANNA
        assert message.get_content().strip() == "Grüß Gott"
        server.answer = "refuse"
        desk("case", "add", "C-000001", "--mail", "noch etwas", "--send")
        assert desk("case", "mail", "send").code == 1
    statuses = [one["status"] for one in case_of(desk, "C-000001")["mails"]]
    assert statuses == ["sent", "failed"]
    failed = case_of(desk, "C-000001")["mails"][1]
    desk("case", "mail", "discard", "C-000001", failed["mail_id"])
    assert case_of(desk, "C-000001")["mails"][1]["status"] == "discarded"


def test_an_agent_is_busy_while_composing(desk):
    composition = desk("case", "compose", "--mode", "preview").out.strip()
    assert "preview" in desk("case", "busy").out
    assert desk("case", "discard", composition).out == "Discarded; you are free.\n"
    assert desk("case", "busy").out == "Nobody is composing.\n"


def test_the_sweep_says_what_it_closed(desk):
    assert desk("case", "sweep").out == "No case is to be closed.\n"
    assert json.loads(desk("case", "sweep", "--json").out) == {"closed": []}


def test_a_pin_is_said_and_changes_nothing_of_the_case(desk):
    (before,) = desk("case", "list", "--json").document
    assert desk("case", "pin", "C-000001").out == "C-000001 is pinned.\n"
    assert desk("case", "pin", "C-000001").out == "Nothing to change.\n"
    (pinned,) = desk("case", "list", "--pinned", "--json").document
    assert pinned == before
    assert desk("case", "unpin", "C-000001").out == "C-000001 is pinned no longer.\n"
    assert desk("case", "list", "--json").document == [before]
    assert "case.pinned" in desk("case", "history", "C-000001").out
