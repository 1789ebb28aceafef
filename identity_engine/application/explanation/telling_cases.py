"""Sentences about cases, their mails, and agents at work."""

from aggregates.agent import AgentBusy, AgentFree
from aggregates.case_facts import (
    CaseAssigned,
    CaseClosed,
    CaseGiven,
    CaseInteractionLinked,
    CaseOpened,
    CasePinned,
    CaseReopened,
    CaseStateChanged,
    CaseUnpinned,
    number_text,
)
from aggregates.case_mail import (
    CaseMailDiscarded,
    CaseMailDrafted,
    CaseMailFact,
    CaseMailFailed,
    CaseMailReleased,
    CaseMailSent,
    CaseMailTried,
    CaseMailUnsure,
)
from aggregates.values import Fact
from identity_engine.application.explanation.sentences import Sentences


def tell_of_case(fact: Fact, say: Sentences) -> str:
    """Say what a fact of a case, or of an agent at work, was."""
    match fact:
        case CaseOpened(number=number):
            how = "_as_follow_up" if fact.follow_up_of else "_by_mail" * (fact.place == "mail")
            return say.say(f"event.case_opened{how}", number=number_text(number))
        case CaseGiven(contact_id=contact_id, given_from=before):
            return say.say("event.case_given", before=before, contact=contact_id)
        case CaseInteractionLinked(interaction_id=interaction_id, by=by):
            how = "automatic" if fact.automatic else by
            return say.say(f"event.case_joined_{how}", interaction=interaction_id)
        case CaseStateChanged(state=state, reason=reason, disposition=disposition):
            return say.say(
                f"event.case_{state}", reason=reason or "", disposition=disposition or ""
            )
        case CaseReopened(cause=cause):
            return say.say(f"event.case_reopened_{cause}")
        case CaseClosed(cause=cause):
            return say.say(f"event.case_closed_{cause}")
        case CaseAssigned(agent=agent, queue=queue):
            to = "agent" if agent is not None else "queue" if queue is not None else "none"
            return say.say(f"event.case_assigned_{to}", agent=agent or "", queue=queue or "")
        case CasePinned(agent=agent):
            return say.say("event.case_pinned", agent=agent)
        case CaseUnpinned(agent=agent):
            return say.say("event.case_unpinned", agent=agent)
        case AgentBusy(agent=agent, mode=mode):
            return say.say("event.agent_busy", agent=agent, mode=mode)
        case AgentFree(agent=agent):
            return say.say("event.agent_free", agent=agent)
        case _ if isinstance(fact, CaseMailFact):
            return _of_mail(fact, say)
        case _:
            return say.say("event.other", topic=fact.TOPIC)


def _of_mail(fact: CaseMailFact, say: Sentences) -> str:
    mail = fact.mail_id
    match fact:
        case CaseMailDrafted():
            return say.say("event.case_mail_drafted", mail=mail)
        case CaseMailReleased(although_unsure=although_unsure):
            how = "_although_unsure" if although_unsure else ""
            return say.say(f"event.case_mail_released{how}", mail=mail)
        case CaseMailTried(attempt=attempt):
            return say.say("event.case_mail_tried", mail=mail, attempt=str(attempt))
        case CaseMailSent(retry_at=retry_at):
            how = "" if retry_at is None else "_to_some"
            return say.say(f"event.case_mail_sent{how}", mail=mail)
        case CaseMailFailed(code=code, retry_at=retry_at):
            how = "" if retry_at is None else "_for_now"
            return say.say(f"event.case_mail_failed{how}", mail=mail, code=code)
        case CaseMailUnsure(code=code):
            return say.say("event.case_mail_unsure", mail=mail, code=code)
        case CaseMailDiscarded():
            return say.say("event.case_mail_discarded", mail=mail)
