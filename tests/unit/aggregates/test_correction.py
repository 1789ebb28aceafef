"""Which corrections of a value hold for whom, once contacts have become one."""

from datetime import UTC, datetime

from aggregates.correction import (
    Correction,
    IdentifierLinkCorrected,
    LeadsAfterAll,
    corrected,
    ended,
    in_force,
)

FIRST = datetime(2026, 1, 2, tzinfo=UTC)


def wrong(contact_id, right=None, known=()):
    fact = IdentifierLinkCorrected(contact_id=contact_id, right=right, interaction_id="call")
    return corrected(known, fact, FIRST)


def skipped(known, **one_with):
    """The contacts of which corrections hold; `one_with` says what stands for merged ones."""
    held = in_force(known, lambda contact_id: one_with.get(contact_id, contact_id))
    return [one.contact_id for one in held]


def test_of_one_contact_the_last_word_holds():
    known = wrong("anna", "kenta", known=wrong("anna"))

    assert known == (Correction("anna", "kenta", "call", FIRST),)


def test_what_is_said_to_lead_to_a_contact_after_all_skips_it_no_more():
    assert ended(wrong("anna"), "anna") == ()


def test_what_ends_for_one_contact_stands_for_another():
    known = ended(wrong("kenta", known=wrong("anna")), "anna")

    assert known == (Correction("kenta", None, "call", FIRST), LeadsAfterAll("anna"))
    assert skipped(known) == ["kenta"]


def test_of_merged_contacts_the_last_word_on_any_of_them_holds():
    known = ended(wrong("anna"), "kenta")

    assert skipped(known) == ["anna"]
    assert skipped(known, anna="both", kenta="both") == []
    assert skipped(wrong("kenta", known=known), anna="both", kenta="both") == ["kenta"]


def test_a_wrong_and_a_right_contact_that_are_one_correct_nothing():
    assert skipped(wrong("anna", "kenta"), anna="kenta") == []
