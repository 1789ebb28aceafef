"""Examples of the facts that say how an interaction went on; `golden_facts` joins them."""

from aggregates.change import (
    AwaitedPersonal,
    Change,
    ChangePersonal,
    InteractionChanged,
    InteractionChangeDeferred,
)
from aggregates.contact import ReasonPersonal
from aggregates.correction import IdentifierCorrectionEnded, IdentifierLinkCorrected
from aggregates.interaction import GivenIdentifier
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone

CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
OTHER_CONTACT = "019b1c3e-7c5a-7000-8000-000000000004"
INTERACTION = "019b1c3e-7c5a-7000-8000-000000000005"

CHANGE = Change(
    kind="message",
    natural_key="11" * 16,
    content_digest="ee" * 16,
    agent="agent-7",
    to_agent="agent-8",
    to_queue="billing",
    direction="inbound",
)
SAID = ChangePersonal(
    source="//centre/chat",
    id="M-00000001",
    identifiers=(
        GivenIdentifier(
            type="email",
            value="Zoe@Example.net",
            scope="centre",
            verified=False,
            family="email",
            normalised="zoe@example.net",
            blocked=True,
        ),
    ),
    profile={"family_name": "Müller"},
    attributes='{"_data_":"x"}',
    mail='{"subject":"Re: Guten Tag"}',
    reason="Mandantenfehler",
)

WHY = ReasonPersonal(reason="Sie hat ihren Namen genannt.")

FACTS_OF_INTERACTIONS = (
    InteractionReviewDecided(
        decision="confirmed", proposed=OTHER_CONTACT, contact_id=CONTACT, personal=WHY
    ),
    InteractionReviewUndone(
        decision="deferred", proposed=OTHER_CONTACT, contact_id=CONTACT, personal=WHY
    ),
    IdentifierLinkCorrected(contact_id=CONTACT, right=OTHER_CONTACT, interaction_id=INTERACTION),
    IdentifierCorrectionEnded(contact_id=CONTACT),
    InteractionChanged(change=CHANGE, contact_id=CONTACT, division="north", personal=SAID),
    InteractionChangeDeferred(
        interaction_key="22" * 16,
        interaction_id=INTERACTION,
        change=CHANGE,
        personal=AwaitedPersonal(source="//centre/chat", id="C-1", said=SAID),
    ),
)
