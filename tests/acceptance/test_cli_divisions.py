"""Contacts of several divisions, by the command line."""

import pytest

WHY = ("--reason", "she moved")


@pytest.fixture
def anna(filled):
    return filled.contact_of("berger")


class TestMove:
    def test_a_contact_is_moved_and_says_so(self, filled, anna):
        answer = filled("contact", "move", anna, "--to", "south", "--new-division", *WHY)

        assert (answer.code, "is in south now" in answer.out) == (0, True)
        assert filled("contact", "show", anna, "--json").document["division"] == "south"
        assert "Nothing to change" in filled("contact", "move", anna, "--to", "south", *WHY).out

    def test_a_dry_run_says_what_would_be_written(self, filled, anna):
        new = ("--to", "south", "--new-division")
        answer = filled("contact", "move", anna, *new, *WHY, "--dry-run")

        assert answer.out == f"Dry run, nothing is written: {anna} is in south now.\n"
        assert filled("contact", "show", anna, "--json").document["division"] == "default"

    def test_a_division_must_be_named(self, filled, anna):
        assert filled("contact", "move", anna, "--to", "", *WHY).code == 2

    def test_a_division_that_nothing_knows_is_refused_with_the_way_to_begin_one(self, filled, anna):
        answer = filled("contact", "move", anna, "--to", "sout", *WHY)

        assert (answer.code, answer.out) == (1, "")
        assert "No contact lies in sout" in answer.err
        assert "--new-division" in answer.err


class TestAcross:
    def test_two_are_linked_listed_and_unlinked(self, filled, anna):
        kenta = filled.contact_of("kenta")
        assert filled("contact", "across", "link", anna, kenta, *WHY).code == 1  # one division
        filled("contact", "move", anna, "--to", "south", "--new-division", *WHY)

        assert filled("contact", "across", "link", anna, kenta, *WHY).code == 0
        (there,) = filled("contact", "across", "list", anna, "--json").document
        assert (there["contact_id"], there["division"], there["by"]) == (kenta, "default", "person")
        assert kenta in filled("contact", "across", "list", anna).out
        assert filled("contact", "across", "unlink", anna, kenta, *WHY).code == 0
        assert "no contact" in filled("contact", "across", "list", anna).out


def test_a_grant_names_its_divisions_as_contacts_do(filled):
    answer = filled("admin", "grant", "agent-7", "agent", "--division", "")

    assert (answer.code, "A division has" in answer.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [("admin", "grant", "agent-7", "agent"), ("contact", "create", "--set", "city=Ulm")],
    ids=["grant", "create"],
)
def test_a_division_typed_wrongly_is_refused_with_the_way_to_begin_one(filled, words):
    refused = filled(*words, "--division", "sout")
    begun = filled(*words, "--division", "sout", "--new-division")

    assert (refused.code, refused.out) == (1, "")
    assert "No contact lies in sout" in refused.err
    assert "--new-division" in refused.err
    assert (begun.code, begun.err) == (0, "")
