"""Reading a profile: the fold over contributions, by rules that a reader can predict.

Survivorship: of several values of a field the one that a person gave, or chose at a merge in force,
wins, the last word first; then the one from the most preferred source, then the most recent. The others
stay visible with their origins. A value that a person took away is shown apart until a person gives it
again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from aggregates.values import ContactId
from projections.cases.query import numbers_of
from projections.identity.query import find_identity, stages_of_merged
from projections.scope import among, within
from projections.sql import Connection


class Origin(Struct, frozen=True):
    """Where a value came from, and when it was true (UTC text): an interaction, with its source and
    id upstream, or a person, `actor`, by hand or from a record (`id`) of a source of augmentation."""

    source: str | None
    id: str | None
    interaction_id: str | None
    channel: str | None
    time: str
    actor: str | None = None


class ProfileValue(Struct, frozen=True):
    """One value of a field, with everybody who said it: people first, then the newest interaction."""

    value: str
    origins: tuple[Origin, ...]


class HeldClaim(Struct, frozen=True):
    """An identifier of the contact; `valid_to` is None while it is held.

    `label` is what a person calls it; `primary` marks the first of its type, one at the most.
    """

    identifier_id: str
    type: str | None
    scope: str | None
    value: str | None
    verified: bool
    shared: bool
    valid_from: str
    valid_to: str | None
    interaction_id: str | None
    label: str | None = None
    primary: bool = False


class InteractionSummary(Struct, frozen=True):
    """One interaction of a contact, and the decision that linked it. `weight` is in millibits."""

    interaction_id: str
    source: str | None
    id: str | None
    channel: str
    direction: str
    time: str
    decision: str | None
    weight: int | None


class Profile(Struct, frozen=True):
    """The single view of a contact: fields with the winning value first, claims, interactions.

    `contact_id` stands for the whole identity; `members` are all the contacts that are one with it.
    `cases` are the numbers of its cases, the last changed first.
    `removed` are values that interactions said and a person took away. `revision` is what a save
    names; the view itself does not know it. One that is expired or deleted says so, and since when,
    and shows no values; `is_restorable` says whether it can still be brought back, None where it is
    live or erased, or as of a moment. The view itself does not know that either.
    """

    contact_id: ContactId
    division: str
    stage: str
    first_seen: str
    fields: dict[str, tuple[ProfileValue, ...]] = field(default_factory=dict)
    identifiers: tuple[HeldClaim, ...] = ()
    interactions: tuple[InteractionSummary, ...] = ()
    members: tuple[ContactId, ...] = ()
    cases: tuple[str, ...] = ()
    removed: dict[str, tuple[ProfileValue, ...]] = field(default_factory=dict)
    revision: int | None = None
    presence: str = "live"
    since: str | None = None
    is_restorable: bool | None = None

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """What is shown in each field, the winning value first."""
        return {name: tuple(one.value for one in some) for name, some in self.fields.items()}


def find_profile(
    views: Connection, contact_id: ContactId, preferred_sources: Sequence[str] = ()
) -> Profile | None:
    """Return the profile of the identity of a contact, None where there is no such contact."""
    identity = find_identity(views, contact_id)
    if identity is None:
        return None
    if identity.presence != "live":
        return Profile(
            contact_id=identity.canonical_id,
            division=identity.division,
            stage=identity.stage,
            first_seen=identity.first_seen,
            members=identity.members,
            presence=identity.presence,
            since=identity.since,
        )
    members = orjson.dumps(identity.members).decode()
    contributions = views.execute(
        "SELECT interaction_id, source, id, channel, direction, time, decision, weight, profile "
        "FROM profile_contribution WHERE contact_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY time, source NULLS FIRST, id NULLS FIRST, interaction_id",
        (members,),
    ).fetchall()
    said_in_messages = views.execute(
        "SELECT c.interaction_id, source, id, channel, direction, m.time, decision, weight, "
        "m.profile FROM profile_message m JOIN profile_contribution c USING (interaction_id) "
        "WHERE contact_id IN (SELECT value FROM json_each(?)) ORDER BY c.interaction_id, m.version",
        (members,),
    ).fetchall()
    said = sorted(
        contributions + said_in_messages, key=lambda row: (row[5], row[1] or "", row[2] or "")
    )
    shown, removed = _surviving(
        said, _by_hand(views, members), _chosen(views, members), preferred_sources
    )
    return Profile(
        contact_id=identity.canonical_id,
        division=identity.division,
        stage=identity.stage,
        first_seen=identity.first_seen,
        fields=shown,
        identifiers=tuple(_claims(views, members)),
        interactions=tuple(InteractionSummary(*row[:8]) for row in contributions),
        members=identity.members,
        cases=numbers_of(views, identity.members),
        removed=removed,
    )


def contacts_linked_by(
    views: Connection, rule: str, limit: int, divisions: Collection[str] | None = None
) -> list[str]:
    """Return contacts with an interaction linked by this rule, those with most of them first, of these
    divisions if given."""
    rows = views.execute(
        "SELECT canonical_id FROM profile_contribution JOIN identity_contact USING (contact_id) "
        f"WHERE decision = :rule AND presence = 'live' AND {within('division')} "
        "GROUP BY canonical_id ORDER BY COUNT(*) DESC, canonical_id LIMIT :limit",
        {"rule": rule, "limit": limit, "divisions": among(divisions)},
    )
    return [contact_id for (contact_id,) in rows]


def links(
    views: Connection, divisions: Collection[str] | None = None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the interaction and (source, its id there, contact id, stage, decision, millibits) of every
    link, of these divisions if given."""
    merged = stages_of_merged(views)
    rows = views.execute(
        "SELECT c.interaction_id, c.source, c.id, i.canonical_id, i.stage, c.decision, c.weight "
        "FROM profile_contribution c JOIN identity_contact i USING (contact_id) "
        f"WHERE {within('i.division')} "
        "ORDER BY c.source NULLS FIRST, c.id NULLS FIRST, c.interaction_id",
        {"divisions": among(divisions)},
    )
    for interaction_id, source, id_, canonical, stage, decision, weight in rows:
        link = source, id_, canonical, merged.get(canonical, stage), decision, weight
        yield interaction_id, link


