"""An identity: contacts that are one person, as the component of the merge edges in force.

A merge rewrites nothing, so undoing one is taking its edges away. Which id stands for the identity is a
pure function of its members and edges, whatever order they came in.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from aggregates.contact import ContactMerged, MergeEdge
from aggregates.errors import AlreadyDone, Refused
from aggregates.lifecycle import Presence
from aggregates.values import ContactId, Evidence, MergeId, Stage

LASTING = ("exact_exclusive", "exact_strong")
"""Rules of evidence that show a lasting person: two interactions with one lasting identifier."""

RAISING = (*LASTING, "person")
"""Rules of links that let a contact be identified."""

BY_LINK = ("second_interaction", "confirmed")
"""Reasons to be identified that are links, and go with them."""


class Edge(NamedTuple):
    """One edge in force. `stream` is the contact whose stream holds the merge, `survivor` the contact
    that a person named. Merge ids are time-ordered: a later merge has a greater one.

    `identifies` tells that the evidence of the merge shows a lasting person (GX-0): its identity is
    identified while the edge is in force, and no member keeps anything of it afterwards.
    """

    merge_id: MergeId
    one: ContactId
    other: ContactId
    stream: ContactId
    automatic: bool
    survivor: ContactId | None = None
    identifies: bool = False


def edges_of(merged: ContactMerged, stream: ContactId) -> Iterator[Edge]:
    """Yield the edges that a merge in the stream of a contact puts in force."""
    rule = merged.evidence.rule if merged.evidence is not None else ""
    for one, other in ((edge.one, edge.other) for edge in merged.edges):
        yield Edge(
            merged.merge_id,
            one,
            other,
            stream,
            merged.automatic,
            merged.survivor,
            identifies=rule in LASTING,
        )


def stage_of(stages: Iterable[Stage], edges: Iterable[Edge]) -> Stage:
    """Return the stage of an identity: that of its highest member, at least identified where the
    evidence of an edge in force shows a lasting person."""
    by_edges = (Stage.IDENTIFIED for edge in edges if edge.identifies)
    return max((*stages, *by_edges), key=lambda one: one.rank)


class Member(NamedTuple):
    """What decides which member stands for its identity; `born` is its valid time of creation."""

    contact_id: ContactId
    stage: Stage
    born: datetime


def canonical_id(members: Iterable[Member], edges: Iterable[Edge]) -> ContactId:
    """Return the id that stands for an identity.

    The survivor that a person named last on an edge in force; else curated before identified before
    ephemeral, then the earliest born, then the smallest id.
    """
    members = list(members)
    ids = {member.contact_id for member in members}
    named = [edge for edge in edges if edge.survivor in ids]
    if named:
        chosen = max(named, key=lambda edge: edge.merge_id).survivor
        assert chosen is not None
        return chosen
    first = min(members, key=lambda one: (-one.stage.rank, one.born, one.contact_id))
    return first.contact_id


def components(
    contact_ids: Iterable[ContactId], edges: Iterable[Edge]
) -> list[frozenset[ContactId]]:
    """Return the connected components of contacts, those that no edge touches included."""
    neighbours: defaultdict[ContactId, set[ContactId]] = defaultdict(set)
    for edge in edges:
        neighbours[edge.one].add(edge.other)
        neighbours[edge.other].add(edge.one)
    found, seen = [], set[ContactId]()
    for start in contact_ids:
        if start in seen:
            continue
        reached, waiting = {start}, [start]
        while waiting:
            fresh = neighbours[waiting.pop()] - reached
            reached |= fresh
            waiting += fresh
        seen |= reached
        found.append(frozenset(reached))
    return found


class Identity(Struct, frozen=True):
    """One identity as the rules of merging see it."""

    canonical_id: ContactId
    members: frozenset[ContactId]
    stage: Stage
    division: str
    presence: Presence = "live"


class Merge(Struct, frozen=True):
    """Let two identities be one, by an edge between a member of each."""

    merge_id: MergeId
    edge: MergeEdge
    automatic: bool
    evidence: Evidence | None = None


def decide_merge(
    one: Identity, other: Identity, apart: Collection[frozenset[ContactId]], command: Merge
) -> ContactMerged:
    """Return the merge, which belongs into the stream of the identity that survives.

    Args:
        one, other: the identities of the edge's two ends.
        apart: pairs of contacts that a person told apart.
        command: the merge.

    Raises:
        AlreadyDone: both ends are one identity already.
        Refused: `expired`, `deleted`, `erased`, `other_division`, `told_apart` or `both_curated`.
    """
    if one.canonical_id == other.canonical_id:
        raise AlreadyDone("These contacts are one identity already.")
    for identity in (one, other):
        if identity.presence != "live":
            raise Refused(
                identity.presence, f"A contact that is {identity.presence} is not merged."
            )
    if one.division != other.division:
        raise Refused("other_division", "Contacts of two divisions are not merged.")
    if any(len(pair & one.members) == 1 and len(pair & other.members) == 1 for pair in apart):
        raise Refused("told_apart", "A person said that these contacts are two people.")
    if command.automatic and one.stage is other.stage is Stage.CURATED:
        raise Refused("both_curated", "Two curated contacts are merged by a person only.")
    return ContactMerged(
        merge_id=command.merge_id,
        edges=(command.edge,),
        automatic=command.automatic,
        evidence=command.evidence,
    )


def survivor_of(one: Identity, other: Identity, born: Mapping[ContactId, datetime]) -> ContactId:
    """Return which of two identities survives a merge that names no survivor."""
    return canonical_id(
        (
            Member(identity.canonical_id, identity.stage, born[identity.canonical_id])
            for identity in (one, other)
        ),
        (),
    )
