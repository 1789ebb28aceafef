"""Examples of the facts about cases and about agents at work; `golden_facts` joins them."""

from datetime import UTC, datetime

from aggregates.agent import AgentBusy, AgentFree
from aggregates.case_facts import (
    CaseAssigned,
    CaseClosed,
    CaseGiven,
    CaseInteractionLinked,
    CaseOpened,
    CasePersonal,
    CasePinned,
    CaseReopened,
    CaseStateChanged,
    CaseUnpinned,
)
from aggregates.case_mail import (
    CaseMailDiscarded,
    CaseMailDrafted,
    CaseMailFailed,
    CaseMailReleased,
    CaseMailSent,
    CaseMailTried,
    CaseMailUnsure,
    MailPersonal,
    RefusedPersonal,
    SendingPersonal,
)

CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
INTERACTION = "019b1c3e-7c5a-7000-8000-000000000005"
CASE = "019b1c3e-7c5a-7000-8000-00000000000c"
OTHER_CASE = "019b1c3e-7c5a-7000-8000-00000000000d"
MAIL = "019b1c3e-7c5a-7000-8000-00000000000e"

FACTS_OF_CASES = (
    CaseOpened(
        number=123,
        division="north",
        place="mail",
        interaction_id=INTERACTION,
        contact_id=CONTACT,
        follow_up_of=CASE,
        from_case=OTHER_CASE,
        personal=CasePersonal(subject="Frage zur Rechnung"),
    ),
    CaseGiven(contact_id=CONTACT, given_from=INTERACTION),
    CaseInteractionLinked(
        interaction_id=INTERACTION, by="thread", automatic=True, messages=("0" * 32, "1" * 32)
    ),
    CaseStateChanged(
        before="open", state="pending", cause="hand", reason="customer", disposition="solved"
    ),
    CaseReopened(before="resolved", cause="mail", interaction_id=INTERACTION),
    CaseClosed(cause="sweep"),
    CaseAssigned(agent="agent-7", queue="billing"),
    CasePinned(agent="agent-7"),
    CaseUnpinned(agent="agent-7"),
    CaseMailDrafted(
        mail_id=MAIL,
        answers=INTERACTION,
        personal=MailPersonal(
            to=("anna@example.com",),
            cc=("büro@example.com",),
            subject="Ihre Frage",
            body="Guten Tag, Zoë",
        ),
    ),
    CaseMailReleased(
        mail_id=MAIL,
        message="2" * 32,
        although_unsure=True,
        although_moved=True,
        personal=SendingPersonal(
            message_id=f"<{MAIL}@centre.example>", sender="desk@centre.example"
        ),
    ),
    CaseMailTried(mail_id=MAIL, attempt=2),
    CaseMailSent(
        mail_id=MAIL,
        attempt=2,
        retry_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        personal=RefusedPersonal(
            recipients=("gone@example.com", "grey@example.com"), later=("grey@example.com",)
        ),
    ),
    CaseMailFailed(
        mail_id=MAIL,
        attempt=2,
        code="smtp_451",
        retry_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
    ),
    CaseMailUnsure(mail_id=MAIL, attempt=2, code="no_answer"),
    CaseMailDiscarded(mail_id=MAIL),
    AgentBusy(agent="agent-7", mode="preview", case_id=CASE),
    AgentFree(agent="agent-7", ended="sent"),
)
