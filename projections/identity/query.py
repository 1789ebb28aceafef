"""Reading identities: the id that stands for a contact, its members, and how many there are."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import orjson
from msgspec import Struct

from aggregates.values import ContactId, Stage, instant_text
from matchers.scoring import in_bits
from projections.identity.projection import ever_one_with
from projections.scope import among, within
from projections.sql import Connection


class IdentityView(Struct, frozen=True):
    """One identity: the id that stands for it, its members by birth, its stage and division.

    `first_seen` is the valid time at which its first member was created, `since` the one since when it
    is not live, UTC text.
    """

    canonical_id: ContactId
    members: tuple[ContactId, ...]
    stage: str
    division: str
    first_seen: str
    presence: str = "live"
    since: str | None = None


def find_identity(views: Connection, contact_id: str) -> IdentityView | None:
    """Return the identity of a contact, by any id that was ever issued; None where there is none."""
    found = views.execute(
        "SELECT canonical_id FROM identity_contact WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    if found is None:
        return None
    (canonical,) = found
    rows = views.execute(
        "SELECT contact_id, stage, division, born, presence, since FROM identity_contact "
        "WHERE contact_id = ?1 OR (canonical_id = ?1 AND canonical_id != contact_id) "
        "ORDER BY born, contact_id",
        (canonical,),
    ).fetchall()
    members = tuple(ContactId(row[0]) for row in rows)
    stages = [Stage(row[1]) for row in rows]
    if len(members) > 1 and _is_identified_by_merge(views, members):
        stages.append(Stage.IDENTIFIED)
    stage = max(stages, key=lambda one: one.rank)
    return IdentityView(
        ContactId(canonical),
        members,
        stage.value,
        *rows[0][2:],
    )


def is_inhabited(views: Connection, division: str) -> bool:
    """Tell whether a contact lies in a division, be it live or gone."""
    statement = "SELECT 1 FROM identity_contact WHERE division = ? LIMIT 1"
    return views.execute(statement, (division,)).fetchone() is not None


class GoneIdentity(Struct, frozen=True):
    """An identity that expired or was deleted, and since when (valid time, UTC text)."""

    canonical_id: ContactId
    division: str
    presence: str
    since: str


def gone_before(
    views: Connection, moment: datetime, divisions: Collection[str] | None, limit: int
) -> list[GoneIdentity]:
    """Return identities that were gone by then, the first first; those on legal hold are left out."""
    rows = views.execute(
        "SELECT canonical_id, division, presence, since FROM identity_contact gone "
        "WHERE since IS NOT NULL AND since <= :moment AND canonical_id = contact_id "
        "AND NOT on_hold AND NOT EXISTS (SELECT 1 FROM identity_contact m "
        "WHERE m.canonical_id = gone.canonical_id AND m.canonical_id != m.contact_id AND m.on_hold) "
        f"AND {within('division')} ORDER BY since, canonical_id LIMIT :limit",
        {"moment": instant_text(moment), "divisions": among(divisions), "limit": limit},
    )
    return [GoneIdentity(ContactId(id_), *rest) for id_, *rest in rows]


class Across(Struct, frozen=True):
    """A contact of another division that one is like: the canonical id, and where it lies.

    `by` is `person` where a person said so, else `rules`. Where the rules found it, `rule` and `bits`
    are those of the strongest pair of records, and `position` is that of the event.
    """

    contact_id: ContactId
    division: str
    by: Literal["person", "rules"]
    rule: str | None = None
    bits: float | None = None
    position: int | None = None


def across_edges(
    views: Connection, contact_id: str, divisions: Collection[str] | None
) -> list[Across]:
    """Return the live identities of other divisions, of these if given, that one is like.

    What the rules found is left out where a person said that members of the two are not alike.
    """
    own = find_identity(views, contact_id)
    if own is None:
        return []
    rows = views.execute(
        "SELECT there.canonical_id, there.division, edge.said, edge.rule, edge.weight, edge.position "
        "FROM (SELECT one AS here, other AS away, said, rule, weight, position FROM identity_across "
        "UNION ALL SELECT other, one, said, rule, weight, position FROM identity_across) edge "
        "JOIN identity_contact there ON there.contact_id = edge.away "
        "WHERE edge.here IN (SELECT value FROM json_each(:members)) "
        "AND there.presence = 'live' AND there.division != :own "
        f"AND {within('there.division')} "
        "ORDER BY 2, 1, edge.weight DESC NULLS LAST, edge.rule NULLS LAST, edge.position",
        {
            "members": orjson.dumps(own.members).decode(),
            "own": own.division,
            "divisions": among(divisions),
        },
    )
    told: dict[tuple[str, str], dict[str, tuple[str, int, int]]] = {}
    for id_, division, said, *why in rows:
        told.setdefault((id_, division), {}).setdefault(said, tuple(why))
    return [one for where, said in told.items() if (one := _across(*where, said)) is not None]


def _across(id_: str, division: str, said: Mapping[str, tuple[str, int, int]]) -> Across | None:
    found = said.get("found") if "unlinked" not in said else None
    if found is None:
        return Across(ContactId(id_), division, "person") if "linked" in said else None
    rule, weight, position = found
    by: Literal["person", "rules"] = "person" if "linked" in said else "rules"
    return Across(ContactId(id_), division, by, rule, in_bits(weight), position)


def _is_identified_by_merge(views: Connection, members: Collection[ContactId]) -> bool:
    """Tell whether the evidence of a merge in force shows that the members are a lasting person."""
    (found,) = views.execute(
        "SELECT EXISTS (SELECT 1 FROM identity_edge WHERE in_force AND identifies "
        "AND one IN (SELECT value FROM json_each(?)))",
        (orjson.dumps(members).decode(),),
    ).fetchone()
    return bool(found)


def merges_in_force(views: Connection, members: Collection[ContactId]) -> set[tuple[str, str, str]]:
    """Return the merge edges in force between contacts: merge id and both ends."""
    rows = views.execute(
        "SELECT merge_id, one, other FROM identity_edge "
        "WHERE in_force AND one IN (SELECT value FROM json_each(?))",
        (orjson.dumps(list(members)).decode(),),
    )
    return set(rows)


def stages_of_merged(views: Connection) -> dict[str, str]:
    """Return the stage of each identity of several members: the highest of them, at least identified
    where the evidence of a merge shows a lasting person."""
    rows = views.execute(
        "SELECT canonical_id, stage FROM identity_contact WHERE canonical_id IN "
        "(SELECT canonical_id FROM identity_contact WHERE canonical_id != contact_id) "
        "UNION SELECT canonical_id, CAST(? AS TEXT) FROM identity_edge "
        "JOIN identity_contact ON contact_id = one "
        "WHERE in_force AND identifies",
        (Stage.IDENTIFIED.value,),
    )
    highest: dict[str, Stage] = {}
    for canonical, stage in rows:
        known = highest.get(canonical, Stage.EPHEMERAL)
        highest[canonical] = max(known, Stage(stage), key=lambda one: one.rank)
    return {canonical: stage.value for canonical, stage in highest.items()}


def identities_by_stage(
    views: Connection, divisions: Collection[str] | None = None
) -> dict[str, int]:
    """Return how many live identities there are of each stage, in these divisions if given."""
    scope = {"divisions": among(divisions)}
    counts: dict[str, int] = dict(
        views.execute(
            "SELECT stage, COUNT(*) FROM identity_contact WHERE canonical_id = contact_id "
            f"AND presence = 'live' AND {within('division')} GROUP BY stage ORDER BY stage",
            scope,
        )
    )
    for canonical, stage in stages_of_merged(views).items():
        (own,) = views.execute(
            f"SELECT CASE WHEN presence = 'live' AND {within('division')} THEN stage END "
            "FROM identity_contact "
            "WHERE contact_id = :contact_id",
            {"contact_id": canonical, **scope},
        ).fetchone()
        if own is not None and own != stage:
            counts[own] -= 1
            counts[stage] = counts.get(stage, 0) + 1
    return {stage: count for stage, count in sorted(counts.items()) if count}


class SharedValue(Struct, frozen=True):
    """A value that stopped linking by itself, why, and the merges whose evidence named it.

    `people` counts contacts (`by` is `cap`) or people (`names`); `since` is the valid time of the mark,
    UTC text. Merges are ids; those `undone` are no longer in force.
    """

    identifier_id: str
    by: str
    people: int
    since: str
    merges: tuple[str, ...]
    undone: tuple[str, ...]


def shared_values(
    views: Connection, limit: int, divisions: Collection[str] | None = None
) -> list[SharedValue]:
    """Return the values that are marked shared, those that most merges rested on first; with divisions
    only those that a contact of them holds or held."""
    marks = views.execute(
        "SELECT identifier_id, by, people, since FROM identity_shared s "
        "WHERE CAST(:divisions AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM profile_claim c "
        "JOIN identity_contact own ON own.contact_id = c.contact_id "
        f"WHERE c.identifier_id = s.identifier_id AND {within('own.division')}) "
        "ORDER BY identifier_id, by",
        {"divisions": among(divisions)},
    ).fetchall()
    found = [
        SharedValue(identifier_id, by, people, since, *_rested(views, identifier_id))
        for identifier_id, by, people, since in marks
    ]
    found.sort(key=lambda one: (-len(one.merges) - len(one.undone), one.since, one.identifier_id))
    return found[:limit]


def _rested(views: Connection, identifier_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rows = views.execute(
        "SELECT merge_id, MAX(CASE WHEN in_force THEN 1 ELSE 0 END) "
        "FROM identity_rested JOIN identity_edge USING (merge_id) "
        "WHERE identifier_id = ? GROUP BY merge_id ORDER BY merge_id",
        (identifier_id,),
    ).fetchall()
    in_force = tuple(merge_id for merge_id, holds in rows if holds)
    return in_force, tuple(merge_id for merge_id, holds in rows if not holds)


class LineageEdge(Struct, frozen=True):
    """One merge of two contacts: when it was recorded and by whom, and when and by whom it was undone.

    `one` and `other` are the ids that were asked for, or that the evidence named. `undone_at` is None
    while it is in force. Times are UTC text.
    """

    merge_id: str
    one: str
    other: str
    automatic: bool
    made_at: str
    made_by: str
    position: int
    undone_at: str | None
    undone_by: str | None


def lineage_of(views: Connection, contact_id: str) -> list[LineageEdge]:
    """Return every merge that this contact, or one that was ever merged with it, took part in."""
    reached = orjson.dumps(sorted(ever_one_with(views, contact_id))).decode()
    rows = views.execute(
        "SELECT merge_id, one, other, automatic, made_at, made_by, position, undone_at, undone_by "
        "FROM identity_edge WHERE one IN (SELECT value FROM json_each(?)) "
        "ORDER BY position, one, other",
        (reached,),
    )
    return [
        LineageEdge(merge_id, one, other, bool(automatic), *rest)
        for merge_id, one, other, automatic, *rest in rows
    ]


def stream_of_merge(views: Connection, merge_id: str) -> str | None:
    """Return the contact whose stream holds a merge, in force or undone; None where there is none."""
    row = views.execute(
        "SELECT stream FROM identity_edge WHERE merge_id = ? LIMIT 1", (merge_id,)
    ).fetchone()
    return row[0] if row is not None else None


def position_of_merge(views: Connection, merge_id: str) -> int:
    """Return the log position at which a merge was made."""
    row = views.execute(
        "SELECT MIN(position) FROM identity_edge WHERE merge_id = ?", (merge_id,)
    ).fetchone()
    return int(row[0] or 0)
