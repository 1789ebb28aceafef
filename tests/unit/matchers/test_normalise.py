"""Identifiers, dates and text take one canonical form, and nothing is guessed."""

import unicodedata

import pytest

from matchers.dates import normalise_date
from matchers.name_words import name_words
from matchers.normalise import (
    InvalidIdentifier,
    is_placed,
    normalise_identifier,
    normalise_postcode,
)
from matchers.text import fold, words


@pytest.mark.parametrize(
    ("kind", "written", "country", "canonical"),
    [
        ("phone", "+44 20 7946 0018", None, "+442079460018"),
        ("phone", "020 7946 0018", "GB", "+442079460018"),
        ("tel", "tel:+44-20-7946-0018;ext=12", None, "+442079460018"),
        ("sms", "０３-1234-5678", "JP", "+81312345678"),
        ("whatsapp", "447400123456", None, "+447400123456"),
        ("phone", "020 7946 0018", None, "02079460018"),
        ("phone", "1234", None, "1234"),
    ],
)
def test_phone_types_share_a_family_and_e164(kind, written, country, canonical):
    found = normalise_identifier(kind, written, country)
    assert (found.type, found.family, found.value) == (kind, "phone", canonical)


@pytest.mark.parametrize(
    ("written", "country", "canonical"),
    [
        ("+55 11 3333-4444", None, "+551133334444"),
        ("(11) 3333-4444", "BR", "+551133334444"),
        ("011 3333-4444", "BR", "+551133334444"),
        ("+55 11 93333-4444", None, "+5511933334444"),
        ("(11) 93333-4444", "BR", "+5511933334444"),
        ("+55 61 8888-7777", None, "+556188887777"),
    ],
    ids=["landline", "national", "with trunk zero", "mobile", "national mobile", "old mobile"],
)
def test_over_normalised_numbers_do_not_corrupt_landlines(written, country, canonical):
    """Pain: over-normalised numbers (Brazil's ninth digit) corrupt landlines."""
    assert normalise_identifier("phone", written, country).value == canonical


def test_italian_leading_zero_stays():
    assert normalise_identifier("phone", "06 698 12345", "IT").value == "+390669812345"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("  Jane.Doe+Shop@Example.ORG ", "jane.doe+shop@example.org"),
        ("info@müller.example", "info@xn--mller-kva.example"),
        ("mailto:a@b.example", "a@b.example"),
    ],
)
def test_email_is_lower_case_with_idna_domain_and_its_tag(written, canonical):
    assert normalise_identifier("email", written).value == canonical


@pytest.mark.parametrize(
    ("kind", "written", "reason"),
    [
        ("phone", "anonymous", "letters_in_number"),
        ("phone", "12", "too_few_digits"),
        ("phone", "1" * 100_000, "too_many_digits"),
        ("phone", "  ", "empty"),
        ("email", "teheodore.mrtaylo@.com", "not_an_address"),
        ("email", "nobody", "not_an_address"),
        ("cookie", "", "empty"),
        ("cookie", "a\x00b", "control_character"),
        ("login_id", "a\ud800", "control_character"),
    ],
)
def test_what_cannot_identify_is_refused_with_a_code_and_without_its_value(kind, written, reason):
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_identifier(kind, written)
    assert refused.value.reason_code == reason
    assert str(refused.value) == reason


def test_other_types_are_trimmed_and_keep_their_case():
    found = normalise_identifier("customer_id", " Ａb-12 ")
    assert (found.family, found.value) == ("customer_id", "Ab-12")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1985-03-07", "1985-03-07"),
        ("1985-03-07T10:00:00Z", "1985-03-07"),
        ("19850307", "1985-03-07"),
        ("1985-03", "1985-03"),
        ("1985", "1985"),
        ("1809-81-01", "1809-81-01"),
        ("7 March 1985", "7 march 1985"),
        ("", ""),
    ],
)
def test_dates_become_iso_as_far_as_they_are_known(written, canonical):
    assert normalise_date(written) == canonical


def test_postcode_loses_case_and_separators():
    assert normalise_postcode(" SW1A 1aa ") == "sw1a1aa"
    assert normalise_postcode("〒150-0001") == "1500001"
    assert normalise_postcode("١٠١١٥") == "10115"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MÜLLER", "muller"),
        ("Straße", "STRASSE"),
        ("Søren Łukasz", "soren lukasz"),
        ("ヤマダ", "やまだ"),
        ("ﾔﾏﾀﾞ", "やまだ"),
        ("髙橋", "高橋"),
        ("  a   b ", "A B"),
        ("İSTANBUL", "istanbul"),
        ("İbrahim Yıldız", "Ibrahim Yildiz"),
        ("M\u0300adeleine", "Madeleine"),
        ("Петро\u0301в", "Петров"),
        ("葛\U000e0100城", "葛城"),
        ("١٢ ۳۴ ५६ ๗", "12 34 56 7"),
    ],
)
def test_spellings_of_one_text_fold_to_one(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize("native", ["山田太郎", "иванов", "محمد", "đồng".replace("đồng", "김민수")])
def test_other_scripts_keep_their_native_form(native):
    assert fold(native) == native


def test_cyrillic_and_kana_marks_that_make_another_letter_stay():
    assert fold("й") != fold("и")
    assert fold("が") != fold("か")
    assert fold("हिन्दी") == "हिन्दी"


def test_decimal_digits_of_every_script_are_the_same_digits():
    for letter in map(chr, range(0x110000)):
        if unicodedata.category(letter) == "Nd":
            assert fold(letter) == str(unicodedata.decimal(letter))


def test_apostrophes_join_and_other_signs_separate_words():
    assert words("O'Brien-Smith, J.") == ("obrien", "smith", "j")


@pytest.mark.parametrize("written", ["Frau Dr. Weiß", "WEISS", "weiß様"])
def test_forms_of_address_are_no_part_of_a_name(written):
    assert name_words(written) == ("weiss",)


def test_a_title_alone_names_nobody():
    assert name_words("Mr") == ()


@pytest.mark.parametrize(
    ("number", "placed"),
    [("+33612345678", True), ("+819012345678", True), ("0612345678", False), ("+999123", False)],
)
def test_a_number_is_placed_where_a_numbering_plan_may_give_it(number, placed):
    assert is_placed(number) is placed
