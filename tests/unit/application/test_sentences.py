"""Sentences: the same keys and placeholders in every language, and words for all that can be said."""

import string
from typing import get_args

import pytest

from aggregates.contact import IdentifiedBy
from identity_engine.application.explanation.sentences import LANGUAGES, language_of, sentences_in
from matchers.clustering import RANK
from matchers.vocabulary import Guard

GUARDS_OF_GROUPS = ("told_apart", "below_merge", "several_users", "unverified")
RULES = (*RANK, "review_band", "shared_identifier", "corrected_link", "resolution_off", "none")


def placeholders(template):
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_placeholders(language):
    english, other = sentences_in("en").templates, sentences_in(language).templates

    assert list(other) == list(english)
    assert {k: placeholders(t) for k, t in other.items()} == {
        k: placeholders(t) for k, t in english.items()
    }
    # A language without spaces needs none between its sentences.
    assert all(text.strip() for key, text in other.items() if key != "between_sentences")


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_sentences_are_translated(language):
    english, other = sentences_in("en").templates, sentences_in(language).templates
    # Words that two languages have in common.
    same = {key for key in english if english[key] == other[key] and len(english[key]) > 20}

    assert same <= {"why.interaction"}


@pytest.mark.parametrize("guard", [*get_args(Guard), *GUARDS_OF_GROUPS])
def test_every_guard_has_a_reason(guard):
    assert sentences_in().knows(f"guard.{guard}")


def test_every_rule_every_merge_and_every_reason_to_identify_has_a_sentence():
    say = sentences_in()

    assert all(say.knows(f"rule.{rule}") for rule in RULES)
    assert all(say.knows(f"merge.{rule}") for rule in RANK)
    assert all(say.knows(f"identified_by.{by}") for by in get_args(IdentifiedBy))


def test_numbers_are_written_as_the_language_writes_them():
    values = {"weight": 12.34, "needed": 1.5, "missing": 0.04}

    assert "12.3 bits" in sentences_in("en").say("why_not.below_attach", **values)
    assert "12,3 Bit" in sentences_in("de").say("why_not.below_attach", **values)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de_CH.UTF-8", "de"),
        ("ja", "ja"),
        ("fr.UTF-8", "fr"),
        ("C.UTF-8", "en"),
        ("pt_BR.UTF-8", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_language_comes_from_the_locale(locale, language):
    assert language_of(locale) == language
