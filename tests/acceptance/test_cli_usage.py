"""Wrong usage: what is said, and where the right use is told."""

import pytest

from tests.acceptance.commands import in_own_process

ID = "019b1c3e-7c5a-7000-8000-0123456789ab"


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["contact", "show"], "contact show "),
        (["contact", "note", "add", "--nonsense"], "contact note add "),
        (["contact", "shoe"], "contact "),
        (["nonsense"], ""),
        (["simulate", "--people", "many", "--out", "a", "--truth", "b"], "simulate "),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_wrong_usage_names_the_help_of_its_verb(cli, words, verb, before):
    store = ["--store", cli.store]
    answer = cli.bare(*(store + words if before else words))

    assert answer.code == 2
    assert answer.err.splitlines()[1:] == [f"Try: identity-engine {verb}--help"]


@pytest.mark.parametrize("dash", [["--out", "-"], ["--out=-"]])
@pytest.mark.parametrize(
    "words",
    [
        ["export", "links"],
        ["simulate", "--truth", "truth.csv"],
        ["model", "train"],
        ["rehearse", "--model", "model.json"],
    ],
)
def test_what_needs_a_file_says_so_for_a_dash(filled, monkeypatch, words, dash):
    monkeypatch.chdir(filled.folder)
    answer = filled(*words, *dash)

    assert (answer.code, answer.out) == (2, "")
    assert "--out needs the name of a file" in answer.err
    assert f"Try: identity-engine {' '.join(words[:2]).partition(' --')[0]} --help" in answer.err
    assert not (filled.folder / "-").exists()


def test_an_option_of_every_verb_without_its_value_names_the_help_too():
    answer = in_own_process("contact", "show", "--actor")

    assert answer.code == 2
    assert answer.err.splitlines()[1:] == ["Try: identity-engine contact show --help"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reevaluate", "--all", "--only", "ids.json"], "Give --all or --only, not both."),
        (["interaction", "list", "--own", "--all"], "Give --own or --all, not both."),
        (["contact", "promote", ID, "--reason", "known"], "A promotion keeps no reason"),
        (["crm", "related", ID, "--household", "--expand", "account:1"], "not both."),
        (["crm", "related", ID, "--no-household", "--expand", "account:1"], "not both."),
        (["case", "list", "--mine", "--agent", "kim"], "Give --mine or --agent, not both."),
        (["case", "open", "contact", ID, "--note", "x", "--division", "a"], "--division is for"),
        (["model", "train", "--truth", "truth.csv", "--out", "a.json"], "--truth needs streams"),
        (
            ["model", "evaluate", "a.jsonl", "truth.csv", "--blocking", "--model", "seed"],
            "Give --blocking or --model, not both.",
        ),
        (["publish", "--topic", "t", "--asyncapi", "--once"], "Give --asyncapi or --once"),
        (["publish", "--topic", "t", "--asyncapi", "--again"], "Give --asyncapi or --again"),
    ],
    ids=lambda given: " ".join(given[:2] + given[-2:]) if isinstance(given, list) else "",
)
def test_an_option_that_would_have_no_effect_is_wrong_usage(filled, monkeypatch, words, said):
    monkeypatch.chdir(filled.folder)
    for name in ("ids.json", "truth.csv", "a.jsonl"):
        filled.write(name, b"[]")

    answer = filled(*words)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize("expand", ["account", "account:", ":001", ":"])
def test_a_record_of_the_crm_is_named_by_its_type_and_its_id(filled, expand):
    answer = filled("crm", "related", ID, "--expand", expand)

    assert (answer.code, answer.out) == (2, "")
    assert "--expand TYPE:RECORD" in answer.err
