"""Wrong usage: what is said, and where the right use is told."""

import pytest

from tests.acceptance.commands import in_own_process


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
