"""CA-2 to CA-4: cases by hand from every place, what is saved at once, states, queues and rights."""

from datetime import timedelta

import pytest

from aggregates.errors import AlreadyDone, NotYet, Refused
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, MailDraft, Origin
from identity_engine.errors import Denied, NotFound, UsageError
from tests.support.interactions import email, event, phone
from tests.support.resolving import facts
from tests.support.soundness import is_sound
from tests.support.working_on_cases import ANNA, BEN, all_cases, configure, mail, shown
from tests.support.world import world

NOTE = Entry(note="Ruft morgen zurück.")
ASIDE = Entry(contact_note="Bevorzugt Anrufe.")


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


def topics(engine):
    return [one.fact.TOPIC for one in engine.store.read(0, 999)]


# CA-2: every place


def test_a_case_is_opened_during_a_call(engine, call):
    saved = engine.desk.cases.open(Origin("interaction", call.interaction_id), NOTE)
    assert (saved.number, saved.state, saved.contact_id) == ("C-000001", "open", call.contact_id)
    view = shown(engine, saved.number)
    assert [one.interaction_id for one in view.interactions] == [call.interaction_id]
    assert [one.text for one in view.notes] == [NOTE.note]
    assert is_sound(engine)


def test_no_case_is_opened_by_hand_during_a_mail(engine):
    (outcome,) = engine.ingest([mail("1")])
    with pytest.raises(Refused) as refused:
        engine.desk.cases.open(Origin("interaction", outcome.interaction_id), NOTE)
    assert refused.value.reason == "mail_opens_its_own"


def test_a_case_is_opened_from_a_stored_contact(engine, call):
    saved = engine.desk.cases.open(Origin("contact", call.contact_id), NOTE, subject="Vertrag")
    assert shown(engine, saved.number).summary.subject == "Vertrag"
    assert saved.contact_id == call.contact_id


def test_a_case_is_opened_from_an_existing_case(engine, call, case):
    saved = engine.desk.cases.open(Origin("case", case), NOTE)
    view = shown(engine, saved.number)
    assert (view.from_case, view.summary.contact_id) == (case, call.contact_id)


def test_a_case_is_opened_from_a_saved_address_and_its_mail_goes_there(engine, call):
    entry = Entry(letter=MailDraft("Guten Tag", subject="Ihr Vertrag"))
    saved = engine.desk.cases.open(Origin("address", ANNA.upper()), entry)
    assert saved.contact_id == call.contact_id
    assert [one.to for one in shown(engine, saved.number).mails] == [(ANNA,)]


def test_an_address_that_nobody_has_gives_no_case(engine):
    with pytest.raises(NotFound):
        engine.desk.cases.open(Origin("address", BEN), NOTE)
    with pytest.raises(UsageError):
        engine.desk.cases.open(Origin("address", "no address"), NOTE)


@pytest.mark.parametrize("place", ["personal_queue", "team_queue", "pinned"])
def test_a_case_is_opened_from_a_queue_or_a_pinned_case_that_lies_there(engine, call, case, place):
    desk = engine.desk.cases
    with pytest.raises(Refused) as refused:
        desk.open(Origin(place, case), NOTE)
    assert refused.value.reason == "not_in_queue"
    if place == "pinned":
        desk.pin(case)
    else:
        mine = place == "personal_queue"
        desk.assign(case, agent_id="owner" if mine else None, queue=None if mine else "billing")
    saved = desk.open(Origin(place, case), NOTE)
    view = shown(engine, saved.number)
    assert (view.place, view.from_case, saved.contact_id) == (place, case, call.contact_id)


def test_a_case_exists_from_its_first_note_mail_or_state_and_not_before(engine, call):
    for entry in (
        NOTE,
        Entry(letter=MailDraft("Guten Tag", to=(ANNA,), subject="x")),
        Entry(pending="customer"),
        Entry(resolved="solved"),
    ):
        engine.desk.cases.open(Origin("contact", call.contact_id), entry)
    assert [one.state for one in all_cases(engine)] == ["open", "open", "pending", "resolved"]
    with pytest.raises(UsageError):
        engine.desk.cases.open(Origin("contact", call.contact_id), Entry())
    assert len(all_cases(engine)) == 4


