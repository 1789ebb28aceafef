"""What a decision is given and what comes out of it: ids, levels and millibits, no personal value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from matchers.record import MatchRecord
from matchers.scoring import Score


class Holder(Struct, frozen=True):
    """A contact that holds an identifier; `first_seen` orders holders, the earliest first."""

    contact_id: str
    first_seen: int


class HeldIdentifier(Struct, frozen=True):
    """An identifier of the interaction with the contacts that hold it; never a blocked one.

    `cls` is its class in the policy; a `strong` one that is not `verified` counts as weak. `skipped`
    is a contact that a person took an interaction from which the value had led there; it is none of
    the holders, and `right` is the contact that the person named instead.
    """

    identifier_id: str
    cls: Literal["exclusive", "strong", "weak", "place", "device"]
    verified: bool
    shared: bool
    holders: tuple[Holder, ...]
    skipped: str | None = None
    right: str | None = None


class Candidate(Struct, frozen=True):
    """An earlier record: one that shares a block key, or belongs to a holder."""

    contact_id: str
    interaction_id: str
    record: MatchRecord


class ContactFacts(Struct, frozen=True):
    """What guards ask of a contact: `exclusive` is type -> identifier, `size` its records.

    `further` holds the exclusive identifiers of an identity of several members: a merge by a person
    may have joined two of one type.
    """

    contact_id: str
    stage: Literal["ephemeral", "identified", "curated"]
    exclusive: Mapping[str, str]
    size: int
    further: frozenset[str] = frozenset()


class LinkRules(Struct, frozen=True):
    """Limits of the policy; weights are millibits. `merge` is what two contacts need to be fused.

    `contradiction` (below 0): an exact strong or weak identifier, or a likeness that rests on one,
    is not believed if the attributes say less than this. `member_floor` and `member_share`: this
    share of a contact's compared records must weigh at least the floor, which stops chains.
    `attributes_speak`: evidence from which attributes choose among several holders.
    """

    attach: int
    review: int
    merge: int = 1_000_000
    contradiction: int = -2_500
    attributes_speak: int = 3_000
    member_floor: int = -5_000
    member_share: float = 0.5
    max_losing_candidates: int = 10
    live_name_only_links: bool = False
    size_cap: int = 10_000


Guard = Literal[
    "exclusive_conflict",
    "size_cap",
    "contradiction",
    "members_differ",
    "bare_name",
    "bare_identifier",
    "household",
    "place_alone",
    "unverified",
]


class Refusal(Struct, frozen=True):
    """A contact that was found and not linked, with the guard that refused it and its weight."""

    contact_id: str
    guard: Guard
    weight: int = 0


class Decision(Struct, frozen=True):
    """One outcome with its evidence: ids, levels and millibits, never a value of either side.

    `considered` counts the other contacts found, of which `losing` holds the best few.
    """

    kind: Literal["link", "review", "new"]
    contact_id: str | None
    rule: str
    weight: int = 0
    score: Score | None = None
    matched_interaction: str | None = None
    matched_identifiers: tuple[str, ...] = ()
    losing: tuple[tuple[str, int], ...] = ()
    considered: int = 0
    refusals: tuple[Refusal, ...] = ()
