"""Contacts enriched from records of another system, by the command line (GX-13)."""

import orjson
import pytest

from tests.acceptance.commands import in_own_process, lines

MAIL = {"type": "email", "value": "anna.berger@gmail.com"}
NEW = {"type": "email", "value": "new@example.org"}
RECORDS = [
    {"operation": "update", "identifiers": [MAIL, NEW], "fields": {"city": "Bonn"}},
    {"operation": "insert", "identifiers": [MAIL], "fields": {"date_of_birth": "once"}},
    {"operation": "upsert", "identifiers": [{"type": "email", "value": "kim@example.org"}]},
]


@pytest.fixture
def file(filled):
    return filled.write("records.jsonl", lines(RECORDS))


def test_a_file_goes_on_after_a_refused_record_and_says_which_and_why(filled, file):
    answer = filled("contact", "enrich", file)

    assert answer.code == 1
    first, second = answer.err.splitlines()
    assert first.startswith("error: line 2 at /identifiers: ")
    assert first.endswith("(matched)")
    assert second.startswith("error: line 2 at /fields/date_of_birth: ")
    assert second.endswith("(invalid_value)")
    assert "3 read, 1 inserted, 1 updated, 0 merged, 0 unchanged, 1 refused." in answer.out
    profile = filled("contact", "show", filled.contact_of("berger"), "--json").document
    assert profile["fields"]["city"][0]["value"] == "Bonn"
    assert {one["value"] for one in profile["identifiers"]} >= {"new@example.org"}
    assert filled("projections", "verify").code == 0


def test_a_dry_run_writes_nothing(filled, file):
    answer = filled("contact", "enrich", file, "--dry-run")

    assert "Dry run, nothing is written: 3 read, 1 inserted, 1 updated" in answer.out
    assert "city" not in filled("contact", "show", filled.contact_of("berger"), "--json").out


def test_a_program_gets_what_became_of_each_line(filled, file):
    answer = filled("contact", "enrich", file, "--json")

    document = orjson.loads(answer.out)
    assert (answer.code, document["read"], document["refused"]) == (1, 3, 1)
    outcomes = [(one["line"], one["outcome"]) for one in document["records"]]
    assert outcomes == [(1, "updated"), (2, "refused"), (3, "inserted")]
    assert document["records"][1]["faults"][0]["code"] == "matched"


def test_records_are_read_from_standard_input(filled):
    answer = in_own_process(
        "contact", "enrich", "-", "--store", filled.store, given=lines(RECORDS[:1])
    )

    assert (answer.code, answer.err) == (0, "")
    assert "1 updated" in answer.out


def test_a_value_of_another_contact_stays_there_and_is_named(filled):
    kim = {"type": "email", "value": "kim@example.org"}
    records = [
        {"operation": "insert", "identifiers": [kim]},
        {"operation": "update", "identifiers": [kim, MAIL]},
    ]
    answer = filled("contact", "enrich", filled.write("two.jsonl", lines(records)))

    assert answer.code == 0
    assert "line 2: identifier 2 is not claimed." in answer.out
    assert filled.contact_of("berger") in answer.out


def test_who_may_not_edit_contacts_is_refused(filled, file):
    answer = in_own_process(
        "contact", "enrich", file, "--store", filled.store, "--actor", "stranger"
    )

    assert (answer.code, "contact:edit" in answer.err) == (1, True)


def test_a_file_that_is_not_there_and_an_unknown_option_are_wrong_usage(filled):
    assert filled("contact", "enrich", "none.jsonl").code == 2
    assert filled("contact", "enrich", "--no-such").code == 2
