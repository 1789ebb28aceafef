"""What a CRM is told: given facts, when a command, then facts."""

from datetime import UTC, datetime
from functools import reduce

import pytest
from msgspec.structs import replace

from aggregates.crm import RecordPersonal
from aggregates.crm_conversation import Conversation, take_turn, trigger_of
from aggregates.crm_rules import (
    Approve,
    AskCreation,
    Compare,
    EndLinks,
    LinkRecord,
    MakeDue,
    NoteCorrected,
    NoteCreated,
    NoteFailed,
    NoteNotCreated,
    NoteWritten,
    UnlinkRecord,
    decide,
)
from aggregates.crm_state import CrmState, evolve
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.interaction import InteractionUnlinked

ANNA, KENTA = "anna", "kenta"
RECORD = RecordPersonal(record_id="003A", label="Anna Berger")
LINK = LinkRecord("link-1", "contact", RECORD)
DUE = MakeDue("link-1", "ended")
WRITTEN = NoteWritten("link-1", 1, "task-1", "v1", ANNA, ANNA)
UNLINK = UnlinkRecord("contact", "003A", "wrong one")


def after(*commands, state=None):
    """The state after commands that were carried out."""
    state = state or CrmState(contact_id=ANNA)
    for command in commands:
        state = reduce(evolve, decide(state, command), state)
    return state


def topics(state, command):
    """What a command writes."""
    return [fact.TOPIC.removeprefix("crm.") for fact in decide(state, command)]


def link(state):
    return state.links["link-1"]


class TestLinking:
    def test_a_linked_record_is_not_sent_at_once(self):
        state = after(LINK)
        assert link(state).linked
        assert not link(state).is_pending

    def test_facts_name_the_member_contact_of_that_moment(self):
        (fact,) = decide(after(), LINK)
        assert fact.contact_id == ANNA
        (later,) = decide(after(LINK, state=None), DUE)
        assert later.contact_id == ANNA

    def test_a_record_is_linked_once(self):
        with pytest.raises(AlreadyDone):
            decide(after(LINK), LinkRecord("link-2", "contact", RECORD))

    def test_several_records_may_be_linked(self):
        other = LinkRecord("link-2", "account", RECORD)
        assert len(after(LINK, other).links) == 2

    def test_a_record_linked_after_all_is_over_is_due_at_once(self):
        late = LinkRecord("link-1", "contact", RECORD, afterwards=True)
        assert topics(after(), late) == ["record_linked", "write_back_due"]
        assert link(after(late)).is_pending

    def test_a_record_linked_again_keeps_its_key(self):
        state = after(LINK, UNLINK, LinkRecord("link-2", "contact", RECORD))
        assert list(state.links) == ["link-1"]

    def test_what_was_never_linked_cannot_be_unlinked(self):
        with pytest.raises(NotYet):
            decide(after(), UNLINK)
        with pytest.raises(NotYet):
            decide(after(LINK, UNLINK), UNLINK)


class TestWriting:
    def test_a_trigger_makes_it_due_until_it_is_written(self):
        assert link(after(LINK, DUE)).is_pending
        assert not link(after(LINK, DUE, WRITTEN)).is_pending

    def test_a_trigger_that_comes_while_the_crm_is_told_is_not_lost(self):
        assert link(after(LINK, DUE, DUE, WRITTEN)).is_pending

    def test_an_answer_that_is_noted_twice_is_one_fact(self):
        assert decide(after(LINK, DUE, WRITTEN), WRITTEN) == ()

    def test_unlinking_cancels_what_is_pending_and_stops_what_comes_later(self):
        state = after(LINK, DUE, UNLINK)
        assert not link(state).is_pending
        assert decide(state, DUE) == ()

    def test_a_failure_is_noted_once_for_each_reason(self):
        failed = NoteFailed("link-1", "throttled")
        assert topics(after(LINK, DUE), failed) == ["write_failed"]
        assert decide(after(LINK, DUE, failed), failed) == ()
        assert link(after(LINK, DUE, failed)).is_pending
        assert link(after(LINK, DUE, failed, WRITTEN)).failure is None


