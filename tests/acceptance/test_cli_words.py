"""What messages say: the cause, a fix that helps, each thing once."""

import pytest

from identity_engine.cli.contact.profile import show_profile
from projections.profile.query import Profile
from tests.acceptance.commands import in_own_process, lines
from tests.support.interactions import event

WHY = ("--reason", "A test")
SAID = {"given_name": "Ottilie", "family_name": "Zwerenz", "date_of_birth": "1931-07-08"}


def test_a_right_that_is_needed_in_all_divisions_is_called_so(filled):
    filled("admin", "grant", "north-1", "owner", "--division", "north", "--new-division")
    typed = ("dead-letters", "list", "--store", filled.store, "--actor", "north-1")
    assert "it needs operations:redrive in all divisions." in in_own_process(*typed).err
    shown = filled("admin", "refusals").out
    assert "operations:redrive  all" in shown
    assert "*" not in shown


@pytest.mark.parametrize(
    ("is_restorable", "said"),
    [
        (True, "To bring it back: contact restore 7"),
        (False, "It was gone for too long to be brought back."),
        (None, "This contact is deleted since 2026-03-01. Its history stays."),
    ],
)
def test_a_contact_that_is_gone_names_the_way_back_if_there_is_one(capsys, is_restorable, said):
    gone = {"presence": "deleted", "since": "2026-03-01", "is_restorable": is_restorable}
    show_profile(Profile("7", "default", "identified", "2026-01-01", **gone))
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_a_merge_within_one_identity_is_not_to_be_confirmed(filled):
    made = [
        filled("contact", "create", "--set", f"full_name={name}", "--json").document
        for name in ("Jonas Wettstein", "Ottilie Zwerenz")
    ]
    ids = [one["done"]["contact_id"] for one in made]
    assert "Confirm the merge" in filled("contact", "merge", *ids, *WHY).err
    assert filled("contact", "merge", *ids, *WHY, "--confirm").code == 0

    refused = filled("contact", "merge", *ids, *WHY)
    assert refused.code == 1
    assert refused.err.endswith("are one contact already.\n")


def test_a_field_that_is_none_is_named_with_those_that_are(filled):
    answer = filled("search", "berger", "--field", "nofield")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: There is no field nofield. Choose one of ")
    for good in ("family_name", "phone", "customer_id", "note", "case"):
        assert good in answer.err


def test_a_field_of_which_somebody_spoke_is_one(filled):
    more = event("9", profile={"pet": "Waldi"})
    filled("ingest", filled.write("more.jsonl", lines([more])))
    assert "pet: waldi" in filled("search", "waldi", "--field", "pet").out


def test_what_speaks_for_a_duplicate_is_named_once(cli):
    cli("ingest", cli.write("one.jsonl", lines([event("1", profile=SAID)])))
    typed = [word for name, value in SAID.items() for word in ("--set", f"{name}={value}")]
    found = cli("contact", "create", *typed, "--dry-run", "--json").document["duplicates"]
    named = [part["name"] for part in found[0]["parts"] if part["bits"] > 0]
    assert len(named) > len(set(named))

    words = (*typed, "--dry-run", "--store", cli.store)
    _, row, *_ = in_own_process("contact", "create", *words, COLUMNS="200").out.splitlines()
    for name in set(named):
        assert row.count(name) == 1
