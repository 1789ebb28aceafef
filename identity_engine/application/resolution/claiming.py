"""Which values a contact comes to hold on the word of an interaction, and which it holds no more."""

from collections.abc import Callable, Collection
from datetime import datetime

from aggregates import ownership
from aggregates.identifier import ClaimPersonal, IdentifierState
from aggregates.interaction import InteractionReceived
from aggregates.ownership import Claim
from aggregates.policy import Policy
from aggregates.values import ContactId, IdentifierClass, IdentifierId, InteractionId
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.resolution.prepare import Considered, Prepared
from projections.match_index.index import MatchIndex


def claim_identifiers(
    index: MatchIndex,
    policy: Policy,
    prepared: Prepared,
    contact_id: ContactId,
    interaction_id: InteractionId,
    refused: Collection[str],
    new_id: Callable[[], str],
    fact_writer: FactWriter,
) -> None:
    """Let a contact hold the values that an interaction, or a message in it, brings; one that is gone
    holds nothing.

    Args:
        index: the working set, with the identifiers loaded.
        policy: the one in force.
        prepared: what was said.
        contact_id: the member contact that the interaction is linked to.
        interaction_id: on whose word.
        refused: contacts that a guard kept apart from this one.
        new_id: makes the id of a value that has no stream yet.
        fact_writer: writes the facts.
    """
    for considered in prepared.identifiers if index.is_live(contact_id) else ():
        row = index.identifiers.get(considered.digest)
        state = row.state if row is not None else None
        is_exclusive = considered.identifier_class is IdentifierClass.EXCLUSIVE
        apart = () if is_exclusive else refused
        if state is not None and not _may_claim(index, state, contact_id, prepared.time, apart):
            continue
        if row is None:
            row = index.introduce(considered.digest, IdentifierId(new_id()))
        claim = claim_of(
            contact_id, interaction_id, prepared.fact, prepared.time, considered, policy
        )
        fact_writer.write(row.identifier_id, prepared.time, ownership.decide(state, claim))


def _may_claim(
    index: MatchIndex,
    state: IdentifierState,
    contact_id: ContactId,
    moment: datetime,
    refused: Collection[str],
) -> bool:
    """Tell whether the contact becomes a holder of a value.

    A value that led to a wrong contact before gains no holder by itself. A free value is held from
    now, also one of a contact that is gone. A value of others gains a holder only where a guard kept
    the two contacts apart (`refused`; empty for an exclusive value, whose earliest claim keeps it);
    resolution never takes a value from anybody.
    """
    holders = index.holders_at(state, moment)
    if not holders or any(held.contact_id == contact_id for held in holders):
        return True
    if any(one.since <= moment for one in index.corrections(state)):
        return False
    identities = {index.canonical(holding.contact_id) for holding in holders}
    if index.canonical(contact_id) in identities:
        return False  # the identity holds it already, by another member
    return not state.shared and not identities.isdisjoint(refused)


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