class TestCorrecting:
    def test_unlinking_what_was_never_written_needs_no_correction(self):
        assert topics(after(LINK, DUE), UNLINK) == ["record_unlinked"]

    def test_unlinking_what_was_written_proposes_to_take_it_away(self):
        assert topics(after(LINK, DUE, WRITTEN), UNLINK) == [
            "record_unlinked",
            "correction_proposed",
        ]
        proposed = link(after(LINK, DUE, WRITTEN, UNLINK))
        assert (proposed.correction, proposed.is_correcting) == ("withdraw", False)

    def test_it_is_sent_once_approved(self):
        state = after(LINK, DUE, WRITTEN, UNLINK, Approve("link-1"))
        assert link(state).is_correcting
        assert decide(state, Approve("link-1")) == ()
        sent = after(NoteCorrected("link-1", "withdraw"), state=state)
        assert (link(sent).correction, link(sent).written) == (None, False)

    def test_it_is_approved_at_once_if_the_settings_say_so(self):
        at_once = UnlinkRecord("contact", "003A", at_once=True)
        assert topics(after(LINK, DUE, WRITTEN), at_once)[-1] == "correction_approved"

    def test_nothing_can_be_approved_that_nobody_proposed(self):
        with pytest.raises(NotYet):
            decide(after(LINK, DUE, WRITTEN), Approve("link-1"))

    def test_another_contact_proposes_to_write_it_anew(self):
        (fact,) = decide(after(LINK, DUE, WRITTEN), Compare("link-1", KENTA, "merged"))
        assert (fact.correction, fact.cause) == ("rewrite", "merged")

    def test_the_same_contact_proposes_nothing(self):
        assert decide(after(LINK, DUE, WRITTEN), Compare("link-1", ANNA, "merged")) == ()

    def test_what_is_right_again_before_it_was_sent_is_dropped(self):
        state = after(LINK, DUE, WRITTEN, Compare("link-1", KENTA, "merged"))
        assert topics(state, Compare("link-1", ANNA, "unmerged")) == ["correction_dropped"]

    def test_a_later_write_makes_the_correction_needless(self):
        wrong = after(LINK, DUE, WRITTEN, Compare("link-1", KENTA, "merged"), DUE)
        again = NoteWritten("link-1", 2, "task-1", "v2", KENTA, KENTA)
        assert link(after(again, state=wrong)).correction is None

    def test_what_was_unlinked_while_the_crm_was_told_is_on_the_ledger_and_corrected(self):
        assert topics(after(LINK, DUE, UNLINK), WRITTEN) == ["written_back", "correction_proposed"]

    def test_what_was_merged_while_the_crm_was_told_is_corrected(self):
        stale = NoteWritten("link-1", 1, "task-1", "v1", ANNA, KENTA)
        assert topics(after(LINK, DUE), stale) == ["written_back", "correction_proposed"]

    def test_a_rewrite_that_is_wrong_by_the_time_it_was_sent_is_proposed_again(self):
        state = after(LINK, DUE, WRITTEN, Compare("link-1", KENTA, "merged"), Approve("link-1"))
        right = NoteCorrected("link-1", "rewrite", "task-1", "v2", KENTA, KENTA)
        assert topics(state, right) == ["correction_sent"]
        stale = NoteCorrected("link-1", "rewrite", "task-1", "v2", KENTA, ANNA)
        assert topics(state, stale) == ["correction_sent", "correction_proposed"]

    def test_linking_again_drops_the_correction(self):
        state = after(LINK, DUE, WRITTEN, UNLINK)
        assert topics(state, LINK) == ["record_linked", "correction_dropped"]

    def test_linking_again_while_it_is_taken_away_writes_it_anew(self):
        state = after(LINK, DUE, WRITTEN, UNLINK, Approve("link-1"), LINK)
        gone = NoteCorrected("link-1", "withdraw")
        assert topics(state, gone) == ["correction_sent", "write_back_due"]
        assert link(after(gone, state=state)).is_pending

    def test_an_interaction_that_lost_its_contact_is_another_contact_too(self):
        state = evolve(after(LINK, DUE, WRITTEN), InteractionUnlinked(contact_id=ANNA))
        assert topics(state, Compare("link-1", None, "moved")) == ["correction_proposed"]