def lying_elsewhere(views: Connection, divisions: Collection[str]) -> set[str]:
    """Return every interaction and contact that lies in none of these divisions."""
    rows = views.execute(
        f"SELECT interaction_id FROM journey_interaction WHERE NOT {within('division')} "
        f"UNION ALL SELECT contact_id FROM identity_contact WHERE NOT {within('division')}",
        {"divisions": among(divisions)},
    )
    return {id_ for (id_,) in rows}


def names_of_ids(views: Connection) -> dict[str, str]:
    """Return what stands for each id in the canonical hash: (source, id), a contact's smallest."""
    names: dict[str, str] = {}
    rows = views.execute(
        "SELECT interaction_id, contact_id, source, id FROM profile_contribution "
        "ORDER BY source NULLS FIRST, id NULLS FIRST, interaction_id"
    )
    for interaction_id, contact_id, source, id_ in rows:
        names[interaction_id] = f"interaction {source}/{id_}"
        if contact_id is not None:
            names.setdefault(contact_id, f"contact {source}/{id_}")
    return names


Fields = dict[str, tuple[ProfileValue, ...]]


class _Word(NamedTuple):
    """The last word of people on a value: when it was said, and whether it is that it is wrong."""

    removed: bool
    order: tuple[int, int]
    origin: Origin


Words = dict[str, dict[str, _Word]]


def _by_hand(views: Connection, members: str) -> Words:
    """Return the last word on each value of each field, over all members."""
    rows = views.execute(
        "WITH member(id) AS (SELECT value FROM json_each(?)) "
        "SELECT field, value, removed, position, place, time, actor, NULL, NULL "
        "FROM profile_by_hand WHERE contact_id IN (SELECT id FROM member) UNION ALL "
        "SELECT field, value, FALSE, position, place, time, actor, source, reference "
        "FROM profile_augmented WHERE contact_id IN (SELECT id FROM member) "
        "ORDER BY position, place",
        (members,),
    )
    words: Words = {}
    for name, value, removed, position, place, time, actor, source, reference in rows:
        origin = Origin(source, reference, None, None, time, actor)
        word = _Word(bool(removed), (position, place), origin)
        words.setdefault(name, {})[value] = word
    return words


def _chosen(views: Connection, members: str) -> dict[str, tuple[str, int]]:
    """Return the value that merges in force chose for a field, of several the last, and its position."""
    rows = views.execute(
        "SELECT field, value, position FROM profile_choice WHERE merge_id IN (SELECT merge_id "
        "FROM identity_edge WHERE in_force AND one IN (SELECT value FROM json_each(?))) "
        "ORDER BY position",
        (members,),
    )
    return {name: (value, position) for name, value, position in rows}


