"""Every fact that may be stored, by topic: the allow-list of the event store.

A topic is a stored name, not a Python path, so code may move and old events stay readable.
"""

from typing import get_args

from aggregates.access import AccessFact
from aggregates.agent import AgentFact
from aggregates.case_facts import CaseFact
from aggregates.change import ChangeFact
from aggregates.contact import ContactFact
from aggregates.crm import CrmFact
from aggregates.identifier import IdentifierFact
from aggregates.interaction import InteractionFact
from aggregates.notes import NoteFact
from aggregates.policy import PolicyActivated, ReevaluationRequested
from aggregates.review import ReviewFact
from aggregates.values import Fact

FACTS: dict[str, type[Fact]] = {
    fact.TOPIC: fact
    for fact in (
        *get_args(ContactFact),
        *get_args(IdentifierFact),
        *get_args(InteractionFact),
        *get_args(ChangeFact),
        *get_args(ReviewFact),
        *get_args(AccessFact),
        *get_args(CrmFact),
        *get_args(NoteFact),
        *get_args(CaseFact),
        *get_args(AgentFact),
        PolicyActivated,
        ReevaluationRequested,
    )
}