ASK = AskCreation("made-1", "lead", link=True, fields={"LastName": "Berger"})
CREATED = NoteCreated("made-1", RecordPersonal(record_id="00Q1"), "link-9")


class TestTakenBack:
    def test_all_links_end_and_what_was_written_is_proposed_to_be_taken_away(self):
        other = LinkRecord("link-2", "account", RecordPersonal(record_id="001B"))
        state = after(LINK, other, DUE, WRITTEN)
        ended = ["record_unlinked", "correction_proposed", "record_unlinked"]
        assert topics(state, EndLinks()) == ended
        assert not any(
            one.linked or one.is_pending for one in after(EndLinks(), state=state).links.values()
        )

    def test_they_end_once(self):
        assert decide(after(LINK, EndLinks()), EndLinks()) == ()

    def test_nothing_is_linked_to_it_any_more(self):
        with pytest.raises(Refused, match="took this interaction back"):
            decide(replace(after(), retracted=True), LINK)

    def test_a_record_that_was_asked_for_is_noted_and_not_linked(self):
        state = replace(after(AskCreation("new-1", "lead", True, {})), retracted=True)
        assert topics(state, NoteCreated("new-1", RECORD, "link-1")) == ["record_created"]


class TestCreating:
    def test_a_record_is_linked_only_if_asked(self):
        alone = AskCreation("made-1", "lead", link=False, fields={"LastName": "Berger"})
        assert topics(after(ASK), CREATED) == ["record_created", "record_linked"]
        assert topics(after(alone), CREATED) == ["record_created"]

    def test_what_was_made_is_noted_once(self):
        assert decide(after(ASK, CREATED), CREATED) == ()
        assert decide(after(ASK), ASK) == ()

    def test_a_failure_that_may_pass_leaves_it_waiting(self):
        failed = NoteNotCreated("made-1", "timed_out", final=False)
        state = after(ASK, failed)
        assert not state.creations["made-1"].settled
        assert decide(state, failed) == ()
        assert topics(state, CREATED)[0] == "record_created"

    def test_a_refusal_ends_it(self):
        state = after(ASK, NoteNotCreated("made-1", "refused", final=True))
        assert state.creations["made-1"].settled
        assert decide(state, CREATED) == ()

    def test_nobody_can_note_what_nobody_asked_for(self):
        with pytest.raises(NotYet):
            decide(after(), CREATED)


NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
TURNS = {
    "call": True,
    "chat": False,
}


@pytest.mark.parametrize(
    ("kind", "turns", "triggers"),
    [
        ("call", "accepted ended wrapped_up", "- - wrapped_up"),
        ("call", "accepted wrapped_up ended", "- - ended"),
        ("call", "accepted transferred unassigned ended wrapped_up", "- - - - wrapped_up"),
        ("call", "accepted ended wrapped_up wrapped_up", "- - wrapped_up wrapped_up"),
        ("call", "ended", "ended"),
        ("chat", "accepted transferred ended", "- transferred ended"),
        ("chat", "accepted unassigned accepted ended", "- unassigned - ended"),
        ("chat", "accepted ended wrapped_up", "- ended -"),
        ("chat", "ended", "ended"),
    ],
)
def test_when_the_crm_is_told(kind, turns, triggers):
    conversation = Conversation(is_call=TURNS[kind])
    found = []
    for turn in turns.split():
        agent = "agent-7" if turn == "accepted" else None
        before, conversation = conversation, take_turn(conversation, turn, agent, NOW)
        found.append(trigger_of(before, conversation, turn) or "-")
    assert found == triggers.split()


def test_a_call_waits_for_its_agent_to_wrap_it_up():
    call = take_turn(Conversation(is_call=True), "accepted", "agent-7", NOW)
    ended = take_turn(call, "ended", None, NOW)
    assert (ended.waits_for_wrap_up, ended.agent) == (True, "agent-7")
    abandoned = take_turn(Conversation(is_call=True), "ended", None, NOW)
    assert not abandoned.waits_for_wrap_up
