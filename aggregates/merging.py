"""Merging and unmerging by hand: what a person may join, what is refused and why, what is taken back.

The edges in force are always a forest, because a merge inside one identity is refused. So taking the
edges of one merge away leaves exactly the parts that it joined, whatever was merged before or after.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import Struct, field

from aggregates.contact import ContactMerged, MergeEdge, MergePersonal
from aggregates.errors import Refused
from aggregates.identity import Edge, Identity, components
from aggregates.lifecycle import Presence
from aggregates.settings import Merging
from aggregates.values import ContactId, MergeId, Stage

Apart = Collection[frozenset[ContactId]]


class Party(Struct, frozen=True):
    """One contact to be merged: the id that was asked for, and the identity it is a member of now."""

    named: ContactId
    identity: Identity
    presence: Presence = "live"


class MergeByHand(Struct, frozen=True):
    """Let the identities of several contacts be one, because a person says so.

    `survivor` is the contact that is to stand for all of them, None for the rule. `choices` are profile
    values to prefer while the merge is in force. `confirmed`: also where several are curated.
    """

    merge_id: MergeId
    survivor: ContactId | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    confirmed: bool = False


class Objection(Struct, frozen=True):
    """Why a merge is refused: a stable code, a sentence, and the contacts that it is about."""

    reason: str
    message: str
    contacts: tuple[ContactId, ...] = ()


def objections(
    parties: Sequence[Party], apart: Apart, command: MergeByHand, limits: Merging
) -> list[Objection]:
    """Return everything that speaks against a merge, nothing where it may be made.

    Args:
        parties: the contacts, in the order in which they were named.
        apart: pairs of contacts that are told apart now.
        command: the merge.
        limits: on contacts at once and members of the result.
    """
    return [
        *_not_several(parties),
        *(_gone(party) for party in parties if party.presence != "live"),
        *_across_divisions(parties),
        *_told_apart(parties, apart),
        *_too_many(parties, limits),
        *_unknown_survivor(parties, command.survivor),
        *_unconfirmed(parties, command),
    ]


def decide_merge_by_hand(
    parties: Sequence[Party], apart: Apart, command: MergeByHand, limits: Merging
) -> ContactMerged:
    """Return the merge: a star of edges between the ids that were asked for.

    Its centre is the survivor that was named, else the contact that was named first, so that the edges
    depend on nothing but the command. The arguments are those of `objections`.

    Raises:
        Refused: with the first objection; the message says all of them.
    """
    against = objections(parties, apart, command, limits)
    if against:
        raise Refused(against[0].reason, " ".join(dict.fromkeys(one.message for one in against)))
    survivor = command.survivor or parties[0].named
    centre = next(one for one in parties if survivor in one.identity.members)
    said = command.reason is not None or command.choices
    return ContactMerged(
        merge_id=command.merge_id,
        edges=tuple(
            MergeEdge(one=centre.named, other=party.named)
            for party in parties
            if party is not centre
        ),
        survivor=command.survivor,
        personal=MergePersonal(reason=command.reason, choices=dict(command.choices))
        if said
        else None,
    )


def _not_several(parties: Sequence[Party]) -> Iterator[Objection]:
    for one, other in combinations(parties, 2):
        if one.named == other.named:
            yield Objection("self_merge", "A contact cannot be merged with itself.", (one.named,))
        elif one.identity.canonical_id == other.identity.canonical_id:
            yield Objection(
                "already_one",
                f"{one.named} and {other.named} are one contact already.",
                (one.named, other.named),
            )


def _gone(party: Party) -> Objection:
    message = f"{party.named} is {party.presence}."
    if party.presence != "erased":
        message += f" Bring it back first: contact restore {party.named}"
    return Objection(party.presence, message, (party.named,))


def _across_divisions(parties: Sequence[Party]) -> Iterator[Objection]:
    if len({party.identity.division for party in parties}) > 1:
        yield Objection("other_division", "Contacts of two divisions are not merged.")


def _told_apart(parties: Sequence[Party], apart: Apart) -> Iterator[Objection]:
    for one, other in combinations(parties, 2):
        if one.identity.canonical_id == other.identity.canonical_id:
            continue
        if are_apart(one.identity.members, other.identity.members, apart):
            yield Objection(
                "told_apart",
                f"A person said that {one.named} and {other.named} are two people. "
                "Lift that first, if it was wrong.",
                (one.named, other.named),
            )


def _too_many(parties: Sequence[Party], limits: Merging) -> Iterator[Objection]:
    if len(parties) > limits.at_once:
        yield Objection(
            "too_many", f"At most {limits.at_once} contacts are merged at once (settings)."
        )
    members = sum(len(party.identity.members) for party in parties)
    if members > limits.members:
        yield Objection(
            "too_large",
            f"The result would have {members} members; at most {limits.members} are allowed "
            "(settings).",
        )


def _unknown_survivor(parties: Sequence[Party], survivor: ContactId | None) -> Iterator[Objection]:
    if survivor is not None and not any(survivor in one.identity.members for one in parties):
        yield Objection(
            "unknown_survivor", "The survivor must be one of the contacts that are merged."
        )


def needs_confirmation(parties: Iterable[Party]) -> bool:
    """Tell whether more than one of the contacts is curated; two ids of one identity are one."""
    curated = {
        party.identity.canonical_id for party in parties if party.identity.stage is Stage.CURATED
    }
    return len(curated) > 1


def _unconfirmed(parties: Sequence[Party], command: MergeByHand) -> Iterator[Objection]:
    if needs_confirmation(parties) and not command.confirmed:
        yield Objection(
            "both_curated",
            "Several of these contacts are curated: somebody vouched for each. Confirm the merge "
            "if they are one person all the same.",
        )


def are_apart(one: Collection[ContactId], other: Collection[ContactId], apart: Apart) -> bool:
    """Tell whether a person told a member of one identity apart from one of another."""
    return any(
        len(pair.intersection(one)) == 1 and len(pair.intersection(other)) == 1 for pair in apart
    )


class Undoing(Struct, frozen=True):
    """What an unmerge does.

    `taken_back` are the edges that go. `joined` take their place, so that the members that stay are
    still one where the one that leaves had held them together. `apart` are the pairs that are no longer
    one, as the merge named them.
    """

    taken_back: tuple[MergeEdge, ...]
    joined: tuple[MergeEdge, ...]
    apart: tuple[tuple[ContactId, ContactId], ...]


def undo(edges: Sequence[Edge], others: Iterable[Edge], member: ContactId | None = None) -> Undoing:
    """Return how a merge is undone, whole or for one member.

    Args:
        edges: those that the merge has in force, at least one.
        others: all other edges in force of the identity.
        member: the one that leaves, with whatever other merges joined to it; None for all.

    Raises:
        Refused: `not_a_member`, the merge did not join this contact.
    """
    ends = sorted({end for edge in edges for end in (edge.one, edge.other)})
    if member is None:
        pairs = tuple(combinations(ends, 2))
        return Undoing(tuple(map(_plain, edges)), (), pairs)
    (part,) = components([member], others)
    crossing = [edge for edge in edges if (edge.one in part) != (edge.other in part)]
    if not crossing:
        raise Refused("not_a_member", "This merge did not join that contact.")
    near = [end for end in ends if end in part]
    far = [end for end in ends if end not in part]
    cut_off = sorted({edge.other if edge.one in part else edge.one for edge in crossing})
    return Undoing(
        tuple(map(_plain, crossing)),
        tuple(MergeEdge(one=cut_off[0], other=end) for end in cut_off[1:]),
        tuple((one, other) for one in near for other in far),
    )


def _plain(edge: Edge) -> MergeEdge:
    return MergeEdge(one=edge.one, other=edge.other)
