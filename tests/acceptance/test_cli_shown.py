"""What is shown of values from outside: a terminal obeys nothing of it, JSON has it exactly."""

import json

import pytest

from identity_engine.cli.terminal.errors import complain
from identity_engine.cli.terminal.output import show, show_lines, show_table
from tests.acceptance.commands import lines
from tests.support.interactions import event, phone

EVIL = "Anna\x1b[2J\0\x9b2J\u202eBerger\nok\r\n:id:\x7f"
SHOWN = "Anna�[2J��2J�Berger⏎ok⏎:id:�"
LABEL = "A\x1b[2J\nB"
CRM = {"kind": "rest", "url": "https://crm.example.org", "token_env": "CRM_TOKEN"}


@pytest.fixture
def linked(filled):
    """A store with a record of a CRM whose label holds control characters, and its interaction."""
    settings = {"format": 1, "name": "ours", "crm": CRM}
    filled("admin", "configure", filled.write("settings.json", json.dumps(settings).encode()))
    interaction = filled("interaction", "list", "--json").document[0]["interaction_id"]
    assert filled("crm", "link", interaction, "contact", "003A", "--label", LABEL).code == 0
    return filled


def test_a_label_of_another_system_is_shown_on_one_line_and_obeyed_by_nothing(linked):
    answer = linked("crm", "status")
    assert "contact 003A A�[2J⏎B" in answer.out
    assert not set(answer.out) & set("\x1b\0\x9b\x7f\u202e\r")


def test_a_program_gets_it_exactly(linked):
    (link,) = linked("crm", "status", "--json").document["links"]
    assert link["label"] == LABEL


def test_a_line_of_text_and_a_table_show_the_same(capsys):
    show(EVIL)
    show_table(("a", "b"), [(EVIL, "a\tb")], none="", title=EVIL)
    complain(f"There is no field {EVIL.partition(chr(10))[0]}.")
    shown = capsys.readouterr()
    line, title, _, row = shown.out.splitlines()
    assert (line, title.rstrip(), row.split("  ")[0]) == (SHOWN, SHOWN, SHOWN)
    assert row.rstrip().endswith("a b")
    assert shown.err == "error: There is no field Anna�[2J��2J�Berger.\n"


def test_a_text_of_several_lines_keeps_them(capsys):
    show_lines('{\n\t"a": "\x1b"\n}')
    assert capsys.readouterr().out.splitlines() == ["{", '        "a": "�"', "}"]


def test_a_half_of_a_surrogate_pair_can_be_shown(capsys):
    show("a\ud83db")
    assert capsys.readouterr().out == "a�b\n"


def test_values_of_interactions_are_shown_so_too(cli):
    said = {"given_name": "Anna", "comment": "one\ntwo\tthree"}
    cli("ingest", cli.write("one.jsonl", lines([event("1", phone(), profile=said)])))
    assert "one⏎two three" in cli("contact", "show", cli.contact_of("anna")).out
