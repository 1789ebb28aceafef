"""What people said of a contact is found like what an interaction said, on arrival and afterwards."""

from datetime import timedelta

import pytest

from aggregates.access import Action
from aggregates.augmentation import (
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
)
from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.application.operations.contacts.editing import NewIdentifier
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import NotFound
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, KENTA, NUMBER, arrive, cookie, facts, mailed
from tests.support.world import LATER, world

MARRIED = {
    "given_name": "Annegret",
    "family_name": "Lindqvist",
    "date_of_birth": "1979-11-23",
    "address": "Rheinweg 14",
    "postcode": "53113",
    "city": "Bonn",
}
"""Another name and birth date than ANNA: nothing that interactions said of her leads to it."""


JONAS = {
    "given_name": "Jonas",
    "family_name": "Wettstein",
    "date_of_birth": "1961-02-17",
    "address": "Seestrasse 90",
    "postcode": "80331",
    "city": "Ulm",
}


@pytest.fixture
def anna(engine):
    return arrive(engine, mailed("m-1", profile=ANNA))[0].contact_id


def letter(id_, profile=MARRIED, **more):
    """An interaction without any identifier: only likeness can link it."""
    return event(id_, channel="letter", profile=profile, **more)


def write(engine, contact_id, fact):
    """A fact that another operation writes about a contact."""
    with engine.desk.contacts.under(Action.CONTACT_EDIT).command() as command:
        command.contact(contact_id)
        command.write(contact_id, fact)


def test_re_evaluation_counts_interactions_and_no_values_by_hand(engine, anna):
    engine.desk.contacts.create(set=JONAS)
    engine.desk.contacts.edit(anna, set=MARRIED)
    engine.request_reevaluation(None)
    assert engine.reevaluate().evaluated == 1


def interactions(engine, contact_id):
    return {one.id for one in engine.profile(contact_id).interactions}


class TestOnArrival:
    def test_without_the_edit_the_letter_is_of_another_contact(self, engine, anna):
        assert arrive(engine, letter("l-1"))[0].contact_id != anna

    def test_a_contact_is_found_by_values_by_hand(self, engine, anna):
        engine.desk.contacts.edit(anna, set=MARRIED)
        (found,) = arrive(engine, letter("l-1"))
        assert (found.contact_id, found.decision) == (anna, "score")
        (why,) = engine.why(found.interaction_id)
        assert why.against == anna

    def test_a_value_that_is_replaced_is_found_no_more(self, engine, anna):
        engine.desk.contacts.edit(anna, set=MARRIED)
        engine.desk.contacts.edit(anna, set=ANNA | {"address": "Am Markt 1", "postcode": "10115"})
        assert arrive(engine, letter("l-1"))[0].contact_id != anna

    def test_what_was_taken_over_from_a_source_is_found_until_it_is_taken_back(self, engine, anna):
        one = "019b1c3e-7c5a-7000-8000-0123456789ab"
        taken = AugmentedPersonal(reference="R-1", set=MARRIED)
        write(engine, anna, ContactAugmented(augmentation_id=one, source="crm", personal=taken))
        assert arrive(engine, letter("l-1"))[0].contact_id == anna
        write(engine, anna, ContactAugmentationReverted(augmentation_id=one))
        assert engine.verify_index().is_sound

    def test_what_another_process_edited_is_what_is_compared(self, tmp_path):
        with Engine.open(tmp_path, world(1)) as one, Engine.open(tmp_path, world(2)) as other:
            contact_id = arrive(one, mailed("m-1", profile=ANNA))[0].contact_id
            one.desk.contacts.edit(contact_id, set=MARRIED)
            assert arrive(other, letter("l-1"))[0].contact_id == contact_id

            nobody = arrive(one, mailed("m-2", "n@example.org"))[0].contact_id
            other.desk.contacts.edit(nobody, set=JONAS)
            one.desk.contacts.edit(nobody, set=JONAS | {"given_name": "Johann"})
            other.desk.contacts.edit(nobody, set=KENTA | {"address": "Am Markt 1"})
            assert arrive(one, letter("l-2", JONAS))[0].contact_id != nobody


class TestAfterwards:
    def test_an_edit_draws_an_earlier_interaction_to_the_contact(self, engine, anna):
        (early,) = arrive(engine, letter("l-1"))
        assert early.contact_id != anna
        engine.reevaluate()
        engine.desk.contacts.edit(anna, set=MARRIED)
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1", "l-1"}
        assert engine.why(anna)

    def test_an_edit_that_contradicts_interactions_does_not_take_them_away(self, engine, anna):
        arrive(engine, mailed("m-2", profile=ANNA), mailed("m-3", profile=ANNA))
        engine.desk.contacts.edit(anna, set=MARRIED)
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1", "m-2", "m-3"}
        assert facts(engine, "interaction.unlinked") == []

    def test_an_identifier_by_hand_does_not_take_interactions_away(self, engine, anna):
        engine.desk.identifiers.add(anna, Value("phone", NUMBER), verified=True)
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1"}

    def test_two_contacts_of_whom_people_said_the_same_are_merged(self, engine):
        one, other = (
            arrive(engine, event(f"w-{name}", cookie(name), channel="web"))[0].contact_id
            for name in ("c-1", "c-2")
        )
        engine.desk.contacts.edit(one, set=MARRIED)
        engine.desk.contacts.edit(other, set=MARRIED)
        engine.reevaluate()
        assert engine.profile(one).members == engine.profile(other).members
        (why,) = [said for said in engine.why(one) if said.kind == "merge"]
        assert {why.interaction_id, why.against} == {one, other}
        assert engine.why_not(one, other)

    def test_a_recycled_number_leads_to_its_new_holder_only(self, engine, anna, clock):
        old = arrive(engine, event("v-1", phone(NUMBER), profile=KENTA))[0].contact_id
        engine.desk.identifiers.release(old, Value("phone", NUMBER))
        engine.desk.identifiers.add(anna, Value("phone", NUMBER), verified=True)
        clock.set(LATER + timedelta(days=2))
        (late,) = arrive(engine, event("v-2", phone(NUMBER), time="2030-01-02T00:00:00Z"))
        assert late.contact_id == anna
        engine.request_reevaluation()
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1", "v-2"}
        assert interactions(engine, old) == {"v-1"}