def test_discarding_leaves_nothing_of_a_case(engine, call):
    composition = engine.desk.cases.compose(mode="preview")
    engine.desk.cases.discard(composition)
    assert all_cases(engine) == []
    assert topics(engine)[-2:] == ["agent.busy", "agent.free"]


def test_a_dry_run_gives_no_number_away(engine, call):
    engine.desk.cases.open(Origin("contact", call.contact_id), NOTE, dry_run=True)
    assert engine.desk.cases.open(Origin("contact", call.contact_id), NOTE).number == "C-000001"


def test_what_the_rules_refuse_leaves_no_case_and_no_number(engine, call):
    with pytest.raises(Refused):
        engine.desk.cases.open(Origin("contact", call.contact_id), Entry(note="x", pending="lunch"))
    assert all_cases(engine) == []
    assert engine.desk.cases.open(Origin("contact", call.contact_id), NOTE).number == "C-000001"


# CA-3: what is saved


def test_a_note_on_the_contact_alone_opens_no_case(engine, call):
    saved = engine.desk.cases.open(Origin("interaction", call.interaction_id), ASIDE)
    assert saved.number is None
    (note,) = facts(engine, "note.added")
    assert note.interaction_id == call.interaction_id
    assert all_cases(engine) == []


def test_a_subject_without_a_case_is_refused(engine, call):
    with pytest.raises(UsageError, match="leave the subject out"):
        engine.desk.cases.open(Origin("contact", call.contact_id), ASIDE, subject="An offer")
    assert facts(engine, "note.added") == []


def test_a_note_on_the_case_and_a_mail_are_saved_together(engine, case):
    entry = Entry(note="Antwort geschickt", letter=MailDraft("Guten Tag", to=(ANNA,), subject="x"))
    engine.desk.cases.add(case, entry)
    view = shown(engine, case)
    assert [one.text for one in view.notes] == [NOTE.note, entry.note]
    assert [one.status for one in view.mails] == ["drafted"]


def test_a_mail_alone_is_saved(engine, case):
    engine.desk.cases.add(case, Entry(letter=MailDraft("Guten Tag", to=(ANNA,), subject="x")))
    assert len(shown(engine, case).notes) == 1


def test_a_state_is_applied_with_what_is_saved(engine, case):
    engine.desk.cases.add(case, Entry(note="wartet", pending="third_party"))
    summary = shown(engine, case).summary
    assert (summary.state, summary.reason) == ("pending", "third_party")


def test_all_that_is_saved_together_is_saved_or_nothing(engine, case):
    before = engine.store.head()
    with pytest.raises(UsageError):
        engine.desk.cases.add(case, Entry(note="x", letter=MailDraft("y", to=("nobody",))))
    assert engine.store.head() == before


@pytest.mark.parametrize(
    ("entry", "ended"),
    [
        (NOTE, "saved"),
        (Entry(letter=MailDraft("Guten Tag", to=(ANNA,), subject="x"), send=True), "sent"),
    ],
    ids=["save", "send"],
)
def test_an_agent_is_busy_while_composing_and_free_on_save_or_send(engine, case, entry, ended):
    assert engine.desk.cases.compose(case=case, dry_run=True) is None
    composition = engine.desk.cases.compose(mode="preview", case=case)
    (busy,) = engine.desk.reading_cases.busy()
    assert (busy.agent, busy.mode) == ("owner", "preview")
    engine.desk.cases.add(case, entry, composition=composition)
    assert engine.desk.reading_cases.busy() == []
    assert [one.ended for one in facts(engine, "agent.free")] == [ended]
    with pytest.raises(AlreadyDone):
        engine.desk.cases.discard(composition)
    assert is_sound(engine)


def test_an_agent_ends_only_what_it_composes_itself(engine, case):
    engine.desk.administration.grant("agent-7", "agent")
    engine.desk.administration.grant("agent-8", "agent")
    composition = engine.acting_as("agent-7").cases.compose()
    with pytest.raises(NotFound):
        engine.acting_as("agent-8").cases.discard(composition)
    engine.desk.cases.discard(composition)  # who assigns cases may


