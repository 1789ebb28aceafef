"""The claim that an interaction gives the contact it belongs to."""

from datetime import datetime

from aggregates.identifier import ClaimPersonal
from aggregates.interaction import InteractionReceived
from aggregates.ownership import Claim
from aggregates.policy import Policy
from aggregates.values import ContactId, InteractionId
from identity_engine.application.resolution.prepare import Considered


def claim_of(
    contact_id: ContactId,
    interaction_id: InteractionId,
    received: InteractionReceived,
    time: datetime,
    considered: Considered,
    policy: Policy,
) -> Claim:
    """Return the claim of a contact on a value that one of its interactions gave.

    Args:
        contact_id: who holds it.
        interaction_id, received, time: the interaction, and when it was.
        considered: the value, as it counts under the policy.
        policy: the one in force.
    """
    given = considered.given
    return Claim(
        contact_id=contact_id,
        interaction_id=interaction_id,
        division=received.division,
        identifier_class=considered.identifier_class,
        verified=considered.verified,
        cap=policy.cap_of(considered.identifier_class),
        window=policy.window_of(considered.identifier_class),
        valid_from=time,
        personal=ClaimPersonal(
            type=given.type,
            family=considered.family,
            scope=given.scope,
            value=considered.value,
            raw=given.value,
            normaliser=received.normaliser,
        ),
    )
