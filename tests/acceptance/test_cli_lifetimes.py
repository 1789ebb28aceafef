"""Contacts that go, come back and are kept, by the command line."""

import pytest

WHY = ("--reason", "she asked for it")


@pytest.fixture
def anna(filled):
    return filled.contact_of("berger")


class TestDelete:
    def test_a_contact_is_deleted_says_so_and_comes_back(self, filled, anna):
        before = filled("contact", "show", anna, "--json").document

        assert "is deleted" in filled("contact", "delete", anna, *WHY).out
        shown = filled("contact", "show", anna)
        assert (shown.code, "deleted since 2" in shown.out) == (0, True)
        assert "Nothing found" in filled("search", "berger").out
        assert "is back" in filled("contact", "restore", anna).out
        back = filled("contact", "show", anna, "--json").document
        assert back | {"revision": 0} == before | {"revision": 0}

    def test_without_a_reason_it_is_wrong_usage(self, filled, anna):
        assert filled("contact", "delete", anna).code == 2

    def test_a_dry_run_says_what_would_be_written(self, filled, anna):
        answer = filled("contact", "delete", anna, *WHY, "--dry-run")

        assert answer.out == f"Dry run, nothing is written: {anna} is deleted.\n"
        assert filled("contact", "show", anna, "--json").document["presence"] == "live"

    def test_what_is_done_to_it_is_refused_with_the_way_back(self, filled, anna):
        filled("contact", "delete", anna, *WHY)
        kenta = filled.contact_of("kenta")
        way_back = f"Bring it back first: contact restore {anna}"
        for typed in (
            ("contact", "edit", anna, "--set", "city=Ulm"),
            ("contact", "promote", anna),
            ("contact", "merge", anna, kenta, *WHY),
            ("contact", "identifier", "add", anna, "email", "a@example.org"),
        ):
            refused = filled(*typed)
            assert (refused.code, way_back in refused.err) == (1, True), refused
        assert f"contact restore {anna}" in filled("contact", "show", anna).out
        assert filled("contact", "restore", anna).code == 0

    def test_deleting_again_says_that_it_is_so_already(self, filled, anna):
        filled("contact", "delete", anna, *WHY)

        assert "Nothing to change" in filled("contact", "delete", anna, *WHY).out

    def test_what_others_hold_now_is_listed_on_restore(self, filled, anna):
        filled("contact", "delete", anna, *WHY)
        more = filled.traffic()
        more.write_bytes(more.read_bytes().replace(b'"id":"2"', b'"id":"9"'))
        filled("ingest", more)

        answer = filled("contact", "restore", anna)

        assert "Others hold these identifiers now" in answer.out
        assert "anna.berger@gmail.com" in answer.out

    def test_an_unknown_id_is_refused(self, filled):
        answer = filled("contact", "delete", "019b1c3e-7c5a-7000-8000-0123456789ab", *WHY)
        assert (answer.code, "No contact" in answer.err) == (1, True)


class TestHold:
    def test_a_hold_refuses_a_delete_until_it_is_lifted(self, filled, anna):
        assert filled("contact", "hold", "set", anna, *WHY).code == 0
        refused = filled("contact", "delete", anna, *WHY)
        assert (refused.code, "legal hold" in refused.err) == (1, True)
        assert filled("contact", "hold", "lift", anna, *WHY).code == 0
        assert filled("contact", "delete", anna, *WHY).code == 0

    def test_lifting_what_was_not_set_is_refused(self, filled, anna):
        assert filled("contact", "hold", "lift", anna, *WHY).code == 1


class TestSweep:
    def test_it_says_how_many_expired_and_what_was_held_off(self, filled, anna):
        filled("contact", "hold", "set", anna, *WHY)

        dry = filled("contact", "sweep", "--dry-run", "--json").document
        answer = filled("contact", "sweep")

        assert dry == {"expired": 1, "contacts": 1, "held_off": {"legal_hold": 1}}
        assert "1 contact expired" in answer.out
        assert "legal hold: 1" in answer.out
        assert filled("search", "kenta", "--presence", "expired", "--json").document
        assert filled("search", "kenta", "--json").document == []