def _surviving(
    contributions: Iterable[tuple[Any, ...]],
    words: Words,
    chosen: Mapping[str, tuple[str, int]],
    preferred: Sequence[str],
) -> tuple[Fields, Fields]:
    """Return the values that are shown, and those that a person took away, each with its origins."""
    rank = {source: place for place, source in enumerate(preferred)}
    said: dict[str, dict[str, list[Origin]]] = {}
    for interaction_id, source, id_, channel, _, time, _, _, profile in contributions:
        origin = Origin(source, id_, interaction_id, channel, time)
        for name, value in orjson.loads(profile).items():
            said.setdefault(name, {}).setdefault(value, []).append(origin)
    shown, removed = {}, {}
    for name in sorted(said.keys() | words.keys()):
        by_hand = words.get(name, {})
        gone = {value for value, word in by_hand.items() if word.removed}
        ranked = _ranked(said.get(name, {}), rank)
        others = {one.value: one.origins for one in ranked}
        order = {value: by_hand[value].order for value in by_hand.keys() - gone}
        choice, position = chosen.get(name, ("", 0))
        if choice in others.keys() | order.keys() and choice not in gone:
            order[choice] = max(order.get(choice, (0, 0)), (position, 0))
        given = sorted(order, key=lambda value: order[value], reverse=True)
        first = [
            (value, ((by_hand[value].origin,) if value in by_hand else ()) + others.pop(value, ()))
            for value in given
        ]
        values = [ProfileValue(*one) for one in (*first, *others.items()) if one[0] not in gone]
        if values:
            shown[name] = tuple(values)
        if taken := [one for one in ranked if one.value in gone]:
            removed[name] = tuple(
                ProfileValue(one.value, (by_hand[one.value].origin, *one.origins)) for one in taken
            )
    return shown, removed


def _ranked(
    values: Mapping[str, list[Origin]], rank: Mapping[str, int]
) -> tuple[ProfileValue, ...]:
    def trust(origins: list[Origin]) -> int:
        return min(rank.get(origin.source or "", len(rank)) for origin in origins)

    newest_first = sorted(
        values.items(), key=lambda item: (item[1][-1].time, item[0]), reverse=True
    )
    newest_first.sort(key=lambda item: trust(item[1]))
    return tuple(ProfileValue(value, tuple(reversed(origins))) for value, origins in newest_first)


def _claims(views: Connection, members: str) -> Iterator[HeldClaim]:
    """Yield the claims of all members, those in force of one value together."""
    rows = views.execute(
        "SELECT identifier_id, type, scope, value, verified, shared, valid_from, valid_to, "
        "interaction_id, label, is_primary AND valid_to IS NULL AND described = MAX("
        "CASE WHEN is_primary AND valid_to IS NULL THEN described ELSE -1 END"
        ") OVER (PARTITION BY type) AS first, described "
        "FROM profile_claim WHERE contact_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY valid_to IS NOT NULL, type NULLS FIRST, first DESC, valid_from, "
        "value NULLS FIRST, identifier_id, contact_id",
        (members,),
    )
    in_force: dict[tuple[str, str | None], list[tuple[int, HeldClaim]]] = {}
    ended = []
    for *row, described in rows:
        id_, type_, scope, value, verified, shared, since, until, interaction_id, label, first = row
        claim = HeldClaim(
            *(id_, type_, scope, value, bool(verified), bool(shared)),
            *(since, until, interaction_id, label, bool(first)),
        )
        if until is None:
            in_force.setdefault((id_, type_), []).append((described, claim))
        else:
            ended.append(claim)
    for claims in in_force.values():
        yield _as_one(claims)
    yield from ended


def _as_one(claims: Sequence[tuple[int, HeldClaim]]) -> HeldClaim:
    """Return the claims of several members on one value as the one that the contact has: it is held
    since the first, and called what was said last."""
    if len(claims) == 1:
        return claims[0][1]
    earliest = min((claim for _, claim in claims), key=lambda one: one.valid_from)
    _, last = max(claims, key=lambda one: one[0])
    return replace(
        earliest,
        verified=any(claim.verified for _, claim in claims),
        label=last.label,
        primary=any(claim.primary for _, claim in claims),
    )