def test_a_note_can_be_changed_and_taken_away_and_its_history_stays(engine, case):
    (note,) = shown(engine, case).notes
    engine.desk.cases.change_note(case, note.note_id, "Ruft übermorgen zurück.")
    assert [one.text for one in shown(engine, case).notes] == ["Ruft übermorgen zurück."]
    engine.desk.cases.remove_note(case, note.note_id)
    assert shown(engine, case).notes == ()
    said = [one.personal["text"] for one in engine.desk.reading_cases.history(case) if one.personal]
    assert said == [NOTE.note, "Ruft übermorgen zurück."]
    assert engine.desk.reading_cases.find(text="übermorgen") == []
    assert is_sound(engine)


# CA-4: states


def test_every_change_of_state_is_history_that_can_be_searched(engine, case):
    engine.desk.administration.grant("agent-7", "agent")
    engine.acting_as("agent-7").cases.add(case, Entry(pending="customer"))
    engine.desk.cases.use(case)
    engine.desk.cases.add(case, Entry(resolved="solved"))
    engine.desk.cases.close(case)
    history = engine.desk.reading_cases.history
    states = [one.topic for one in history(case) if "state" in one.topic or "open" in one.topic]
    assert states == [
        "case.opened", "case.state_changed", "case.reopened", "case.state_changed",
    ]  # fmt: skip
    (pending,) = history(state="pending")
    assert (pending.number, pending.actor) == (case, "agent-7")
    assert pending.summary == "The case waits: customer."
    assert [one.topic for one in history(actor="agent-7")] == ["case.state_changed"]
    assert history(until="2029-01-01T00:00:00.000000Z") == []


def test_a_case_is_closed_by_the_sweep_once_it_was_resolved_long_enough(engine, clock, case):
    engine.desk.cases.add(case, Entry(resolved="solved"))
    assert engine.desk.cases.sweep() == []
    clock.set(clock() + timedelta(days=14))
    assert engine.desk.cases.sweep(dry_run=True) == [case]
    assert engine.desk.cases.sweep() == [case]
    assert engine.desk.cases.sweep() == []
    assert shown(engine, case).summary.state == "closed"
    assert [one.cause for one in facts(engine, "case.closed")] == ["sweep"]


def test_a_case_that_was_taken_up_again_is_not_swept(engine, clock, case):
    engine.desk.cases.add(case, Entry(resolved="solved"))
    engine.desk.cases.use(case)
    clock.set(clock() + timedelta(days=14))
    assert engine.desk.cases.sweep() == []


def test_a_closed_case_is_followed_up_and_one_that_is_not_is_worked_on(engine, call, case):
    with pytest.raises(Refused) as refused:
        engine.desk.cases.follow_up(case, NOTE)
    assert refused.value.reason == "not_closed"
    engine.desk.cases.add(case, Entry(resolved="solved"))
    engine.desk.cases.close(case)
    with pytest.raises(Refused) as refused:
        engine.desk.cases.add(case, NOTE)
    assert refused.value.reason == "closed"
    saved = engine.desk.cases.follow_up(case, NOTE)
    assert saved.contact_id == call.contact_id
    assert shown(engine, saved.number).follow_up_of == case


@pytest.fixture
def closed(engine, case):
    """The number of a case of the contact that is closed."""
    engine.desk.cases.add(case, Entry(resolved="solved"))
    engine.desk.cases.close(case)
    return case


def test_a_follow_up_writes_the_note_on_the_contact_too(engine, call, closed):
    engine.desk.cases.follow_up(closed, Entry(note="Noch einmal.", contact_note="Bevorzugt Mail."))
    assert [one.text for one in engine.desk.notes.list(call.contact_id)] == ["Bevorzugt Mail."]


def test_a_note_on_the_contact_alone_is_no_follow_up(engine, call, closed):
    saved = engine.desk.cases.follow_up(closed, ASIDE)
    assert (saved.case_id, saved.done.written) == (None, ("note.added",))
    assert shown(engine, closed).follow_ups == ()
    assert [one.text for one in engine.desk.notes.list(call.contact_id)] == [ASIDE.contact_note]
    with pytest.raises(UsageError, match="leave the subject out"):
        engine.desk.cases.follow_up(closed, ASIDE, subject="An offer")


