"""The verbs about who is one with whom: merge, unmerge, tell-apart, lift-apart, lineage, duplicates."""

import pytest

from tests.acceptance.commands import lines
from tests.support.interactions import email, event

PEOPLE = [
    event("1", email("anna@x.example", True), channel="form", profile={"city": "Berlin"}),
    event("2", email("bert@x.example", True), channel="form", profile={"city": "Tokyo"}),
    event("3", email("cleo@x.example", True), channel="form", profile={"city": "Paris"}),
]

WHY = ("--reason", "A test")


@pytest.fixture
def three(cli):
    """A store with three contacts, and their ids."""
    assert cli("ingest", cli.write("people.jsonl", lines(PEOPLE))).code == 0
    return [cli.contact_of(name) for name in ("anna", "bert", "cleo")]


def test_a_merge_is_previewed_made_shown_and_undone(cli, three):
    asked = ("contact", "merge", *three, "--survivor", three[2], "--choose", "city=Tokyo")

    preview = cli(*asked, "--dry-run", "--json").document
    answer = cli(*asked, "--reason", "They said so.", "--token", preview["token"])

    assert answer.code == 0
    assert f"{three[2]} now stands for 3 contacts" in answer.out
    shown = cli("contact", "show", three[0], "--json").document
    assert shown == preview["profile"]
    assert shown["fields"]["city"][0]["value"] == "Tokyo"

    (merge_id, *_) = {one["merge_id"] for one in merges(cli, three[0])}
    parts = cli("contact", "unmerge", merge_id, "--dry-run", "--json").document["parts"]
    undone = cli("contact", "unmerge", merge_id, "--reason", "No.")
    assert undone.code == 0
    assert "there are 3 contacts now" in undone.out
    shown = [cli("contact", "show", one, "--json").document for one in sorted(three)]
    assert parts == shown
    assert cli("projections", "verify").code == 0


def merges(cli, contact_id):
    return cli("contact", "lineage", contact_id, "--json").document["merges"]


def test_what_is_shown_for_people_names_conflicts_and_the_token(cli, three):
    shown = cli("contact", "merge", *three, "--dry-run").out
    assert "the result says" in shown
    assert "Nothing was written. To make exactly this: --token" in shown


def test_one_member_leaves_and_may_be_joined_by_the_rules_again(cli, three):
    merged = cli("contact", "merge", *three, *WHY, "--json").document
    asked = ("contact", "unmerge", merged["merge_id"], "--member", three[1], *WHY)
    undone = cli(*asked, "--decline-told-apart", "--json").document
    assert undone["told_apart"] == []
    assert len(undone["parts"]) == 2


def test_refusals_say_why_and_end_with_1(cli, three):
    anna, bert, _ = three
    assert cli("contact", "tell-apart", anna, bert, "--reason", "Two.").code == 0
    refused = cli("contact", "merge", anna, bert, *WHY)
    previewed = cli("contact", "merge", anna, bert, "--dry-run")
    assert (refused.code, previewed.code) == (1, 1)
    assert "are two people" in refused.err
    assert "are two people" in previewed.out
    assert cli("contact", "merge", anna, anna, *WHY).code == 1

    assert cli("contact", "lift-apart", bert, anna, *WHY).code == 0
    assert cli("contact", "merge", anna, bert, *WHY).code == 0
    assert cli("contact", "tell-apart", anna, bert, *WHY).code == 1


def test_a_merge_needs_a_reason_and_a_look_at_it_none(cli, three):
    for blank in ((), ("--reason", ""), ("--reason", " ")):
        refused = cli("contact", "merge", *three, *blank)
        assert (refused.code, "reason" in refused.err) == (2, True)
    assert cli("contact", "merge", *three, "--dry-run").code == 0


def test_undoing_twice_says_that_there_is_nothing_to_undo(cli, three):
    merge_id = cli("contact", "merge", *three, *WHY, "--json").document["merge_id"]
    assert cli("contact", "unmerge", merge_id, *WHY).code == 0
    again = cli("contact", "unmerge", merge_id, *WHY)
    assert again.code == 1
    assert "nothing to undo" in again.err


def test_the_lineage_tells_who_merged_and_who_undid(cli, three):
    merge_id = cli("contact", "merge", *three[:2], *WHY, "--json").document["merge_id"]
    cli("contact", "unmerge", merge_id, *WHY)
    (edge,) = merges(cli, three[1])
    assert edge["merge_id"] == merge_id
    assert (edge["made_by"], edge["undone_by"]) == ("owner", "owner")
    assert edge["undone_at"] is not None
    assert merge_id in cli("contact", "lineage", three[1]).out
    assert merges(cli, three[2]) == []


@pytest.mark.parametrize(
    "typed",
    [
        ("merge", "x", "y"),
        ("merge", "ANNA"),
        ("merge", "ANNA", "BERT", "--choose", "city"),
        ("unmerge", "x"),
        ("unmerge", "ANNA", "--move", "a=b"),
        ("tell-apart", "ANNA", "BERT", "--until", "2099-01-01"),
        ("tell-apart", "ANNA", "ANNA"),
        ("tell-apart", "ANNA", "BERT", "--until", "2020-01-01T00:00:00+00:00"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_and_ends_with_2(cli, three, typed):
    names = {"ANNA": three[0], "BERT": three[1]}
    answer = cli("contact", *(names.get(word, word) for word in typed), *WHY)
    assert answer.code == 2
    assert answer.err.startswith("error: ")


def test_a_dry_run_about_two_people_says_that_nothing_is_written(cli, three):
    pair = three[:2]

    told = cli("contact", "tell-apart", *pair, *WHY, "--dry-run")
    assert told.out == "Dry run, nothing is written: They are two people.\n"
    assert cli("contact", "lift-apart", *pair, *WHY).code == 1

    cli("contact", "tell-apart", *pair, *WHY)
    lifted = cli("contact", "lift-apart", *pair, *WHY, "--dry-run")
    assert lifted.out == "Dry run, nothing is written: They may be merged again.\n"
    assert cli("contact", "merge", *pair, *WHY).code == 1
