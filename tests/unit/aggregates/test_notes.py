"""Notes: written, changed, removed, with their history kept."""

import pytest

from aggregates.contact import ContactCreated
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.notes import (
    AddNote,
    ChangeNote,
    Note,
    NoteAdded,
    NoteChanged,
    NotePersonal,
    NoteRemovalPersonal,
    NoteRemoved,
    RemoveNote,
    decide,
    notes_of,
)
from aggregates.values import Erased

ADDED = NoteAdded(note_id="n", interaction_id="i", personal=NotePersonal(text="Calls at noon."))
CHANGED = NoteChanged(note_id="n", personal=NotePersonal(text="Calls at ten."))
REMOVED = NoteRemoved(note_id="n", personal=NoteRemovalPersonal(reason="Wrong person."))


def test_a_note_is_written_with_the_interaction_it_was_written_in():
    assert decide({}, AddNote("n", "Calls at noon.", "i")) == (ADDED,)
    assert notes_of([ADDED]) == {"n": Note("Calls at noon.", "i")}


def test_a_note_that_is_there_is_not_written_again():
    with pytest.raises(AlreadyDone):
        decide(notes_of([ADDED]), AddNote("n", "Other."))


def test_a_changed_note_says_the_new_text_and_keeps_its_interaction():
    assert decide(notes_of([ADDED]), ChangeNote("n", "Calls at ten.")) == (CHANGED,)
    assert notes_of([ADDED, CHANGED]) == {"n": Note("Calls at ten.", "i")}


def test_the_same_text_changes_nothing():
    assert decide(notes_of([ADDED]), ChangeNote("n", "Calls at noon.")) == ()


def test_a_note_is_removed_once_with_its_reason():
    assert decide(notes_of([ADDED]), RemoveNote("n", "Wrong person.")) == (REMOVED,)
    assert decide(notes_of([ADDED, REMOVED]), RemoveNote("n")) == ()
    assert notes_of([ADDED, REMOVED])["n"].is_removed


def test_a_removed_note_is_not_changed():
    with pytest.raises(Refused) as refused:
        decide(notes_of([ADDED, REMOVED]), ChangeNote("n", "Calls at ten."))
    assert refused.value.reason == "removed"


@pytest.mark.parametrize("command", [ChangeNote("n", "Other."), RemoveNote("n")])
def test_a_note_that_is_not_there_is_neither_changed_nor_removed(command):
    with pytest.raises(NotYet):
        decide({}, command)


def test_an_erased_note_says_nothing_and_other_facts_are_passed():
    facts = [ContactCreated(division="north"), NoteAdded(note_id="n", personal=Erased.ERASED)]
    assert notes_of([*facts, CHANGED])["n"].text == "Calls at ten."
    assert notes_of(facts)["n"].text is None
