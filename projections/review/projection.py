"""Open review items: one for each interaction that was held in doubt."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from sqlite3 import Connection
from typing import ClassVar

import orjson

from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionUnlinked,
)
from aggregates.values import instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.scope import among, within

SCHEMA = """
CREATE TABLE review_item (
    interaction_id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL, -- its own ephemeral contact
    proposed TEXT NOT NULL,
    weight INTEGER NOT NULL, -- millibits
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL, -- JSON
    valid_from TEXT NOT NULL,
    held_at TEXT NOT NULL -- recorded time
) WITHOUT ROWID;
"""
COLUMNS = (
    "interaction_id", "contact_id", "proposed", "weight", "rule", "evidence", "valid_from",
    "held_at",
)  # fmt: skip
OPEN = (
    "FROM review_item r JOIN identity_contact own ON own.contact_id = r.contact_id "
    "JOIN identity_contact wanted ON wanted.contact_id = r.proposed "
    "WHERE own.canonical_id != wanted.canonical_id "
    "AND own.presence = 'live' AND wanted.presence = 'live'"
)
"""Once the two contacts are one identity, or one is gone, there is nothing left to decide."""
FIRST_LINK = 2
"""The version of an interaction's first link: no review can be open before it."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """An interaction in doubt. `weight` is in millibits, `valid_from` the interaction's time."""

    interaction_id: str
    contact_id: str
    proposed: str
    weight: int
    rule: str
    valid_from: str


class ReviewRows(Rows):
    """Items that open and close; they are few, and each is written at once, in log order."""

    def _hold(self, event: Recorded, fact: InteractionHeldForReview) -> None:
        self.views.execute(
            "INSERT OR REPLACE INTO review_item VALUES (?,?,?,?,?,?,?,?)", _row(event, fact)
        )

    def _close(self, event: Recorded, _: InteractionLinked | InteractionUnlinked) -> None:
        if event.version > FIRST_LINK:
            self.views.execute(
                "DELETE FROM review_item WHERE interaction_id = ?", (event.stream_id,)
            )

    follows: ClassVar[Follows] = {
        InteractionHeldForReview: _hold,
        InteractionLinked: _close,
        InteractionUnlinked: _close,
    }

    def write(self) -> None:
        """Everything is written already."""


class ReviewProjection(Projection):
    """Items by interaction; a later link or unlink of the interaction closes its item."""

    name: ClassVar[str] = "review"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = ReviewRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("review_item", COLUMNS, ("interaction_id",), frozenset({"held_at"})),
    )


def open_items(
    views: Connection,
    limit: int,
    proposed: str | None = None,
    divisions: Collection[str] | None = None,
) -> Iterator[ReviewItem]:
    """Yield open items, the most likely pairs first; of one proposed contact and of these divisions
    only, if given."""
    rows = views.execute(
        f"SELECT interaction_id, r.contact_id, proposed, weight, rule, valid_from {OPEN} "
        f"AND (:proposed IS NULL OR proposed = :proposed) AND {within('own.division')} "
        "ORDER BY weight DESC, interaction_id LIMIT :limit",
        {"proposed": proposed, "divisions": among(divisions), "limit": limit},
    )
    for row in rows:
        yield ReviewItem(*row)


def count_open(views: Connection, divisions: Collection[str] | None = None) -> int:
    """Return how many items wait for a person, in these divisions if given."""
    (count,) = views.execute(
        f"SELECT COUNT(*) {OPEN} AND {within('own.division')}", {"divisions": among(divisions)}
    ).fetchone()
    return int(count)


def _row(event: Recorded, held: InteractionHeldForReview) -> tuple[object, ...]:
    evidence = held.evidence
    return (
        event.stream_id,
        held.contact_id,
        held.proposed,
        evidence.weight,
        evidence.rule,
        orjson.dumps(
            evidence.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS
        ).decode(),
        instant_text(event.header.valid_from),
        instant_text(event.recorded_at),
    )
