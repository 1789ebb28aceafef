"""Text that is typed: what is no UTF-8 is wrong usage for every verb, and says how to mend it."""

import os

import pytest

from tests.acceptance.commands import in_own_process

NO_TEXT = os.fsdecode(b"a\377b")
FIX = "Convert it first, for example with iconv -t UTF-8."


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        (("case", "add", "C-000001", "--note", NO_TEXT), 5),
        (("search", NO_TEXT), 2),
        ((NO_TEXT,), 1),
        (("search", "a", "--actor", NO_TEXT), 4),
        (("ingest", NO_TEXT), 2),
    ],
    ids=["a note", "a word to search", "a verb", "an actor", "a file"],
)
def test_a_word_that_is_no_utf_8_is_wrong_usage(tmp_path, typed, place):
    answer = in_own_process(*typed, "--store", tmp_path / "store")
    said = f"error: Word {place} after identity-engine is not UTF-8 text. {FIX}\n"
    assert (answer.code, answer.out, answer.err) == (2, "", said)
    assert not (tmp_path / "store").exists()


def test_standard_input_that_is_no_utf_8_is_wrong_usage(filled):
    filled("case", "open", "contact", filled.contact_of("berger"), "--note", "x")
    typed = ("case", "add", "C-000001", "--note=-", "--store", filled.store)
    for locale in ("C.UTF-8", "POSIX"):
        answer = in_own_process(*typed, given=b"a\377b", LC_ALL=locale)
        assert answer.code == 2
        assert answer.err == f"error: Standard input is not UTF-8 text. {FIX}\n"
    assert in_own_process(*typed, given="Grüße\n".encode()).code == 0


def test_a_note_with_a_control_character_is_wrong_usage(filled):
    contact = filled.contact_of("berger")
    answer = filled("case", "open", "contact", contact, "--note", "a\x1b[2Jb")
    assert (answer.code, "none of them a control character but tab and line end" in answer.err) == (
        2,
        True,
    )
    assert filled("case", "open", "contact", contact, "--note", "a\tb\r\nc\n").code == 0


@pytest.mark.parametrize(
    "typed", [("add", "C-000001", "--note", "-"), ("note", "add", "C-000001", "-")]
)
def test_a_dash_is_standard_input(filled, typed):
    filled("case", "open", "contact", filled.contact_of("berger"), "--note", "x")
    answer = in_own_process("case", *typed, "--store", filled.store, given=b"From the pipe\n")
    assert (answer.code, answer.err) == (0, "")
    assert "From the pipe" in filled("case", "show", "C-000001").out


def test_an_option_is_never_taken_for_a_note(filled):
    filled("case", "open", "contact", filled.contact_of("berger"), "--note", "x")
    assert filled("case", "add", "C-000001", "--note", "--dry-run").code == 2
