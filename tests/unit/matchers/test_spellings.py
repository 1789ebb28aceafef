"""Names, dates, addresses and organisations lose what says nothing about who it is."""

import pytest

from matchers.addresses import address_words
from matchers.blocking import block_keys
from matchers.comparison import LEVELS, comparison_of
from matchers.dates import normalise_date
from matchers.name_words import name_words, reading, sound
from matchers.nicknames import is_nickname
from matchers.organisations import organisation_words
from matchers.record import build_record


def name_level(one: dict[str, str], other: dict[str, str]) -> str | None:
    a, b = build_record(one, [], []), build_record(other, [], [])
    found, back = (comparison_of("name", "")(x, y) for x, y in ((a, b), (b, a)))
    assert found == back
    return None if found is None else LEVELS["name"][found[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jürgen Müller", "Juergen Mueller"),
        ("Anna von der Heide", "Anna Heide"),
        ("Jean Le Gall", "Jean LeGall"),
        ("Ronan Mc Donald", "Ronan McDonald"),
        ("أحمد الحسن", "احمد حسن"),
        ("Фёдор Петров", "Федор Петров"),
        ("渡邊 恵子", "渡辺 恵子"),
    ],
)
def test_spellings_of_one_name_have_the_same_words(one, other):
    assert name_words(one) == name_words(other)


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("date_of_birth", "١٩٨٥-٠٣-٠٧", "1985-03-07"),
        ("postcode", "١٠١١٥", "10115"),
        ("national_id", "١٢٣٤٥٦", "123456"),
        ("address", "١٢ شارع النيل", "12 شارع النيل"),
        ("full_name", "İBRAHİM", "ibrahim"),
    ],
)
def test_digits_and_capitals_of_every_script_make_the_same_record_and_keys(field, one, other):
    ours, theirs = (build_record({field: value}, [], []) for value in (one, other))
    assert ours == theirs
    assert block_keys(ours) == block_keys(theirs)


def test_a_first_name_that_looks_like_a_particle_stays_a_name():
    assert name_words("Di Smith") == ("di", "smith")
    assert name_words("De") == ("de",)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Иван Петров", "Ivan Petrov", "exact"),
        ("さとう けいこ", "Keiko Sato", "exact"),
        ("Александр Петров", "Саша Петров", "nickname"),
        ("Robby Brown", "Robert Brown", "nickname"),
        ("E G P", "Ernest Gambier Parry", "initials"),
        ("Robert", "Bobby Peel", "one_part_nickname"),
        ("R", "Robert Peel", None),
        ("Anna Maria Berg Schmidt", "Anna Lena Berg Otto", "two_words"),
    ],
)
def test_whole_names(one, other, expected):
    assert name_level({"full_name": one}, {"full_name": other}) == expected


def test_parts_that_were_cut_differently_are_compared_by_words():
    one = {"full_name": "Louisa Emma", "given_name": "Louisa", "family_name": "Emma"}
    other = {"full_name": "Emma Louisa Radford", "given_name": "Emma", "family_name": "Radford"}
    assert name_level(one, other) == "exact"


def test_parts_exchanged_with_a_slip_are_close():
    one = {"given_name": "Mia", "family_name": "Jones"}
    other = {"given_name": "Josnes", "family_name": "Mia"}
    assert name_level(one, other) == "close"


def test_the_reading_given_with_a_name_is_compared():
    one = {"full_name": "佐藤 恵子", "other_names": "さとう けいこ"}
    assert name_level(one, {"full_name": "サトウ ケイコ"}) == "exact"
    assert name_level({"full_name": "佐藤 恵子"}, {"full_name": "サトウ ケイコ"}) is None


def test_only_scripts_with_one_reading_are_read():
    assert reading("けいこ") == "keiko"
    assert reading("恵子") == "恵子"
    assert reading("حسن") == "حسن"


@pytest.mark.parametrize(
    ("one", "other"), [("smith", "smyth"), ("clark", "klarke"), ("meier", "mayer")]
)
def test_slips_leave_the_sound(one, other):
    assert sound(one) == sound(other)


def test_names_that_sound_apart_have_another_sound():
    assert sound("schmidt") != sound("braun")


def test_endings_of_short_forms_are_used_for_one_another():
    assert is_nickname("robby", "robert")
    assert not is_nickname("robby", "anna")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("7.3.1985", "1985-03-07"),
        ("07/03/1985", "1985-03-07"),
        ("03/27/1985", "1985-03-27"),
        ("1985-3-7", "1985-03-07"),
        ("1985年3月7日", "1985-03-07"),
        ("昭和60年3月7日", "1985-03-07"),
        ("令和元年5月1日", "2019-05-01"),
        ("١٩٨٥-٠٣-٠٧", "1985-03-07"),
        ("۷/۳/۱۹۸۵", "1985-03-07"),
        ("昭和６０年３月７日", "1985-03-07"),
    ],
)
def test_dates_are_read_as_people_write_them(written, canonical):
    assert normalise_date(written) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "ACME"),
        ("Dupont S.A.R.L.", "Dupont"),
        ("株式会社山田製作所", "山田製作所(株)"),
        ("Müller & Söhne KG", "Müller und Söhne"),
        ("The Northwind Company Ltd.", "northwind"),
    ],
)
def test_a_legal_form_is_no_part_of_an_organisation(one, other):
    assert organisation_words(one) == organisation_words(other)


def test_an_organisation_named_like_a_form_keeps_its_name():
    assert organisation_words("AG") == "ag"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"organisation": "Acme GmbH"}, {"organisation": "Acme"}, "exact_itself"),
        (
            {"organisation": "Acme", "full_name": "Anna Berg"},
            {"organisation": "Acme AG", "full_name": "Otto Braun"},
            "exact",
        ),
        ({"organisation": "Northwind"}, {"organisation": "Northwnd"}, "close_itself"),
        ({"organisation": "Acme"}, {"organisation": "Acme Steel Works"}, "partial"),
        ({"organisation": "ASW"}, {"organisation": "Acme Steel Works"}, "partial"),
        ({"organisation": "Acme"}, {"organisation": "Zenith"}, "different_itself"),
        ({"organisation": "Acme"}, {"city": "Ulm"}, None),
    ],
)
def test_organisations(one, other, expected):
    a, b = build_record(one, [], []), build_record(other, [], [])
    found = comparison_of("organisation", "")(a, b)
    assert (None if found is None else LEVELS["organisation"][found[0]]) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hauptstraße 5", "Hauptstr. 5"),
        ("5 High Street", "5, High St."),
        ("梅田3丁目17番9号", "梅田3-17-9"),
        ("12 avenue de l’Opéra", "12 Ave. de l'Opera"),
        ("١٢ شارع النيل", "12 شارع النيل"),
    ],
)
def test_usual_abbreviations_of_an_address_are_one(one, other):
    assert address_words(one) == address_words(other)


@pytest.mark.parametrize(
    ("written", "folded"),
    [("0:DE:L:0", ("0", "del0")), ("Anna La Ae", ("anna", "la")), ("O de l O", ("o", "delo"))],
)
def test_words_that_are_joined_are_folded_as_if_they_had_been_written_so(written, folded):
    assert name_words(written) == folded
    assert name_words(" ".join(folded)) == folded
