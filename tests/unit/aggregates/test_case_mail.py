"""A mail is sent once: what may follow what."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregates import case_mail
from aggregates.case_mail import (
    CaseMailDiscarded,
    CaseMailDrafted,
    CaseMailFailed,
    CaseMailReleased,
    CaseMailSent,
    CaseMailTried,
    CaseMailUnsure,
    DiscardMail,
    Draft,
    MailPersonal,
    RefusedPersonal,
    Release,
    Report,
    SendingPersonal,
    Try,
)
from aggregates.errors import AlreadyDone, NotYet, Refused

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LETTER = MailPersonal(to=("anna@example.com",), subject="Ihre Frage", body="Guten Tag")
SENDING = SendingPersonal(message_id="<m1@centre.example>", sender="desk@centre.example")
DRAFTED = CaseMailDrafted(mail_id="m1", personal=LETTER)
RELEASED = CaseMailReleased(mail_id="m1", message="00", personal=SENDING)
TRIED = CaseMailTried(mail_id="m1", attempt=1)
SENT = CaseMailSent(mail_id="m1", attempt=1)
FAILED = CaseMailFailed(mail_id="m1", attempt=1, code="smtp_550")
LATER = CaseMailFailed(
    mail_id="m1", attempt=1, code="unreachable", retry_at=NOW + timedelta(minutes=1)
)
UNSURE = CaseMailUnsure(mail_id="m1", attempt=1, code="no_answer")
SEND = Release("m1", "00", SENDING)


def given(*facts):
    mail = None
    for fact in facts:
        mail = case_mail.evolve(mail, fact)
    return mail


def test_a_draft_can_be_written_anew_until_it_is_given_to_be_sent():
    assert case_mail.decide(given(DRAFTED), Draft("m1", LETTER)) == (DRAFTED,)
    with pytest.raises(Refused):
        case_mail.decide(given(DRAFTED, RELEASED), Draft("m1", LETTER))


def test_a_mail_on_its_way_is_not_given_to_be_sent_twice():
    for facts in ([DRAFTED, RELEASED], [DRAFTED, RELEASED, TRIED]):
        with pytest.raises(AlreadyDone):
            case_mail.decide(given(*facts), SEND)


def test_a_mail_that_was_sent_is_never_sent_again():
    for command in (SEND, Try("m1", NOW), DiscardMail("m1")):
        with pytest.raises(Refused) as error:
            case_mail.decide(given(DRAFTED, RELEASED, TRIED, SENT), command)
        assert error.value.reason == "sent"


def test_an_unsure_mail_is_not_repeated_by_itself():
    unsure = given(DRAFTED, RELEASED, TRIED, UNSURE)
    for command in (SEND, Try("m1", NOW)):
        with pytest.raises(Refused) as error:
            case_mail.decide(unsure, command)
        assert error.value.reason == "unsure"


def test_a_person_may_send_an_unsure_mail_again_knowing_that_it_is_unsure():
    again = Release("m1", "00", SENDING, although_unsure=True)
    (released,) = case_mail.decide(given(DRAFTED, RELEASED, TRIED, UNSURE), again)
    assert released.although_unsure


def test_a_mail_that_failed_for_now_waits_until_it_is_due():
    waiting = given(DRAFTED, RELEASED, TRIED, LATER)
    with pytest.raises(NotYet):
        case_mail.decide(waiting, Try("m1", NOW))
    due = Try("m1", NOW + timedelta(minutes=1))
    assert case_mail.decide(waiting, due) == (CaseMailTried(mail_id="m1", attempt=2),)


def test_a_mail_that_failed_for_good_waits_for_a_person():
    failed = given(DRAFTED, RELEASED, TRIED, FAILED)
    with pytest.raises(Refused):
        case_mail.decide(failed, Try("m1", NOW))
    assert case_mail.decide(failed, SEND) == (RELEASED,)


def test_two_senders_do_not_try_one_mail_at_once():
    with pytest.raises(Refused) as error:
        case_mail.decide(given(DRAFTED, RELEASED, TRIED), Try("m1", NOW))
    assert error.value.reason == "on_its_way"


def test_an_outcome_is_noted_once():
    assert case_mail.decide(given(DRAFTED, RELEASED, TRIED), Report(SENT)) == (SENT,)
    with pytest.raises(Refused):
        case_mail.decide(given(DRAFTED, RELEASED, TRIED, SENT), Report(UNSURE))


def test_a_discarded_mail_is_not_sent():
    assert case_mail.decide(given(DRAFTED), DiscardMail("m1")) == (CaseMailDiscarded(mail_id="m1"),)
    gone = given(DRAFTED, CaseMailDiscarded(mail_id="m1"))
    with pytest.raises(Refused):
        case_mail.decide(gone, SEND)


class TestTakenForSome:
    """A server took the mail for some recipients, and may take it later for others."""

    PARTLY = CaseMailSent(
        mail_id="m1",
        attempt=1,
        retry_at=NOW,
        personal=RefusedPersonal(recipients=("b@example.com",), later=("b@example.com",)),
    )
    FACTS = (DRAFTED, RELEASED, TRIED, PARTLY)

    def test_it_is_tried_again(self):
        assert case_mail.decide(given(*self.FACTS), Try("m1", NOW))

    def test_it_is_sent_however_it_ends(self):
        for end in (SENT, FAILED, CaseMailDiscarded(mail_id="m1")):
            assert given(*self.FACTS, TRIED, end).status == "sent"

    def test_after_an_unsure_try_it_goes_on(self):
        unsure = given(*self.FACTS, TRIED, UNSURE)
        again = Release("m1", "00", SENDING, although_unsure=True)
        assert given(*self.FACTS, TRIED, UNSURE, *case_mail.decide(unsure, again)).is_taken_by_some