def test_an_interaction_is_linked_to_a_case_once_and_stays_with_its_contact(engine, case):
    (other,) = engine.ingest([event("other", phone("+81387654321"))])
    engine.desk.cases.link(case, other.interaction_id)
    before = engine.store.head()
    engine.desk.cases.link(case, other.interaction_id)
    assert engine.store.head() == before
    (linked,) = shown(engine, case).interactions
    assert (linked.contact_id, linked.participant) == (other.contact_id, True)


# Finding, queues, rights


def test_cases_are_found_by_number_words_state_queue_and_pin(engine, call, case):
    desk, find = engine.desk.cases, engine.desk.reading_cases.find
    other = desk.open(
        Origin("contact", call.contact_id), Entry(pending="customer"), subject="Vertrag"
    ).number
    assert [one.number for one in find(text=case.lower())] == [case]
    assert [one.number for one in find(text="morgen ruft")] == [case]
    assert [one.number for one in find(text="vertr")] == [other]
    assert find(text="nirgends") == []
    assert [one.number for one in find(states=["pending"])] == [other]
    desk.assign(case, queue="billing")
    desk.assign(other, agent_id="owner")
    desk.pin(other)
    assert [one.number for one in find(queue="billing")] == [case]
    assert [one.number for one in find(mine=True)] == [other]
    assert [one.number for one in find(agent_id="owner")] == [other]
    assert [one.number for one in find(pinned=True)] == [other]
    desk.unpin(other)
    desk.assign(case)
    assert find(pinned=True) == find(queue="billing") == []


def test_a_case_of_another_division_is_absent(engine, call, case):
    (north,) = engine.ingest([event("n", phone("+81387654321"), division="north")])
    other = engine.desk.cases.open(Origin("contact", north.contact_id), NOTE).number
    engine.desk.administration.grant("agent-7", "agent", divisions=["north"])
    desk = engine.acting_as("agent-7")
    assert [one.number for one in desk.reading_cases.find()] == [other]
    assert [one.number for one in desk.reading_cases.history()] == [other, other]
    for absent in (
        lambda: desk.reading_cases.show(case),
        lambda: desk.reading_cases.history(case),
        lambda: desk.reading_cases.find(contact=call.contact_id),
        lambda: desk.cases.add(case, NOTE),
        lambda: desk.cases.open(Origin("contact", call.contact_id), NOTE),
        lambda: desk.cases.open(Origin("case", case), NOTE),
        lambda: desk.cases.open(Origin("address", ANNA), NOTE),
    ):
        with pytest.raises(NotFound):
            absent()


def test_an_agent_does_not_assign_and_an_auditor_does_not_write(engine, case):
    engine.desk.administration.grant("agent-7", "agent")
    engine.desk.administration.grant("auditor-1", "auditor")
    with pytest.raises(Denied):
        engine.acting_as("agent-7").cases.assign(case, queue="billing")
    with pytest.raises(Denied):
        engine.acting_as("auditor-1").cases.add(case, NOTE)
    assert engine.acting_as("auditor-1").reading_cases.show(case).summary.number == case
    assert len(facts(engine, "access.refused")) == 2


@pytest.mark.parametrize("named", ["C-000099", "019b1c3e-7c5a-7000-8000-0123456789ab"])
def test_a_case_that_is_not_there_is_not_found(engine, named):
    with pytest.raises(NotFound):
        shown(engine, named)
    with pytest.raises(NotFound):
        engine.desk.cases.use(named)


def test_what_is_no_number_and_no_id_is_wrong_usage(engine):
    with pytest.raises(UsageError):
        shown(engine, "case 1")
    with pytest.raises(NotYet):
        engine.desk.cases.discard("019b1c3e-7c5a-7000-8000-0123456789ab")


def test_a_note_of_a_case_is_sealed_under_the_key_of_the_case(engine, case):
    (written,) = [one for one in engine.store.read(0, 999) if one.fact.TOPIC == "note.added"]
    assert written.subject == written.stream_id == shown(engine, case).summary.case_id
    engine.store.keys.destroy([written.key_id])
    with pytest.raises(Refused) as refused:
        engine.desk.cases.add(case, NOTE)
    assert refused.value.reason == "erased"
    engine.rebuild()
    assert [one.text for one in shown(engine, case).notes] == [None]
    assert is_sound(engine)
