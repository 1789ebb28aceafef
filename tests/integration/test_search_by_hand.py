"""Searching what people gave a contact, what they took from it, and what they wrote about it."""

import pytest

from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, cookie, mailed
from tests.support.world import world

VALUES = ANNA | {"address": "Rheinweg 14", "postcode": "53113", "city": "Bonn"}


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as engine:
        yield engine
        engine.follow()
        assert all(one.is_sound for one in engine.verify())


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("m-1", profile=ANNA | {"city": "Bonn"}))[0].contact_id


def found(engine, text, **how):
    return [one.contact_id for one in engine.search(text, **how)]


class TestValues:
    def test_a_value_by_hand_is_found_and_gone_when_it_is_replaced(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Köln"}, add={"other_names": ["Anni Vogel"]})
        assert found(engine, "koln") == found(engine, "vogel anna") == [anna]
        assert found(engine, "koln", field="city") == [anna]
        assert found(engine, "koln", field="address") == []
        engine.desk.contacts.edit(anna, set={"city": "Ulm"})
        assert found(engine, "koln") == []
        assert found(engine, "ulm") == [anna]

    def test_a_value_that_a_person_removed_is_not_found_until_it_is_given_again(self, engine, anna):
        engine.desk.contacts.edit(anna, remove={"city": ["Bonn"]})
        arrive(engine, mailed("m-2", profile=ANNA | {"city": "Bonn"}))
        assert found(engine, "bonn") == []
        assert "city" not in {name for name, _ in engine.search("anna")[0].matched}
        engine.desk.contacts.edit(anna, set={"city": "Bonn"})
        assert found(engine, "bonn") == [anna]

    def test_a_contact_entered_by_hand_is_found(self, engine):
        contact_id = engine.desk.contacts.create(set=KENTA).done.contact_id
        assert found(engine, "moriyama") == [contact_id]
        assert engine.search("moriyama")[0].stage == "curated"
        assert found(engine, "moriyama", stages=["ephemeral"]) == []


class TestIdentifiers:
    def test_a_value_by_hand_is_found_with_its_holder(self, engine, anna):
        other = arrive(engine, event("v-1", phone(), profile=KENTA))[0].contact_id
        value = Value("email", "work@example.org")
        engine.desk.identifiers.add(anna, value)
        assert found(engine, "work@", field="email") == [anna]
        engine.desk.identifiers.transfer(other, value, from_contact_id=anna, reason="His.")
        assert found(engine, "work@") == [other]

    def test_a_value_of_the_past_stays_found_whoever_said_it(self, engine, anna):
        value = Value("email", "work@example.org")
        engine.desk.identifiers.add(anna, value)
        engine.desk.identifiers.release(anna, value)
        assert found(engine, "work@") == [anna]
        engine.desk.identifiers.release(anna, Value("email", MAIL))
        assert found(engine, MAIL) == [anna]


class TestNotes:
    def test_notes_are_searched_only_when_asked(self, engine, anna):
        note_id = engine.desk.notes.add(anna, "Prefers Thursdays").note_id
        assert found(engine, "thursday") == []
        (one,) = engine.search("thursday prefers", field="note")
        assert (one.contact_id, one.matched) == (anna, (("note", "prefers thursdays"),))
        engine.desk.notes.change(note_id, "Prefers Fridays")
        assert found(engine, "thursday", field="note") == []
        assert found(engine, "fri", field="note") == [anna]
        engine.desk.notes.remove(note_id)
        assert found(engine, "fri", field="note") == []


class TestIds:
    def test_a_merged_id_finds_the_canonical_contact(self, engine):
        ends = []
        for name in ("c-1", "c-2"):
            (made,) = arrive(engine, event(f"w-{name}", cookie(name), channel="web"))
            engine.desk.contacts.edit(made.contact_id, set=VALUES)
            ends.append(made.contact_id)
        engine.reevaluate()
        canonical = engine.profile(ends[0]).contact_id
        assert found(engine, ends[0]) == found(engine, ends[1].upper()) == [canonical]

    def test_the_id_of_a_deleted_contact_says_so(self, engine, anna):
        engine.desk.lifecycle.delete(anna, reason="A test.")
        (one,) = engine.search(anna)
        assert (one.contact_id, one.presence) == (anna, "deleted")
        assert found(engine, "berger") == []

    def test_an_id_of_another_division_is_not_there(self, engine, anna):
        engine.desk.administration.grant("north-1", "agent", divisions=["north"], new_division=True)
        assert engine.acting_as("north-1").reading.search(anna) == []
        assert found(engine, "019b1c3e-7c5a-7000-8000-0123456789ab") == []


def test_the_last_word_on_a_value_counts_for_the_whole_identity(engine):
    ends = []
    for name in ("c-1", "c-2"):
        (made,) = arrive(engine, event(f"w-{name}", cookie(name), channel="web"))
        engine.desk.contacts.edit(made.contact_id, set=VALUES)
        ends.append(made.contact_id)
    engine.reevaluate()
    canonical = engine.profile(ends[0]).contact_id
    engine.desk.contacts.edit(ends[0], remove={"city": ["Bonn"]})
    assert found(engine, "bonn") == []
    assert "city" not in engine.profile(canonical).fields
    engine.desk.contacts.edit(ends[1], set={"city": "Ulm"})
    engine.desk.contacts.edit(ends[1], set={"city": "Bonn"})
    assert found(engine, "bonn") == [canonical]
    assert engine.profile(canonical).fields["city"][0].value == "Bonn"
