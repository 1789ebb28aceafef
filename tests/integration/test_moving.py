"""What a person wrote on the survivor of a merge is given to the member that was meant (GX-3u)."""

import json

import pytest

from aggregates.errors import Refused
from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.application.operations.augmentation.applying import Choice
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied, UsageError
from tests.support.interactions import customer, event
from tests.support.merging import all_of, known, state_of
from tests.support.resolving import arrive, facts
from tests.support.soundness import is_sound

PHONE = Value("phone", "+33 1 42 68 53 00")


@pytest.fixture
def merged(engine):
    """Two people taken for one, with the merge; the first one survives."""
    anna, bert = known(engine, "anna", city="Lyon"), known(engine, "bert", day=2, city="Paris")
    engine.desk.contacts.edit(anna, set={"occupation": "baker"})
    return anna, bert, engine.desk.merging.merge([anna, bert], reason="One person.").merge_id


def write_all(engine, anna):
    """Everything that a person can write on a contact without naming a member."""
    desk = engine.desk
    desk.contacts.edit(anna, set={"occupation": "pilot"}, remove={"city": ["Lyon"]})
    desk.notes.add(anna, "Calls back.")
    desk.identifiers.add(anna, PHONE, verified=True, label="work", primary=True)
    desk.cases.open(Origin("contact", anna), Entry(note="Wants an offer."), subject="Offer")


def undone(engine, merge_id, move):
    """Preview and make an unmerge; the preview must be the result."""
    preview = engine.desk.unmerging.preview(merge_id, move=move)
    engine.desk.unmerging.unmerge(merge_id, move=move, token=preview.token, reason="Two people.")
    for part in preview.parts:
        assert engine.profile(part.contact_id) == part
    return preview


def shown(engine, contact_id, name):
    return [one.value for one in engine.profile(contact_id).fields.get(name, ())]


def listed(engine, merge_id):
    """Topic -> position of what was written meanwhile and can be moved."""
    meanwhile = engine.desk.unmerging.preview(merge_id).meanwhile
    return {one.topic: one.position for one in meanwhile if one.is_movable}


def phones(engine, contact_id):
    return [one for one in engine.profile(contact_id).identifiers if one.type == "phone"]


class TestAll:
    def test_the_survivor_is_left_as_if_nothing_had_been_written_on_it(self, engine, merged):
        anna, bert, merge_id = merged
        engine.desk.unmerging.unmerge(merge_id, told_apart=False, reason="Two people.")
        before, notes = all_of(engine, anna), engine.desk.notes.list(anna)
        again = engine.desk.merging.merge([anna, bert], reason="One person.").merge_id
        write_all(engine, anna)

        undone(engine, again, {"all": bert})

        left = engine.profile(anna)
        assert left.fields == before[anna].fields
        assert left.removed == before[anna].removed
        assert [one for one in left.identifiers if one.valid_from != one.valid_to] == list(
            before[anna].identifiers
        )
        assert left.cases == ()
        assert engine.desk.notes.list(anna) == notes
        assert is_sound(engine)

    def test_the_other_has_everything(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)

        undone(engine, merge_id, {"all": bert})

        assert shown(engine, bert, "occupation") == ["pilot"]
        assert shown(engine, bert, "city") == ["Paris"]
        assert [(one.verified, one.label, one.primary) for one in phones(engine, bert)] == [
            (True, "work", True)
        ]
        assert [note.text for note in engine.desk.notes.list(bert)] == ["Calls back."]
        assert engine.profile(bert).cases == ("C-000001",)
        assert is_sound(engine)

    def test_it_survives_a_rebuild_of_the_index_and_is_found_by_search(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)
        undone(engine, merge_id, {"all": bert})
        engine.rebuild_index()
        assert [one.contact_id for one in engine.search("pilot")] == [bert]
        assert [one.contact_id for one in engine.search("baker")] == [anna]
        assert anna in {one.contact_id for one in engine.search("lyon")}

    def test_what_is_named_by_itself_goes_where_that_says(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)
        note = listed(engine, merge_id)["note.added"]
        engine.desk.unmerging.unmerge(
            merge_id, move={"all": bert, note: anna}, reason="Two people."
        )
        assert [one.text for one in engine.desk.notes.list(anna)] == ["Calls back."]
        assert engine.desk.notes.list(bert) == ()
        assert shown(engine, bert, "occupation") == ["pilot"]

    def test_an_unmerge_that_moves_nothing_leaves_everything_there(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)
        undone(engine, merge_id, None)
        assert shown(engine, anna, "occupation") == ["pilot"]
        assert phones(engine, bert) == []
        assert engine.profile(anna).cases == ("C-000001",)

    def test_it_is_one_transaction(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)
        head, state = engine.store.head(), state_of(engine)
        with pytest.raises(UsageError):
            engine.desk.unmerging.unmerge(
                merge_id, move={"all": bert, 1: bert}, reason="Two people."
            )
        assert (engine.store.head(), state_of(engine)) == (head, state)


