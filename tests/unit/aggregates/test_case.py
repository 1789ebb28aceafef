"""The life of a case: given facts, when a command, then facts, or a refusal with its reason."""

from datetime import UTC, datetime

import pytest

from aggregates import case
from aggregates.case import (
    Assign,
    Close,
    Hear,
    LinkInteraction,
    OpenCase,
    Pin,
    Resolve,
    SetPending,
    Use,
)
from aggregates.case_facts import (
    CaseAssigned,
    CaseClosed,
    CaseInteractionLinked,
    CaseOpened,
    CasePinned,
    CaseReopened,
    CaseStateChanged,
    CaseUnpinned,
)
from aggregates.case_mail import (
    CaseMailDrafted,
    CaseMailReleased,
    CaseMailTried,
    Draft,
    MailPersonal,
    Release,
    SendingPersonal,
    Try,
)
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.notes import AddNote, NoteAdded

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FROM_MAIL = CaseOpened(number=1, division="default", place="mail", interaction_id="i1")
BY_HAND = CaseOpened(number=2, division="default", place="contact", contact_id="c1")
OPENED = CaseStateChanged(before="new", state="open", cause="use")
WAITS = CaseStateChanged(before="open", state="pending", cause="hand", reason="parts")
SOLVED = CaseStateChanged(before="open", state="resolved", cause="hand", disposition="solved")
CLOSED = CaseClosed(cause="hand")
LETTER = MailPersonal(to=("anna@example.com",), subject="Ihre Frage", body="Guten Tag")
REASONS, DISPOSITIONS = ("parts", "reply"), ("solved", "withdrawn")


def given(*facts):
    state = None
    for fact in facts:
        state = case.evolve(state, fact, NOW)
    return state


def then(state, command):
    return case.decide(state, command)


def refused(state, command):
    with pytest.raises(Refused) as error:
        case.decide(state, command)
    return error.value.reason


def test_a_case_from_mail_is_new_and_one_by_hand_is_open():
    assert given(FROM_MAIL).state.name == "new"
    assert given(BY_HAND).state.name == "open"


def test_a_case_exists_once():
    assert then(None, OpenCase(BY_HAND)) == (BY_HAND,)
    with pytest.raises(AlreadyDone):
        then(given(BY_HAND), OpenCase(BY_HAND))
    with pytest.raises(NotYet):
        then(None, Use())


def test_an_agent_who_uses_a_new_case_opens_it():
    assert then(given(FROM_MAIL), Use()) == (OPENED,)


