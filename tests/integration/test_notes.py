"""Notes on a contact: their history is kept, and they follow merges, unmerges and corrected links."""

import pytest

from aggregates.access import Action
from aggregates.errors import Refused
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import Evidence
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.errors import Denied, NotFound, UsageError
from tests.support.interactions import email, event, phone
from tests.support.reevaluating import SAID, form
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, cookie, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import world

VALUES = ANNA | {"address": "Rheinweg 14", "postcode": "53113", "city": "Bonn"}


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as engine:
        engine.desk.administration.grant("agent-7", "agent")
        yield engine
        assert is_sound(engine)


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("m-1", profile=ANNA))[0].contact_id


def texts(engine, contact_id, **how):
    return [one.text for one in engine.desk.notes.list(contact_id, **how)]


def test_a_note_is_shown_with_who_wrote_it(engine, anna):
    noted = engine.acting_as("agent-7").notes.add(anna, " Calls at noon. ")
    (note,) = engine.desk.notes.list(anna)
    assert (note.note_id, note.text) == (noted.note_id, "Calls at noon.")
    assert [(one.did, one.actor) for one in note.words] == [("added", "agent-7")]


def test_a_changed_note_keeps_what_it_said(engine, anna):
    note_id = engine.desk.notes.add(anna, "Calls at noon.").note_id
    engine.acting_as("agent-7").notes.change(note_id, "Calls at ten.")
    assert engine.desk.notes.change(note_id, "Calls at ten.").written == ()
    (note,) = engine.desk.notes.list(anna)
    assert note.text == "Calls at ten."
    assert [one.text for one in note.words] == ["Calls at noon.", "Calls at ten."]


def test_a_removed_note_stays_in_the_history(engine, anna):
    note_id = engine.desk.notes.add(anna, "Calls at noon.").note_id
    engine.desk.notes.remove(note_id, reason="Wrong person.")
    assert texts(engine, anna) == []
    (note,) = engine.desk.notes.list(anna, removed=True)
    assert note.is_removed
    assert note.words[-1].text == "Wrong person."
    assert [one.topic for one in engine.history(anna)][-2:] == ["note.added", "note.removed"]
    with pytest.raises(Refused):
        engine.desk.notes.change(note_id, "Calls at ten.")


def test_a_note_does_not_raise_the_revision(engine, anna):
    before = engine.profile(anna).revision
    engine.desk.notes.add(anna, "Calls at noon.")
    assert engine.profile(anna).revision == before
    assert engine.desk.contacts.edit(anna, set={"city": "Ulm"}, revision=before).written


def test_resolution_goes_on_after_a_note(engine, anna):
    engine.desk.notes.add(anna, "Calls at noon.")
    (second,) = arrive(engine, mailed("m-2", profile=ANNA))
    assert second.contact_id == anna
    assert engine.profile(anna).stage == "identified"


def test_notes_lie_sealed_and_no_sentence_tells_them(engine, anna):
    engine.desk.notes.add(anna, "Xyzzy calls at noon.")
    stored = [engine.store.stored_bytes(n).state for n in range(1, engine.store.head() + 1)]
    assert not any(b"Xyzzy" in state for state in stored)
    assert "Xyzzy" not in engine.history(anna)[-1].summary


def test_notes_follow_a_merge_and_stand_on_the_member_they_were_written_on(engine):
    ends = []
    for name in ("c-1", "c-2"):
        (made,) = arrive(engine, event(f"w-{name}", cookie(name), channel="web"))
        engine.desk.contacts.edit(made.contact_id, set=VALUES)
        engine.desk.notes.add(made.contact_id, f"Written on {name}")
        ends.append(made.contact_id)
    engine.reevaluate()
    assert texts(engine, ends[0]) == texts(engine, ends[1]) == ["Written on c-1", "Written on c-2"]
    assert [one.contact_id for one in engine.desk.notes.list(ends[0])] == ends
    engine.desk.contacts.edit(
        ends[1], set={"given_name": "Otto", "family_name": "Vogel", "date_of_birth": "1930-01-01"}
    )
    engine.reevaluate()
    assert facts(engine, "contact.unmerged")
    assert texts(engine, ends[0]) == ["Written on c-1"]
    assert texts(engine, ends[1]) == ["Written on c-2"]


def give(engine, interaction_id, before, after):
    """A person gives an interaction of one contact to another."""
    by_hand = Evidence(rule="person", model="", policy="")
    with engine.desk.contacts.under(Action.CONVERSATION_ASSOCIATE).command() as command:
        command.interaction(interaction_id)
        command.contact(after)
        command.write(
            interaction_id,
            InteractionUnlinked(contact_id=before, pinned=True),
            InteractionLinked(contact_id=after, evidence=by_hand, pinned=True),
        )


def test_a_note_of_an_interaction_goes_where_the_interaction_goes(engine):
    (letter,) = arrive(engine, event("l-1", channel="letter", profile=KENTA))
    one = letter.contact_id
    (target,) = arrive(engine, event("w-2", cookie("c-2"), channel="web"))
    engine.desk.notes.add(one, "From the letter", interaction_id=letter.interaction_id)
    engine.desk.notes.add(one, "Of the contact")

    give(engine, letter.interaction_id, one, target.contact_id)

    assert texts(engine, one) == ["Of the contact"]
    assert texts(engine, target.contact_id) == ["From the letter"]
    with pytest.raises(Refused) as refused:
        engine.desk.notes.add(one, "Not hers", interaction_id=letter.interaction_id)
    assert refused.value.reason == "not_linked"


