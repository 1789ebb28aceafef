"""The name lists, and the ways in which names go wrong."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from identity_engine.simulation.languages import LANGUAGES, language, spelled_out, unaccented
from identity_engine.simulation.noise import misspelled
from identity_engine.simulation.numbering import landline, mobile_phone, reception


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_lists_are_large_and_say_nothing_twice(code: str) -> None:
    lists = language(code)
    assert len({name.native for name in lists.family}) == len(lists.family) >= 120
    given = lists.female + lists.male
    assert len({name.native for name in lists.female}) == len(lists.female)
    assert len({name.native for name in lists.male}) == len(lists.male)
    assert len(given) >= 80
    for name in lists.family + given:
        assert name.slug.isascii()
        assert name.slug.replace("-", "").isalpha()


def test_japanese_names_have_a_reading_and_homophones() -> None:
    lists = language("ja")
    assert all(name.kana for name in lists.family + lists.female + lists.male)
    assert "斉藤" in lists.homophones["斎藤"]
    sato = lists.family[0]
    assert (sato.native, sato.kana, sato.latin) == ("佐藤", "さとう", "Sato")


def test_umlauts_are_spelled_out_or_lost() -> None:
    assert spelled_out("Müller-Großmann") == "Mueller-Grossmann"
    assert unaccented("Müller-Großmann") == "Muller-Grossmann"
    assert unaccented("Lefèvre") == "Lefevre"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_phone_range_is_valid_and_no_two_lines_share_a_number(code: str) -> None:
    lists = language(code)
    phones = [mobile_phone(lists, line) for line in (*range(0, 3_000, 10), 1_000_000, 9_999_999)]
    for place in lists.places:
        phones += [landline(lists, place, line) for line in (0, 7, 99, 100, 5_000, 99_999)]
        phones += [reception(lists, place, line) for line in range(5)]
    for phone in phones:
        number = phonenumbers.parse(phone.e164)
        assert phonenumbers.is_valid_number_for_region(number, lists.country)
        assert phonenumbers.parse(phone.national, lists.country) == number
    assert len({phone.e164 for phone in phones}) == len(phones)


@pytest.mark.parametrize(
    ("text", "code"), [("Schröder", "de"), ("Beauchamp", "fr"), ("Wilson", "en"), ("斎藤", "ja")]
)
def test_a_slip_leaves_most_of_the_word(text: str, code: str) -> None:
    slips = {misspelled(text, language(code), Random(seed)) for seed in range(40)}
    assert slips - {text}
    assert all(slip[0] == text[0] or slip in language(code).homophones[text] for slip in slips)
    assert all(abs(len(slip) - len(text)) <= 2 for slip in slips)


def test_short_texts_survive_a_slip() -> None:
    for text in ("A", "Li", "関"):
        assert misspelled(text, language("en"), Random(1))
