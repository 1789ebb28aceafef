"""CA-5: cases follow the person, through merge, unmerge and a corrected link; nothing is rewritten."""

import pytest

from aggregates.contact import ContactMerged, ContactUnmerged, MergeEdge
from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.errors import NotFound
from identity_engine.event_store.match_index.case_tables import cases_of_contacts
from tests.support.interactions import email, event, phone
from tests.support.soundness import is_sound
from tests.support.working_on_cases import ANNA, BEN, configure, mail, mail_opens_cases, shown
from tests.support.world import world

NOTE = Entry(note="Ruft morgen zurück.")


@pytest.fixture
def engine(clock):
    """An engine with settings for outgoing mail."""
    with Engine.in_memory(world(clock=clock)) as engine:
        configure(engine)
        yield engine


@pytest.fixture
def call(engine):
    """A call, and the contact that it made."""
    return engine.ingest([event("call", phone(), email(ANNA), profile={"full_name": "Anna"})])[0]


@pytest.fixture
def case(engine, call):
    """The number of a case of the contact."""
    return engine.desk.cases.open(Origin("contact", call.contact_id), NOTE).number


def merge(engine, one, other):
    """Two contacts are one person from now on."""
    with engine.desk.cases.under("case:edit").command() as command:
        command.contacts([one, other])
        merge_id = command.new_id()
        edges = (MergeEdge(one=one, other=other),)
        command.write(one, ContactMerged(merge_id=merge_id, edges=edges))
    return merge_id, edges


def unmerge(engine, one, merged):
    """They are two again."""
    merge_id, edges = merged
    with engine.desk.cases.under("case:edit").command() as command:
        command.contacts([edge for pair in edges for edge in (pair.one, pair.other)])
        command.write(one, ContactUnmerged(merge_id=merge_id, edges=edges))


def relink(engine, interaction_id, contact_id):
    """A person gives an interaction to another contact."""
    engine.desk.interactions.associate(interaction_id, contact_id, reason="Somebody else.")


def numbers_of(engine, contact_id):
    return sorted(one.number for one in engine.desk.reading_cases.find(contact=contact_id))


def test_cases_follow_the_person_through_merge_and_unmerge(engine, call):
    (other,) = engine.ingest([event("other", phone("+81387654321"))])
    first = engine.desk.cases.open(Origin("contact", call.contact_id), NOTE).number
    second = engine.desk.cases.open(Origin("interaction", other.interaction_id), NOTE).number
    merged = merge(engine, call.contact_id, other.contact_id)
    assert numbers_of(engine, call.contact_id) == [first, second]
    assert numbers_of(engine, other.contact_id) == [first, second]
    unmerge(engine, call.contact_id, merged)
    assert numbers_of(engine, call.contact_id) == [first]
    assert numbers_of(engine, other.contact_id) == [second]
    assert is_sound(engine)


def test_a_case_goes_where_a_corrected_link_goes(engine, call):
    (other,) = engine.ingest([event("other", phone("+81387654321"))])
    number = engine.desk.cases.open(Origin("interaction", call.interaction_id), NOTE).number
    written = engine.store.read_stream(shown(engine, number).summary.case_id)
    relink(engine, call.interaction_id, other.contact_id)
    assert numbers_of(engine, call.contact_id) == []
    assert numbers_of(engine, other.contact_id) == [number]
    assert shown(engine, number).summary.contact_id == other.contact_id
    assert engine.store.read_stream(shown(engine, number).summary.case_id) == written
    assert is_sound(engine)


def test_a_case_of_a_mail_goes_where_the_mails_link_goes():
    with Engine.in_memory(world(7)) as engine:
        mail_opens_cases(engine)
        anna, ben = engine.ingest([mail("1"), mail("2", BEN, "Anderes")])
        relink(engine, anna.interaction_id, ben.contact_id)
        assert numbers_of(engine, ben.contact_id) == ["C-000001", "C-000002"]


def test_a_contacts_history_shows_its_cases(engine, call, case):
    told = [one.topic for one in engine.history(call.contact_id)]
    assert told[-2:] == ["case.opened", "note.added"]


def test_the_history_of_whoever_gets_a_corrected_link_shows_the_case(engine, call):
    (other,) = engine.ingest([event("other", phone("+81387654321"))])
    engine.desk.cases.open(Origin("interaction", call.interaction_id), NOTE)
    relink(engine, call.interaction_id, other.contact_id)
    assert "case.opened" in [one.topic for one in engine.history(other.contact_id)]
    assert "case.opened" in [one.topic for one in engine.history(call.contact_id)]
    assert engine.how(other.contact_id)


def test_a_contact_shows_the_numbers_of_its_cases_and_is_found_by_one(engine, call, case):
    assert engine.profile(call.contact_id).cases == (case,)
    (found,) = engine.search(case.lower())
    assert (found.contact_id, found.matched) == (call.contact_id, (("case", case),))
    assert engine.search("C-000099") == []
    assert engine.search(case, field="phone") == []


def test_the_keys_of_a_persons_cases_are_found_for_an_erasure(engine, call):
    (other,) = engine.ingest([event("other", phone("+81387654321"))])
    opened = [
        engine.desk.cases.open(origin, NOTE).case_id
        for origin in (
            Origin("contact", call.contact_id),
            Origin("interaction", call.interaction_id),
            Origin("contact", other.contact_id),
        )
    ]
    keys = {one.subject: one.key_id for one in engine.store.read(0, 99) if one.subject in opened}
    with engine.store.reading() as cursor:
        found = {row.case_id: row.key_id for row in cases_of_contacts(cursor, [call.contact_id])}
    assert found == {case_id: keys[case_id] for case_id in opened[:2]}


class TestOverAMove:
    """A case lies where its contact is, and where its mail is once nobody has that any more."""

    @pytest.fixture
    def moved(self):
        with Engine.in_memory(world()) as engine:
            mail_opens_cases(engine)
            (opening,) = engine.ingest([mail("1")])
            engine.desk.divisions.move(
                opening.contact_id, "south", reason="Moved there.", new_division=True
            )
            for actor, division in (("here", "south"), ("there", "default")):
                engine.desk.administration.grant(actor, "supervisor", divisions=[division])
            yield engine, opening

    def sees(self, engine, actor):
        return [one.number for one in engine.acting_as(actor).reading_cases.find()]

    def test_it_stays_there_with_a_mail_that_was_unlinked(self, moved):
        engine, opening = moved
        assert (self.sees(engine, "here"), self.sees(engine, "there")) == (["C-000001"], [])
        engine.desk.interactions.unlink(opening.interaction_id, reason="Not hers.")

        assert (self.sees(engine, "here"), self.sees(engine, "there")) == (["C-000001"], [])
        note = Entry(note="Seen.")
        assert engine.acting_as("here").cases.add("C-000001", note, dry_run=True)
        with pytest.raises(NotFound):
            engine.acting_as("there").cases.add("C-000001", note)

    def test_an_answer_elsewhere_does_not_join_it(self, moved):
        engine, _ = moved
        engine.ingest([mail("2", in_reply_to="<1@mail.example>")])
        assert self.sees(engine, "there") == ["C-000002"]

    def test_only_what_lies_there_is_linked_to_it(self, moved):
        engine, _ = moved
        here, there = engine.ingest(
            [event("3", phone(), division="south"), event("4", phone(), division="default")]
        )
        engine.desk.cases.link("C-000001", here.interaction_id)
        with pytest.raises(Refused) as refused:
            engine.desk.cases.link("C-000001", there.interaction_id)
        assert refused.value.reason == "other_division"
