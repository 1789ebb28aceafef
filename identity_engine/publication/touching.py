"""Whose public profile an event of the log may change: the contacts to be read again after it.

It follows what the views of identities and profiles follow; a test holds it to that.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from msgspec import Struct, field

from aggregates.across import (
    ContactAcrossEnded,
    ContactAcrossFound,
    ContactAcrossLifted,
    ContactAcrossLinked,
    ContactAcrossUnlinked,
)
from aggregates.change import InteractionChanged
from aggregates.contact import (
    ContactIdentificationUndone,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactUnmerged,
)
from aggregates.editing import ContactEditWithdrawn
from aggregates.identifier import (
    IdentifierReassigned,
    IdentifierShared,
    IdentifierTransferred,
    IdentifierUnshared,
)
from aggregates.interaction import InteractionReceived
from aggregates.lifecycle import ContactHoldLifted, ContactHoldSet
from aggregates.policy import PolicyActivated
from aggregates.values import Fact
from projections.base import Recorded
from projections.identity.projection import IdentityRows
from projections.profile.projection import ProfileRows
from projections.sql import Connection

NOT_SHOWN: frozenset[type[Fact]] = frozenset(
    {
        ContactAcrossEnded,
        ContactAcrossFound,
        ContactAcrossLifted,
        ContactAcrossLinked,
        ContactAcrossUnlinked,
        ContactHoldSet,
        ContactHoldLifted,
        InteractionReceived,  # it has a contact once it is linked
    }
)
"""Facts that the views follow for what no public profile shows."""

FOLLOWED: frozenset[type[Fact]] = (
    frozenset(IdentityRows.follows) | frozenset(ProfileRows.follows) | {PolicyActivated}
) - NOT_SHOWN
"""Facts after which a public profile may be another."""


class Touched(Struct):
    """What some events touched.

    `contacts` may have another profile, and of `identities` another contact may stand for the members.
    What happened to `interactions` and `identifiers` touches the contacts that have them now.
    `everybody`: the rules by which profiles are read have changed.
    """

    contacts: set[str] = field(default_factory=set)
    identities: set[str] = field(default_factory=set)
    interactions: set[str] = field(default_factory=set)
    identifiers: set[str] = field(default_factory=set)
    everybody: bool = False

    @property
    def is_nobody(self) -> bool:
        """Tell whether nothing was touched."""
        return not (self.contacts or self.identities or self.interactions or self.identifiers)

    def resolve(self, views: Connection) -> None:
        """Find out whose the interactions and identifiers are."""
        for statement, ids in ((OF_INTERACTIONS, self.interactions), (HOLDERS, self.identifiers)):
            if ids:
                listed = orjson.dumps(sorted(ids)).decode()
                self.contacts |= {one for (one,) in views.execute(statement, (listed,))}


OF_INTERACTIONS = (
    "SELECT contact_id FROM profile_contribution WHERE contact_id IS NOT NULL "
    "AND interaction_id IN (SELECT value FROM json_each(?))"
)
HOLDERS = (
    "SELECT contact_id FROM profile_claim WHERE identifier_id IN (SELECT value FROM json_each(?))"
)


def touched_by(events: Iterable[Recorded]) -> Touched:
    """Return what events of the log touched."""
    touched = Touched()
    for event in events:
        if type(event.fact) in FOLLOWED:
            TOUCH.get(type(event.fact), _touch_named)(touched, event, event.fact)
    return touched


def _touch_named(touched: Touched, event: Recorded, fact: Fact) -> None:
    """What names a contact is about it, else it stands in the stream of its contact."""
    touched.contacts.add(getattr(fact, "contact_id", None) or event.stream_id)


def _touch_identity(touched: Touched, event: Recorded, _: Fact) -> None:
    touched.identities.add(event.stream_id)


def _touch_ends(touched: Touched, event: Recorded, fact: ContactMerged | ContactUnmerged) -> None:
    touched.identities.add(event.stream_id)
    for edge in fact.edges:
        touched.identities |= {edge.one, edge.other}


def _touch_both(touched: Touched, event: Recorded, fact: ContactEditWithdrawn) -> None:
    touched.contacts |= {event.stream_id, fact.given_to}


def _touch_old_holder(
    touched: Touched, _: Recorded, fact: IdentifierTransferred | IdentifierReassigned
) -> None:
    touched.contacts |= {fact.contact_id, fact.from_contact_id}


def _touch_holders(touched: Touched, event: Recorded, _: Fact) -> None:
    touched.identifiers.add(event.stream_id)


def _touch_interaction(touched: Touched, event: Recorded, _: InteractionChanged) -> None:
    touched.interactions.add(event.stream_id)


def _touch_everybody(touched: Touched, _: Recorded, fact: PolicyActivated) -> None:
    touched.everybody |= fact.kind == "policy"


STAGES: Sequence[type[Fact]] = (
    ContactIdentified,
    ContactIdentificationUndone,
    ContactPromoted,
    ContactPromotionUndone,
)
TOUCH: dict[type[Fact], Callable[[Touched, Recorded, Any], None]] = {
    **dict.fromkeys(STAGES, _touch_identity),  # the highest stage stands for an identity
    ContactMerged: _touch_ends,
    ContactUnmerged: _touch_ends,
    ContactEditWithdrawn: _touch_both,
    IdentifierTransferred: _touch_old_holder,
    IdentifierReassigned: _touch_old_holder,
    IdentifierShared: _touch_holders,
    IdentifierUnshared: _touch_holders,
    InteractionChanged: _touch_interaction,
    PolicyActivated: _touch_everybody,
}
"""Facts that touch others than the contact that they name or in whose stream they stand."""