class TestSingleOnes:
    def test_a_save_is_given_and_the_older_word_is_back_with_its_author_and_time(
        self, engine, merged
    ):
        anna, bert, merge_id = merged
        (before,) = engine.profile(anna).fields["occupation"]
        engine.desk.contacts.edit(anna, set={"occupation": "pilot"})
        place = listed(engine, merge_id)["contact.edited"]

        undone(engine, merge_id, {place: bert})

        assert engine.profile(anna).fields["occupation"] == (before,)
        assert shown(engine, bert, "occupation") == ["pilot"]

    def test_a_save_that_came_later_stays(self, engine, merged):
        anna, bert, merge_id = merged
        engine.desk.contacts.edit(anna, set={"occupation": "pilot"})
        place = listed(engine, merge_id)["contact.edited"]
        engine.desk.contacts.edit(anna, set={"region": "Alsace"})
        undone(engine, merge_id, {place: bert})
        assert shown(engine, anna, "region") == ["Alsace"]
        assert shown(engine, anna, "occupation") == ["baker"]
        assert shown(engine, bert, "region") == []
        engine.desk.contacts.edit(anna, set={"occupation": "pilot"})
        assert shown(engine, anna, "occupation") == ["pilot"]
        assert is_sound(engine)

    def test_a_note_goes_as_it_says_now_under_its_author_and_names_where_it_was(
        self, engine, merged
    ):
        anna, bert, merge_id = merged
        note = engine.desk.notes.add(anna, "Calls back.").note_id
        engine.desk.notes.change(note, "Calls back at ten.")
        place = listed(engine, merge_id)["note.added"]

        undone(engine, merge_id, {place: bert})

        (given,) = engine.desk.notes.list(bert)
        assert (given.text, given.words[0].actor) == ("Calls back at ten.", "owner")
        assert facts(engine, "note.taken_over")[-1].given_from == anna
        assert facts(engine, "note.given")[-1].given_to == bert

    def test_a_claim_is_the_others_since_it_began_and_leads_there_from_then_on(
        self, engine, merged
    ):
        anna, bert, merge_id = merged
        engine.desk.identifiers.add(anna, PHONE)
        began = phones(engine, anna)[0].valid_from
        place = listed(engine, merge_id)["identifier.claimed"]

        undone(engine, merge_id, {place: bert})

        (held,) = phones(engine, bert)
        assert (held.valid_from, held.valid_to) == (began, None)
        call = event("call", {"type": "phone", "value": PHONE.value}, time="2026-03-02T09:00:00Z")
        (outcome,) = arrive(engine, call)
        assert outcome.contact_id == bert
        assert is_sound(engine)

    def test_a_claim_is_not_moved_to_whom_already_has_another_of_which_a_person_has_one(
        self, engine, merged
    ):
        anna, bert, merge_id = merged
        engine.desk.identifiers.add(anna, Value("customer_id", "C-1"), verified=True)
        (cleo,) = arrive(engine, event("c", customer("C-2")))
        engine.desk.merging.merge([anna, cleo.contact_id], reason="One person.")
        with pytest.raises(Refused) as refused:
            engine.desk.unmerging.unmerge(
                merge_id, move={"all": cleo.contact_id}, reason="Two people."
            )
        assert refused.value.reason == "exclusive_conflict"
        assert engine.profile(anna).contact_id == engine.profile(bert).contact_id

    def test_a_case_shows_its_new_contact_and_its_history_tells_of_it(self, engine, merged):
        anna, bert, merge_id = merged
        number = engine.desk.cases.open(Origin("contact", anna), Entry(note="Offer.")).number
        place = listed(engine, merge_id)["case.opened"]

        undone(engine, merge_id, {place: bert})

        assert engine.profile(bert).cases == (number,)
        assert engine.profile(anna).cases == ()
        told = [entry.topic for entry in engine.history(bert)]
        assert told.count("case.opened") == told.count("case.given") == 1
        engine.desk.cases.add(number, Entry(note="Sent."))
        assert is_sound(engine)

    def test_what_was_withdrawn_since_is_refused_by_its_position_and_passed_by_all(
        self, engine, merged
    ):
        anna, bert, merge_id = merged
        note = engine.desk.notes.add(anna, "Calls back.").note_id
        place = listed(engine, merge_id)["note.added"]
        engine.desk.notes.remove(note)
        with pytest.raises(UsageError, match="changed since"):
            engine.desk.unmerging.unmerge(merge_id, move={place: bert}, reason="Two people.")
        undone(engine, merge_id, {"all": bert})
        assert engine.desk.notes.list(bert) == ()


