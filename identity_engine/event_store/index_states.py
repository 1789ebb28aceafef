"""States of contacts and identifiers as the match index keeps them: a JSON list of the fields in order.

Only this version of the engine reads them, because an index of another version is replaced; so they
need neither names nor a check of what every field is, and open in a third of the time. Whoever gives
a state another field gives it a place here and raises `INDEX_VERSION`.
"""

from datetime import datetime
from typing import Any

import orjson

from aggregates.across import AcrossState, Likeness
from aggregates.contact import ContactState
from aggregates.correction import Correction, LeadsAfterAll
from aggregates.identifier import Holding, IdentifierState
from aggregates.refused_merge import Refusal
from aggregates.values import ContactId, IdentifierClass, InteractionId, Stage

STAGES = {stage.value: stage for stage in Stage}
CLASSES = {class_.value: class_ for class_ in IdentifierClass}
instant = datetime.fromisoformat


def pack_contact(state: ContactState) -> bytes:
    """Write the state of a contact: every field, in order."""
    return orjson.dumps(tuple(state))


def unpack_contact(packed: bytes) -> ContactState:
    """Read the state of a contact. Fields that are no times and no refusals are as JSON has them."""
    stage, division, born, first_seen, *rest = orjson.loads(packed)
    exclusive, interactions, presence, gone_since, restored, on_hold, let_go, refused, across = rest
    return ContactState(
        STAGES[stage],
        division,
        instant(born),
        instant(first_seen),
        exclusive,
        interactions,
        presence,
        instant(gone_since) if gone_since is not None else None,
        instant(restored) if restored is not None else None,
        on_hold,
        let_go,
        {other: Refusal(**why) for other, why in refused.items()},
        _across(**across) if across is not None else None,
    )


def _across(
    linked: list[ContactId], unlinked: list[ContactId], found: dict[Any, Any]
) -> AcrossState:
    likeness = {other: Likeness(**why) for other, why in found.items()}
    return AcrossState(tuple(linked), tuple(unlinked), likeness)


def pack_identifier(state: IdentifierState | None) -> bytes:
    """Write the state of an identifier."""
    if state is None:
        raise ValueError("an index row is written only after a first event")
    return orjson.dumps(
        (
            state.identifier_class,
            list(map(_packed_holding, state.holdings)),
            state.shared_by,
            list(map(_packed_correction, state.corrections)),
        )
    )


def unpack_identifier(packed: bytes) -> IdentifierState:
    """Read the state of an identifier."""
    class_, holdings, shared_by, corrections = orjson.loads(packed)
    return IdentifierState(
        CLASSES[class_],
        tuple(_holding(*one) for one in holdings),
        tuple(shared_by),
        tuple(_correction(*one) for one in corrections),
    )


def _packed_correction(one: Correction | LeadsAfterAll) -> tuple[Any, ...]:
    if isinstance(one, LeadsAfterAll):
        return (one.contact_id,)
    return one.contact_id, one.right, one.interaction_id, one.since


def _correction(
    contact_id: ContactId,
    right: ContactId | None = None,
    interaction_id: InteractionId | None = None,
    since: str | None = None,
) -> Correction | LeadsAfterAll:
    if interaction_id is None or since is None:
        return LeadsAfterAll(contact_id)
    return Correction(contact_id, right, interaction_id, instant(since))


def _packed_holding(held: Holding) -> tuple[Any, ...]:
    return (
        held.contact_id,
        held.interaction_id,
        held.valid_from,
        held.valid_to,
        held.verified,
        held.given_up,
        held.verified_by,
    )


def _holding(
    contact_id: Any,
    interaction_id: Any,
    valid_from: str,
    valid_to: str | None,
    verified: bool,
    given_up: bool,
    verified_by: Any,
) -> Holding:
    return Holding(
        contact_id,
        interaction_id,
        instant(valid_from),
        instant(valid_to) if valid_to is not None else None,
        verified,
        given_up,
        verified_by,
    )