class TestAContactThatIsGone:
    def test_it_is_not_found_until_it_is_restored(self, engine, clock):
        mail = NewIdentifier(Value("email", "jonas@example.org"), verified=True)
        jonas = engine.desk.contacts.create(set=JONAS, identifiers=[mail]).done.contact_id
        engine.desk.lifecycle.delete(jonas, reason="A test.")
        assert engine.verify_index().is_sound
        assert engine.desk.contacts.create(set=JONAS, dry_run=True).duplicates == ()
        assert arrive(engine, letter("l-1", JONAS))[0].contact_id != jonas
        with pytest.raises(Refused):
            engine.desk.contacts.edit(jonas, set={"city": "Bonn"})
        assert engine.search("wettstein bonn") == []

        engine.desk.lifecycle.restore(jonas)
        assert engine.verify_index().is_sound
        clock.set(LATER + timedelta(days=2))
        (found,) = arrive(engine, mailed("m-9", "jonas@example.org", time="2030-01-02T00:00:00Z"))
        assert found.contact_id == jonas
        engine.reevaluate()
        assert "m-9" in interactions(engine, jonas)


class TestMergedByHand:
    def test_what_people_said_of_each_goes_along_and_comes_back(self, engine, anna):
        one = engine.desk.contacts.create(set=JONAS).done.contact_id
        merged = engine.desk.merging.merge([anna, one], confirmed=True, reason="One person.")
        (found,) = arrive(engine, letter("l-1", JONAS))
        assert engine.profile(found.contact_id).members == engine.profile(anna).members
        engine.reevaluate()
        assert engine.profile(anna).fields["city"][0].value == "Ulm"
        engine.desk.unmerging.unmerge(merged.merge_id, reason="They are two.")
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1"}
        assert interactions(engine, one) == {"l-1"}
        assert "city" not in engine.profile(anna).fields


class TestItIsNoInteraction:
    def test_it_is_counted_and_shown_nowhere(self, engine, anna, tmp_path):
        before = engine.counts()
        engine.desk.contacts.edit(anna, set=MARRIED)
        engine.desk.identifiers.add(anna, Value("phone", NUMBER))
        engine.reevaluate()
        assert interactions(engine, anna) == {"m-1"}
        assert engine.counts() == before
        assert engine.export_links(tmp_path / "links.csv") == 1

    def test_its_id_is_no_interactions(self, engine, anna):
        engine.desk.contacts.edit(anna, set=MARRIED)
        with (
            pytest.raises(NotFound),
            engine.desk.contacts.under(Action.CONTACT_EDIT).command() as command,
        ):
            command.interaction(anna)


class TestTheRebuild:
    def test_it_survives_a_rebuild_of_the_index(self, engine, anna):
        engine.desk.contacts.edit(anna, set=MARRIED)
        engine.desk.identifiers.add(anna, Value("phone", NUMBER), verified=True)
        engine.desk.contacts.edit(anna, set={"city": "Ulm"}, add={"other_names": ["Anni", "Ann"]})
        engine.rebuild_index()
        assert engine.verify_index().is_sound
        (found,) = arrive(engine, letter("l-1"))
        assert found.contact_id == anna

    def test_rows_come_and_go_as_they_did(self, engine, anna):
        other = arrive(engine, event("v-1", phone("+81399998888"), profile=KENTA))[0].contact_id
        value = Value("email", "work@example.org")
        engine.desk.identifiers.add(anna, value, verified=True)
        engine.desk.identifiers.transfer(other, value, from_contact_id=anna, reason="His.")
        engine.desk.identifiers.release(other, value)
        engine.desk.contacts.edit(other, set=MARRIED)
        engine.desk.contacts.edit(other, remove={"city": ["Bonn"]})
        assert engine.verify_index().is_sound
        assert len(facts(engine, "contact.edited")) == 2

    def test_crowded_keys_are_the_same_when_rebuilt(self, engine, anna):
        for number in range(2, 30):
            arrive(engine, letter(f"l-{number}", KENTA | {"city": f"City {number}"}))
        engine.desk.contacts.edit(anna, set=KENTA)
        engine.desk.contacts.edit(anna, set=MARRIED)
        for number in range(30, 40):
            arrive(engine, letter(f"l-{number}", KENTA | {"city": f"City {number}"}))
        engine.desk.contacts.edit(anna, set=KENTA)
        assert engine.verify_index().is_sound
