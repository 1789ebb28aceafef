"""One row for each contact, with the id that stands for its identity, and one for each merge edge.

Views of links, claims and texts name member contacts and never change when contacts are merged or
unmerged; whoever reads them comes here first to learn the members.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, get_args

from aggregates.across import (
    AcrossFact,
    ContactAcrossEnded,
    ContactAcrossFound,
    ContactAcrossLifted,
    ContactAcrossLinked,
    ContactAcrossUnlinked,
)
from aggregates.contact import (
    ContactCreated,
    ContactIdentificationUndone,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactPromotionUndone,
    ContactUnmerged,
)
from aggregates.division import ContactMoved
from aggregates.identifier import IdentifierShared, IdentifierUnshared
from aggregates.identity import Edge, Member, canonical_id, components, edges_of
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactHoldLifted,
    ContactHoldSet,
    ContactRestored,
)
from aggregates.values import ContactId, Fact, Stage, instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import Connection, upsert

SCHEMA = """
CREATE TABLE identity_contact (
    contact_id TEXT PRIMARY KEY,
    canonical_id TEXT NOT NULL,
    division TEXT NOT NULL,
    stage TEXT NOT NULL,
    born TEXT NOT NULL, -- valid time of its creation
    created_at TEXT NOT NULL, -- recorded time
    presence TEXT NOT NULL, -- live, expired or deleted
    since TEXT, -- valid time since when it is not live
    on_hold BOOLEAN NOT NULL -- whether a legal hold names it
) WITHOUT ROWID;
CREATE INDEX identity_merged ON identity_contact (canonical_id) WHERE canonical_id != contact_id;
CREATE INDEX identity_gone ON identity_contact (since) WHERE since IS NOT NULL;
CREATE TABLE identity_edge (
    merge_id TEXT NOT NULL,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    stream TEXT NOT NULL,
    automatic BOOLEAN NOT NULL,
    survivor TEXT,
    identifies BOOLEAN NOT NULL, -- whether its evidence shows a lasting person
    in_force BOOLEAN NOT NULL,
    made_at TEXT NOT NULL, -- recorded time, here and below
    made_by TEXT NOT NULL, -- actor, here and below
    position INTEGER NOT NULL, -- in the log, of the merge
    undone_at TEXT,
    undone_by TEXT,
    PRIMARY KEY (one, other, merge_id)
) WITHOUT ROWID;
CREATE INDEX identity_edge_of_other ON identity_edge (other);
CREATE TABLE identity_across (
    one TEXT NOT NULL, -- in whose stream it stands
    other TEXT NOT NULL, -- a contact of another division
    said TEXT NOT NULL, -- linked or unlinked by a person, found by the rules
    rule TEXT, -- of what was found, and its weight in millibits
    weight INTEGER,
    position INTEGER NOT NULL, -- in the log
    PRIMARY KEY (one, other, said)
) WITHOUT ROWID;
CREATE INDEX identity_across_of_other ON identity_across (other);
CREATE INDEX identity_edge_of_merge ON identity_edge (merge_id);
CREATE TABLE identity_rested (
    identifier_id TEXT NOT NULL, -- a value that the evidence of a merge names
    merge_id TEXT NOT NULL,
    PRIMARY KEY (identifier_id, merge_id)
) WITHOUT ROWID;
CREATE TABLE identity_shared (
    identifier_id TEXT NOT NULL,
    by TEXT NOT NULL,
    people INTEGER NOT NULL,
    since TEXT NOT NULL, -- valid time of the mark
    PRIMARY KEY (identifier_id, by)
) WITHOUT ROWID;
"""
CONTACT = (
    "contact_id", "canonical_id", "division", "stage", "born", "created_at", "presence", "since",
    "on_hold",
)  # fmt: skip
RESTED = ("identifier_id", "merge_id")
SHARED = ("identifier_id", "by", "people", "since")
EDGE = (
    "merge_id", "one", "other", "stream", "automatic", "survivor", "identifies", "in_force",
    "made_at", "made_by", "position", "undone_at", "undone_by",
)  # fmt: skip
ACROSS = ("one", "other", "said", "rule", "weight", "position")
SAID_ACROSS: dict[type[Fact], str] = {
    ContactAcrossLinked: "linked",
    ContactAcrossUnlinked: "unlinked",
    ContactAcrossFound: "found",
}
ENDED_ACROSS: dict[type[Fact], tuple[str, ...]] = {
    ContactAcrossLinked: ("unlinked",),
    ContactAcrossUnlinked: ("linked",),
    ContactAcrossLifted: ("unlinked",),
    ContactAcrossFound: (),
    ContactAcrossEnded: ("found",),
}
"""Fact -> what was said or found before and holds no longer."""
STILL_RESTS = "merge_id IN (SELECT merge_id FROM identity_edge WHERE in_force)"
LINEAGE = frozenset(
    {"merge_id", "stream", "made_at", "made_by", "position", "undone_at", "undone_by"}
)


class IdentityRows(Rows):
    """New contacts in bulk; then stages, edges, and who stands for the identities they touch."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._contacts: dict[str, list[Any]] = {}
        self._presences: list[tuple[str, str | None, str]] = []
        self._holds: list[tuple[int, str]] = []
        self._stages: list[tuple[str, str]] = []
        self._edges: list[tuple[str, tuple[Any, ...]]] = []
        self._marks: list[tuple[str, tuple[Any, ...]]] = []
        self._touched: set[str] = set()

    def _create(self, event: Recorded, fact: ContactCreated) -> None:
        self._contacts[event.stream_id] = [
            event.stream_id,
            event.stream_id,
            fact.division,
            Stage.EPHEMERAL.value,
            instant_text(event.header.valid_from),
            instant_text(event.recorded_at),
            "live",
            None,
            False,
        ]

    def _identify(self, event: Recorded, _: ContactIdentified) -> None:
        self._set_stage(event, Stage.IDENTIFIED)

    def _undo_identification(self, event: Recorded, _: ContactIdentificationUndone) -> None:
        self._set_stage(event, Stage.EPHEMERAL)

    def _promote(self, event: Recorded, _: ContactPromoted) -> None:
        self._set_stage(event, Stage.CURATED)

    def _undo_promotion(self, event: Recorded, fact: ContactPromotionUndone) -> None:
        self._set_stage(event, fact.stage)

    def _set_stage(self, event: Recorded, stage: Stage) -> None:
        contact = self._contacts.get(event.stream_id)
        if contact is not None:
            contact[3] = stage.value
        else:
            self._stages.append((stage.value, event.stream_id))
        self._touched.add(event.stream_id)

    def _go(self, event: Recorded, fact: ContactExpired | ContactDeleted) -> None:
        presence = "expired" if isinstance(fact, ContactExpired) else "deleted"
        self._presences.append((presence, instant_text(event.header.valid_from), event.stream_id))

    def _restore(self, event: Recorded, _: ContactRestored) -> None:
        self._presences.append(("live", None, event.stream_id))

    def _move(self, event: Recorded, fact: ContactMoved) -> None:
        self._edges.append((MOVE, (fact.division, event.stream_id)))

    def _say_across(self, event: Recorded, fact: AcrossFact) -> None:
        ends = event.stream_id, fact.other
        for gone in ENDED_ACROSS[type(fact)]:
            self._edges.append((END_ACROSS, (*ends, gone)))
        if said := SAID_ACROSS.get(type(fact)):
            found = fact.evidence if isinstance(fact, ContactAcrossFound) else None
            why = (None, None) if found is None else (found.rule, found.weight)
            self._edges.append((INSERT_ACROSS, (*ends, said, *why, event.position)))

    def _hold(self, event: Recorded, fact: ContactHoldSet | ContactHoldLifted) -> None:
        self._holds.append((isinstance(fact, ContactHoldSet), event.stream_id))

    def _merge(self, event: Recorded, fact: ContactMerged) -> None:
        made = (instant_text(event.recorded_at), event.header.actor, event.position)
        for edge in edges_of(fact, ContactId(event.stream_id)):
            row = (*edge[:6], edge.identifies, True, *made, None, None)
            self._edges.append((INSERT_EDGE, row))
            self._touched |= {edge.one, edge.other}
        for identifier_id in fact.evidence.identifiers if fact.evidence is not None else ():
            self._edges.append((INSERT_RESTED, (identifier_id, fact.merge_id)))

    def _share(self, event: Recorded, fact: IdentifierShared) -> None:
        moment = instant_text(event.header.valid_from)
        self._marks.append((MARK, (event.stream_id, fact.by, fact.holders, moment)))

    def _unshare(self, event: Recorded, fact: IdentifierUnshared) -> None:
        self._marks.append((UNMARK, (event.stream_id, fact.by)))

    def _unmerge(self, event: Recorded, fact: ContactUnmerged) -> None:
        undone = (instant_text(event.recorded_at), event.header.actor)
        for edge in fact.edges:
            self._edges.append((END_EDGE, (*undone, fact.merge_id, edge.one, edge.other)))
            self._touched |= {edge.one, edge.other}

    follows: ClassVar[Follows] = {
        ContactCreated: _create,
        ContactIdentified: _identify,
        ContactIdentificationUndone: _undo_identification,
        ContactPromoted: _promote,
        ContactPromotionUndone: _undo_promotion,
        ContactMerged: _merge,
        ContactUnmerged: _unmerge,
        ContactExpired: _go,
        ContactDeleted: _go,
        ContactRestored: _restore,
        ContactMoved: _move,
        **dict.fromkeys(get_args(AcrossFact), _say_across),
        ContactHoldSet: _hold,
        ContactHoldLifted: _hold,
        IdentifierShared: _share,
        IdentifierUnshared: _unshare,
    }

    def write(self) -> None:
        """Write contacts and edges, then the canonical ids that they change."""
        views = self.views
        views.executemany(
            "INSERT INTO identity_contact VALUES (?,?,?,?,?,?,?,?,?)", self._contacts.values()
        )
        views.executemany(
            "UPDATE identity_contact SET stage = ? WHERE contact_id = ?", self._stages
        )
        views.executemany(
            # Who was gone already and is deleted too is gone since then.
            "UPDATE identity_contact SET presence = ?1, since = "
            "CASE WHEN ?1 = 'live' THEN NULL ELSE COALESCE(since, CAST(?2 AS TEXT)) END "
            "WHERE contact_id = ?3",
            self._presences,
        )
        views.executemany(
            "UPDATE identity_contact SET on_hold = ? WHERE contact_id = ?", self._holds
        )
        for statement, row in (*self._edges, *self._marks):
            views.execute(statement, row)
        if views.execute("SELECT EXISTS (SELECT 1 FROM identity_edge)").fetchone()[0]:
            self._stand_in(self._touched)

    def _stand_in(self, touched: Iterable[str]) -> None:
        """Say which id stands for each identity that touched contacts are, or were, members of."""
        views = self.views
        reached: set[str] = set()
        for contact_id in touched:
            if contact_id not in reached:
                reached |= ever_one_with(views, contact_id)
        edges = [edge for one in sorted(reached) for edge in _edges_from(views, one)]
        found = components([ContactId(one) for one in sorted(reached)], edges)
        for members in found:
            rows = [_member(views, one) for one in members]
            known = [row for row in rows if row is not None]
            if known:
                canonical = canonical_id(known, [e for e in edges if e.one in members])
                views.executemany(
                    "UPDATE identity_contact SET canonical_id = ? WHERE contact_id = ?",
                    [(canonical, one) for one in members],
                )


