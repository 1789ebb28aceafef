"""A match record holds what can be compared, and survives packing."""

import pytest
from msgspec import DecodeError

from matchers.normalise import normalise_identifier
from matchers.record import MatchRecord, build_record, pack, unpack


def test_a_profile_is_folded_into_a_record():
    record = build_record(
        {
            "given_name": "José",
            "family_name": "O'Neill",
            "date_of_birth": "1985-03-07",
            "address": "5 High Street",
            "postcode": "N1 9GU",
            "shoe_size": "44 EU",
        },
        [normalise_identifier("phone", "+442079460018")],
        [("phone", "+442079460018")],
    )
    assert (record.given, record.family, record.name) == ("jose", "oneill", ("jose", "oneill"))
    assert record.address == "5 high st"
    assert record.postcode == "n19gu"
    assert record.phones == ("+442079460018",)
    assert record.text("shoe_size") == "44 eu"
    assert record.text("hat_size") == ""


def test_a_broken_email_is_kept_as_evidence():
    record = build_record({}, [], [("email", "Jane@.com"), ("email", "good@b.example")])
    assert record.emails == ("jane@.com",)


def test_a_name_that_came_whole_has_no_parts():
    record = build_record({"full_name": "Ludwig van Beethoven"}, [], [])
    assert (record.given, record.family) == ("", "")
    assert record.name == ("ludwig", "beethoven")


def test_nothing_said_is_empty():
    assert build_record({"given_name": " ", "hobby": ""}, [], []).is_empty
    assert not build_record({"city": "Ulm"}, [], []).is_empty


def test_what_is_no_record_is_refused():
    with pytest.raises(DecodeError):
        unpack(b"[99]")


def test_packing_keeps_every_field():
    record = MatchRecord(
        given="a",
        family="b",
        name=("a", "b"),
        emails=("x@y.example",),
        phones=("123", "456"),
        further=(("hobby", "chess"),),
        national_id="7",
        other_name=("c",),
    )
    assert unpack(pack(record)) == record