@pytest.mark.parametrize("identifiers", ["keep", "transfer"])
def test_as_of_now_a_note_is_where_its_interaction_is_now(engine, identifiers):
    first, second = arrive(engine, mailed("m-1"), mailed("m-2", "kenta@example.jp"))
    engine.desk.notes.add(first.contact_id, "Calls back.", interaction_id=first.interaction_id)
    before = f"pos:{engine.store.head()}"
    engine.desk.interactions.associate(
        first.interaction_id, second.contact_id, reason="hers", identifiers=identifiers
    )

    now = f"pos:{engine.store.head()}"
    whose = {one: texts(engine, one, as_of=now) for one in (first.contact_id, second.contact_id)}
    assert whose == {first.contact_id: [], second.contact_id: ["Calls back."]}
    assert whose == {one: texts(engine, one) for one in whose}
    assert texts(engine, first.contact_id, as_of=before) == ["Calls back."]
    assert texts(engine, second.contact_id, as_of=before) == []


def told(engine, contact_id, as_of=None):
    """What a history tells of notes."""
    entries = engine.history(contact_id, as_of)
    return [one.topic for one in entries if one.topic.startswith("note.")]


def test_the_history_of_whoever_has_the_interaction_tells_what_was_noted_in_it(engine):
    first, second = arrive(engine, mailed("m-1"), mailed("m-2", "kenta@example.jp"))
    anna, kenta = first.contact_id, second.contact_id
    noted = engine.desk.notes.add(anna, "Calls back.", interaction_id=first.interaction_id)
    engine.desk.notes.add(anna, "Of the contact.")
    engine.desk.notes.change(noted.note_id, "Calls at noon.")
    looked = [(f"pos:{engine.store.head()}", told(engine, kenta))]
    engine.desk.interactions.associate(first.interaction_id, kenta, reason="hers")
    looked.append((f"pos:{engine.store.head()}", told(engine, kenta)))
    engine.desk.notes.remove(noted.note_id)
    looked.append((f"pos:{engine.store.head()}", told(engine, kenta)))

    came = ["note.added", "note.changed"]
    assert [notes for _, notes in looked] == [[], came, [*came, "note.removed"]]
    assert [told(engine, kenta, as_of) for as_of, _ in looked] == [notes for _, notes in looked]
    assert told(engine, anna, looked[0][0]) == ["note.added", "note.added", "note.changed"]
    entries = engine.history(kenta)
    (added,) = (one for one in entries if one.topic == "note.added")
    assert added.personal == {"text": "Calls back."}
    assert [one.position for one in entries] == sorted(one.position for one in entries)


def test_what_is_noted_in_an_interaction_once_it_has_left_a_contact_is_not_told_of_that(engine):
    first, second = arrive(engine, mailed("m-1"), mailed("m-2", "kenta@example.jp"))
    anna, kenta = first.contact_id, second.contact_id
    engine.desk.interactions.associate(first.interaction_id, kenta, reason="hers")
    engine.desk.notes.add(kenta, "Calls back.", interaction_id=first.interaction_id)
    assert [told(engine, one) for one in (anna, kenta)] == [[], ["note.added"]]
    engine.desk.interactions.associate(first.interaction_id, anna, reason="his")
    assert [told(engine, one) for one in (anna, kenta)] == [["note.added"], ["note.added"]]


def test_re_evaluation_that_moves_an_interaction_brings_its_notes_into_the_history(engine):
    """An address leads Kenta to a contact, and then turns out to be Anna's as well."""
    known, kenta = arrive(
        engine, form("1", email(MAIL), day=1), form("2", email(MAIL), phone(), day=2, **KENTA)
    )
    assert known.contact_id == kenta.contact_id
    engine.desk.notes.add(known.contact_id, "Calls back.", interaction_id=kenta.interaction_id)
    arrive(engine, form("3", email(MAIL), day=3, **SAID))
    assert engine.reevaluate().moved

    (now,) = {one.contact_id for one in engine.search("Moriyama")}
    assert now != known.contact_id
    assert told(engine, now) == ["note.added"]
    assert told(engine, now, f"pos:{engine.store.head()}") == ["note.added"]


def test_as_of_shows_the_notes_of_that_moment(engine, anna):
    note_id = engine.desk.notes.add(anna, "Calls at noon.").note_id
    then = f"pos:{engine.store.head()}"
    engine.desk.notes.change(note_id, "Calls at ten.")
    assert texts(engine, anna, as_of=then) == ["Calls at noon."]


def test_it_needs_the_right_and_another_divisions_note_is_absent(engine, anna):
    note_id = engine.desk.notes.add(anna, "Calls at noon.").note_id
    engine.desk.administration.grant("auditor-1", "auditor")
    engine.desk.administration.grant("north-1", "agent", divisions=["north"], new_division=True)
    with pytest.raises(Denied):
        engine.acting_as("auditor-1").notes.add(anna, "Hello")
    with pytest.raises(NotFound):
        engine.acting_as("north-1").notes.change(note_id, "Hello")
    with pytest.raises(NotFound):
        engine.acting_as("north-1").notes.list(anna)
    with pytest.raises(NotFound):
        engine.desk.notes.remove(anna)
    with pytest.raises(UsageError):
        engine.desk.notes.add(anna, "  ")


def test_a_note_is_the_same_whether_it_is_written_by_itself_or_with_a_case(engine, anna):
    desk = engine.desk
    desk.notes.add(anna, "  Spricht leise. ")
    desk.cases.open(Origin("contact", anna), Entry(contact_note="  Spricht leise. "))
    assert [one.text for one in desk.notes.list(anna)] == ["Spricht leise.", "Spricht leise."]
    for write in (
        lambda text: desk.notes.add(anna, text),
        lambda text: desk.cases.open(Origin("contact", anna), Entry(contact_note=text)),
    ):
        with pytest.raises(UsageError, match="up to 4096 characters"):
            write("x" * 4097)
        assert write("x" * 4096)
