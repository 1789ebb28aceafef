"""What of the past may be shown: of contacts, interactions and cases, where they lie by now."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from aggregates.across import AcrossFact
from aggregates.identifier import IdentifierFact
from aggregates.values import Erased, instant_text
from identity_engine.application.views.follower import Follower
from projections.base import Recorded
from projections.cases.query import division_of_case
from projections.identity.query import find_identity
from projections.journey.query import division_of

Shows = Callable[[Recorded], bool]
"""Whether an event may be shown to who asks."""


def as_told(personal: Any) -> dict[str, Any] | None:
    """Return what a fact says about a person, for JSON: what is none is left out.

    What has its default is told, although it is not stored: who reads this knows no defaults.
    """
    told: dict[str, Any] | None = _as_json(personal)
    return told


def _as_json(said: Any) -> Any:
    match said:
        case Erased():
            return {"erased": True}
        case Struct():
            return _as_json({name: one for name, one in asdict(said).items() if one is not None})
        case dict():
            return {name: _as_json(one) for name, one in said.items()}
        case tuple():
            return [_as_json(one) for one in said]
        case datetime():
            return instant_text(said)
    return said


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
