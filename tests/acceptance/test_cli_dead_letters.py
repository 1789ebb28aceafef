"""The verbs of dead letters as a user meets them."""

import re

import pytest

from identity_engine import Engine
from tests.acceptance.commands import EVENTS, in_own_process, lines

CHANGE = {"type": "identity_engine.interaction.change.v1"}


@pytest.fixture
def with_letters(cli):
    cli("ingest", cli.write("bad.jsonl", lines([EVENTS[0] | CHANGE]) + b"rubbish\n"))
    return cli


def test_they_are_listed_with_their_faults_and_without_their_content(with_letters):
    listed = with_letters("dead-letters", "list", "--json").document

    assert [one["faults"][0]["code"] for one in listed] == ["missing_field", "not_json"]
    answer = with_letters("dead-letters", "list")
    assert "missing_field" in answer.out
    assert "rubbish" not in answer.out


def test_each_is_listed_with_its_file_and_place(with_letters):
    at = ("--store", with_letters.store)
    assert in_own_process("ingest", "-", *at, given=b"more rubbish\n").code == 0

    listed = with_letters("dead-letters", "list", "--json").document
    assert [one["file"] for one in listed] == ["bad.jsonl", "bad.jsonl", None]
    shown = in_own_process("dead-letters", "list", *at, COLUMNS="200").out.splitlines()
    assert [re.split(" {2,}", line)[2] for line in shown] == [
        "place",
        "bad.jsonl byte 0",
        f"bad.jsonl byte {listed[1]['position']}",
        "byte 0",
    ]


def test_the_original_is_shown_when_it_is_asked_for(with_letters):
    letters = with_letters("dead-letters", "list", "--json").document

    shown = with_letters("dead-letters", "show-original", letters[1]["id"], "--json").document

    assert shown["raw"].rstrip("\n") == "rubbish"


def test_a_redrive_that_helps_nothing_keeps_them_and_ends_with_1(with_letters):
    answer = with_letters("dead-letters", "redrive")

    assert answer.code == 1
    assert "2 stay" in answer.out
    assert len(with_letters("dead-letters", "list", "--json").document) == 2


def test_a_redrive_without_letters_is_done(filled):
    assert filled("dead-letters", "redrive", "--json").document["read"] == 0
    assert filled("dead-letters", "list").out == "No dead letters are open.\n"


def test_those_that_need_nothing_more_are_closed_and_listed_as_that(with_letters):
    assert with_letters("dead-letters", "close", "1", "2").out == "2 dead letters are closed.\n"
    assert with_letters("dead-letters", "list").out == "No dead letters are open.\n"
    listed = with_letters("dead-letters", "list", "--state", "closed", "--json").document
    assert [(one["id"], one["state"]) for one in listed] == [(1, "closed"), (2, "closed")]


def test_closing_what_is_not_open_says_so_and_changes_nothing(with_letters):
    with_letters("dead-letters", "close", "2")

    answer = with_letters("dead-letters", "close", "1", "2")
    assert answer.out == "1 dead letter is closed.\nClosed already, so nothing changed: 2.\n"
    with Engine.open(with_letters.store, make=False) as engine:
        engine.ingest_file(with_letters.folder / "bad.jsonl", again=True)
        engine.dead_letters.mark([1], "redriven")
        engine.dead_letters.mark([2], "closed")
    again = with_letters("dead-letters", "close", "1", "2")
    assert again.code == 0
    assert again.out.splitlines() == [
        "Closed already, so nothing changed: 2.",
        "Redriven already, so nothing changed: 1.",
    ]


def test_what_closing_did_is_one_json_document(with_letters):
    with_letters("dead-letters", "close", "2")

    told = with_letters("dead-letters", "close", "1", "2", "--json").document
    assert told == {"closed": [1], "closed_before": [2], "redriven_before": []}