@pytest.mark.parametrize(
    "command",
    [
        AddNote("n1", "called back"),
        Draft("m1", LETTER),
        SetPending("parts", REASONS),
        Resolve("solved", DISPOSITIONS),
        LinkInteraction("i2", "hand"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_whatever_an_agent_does_to_a_new_case_opens_it_first(command):
    first, *rest = then(given(FROM_MAIL), command)
    assert first == OPENED
    assert rest


def test_a_case_waits_for_a_reason_of_the_administrators_list_only():
    assert then(given(BY_HAND), SetPending("parts", REASONS)) == (WAITS,)
    assert refused(given(BY_HAND), SetPending("lunch", REASONS)) == "unknown_reason"


def test_a_pending_case_may_wait_for_something_else():
    (changed,) = then(given(BY_HAND, WAITS), SetPending("reply", REASONS))
    assert (changed.before, changed.reason) == ("pending", "reply")
    assert then(given(BY_HAND, WAITS), SetPending("parts", REASONS)) == ()


def test_a_case_is_resolved_with_a_disposition_of_the_list_only():
    assert then(given(BY_HAND), Resolve("solved", DISPOSITIONS)) == (SOLVED,)
    assert refused(given(BY_HAND), Resolve("magic", DISPOSITIONS)) == "unknown_disposition"


def test_a_resolved_case_can_be_edited_and_stays_resolved():
    resolved = given(BY_HAND, SOLVED)
    (note,) = then(resolved, AddNote("n1", "one more thing"))
    assert isinstance(note, NoteAdded)
    (changed,) = then(resolved, Resolve("withdrawn", DISPOSITIONS))
    assert (changed.before, changed.disposition) == ("resolved", "withdrawn")


def test_a_resolved_case_does_not_go_back_to_pending():
    assert refused(given(BY_HAND, SOLVED), SetPending("parts", REASONS)) == "resolved"


@pytest.mark.parametrize("before", [WAITS, SOLVED], ids=["pending", "resolved"])
def test_new_mail_turns_a_pending_or_resolved_case_to_open(before):
    state = given(BY_HAND, before)
    linked, reopened = then(state, LinkInteraction("i2", "thread"))
    assert isinstance(linked, CaseInteractionLinked)
    assert reopened == CaseReopened(before=before.state, cause="mail", interaction_id="i2")
    assert case.evolve(case.evolve(state, linked), reopened).state.name == "open"


@pytest.mark.parametrize("before", [WAITS, SOLVED], ids=["pending", "resolved"])
def test_a_message_in_its_own_interaction_turns_it_to_open(before):
    (reopened,) = then(given(BY_HAND, before), Hear("i1"))
    assert reopened == CaseReopened(before=before.state, cause="mail", interaction_id="i1")


def test_a_message_leaves_a_new_and_an_open_case_as_it_is():
    assert then(given(FROM_MAIL), Hear("i1")) == ()
    assert then(given(BY_HAND), Hear("i1")) == ()


def test_new_mail_leaves_a_new_case_new():
    (linked,) = then(given(FROM_MAIL), LinkInteraction("i2", "thread"))
    assert isinstance(linked, CaseInteractionLinked)


def test_an_automatic_reply_is_kept_and_opens_nothing_again():
    (linked,) = then(given(BY_HAND, SOLVED), LinkInteraction("i2", "thread", automatic=True))
    assert linked.automatic


@pytest.mark.parametrize("before", [WAITS, SOLVED], ids=["pending", "resolved"])
def test_use_turns_a_pending_or_resolved_case_to_open(before):
    assert then(given(BY_HAND, before), Use()) == (CaseReopened(before=before.state, cause="use"),)
    reopened, drafted = then(given(BY_HAND, before), Draft("m1", LETTER))
    assert isinstance(reopened, CaseReopened)
    assert isinstance(drafted, CaseMailDrafted)


def test_an_interaction_belongs_to_a_case_once():
    linked = CaseInteractionLinked(interaction_id="i2", by="thread")
    assert then(given(BY_HAND, linked), LinkInteraction("i2", "hand")) == ()


def test_only_a_resolved_case_is_closed():
    assert then(given(BY_HAND, SOLVED), Close()) == (CLOSED,)
    assert refused(given(BY_HAND), Close()) == "not_resolved"
    assert refused(given(BY_HAND, WAITS), Close()) == "not_resolved"


@pytest.mark.parametrize(
    "command",
    [
        AddNote("n1", "late"),
        Use(),
        SetPending("parts", REASONS),
        Resolve("solved", DISPOSITIONS),
        Draft("m1", LETTER),
        LinkInteraction("i9", "thread"),
        Hear("i9"),
        Assign(agent="agent-7"),
        Pin("agent-7"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_closed_case_does_not_change(command):
    assert refused(given(BY_HAND, SOLVED, CLOSED), command) == "closed"


def test_closing_a_closed_case_changes_nothing():
    assert then(given(BY_HAND, SOLVED, CLOSED), Close()) == ()


def test_a_case_whose_mail_is_on_its_way_is_not_closed():
    drafted = CaseMailDrafted(mail_id="m1", personal=LETTER)
    released = CaseMailReleased(
        mail_id="m1", message="00", personal=SendingPersonal(message_id="<m1>", sender="a@b.c")
    )
    assert refused(given(BY_HAND, drafted, released, SOLVED), Close()) == "mail_on_its_way"


def test_a_case_lies_in_one_queue():
    assert then(given(BY_HAND), Assign(agent="agent-7")) == (CaseAssigned(agent="agent-7"),)
    held = given(BY_HAND, CaseAssigned(agent="agent-7"))
    assert then(held, Assign(agent="agent-7")) == ()
    assert then(held, Assign(queue="billing")) == (CaseAssigned(queue="billing"),)
    assert then(held, Assign()) == (CaseAssigned(),)


def test_each_agent_pins_for_itself_and_can_let_go_of_a_closed_case():
    pinned = given(BY_HAND, CasePinned(agent="agent-7"))
    assert then(pinned, Pin("agent-7")) == ()
    assert then(pinned, Pin("agent-8")) == (CasePinned(agent="agent-8"),)
    closed = given(BY_HAND, CasePinned(agent="agent-7"), SOLVED, CLOSED)
    assert then(closed, Pin("agent-7", pinned=False)) == (CaseUnpinned(agent="agent-7"),)


def test_a_case_has_no_mail_that_was_not_drafted():
    sending = SendingPersonal(message_id="<m1>", sender="a@b.c")
    with pytest.raises(NotYet):
        then(given(BY_HAND), Release("m1", "00", sending))


def test_a_mail_is_tried_by_its_case():
    drafted = CaseMailDrafted(mail_id="m1", personal=LETTER)
    sending = SendingPersonal(message_id="<m1>", sender="a@b.c")
    (released,) = then(given(BY_HAND, drafted), Release("m1", "00", sending))
    assert then(given(BY_HAND, drafted, released), Try("m1", NOW)) == (
        CaseMailTried(mail_id="m1", attempt=1),
    )
