"""Open review items: one for each interaction that was held in doubt, and one for each merge that the
rules found likely and may not do by themselves. Beside them every merge that a guard refused."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Literal

import orjson
from msgspec import Struct
from msgspec.json import encode

from aggregates.contact import ContactToldApart, ContactToldApartLifted
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionUnlinked,
)
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from aggregates.values import Evidence, instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.scope import among, within
from projections.sql import Connection, upsert

SCHEMA = """
CREATE TABLE review_item (
    interaction_id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL, -- the contact that has it; of an unlinked one, that had it
    proposed TEXT, -- NULL where it was unlinked: nobody is proposed
    weight INTEGER NOT NULL, -- millibits
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL, -- JSON
    valid_from TEXT NOT NULL,
    held_at TEXT NOT NULL, -- recorded time
    deferred TEXT -- when a person put it behind the others
) WITHOUT ROWID;
CREATE TABLE review_merge (
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    guard TEXT NOT NULL,
    weight INTEGER NOT NULL, -- millibits
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL, -- JSON
    valid_from TEXT NOT NULL,
    refused_at TEXT NOT NULL, -- recorded time
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE TABLE review_apart (
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
"""
COLUMNS = (
    "interaction_id", "contact_id", "proposed", "weight", "rule", "evidence", "valid_from",
    "held_at", "deferred",
)  # fmt: skip
MERGE = ("one", "other", "guard", "weight", "rule", "evidence", "valid_from", "refused_at")
HELD = (
    "review_item r JOIN identity_contact own ON own.contact_id = r.contact_id "
    "JOIN identity_contact wanted ON wanted.contact_id = r.proposed "
    "WHERE own.canonical_id != wanted.canonical_id "
    "AND own.presence = 'live' AND wanted.presence = 'live' AND own.division = wanted.division"
)
"""Once the two contacts are one identity, or one is gone or moved away, nothing is left to decide."""
UNLINKED = (
    "review_item r JOIN journey_interaction i ON i.interaction_id = r.interaction_id "
    "LEFT JOIN identity_contact had ON had.contact_id = r.contact_id AND had.division = i.division "
    "WHERE r.proposed IS NULL"
)
"""They lie where the interaction does; a contact that had it and lies elsewhere is not named."""
REFUSED = (
    "review_merge m JOIN identity_contact a ON a.contact_id = m.one "
    "JOIN identity_contact b ON b.contact_id = m.other WHERE a.canonical_id != b.canonical_id "
    "AND a.presence = 'live' AND b.presence = 'live' "
    "AND a.division = b.division"
)
SUGGESTED_DESPITE = ("below_merge", "members_differ", "unverified", "both_curated")
"""Guards that leave it to a person. The others say that the two are two, or that nobody can know."""
LIKELY = (
    f"{REFUSED} AND guard IN {SUGGESTED_DESPITE} AND NOT EXISTS ("
    "SELECT 1 FROM review_apart t JOIN identity_contact x ON x.contact_id = t.one "
    "JOIN identity_contact y ON y.contact_id = t.other "
    "WHERE (x.canonical_id = a.canonical_id AND y.canonical_id = b.canonical_id) "
    "OR (x.canonical_id = b.canonical_id AND y.canonical_id = a.canonical_id))"
)
FIRST_LINK = 2
"""The version of an interaction's first link: no review can be open before it."""


class ReviewItem(Struct, frozen=True):
    """Two contacts that may be one: `contact_id`, and the `proposed` one.

    `kind` is `interaction` where one was held in doubt, `unlinked` where a person took one from
    `contact_id` (None where that lies elsewhere by now) and nobody is proposed, and `merge` where
    re-evaluation found the two likely and `guard` left them to a person. `weight` is in millibits.
    `valid_from` is the time of the interaction, of a merge that of the later of the two that were
    compared. `evidence` is as it was stored, without what it leaves at its default. `deferred`: a
    person put it behind the others.
    """

    kind: Literal["interaction", "unlinked", "merge"]
    interaction_id: str | None
    contact_id: str | None
    proposed: str | None
    weight: int
    rule: str
    valid_from: str
    guard: str | None
    deferred: bool
    evidence: Mapping[str, Any]


class RefusedMerge(Struct, frozen=True):
    """Two contacts that are strong enough to be one, and the guard that keeps them apart.

    The ids stand for their identities. `weight` is in millibits, `evidence` that of the strongest pair
    of records, without what it leaves at its default. `refused_at` is the recorded time.
    """

    one: str
    other: str
    guard: str
    weight: int
    rule: str
    refused_at: str
    evidence: Mapping[str, Any]


class ReviewRows(Rows):
    """Items that open and close, and merges that are refused; each is written at once, in log order."""

    def _hold(self, event: Recorded, fact: InteractionHeldForReview) -> None:
        self.views.execute(upsert("review_item", COLUMNS, COLUMNS[:1]), (*_row(event, fact), None))

    def _link(self, event: Recorded, _: InteractionLinked) -> None:
        if event.version > FIRST_LINK:
            self._close(event.stream_id)

    def _unlink(self, event: Recorded, fact: InteractionUnlinked) -> None:
        self._close(event.stream_id)
        if fact.pinned and fact.cause is None:
            moment = instant_text(event.header.valid_from)
            row = (event.stream_id, fact.contact_id, None, 0, "unlinked", "{}", moment)
            self.views.execute(
                "INSERT INTO review_item VALUES (?,?,?,?,?,?,?,?,NULL)",
                (*row, instant_text(event.recorded_at)),
            )

    def _decide(self, event: Recorded, fact: InteractionReviewDecided) -> None:
        if fact.decision == "deferred":
            self.views.execute(
                "UPDATE review_item SET deferred = ? WHERE interaction_id = ?",
                (instant_text(event.recorded_at), event.stream_id),
            )
        else:
            self._close(event.stream_id)

    def _undo(self, event: Recorded, fact: InteractionReviewUndone) -> None:
        if fact.decision == "deferred":
            self.views.execute(
                "UPDATE review_item SET deferred = NULL WHERE interaction_id = ?",
                (event.stream_id,),
            )

    def _close(self, interaction_id: str) -> None:
        self.views.execute("DELETE FROM review_item WHERE interaction_id = ?", (interaction_id,))

    def _refuse(self, event: Recorded, fact: ContactMergeRefused) -> None:
        self.views.execute(
            upsert("review_merge", MERGE, MERGE[:2]),
            (event.stream_id, fact.other, fact.guard, *_told(event, fact.evidence)),
        )

    def _end(self, event: Recorded, fact: ContactMergeRefusalEnded) -> None:
        self.views.execute(
            "DELETE FROM review_merge WHERE one = ? AND other = ?", (event.stream_id, fact.other)
        )

    def _tell_apart(self, event: Recorded, fact: ContactToldApart) -> None:
        pair = sorted((event.stream_id, fact.other))
        self.views.execute("INSERT OR IGNORE INTO review_apart VALUES (?,?)", pair)

    def _lift(self, event: Recorded, fact: ContactToldApartLifted) -> None:
        pair = sorted((event.stream_id, fact.other))
        self.views.execute("DELETE FROM review_apart WHERE one = ? AND other = ?", pair)

    follows: ClassVar[Follows] = {
        InteractionHeldForReview: _hold,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
        InteractionReviewDecided: _decide,
        InteractionReviewUndone: _undo,
        ContactMergeRefused: _refuse,
        ContactMergeRefusalEnded: _end,
        ContactToldApart: _tell_apart,
        ContactToldApartLifted: _lift,
    }

    def write(self) -> None:
        """Everything is written already."""


class ReviewProjection(Projection):
    """Items by interaction, which a later link or unlink of it closes; merges by their two contacts."""

    name: ClassVar[str] = "review"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = ReviewRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("review_item", COLUMNS, ("interaction_id",), frozenset({"held_at", "deferred"})),
        Table("review_merge", MERGE, ("one", "other"), frozenset({"refused_at"})),
        # Who was told apart is what people said, not what follows from what was recorded.
        Table("review_apart", ("one", "other"), ("one", "other"), state="FALSE"),
    )


def open_items(
    views: Connection,
    limit: int,
    proposed: str | None = None,
    divisions: Collection[str] | None = None,
) -> Iterator[ReviewItem]:
    """Yield open items: what a person unlinked, then the most likely pairs, then what was deferred, the
    longest ago first; of one proposed contact and of these divisions only, if given."""
    rows = views.execute(
        "SELECT * FROM (SELECT 'interaction' AS kind, interaction_id, r.contact_id, proposed, weight, "
        f"rule, valid_from, NULL, deferred, evidence FROM {HELD} "
        "AND (CAST(:proposed AS TEXT) IS NULL OR proposed = :proposed) "
        f"AND {within('own.division')} UNION ALL "
        "SELECT 'unlinked', r.interaction_id, had.contact_id, NULL, weight, rule, valid_from, NULL, "
        f"deferred, evidence FROM {UNLINKED} AND CAST(:proposed AS TEXT) IS NULL "
        f"AND {within('i.division')} UNION ALL "
        "SELECT 'merge', NULL, a.canonical_id, b.canonical_id, weight, rule, valid_from, "
        f"guard, NULL, evidence FROM {LIKELY} "
        "AND (CAST(:proposed AS TEXT) IS NULL OR b.canonical_id = :proposed) "
        f"AND {within('a.division')}) AS waiting "
        "ORDER BY deferred NULLS FIRST, kind != 'unlinked', weight DESC, 2 NULLS FIRST, 3, 4, 7, 10 "
        "LIMIT :limit",
        {"proposed": proposed, "divisions": among(divisions), "limit": limit},
    )
    for row in rows:
        *told, deferred, evidence = row
        yield ReviewItem(*(*told, deferred is not None, orjson.loads(evidence)))


def count_open(views: Connection, divisions: Collection[str] | None = None) -> int:
    """Return how many items wait for a person, in these divisions if given."""
    (count,) = views.execute(
        f"SELECT (SELECT COUNT(*) FROM {HELD} AND {within('own.division')}) "
        f"+ (SELECT COUNT(*) FROM {UNLINKED} AND {within('i.division')}) "
        f"+ (SELECT COUNT(*) FROM {LIKELY} AND {within('a.division')})",
        {"divisions": among(divisions)},
    ).fetchone()
    return int(count)


def refused_merges(
    views: Connection, limit: int, divisions: Collection[str] | None = None
) -> Iterator[RefusedMerge]:
    """Yield the merges that a guard refuses, the strongest first, of these divisions if given."""
    rows = views.execute(
        "SELECT a.canonical_id, b.canonical_id, guard, weight, rule, refused_at, evidence "
        f"FROM {REFUSED} AND {within('a.division')} ORDER BY weight DESC, one, other LIMIT :limit",
        {"divisions": among(divisions), "limit": limit},
    )
    for row in rows:
        *told, evidence = row
        yield RefusedMerge(*(*told, orjson.loads(evidence)))


def _row(event: Recorded, held: InteractionHeldForReview) -> tuple[object, ...]:
    return (event.stream_id, held.contact_id, held.proposed, *_told(event, held.evidence))


def _told(event: Recorded, evidence: Evidence) -> tuple[object, ...]:
    """Return weight, rule, evidence, valid and recorded time."""
    return (
        evidence.weight,
        evidence.rule,
        encode(evidence, order="sorted").decode(),
        instant_text(event.header.valid_from),
        instant_text(event.recorded_at),
    )
