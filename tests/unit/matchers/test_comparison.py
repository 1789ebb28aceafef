"""Each comparison names the level a reader would name."""

import pytest

from matchers.comparison import LEVELS, comparison_of
from matchers.normalise import NormalisedIdentifier
from matchers.record import MatchRecord, build_record


def level(kind: str, one: MatchRecord, other: MatchRecord, field: str = "") -> str | None:
    found = comparison_of(kind, field)(one, other)
    return None if found is None else LEVELS[kind][found[0]]


def person(**profile: str) -> MatchRecord:
    return build_record(profile, [], [])


def parts(given: str, family: str) -> MatchRecord:
    return person(given_name=given, family_name=family)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (parts("Anna", "Schmidt"), parts("anna", "SCHMIDT"), "exact"),
        (parts("Anna", "Schmidt"), parts("Schmidt", "Anna"), "swapped"),
        (parts("William", "Brown"), parts("Bill", "Brown"), "nickname"),
        (parts("Catherine", "Brown"), parts("Cathrine", "Brown"), "close"),
        (parts("J", "Brown"), parts("John", "Brown"), "initial"),
        (parts("Oskar", "Brown"), parts("Petra", "Brown"), "family"),
        (parts("Petra", "Brown"), parts("Petra", "Zimmer"), "given"),
        (parts("Petra", "Brown"), parts("Gustav", "Zimmer"), "different"),
        (person(full_name="Anna Schmidt"), person(full_name="Schmidt, Anna"), "exact"),
        (person(full_name="山田太郎"), parts("太郎", "山田"), "exact"),
        (person(full_name="Anna Maria Schmidt"), parts("Anna", "Schmidt"), "exact"),
        (person(full_name="Will Brown"), parts("William", "Brown"), "nickname"),
        (person(full_name="Frau Schmidt"), parts("Anna", "Schmidt"), "one_part"),
        (person(full_name="Schmit"), parts("Anna", "Schmidt"), "one_part_close"),
        (person(full_name="Zimmer"), parts("Anna", "Schmidt"), "one_part_different"),
        (person(full_name="Zimmer"), person(city="Ulm"), None),
        (person(full_name="Koji Furukawa"), parts("浩二", "古川"), None),
        (person(full_name="まい はらだ"), person(full_name="麻衣 原田"), None),
        (person(full_name="古川 浩二"), person(full_name="原田 麻衣"), "different"),
    ],
)
def test_names(one, other, expected):
    assert level("name", one, other) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1985-03-07", "1985-03-07", "exact"),
        ("1985-01-01", "1985-01-01", "exact_first_of_january"),
        ("1985-03-07", "1985-07-03", "day_month_swapped"),
        ("1985-03-07", "1985-03-97", "one_edit"),
        ("1985-03-07", "1985-30-07", "one_edit"),
        ("1985-03-17", "1984-04-18", "near_parts"),
        ("1985-03-17", "1985-03-88", "two_edits"),
        ("1985-03-07", "1985-11-28", "same_year"),
        ("1985", "1985-11-28", "partial"),
        ("1985-03", "1985-11-28", "same_year"),
        ("1985", "1990-11-28", "different"),
        ("1985-03-07", "1990-11-28", "within_ten_years"),
        ("1985-03-07", "1940-11-28", "different"),
        ("1985-03-07", "unknown", "different"),
        ("", "1985-03-07", None),
    ],
)
def test_birth_dates(one, other, expected):
    assert level("birth_date", person(date_of_birth=one), person(date_of_birth=other)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("SW1A 1AA", "sw1a1aa", "exact"),
        ("SW1A 1AA", "SW1A 1ZZ", "sector"),
        ("2614", "3614", "one_edit"),
        ("SW1A 1AA", "SW9 7QQ", "area"),
        ("2614", "9087", "different"),
    ],
)
def test_postcodes(one, other, expected):
    assert level("postcode", person(postcode=one), person(postcode=other)) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (("jane@a.example",), ("x@b.example", "jane@a.example"), "exact"),
        (("jane.doe@a.example",), ("jane.doe@b.example",), "local_part"),
        (("jane.doe@a.example",), ("jame.doe@a.example",), "close"),
        (("jane.doe@a.example",), ("janedoe+shop@a.example",), "local_part"),
        (("poppy.fox63@rivera.com",), ("poppy.foxo3@rivera.c6m",), "close"),
        (("poppy.foxo3@rivera.c6m",), ("opy.fox3@rivera.om",), "similar"),
        (("john.smith1@a.example",), ("john.smith2@a.example",), "different"),
        (("smithj-190@a.example",), ("smithk-326@b.example",), "different"),
        (("info@a.example",), ("info@a.example",), None),
        (("office@a.example",), ("office@a.example",), None),
        (("info@a.example",), ("jane@b.example",), None),
        (("jane@a.example",), ("zoltan@qrs.example",), "different"),
    ],
)
def test_emails(ours, theirs, expected):
    assert level("email", MatchRecord(emails=ours), MatchRecord(emails=theirs)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("+442079460018", "+442079460018", "exact"),
        ("02079460018", "+442079460018", "last_seven"),
        ("9460018", "+442079460018", "last_seven"),
        ("091234567", "+6491234567", "last_seven"),
        ("84951234567", "+74951234567", "last_seven"),
        ("02079460018", "+441619460018", "different"),
        ("07076458264", "+817056458264", "different"),
        ("+442079460018", "+442079460019", "one_edit"),
        ("+447400123456", "+447500123456", "one_edit"),
        ("+447400123456", "+447555123456", "different"),
    ],
)
def test_phones(one, other, expected):
    ours, theirs = MatchRecord(phones=(one,)), MatchRecord(phones=(other,))
    assert level("phone", ours, theirs) == expected


def test_addresses_are_compared_as_words_in_any_order():
    one = person(address="5 High Street, Flat 2")
    assert level("address", one, person(address="Flat 2, 5 High Street")) == "exact"
    assert level("address", one, person(address="5 Hihg Street Flat 2")) == "close"
    assert level("address", one, person(address="19 Rue de la Paix")) == "different"


def test_a_field_the_model_names_is_compared_as_text():
    one, other = person(hobby="Chess playing"), person(hobby="chess  playing")
    assert level("text", one, other, "hobby") == "exact"
    assert level("text", one, person(hobby="sailing"), "hobby") == "different"
    assert level("text", one, person(city="Ulm"), "hobby") is None


def test_a_national_id_of_the_identifiers_is_compared():
    one = build_record({}, [NormalisedIdentifier("national_id", "national_id", "AB 12")], [])
    assert level("national_id", one, person(national_id="ab12")) == "exact"