class IdentityProjection(Projection):
    """Contacts and edges."""

    name: ClassVar[str] = "identity"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = IdentityRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("identity_contact", CONTACT, ("contact_id",), frozenset({"created_at"})),
        Table("identity_edge", EDGE, ("one", "other", "merge_id"), LINEAGE, state="in_force"),
        Table("identity_rested", RESTED, RESTED, frozenset({"merge_id"}), state=STILL_RESTS),
        Table("identity_across", ACROSS, ACROSS[:3], frozenset({"position"})),
        Table("identity_shared", SHARED, SHARED[:2], frozenset({"identifier_id", "since"})),
    )


INSERT_RESTED = "INSERT OR IGNORE INTO identity_rested VALUES (?,?)"
MOVE = "UPDATE identity_contact SET division = ? WHERE contact_id = ?"
INSERT_ACROSS = upsert("identity_across", ACROSS, ACROSS[:3])
END_ACROSS = "DELETE FROM identity_across WHERE one = ? AND other = ? AND said = ?"
MARK = upsert("identity_shared", SHARED, SHARED[:2])
UNMARK = "DELETE FROM identity_shared WHERE identifier_id = ? AND by = ?"
INSERT_EDGE = upsert("identity_edge", EDGE, ("one", "other", "merge_id"))
END_EDGE = (
    "UPDATE identity_edge SET in_force = FALSE, undone_at = ?, undone_by = ? "
    "WHERE merge_id = ? AND one = ? AND other = ?"
)


def ever_one_with(views: Connection, contact_id: str) -> set[str]:
    """Return every contact that is or ever was merged with this one, itself included."""
    rows = views.execute(
        "WITH RECURSIVE reached(id) AS ("
        "SELECT contact_id FROM identity_contact WHERE contact_id = ? UNION "
        "SELECT CASE WHEN one = id THEN other ELSE one END FROM reached "
        "JOIN identity_edge ON one = id OR other = id) SELECT id FROM reached",
        (contact_id,),
    )
    return {contact_id}.union(id_ for (id_,) in rows)


def _edges_from(views: Connection, contact_id: str) -> list[Edge]:
    rows = views.execute(
        "SELECT merge_id, one, other, stream, automatic, survivor, identifies FROM identity_edge "
        "WHERE one = ? AND in_force",
        (contact_id,),
    )
    return [Edge(*row) for row in rows]


def _member(views: Connection, contact_id: str) -> Member | None:
    row = views.execute(
        "SELECT stage, born FROM identity_contact WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    # Text of one width orders as the times that it stands for.
    return Member(ContactId(contact_id), Stage(row[0]), row[1]) if row is not None else None
