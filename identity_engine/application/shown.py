"""What of the past may be shown: of contacts, interactions and cases, where they lie by now."""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from msgspec import to_builtins

from aggregates.across import AcrossFact
from aggregates.identifier import IdentifierFact
from aggregates.values import Erased
from identity_engine.application.views.follower import Follower
from projections.base import Recorded
from projections.cases.query import division_of_case
from projections.identity.query import find_identity
from projections.journey.query import division_of

Shows = Callable[[Recorded], bool]
"""Whether an event may be shown to who asks."""


def as_told(personal: Any) -> dict[str, Any] | None:
    """Return what a fact says about a person, for JSON: what is not said is left out."""
    if personal is None:
        return None
    return {"erased": True} if isinstance(personal, Erased) else to_builtins(personal)


def everything(_: Recorded) -> bool:
    """Show every event."""
    return True


def where_it_lies(follower: Follower, id_: str) -> str | None:
    """Return the division in which a contact, an interaction or a case lies now, None where there is
    none."""
    follower.follow()
    views = follower.views.connection
    identity = find_identity(views, id_)
    if identity is not None:
        return identity.division
    return division_of(views, id_) or division_of_case(views, id_)


def shows_in(follower: Follower, divisions: Collection[str] | None) -> Shows:
    """Return what tells whether an event may be shown to who reads these divisions, None for all: none
    of what lies elsewhere by now, also if it was one with the contact before."""
    if divisions is None:
        return everything
    shown = {*divisions, None}
    is_there = cache(lambda id_: where_it_lies(follower, id_) in shown)
    return lambda event: all(map(is_there, _whose(event)))


def _whose(event: Recorded) -> set[str]:
    """Return the contacts, the interaction or the case that an event is about."""
    fact = event.fact
    if isinstance(fact, AcrossFact):
        return {event.stream_id, fact.other}
    if isinstance(fact, IdentifierFact):
        return {one for one in (getattr(fact, "contact_id", None),) if one is not None}
    return {event.stream_id}