class TestSecrets:
    def test_what_moved_is_sealed_under_the_key_of_whom_it_belongs_to_now(self, engine, merged):
        anna, bert, merge_id = merged
        write_all(engine, anna)
        undone(engine, merge_id, {"all": bert})
        subjects = {
            (one.fact.TOPIC, one.subject)
            for one in engine.store.read(0, 999)
            if one.fact.TOPIC in ("contact.edited", "note.taken_over", "identifier.transferred")
        }
        assert {("contact.edited", bert), ("note.taken_over", bert)} < subjects
        assert ("identifier.transferred", bert) in subjects


def test_who_may_not_save_values_moves_none_and_undoes_nothing(engine, merged):
    anna, bert, merge_id = merged
    engine.desk.contacts.edit(anna, set={"occupation": "pilot"})
    may = ["contact:view", "identity:unmerge"]
    engine.desk.administration.define_role("parter", may)
    engine.desk.administration.grant("agent-7", "parter")
    with pytest.raises(Denied):
        engine.acting_as("agent-7").unmerging.unmerge(
            merge_id, move={"all": bert}, reason="Two people."
        )
    assert shown(engine, anna, "occupation") == ["pilot"]
    assert engine.profile(anna).contact_id == engine.profile(bert).contact_id


class TestAugmentations:
    @pytest.fixture
    def source(self, engine, tmp_path):
        (tmp_path / "people.csv").write_text(
            "id,email,phone,occupation\nr-1,anna@example.org,+33142685300,writer\n"
        )
        content = {
            "format": 1,
            "name": "s",
            "augmentation": {
                "sources": [
                    {
                        "name": "directory",
                        "kind": "csv",
                        "folder": str(tmp_path),
                        "identifier_types": ["email", "phone", "customer_id"],
                    }
                ]
            },
        }
        engine.desk.administration.activate("settings", json.dumps(content).encode())

    @pytest.fixture
    def taken(self, engine, merged, source):
        """The survivor was given an address, and what a source knows of it."""
        anna, bert, merge_id = merged
        engine.desk.identifiers.add(anna, Value("email", "anna@example.org"))
        engine.desk.augmentation.apply(anna, [Choice("directory", "r-1")])
        return anna, bert, merge_id

    def test_what_was_taken_over_goes_along_with_its_source_and_its_claims(self, engine, taken):
        anna, bert, merge_id = taken
        assert "contact.augmented" in listed(engine, merge_id)

        undone(engine, merge_id, {listed(engine, merge_id)["contact.augmented"]: bert})

        assert (shown(engine, anna, "occupation"), shown(engine, bert, "occupation")) == (
            ["baker"],
            ["writer"],
        )
        assert [one.valid_to for one in phones(engine, bert)] == [None]
        assert not [one for one in phones(engine, anna) if one.valid_from != one.valid_to]
        (own,) = [one for one in engine.desk.augmentation.applied(bert) if not one.is_reverted]
        assert (own.source, own.reference) == ("directory", "r-1")
        engine.desk.augmentation.revert(bert, own.augmentation_id)
        assert shown(engine, bert, "occupation") == []
        assert is_sound(engine)

    def test_it_goes_with_everything_else(self, engine, taken):
        anna, bert, merge_id = taken
        undone(engine, merge_id, {"all": bert})

        assert (shown(engine, anna, "occupation"), shown(engine, bert, "occupation")) == (
            ["baker"],
            ["writer"],
        )
        assert is_sound(engine)

    def test_what_was_taken_back_since_is_not_moved(self, engine, taken):
        anna, bert, merge_id = taken
        (own,) = engine.desk.augmentation.applied(anna)
        engine.desk.augmentation.revert(anna, own.augmentation_id)
        position = listed(engine, merge_id)["contact.augmented"]

        with pytest.raises(UsageError, match="changed since"):
            engine.desk.unmerging.unmerge(merge_id, move={position: bert}, reason="Two.")
