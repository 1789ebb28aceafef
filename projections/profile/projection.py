"""The rows of the profile: what each interaction contributes, and what each contact holds.

A contribution keeps the values of one interaction and points at its contact; the profile itself is
folded when it is read. A corrected link moves one pointer and takes every value along.
"""

from itertools import groupby
from sqlite3 import Connection
from typing import Any, ClassVar

import orjson

from aggregates.contact import ContactMerged, MergePersonal
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierReleased,
    IdentifierShared,
    IdentifierUnshared,
    IdentifierVerified,
)
from aggregates.interaction import (
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Erased, instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.identity.projection import STILL_RESTS

SCHEMA = """
CREATE TABLE profile_contribution (
    interaction_id TEXT PRIMARY KEY,
    contact_id TEXT,
    source TEXT,
    id TEXT,
    channel TEXT NOT NULL,
    direction TEXT NOT NULL,
    time TEXT NOT NULL,
    decision TEXT,
    weight INTEGER, -- millibits
    profile TEXT NOT NULL, -- JSON object
    identifiers TEXT NOT NULL -- JSON array
) WITHOUT ROWID;
CREATE INDEX profile_contribution_of ON profile_contribution (contact_id);
CREATE TABLE profile_claim (
    identifier_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    interaction_id TEXT,
    verified INTEGER NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,
    type TEXT,
    scope TEXT,
    value TEXT,
    raw TEXT,
    PRIMARY KEY (identifier_id, contact_id, valid_from)
) WITHOUT ROWID;
CREATE INDEX profile_claim_of ON profile_claim (contact_id);
CREATE TABLE profile_choice (
    merge_id TEXT NOT NULL, -- holds while this merge is in force
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    contact_id TEXT NOT NULL, -- whose stream holds the merge
    position INTEGER NOT NULL, -- of the merge, in the log
    PRIMARY KEY (merge_id, field)
) WITHOUT ROWID;
"""

CONTRIBUTION = (
    "interaction_id", "contact_id", "source", "id", "channel", "direction", "time", "decision",
    "weight", "profile", "identifiers",
)  # fmt: skip
CLAIM = (
    "identifier_id", "contact_id", "valid_from", "valid_to", "interaction_id", "verified",
    "shared", "type", "scope", "value", "raw",
)  # fmt: skip
CHOICE = ("merge_id", "field", "value", "contact_id", "position")

RELINK = (
    "UPDATE profile_contribution SET contact_id = ?, decision = ?, weight = ? "
    "WHERE interaction_id = ?"
)
VERIFY = (
    "UPDATE profile_claim SET verified = 1 "
    "WHERE identifier_id = ? AND contact_id = ? AND valid_to IS NULL"
)
RELEASE = (
    "UPDATE profile_claim SET valid_to = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND valid_to IS NULL"
)
SHARE = "UPDATE profile_claim SET shared = 1 WHERE identifier_id = ?"
UNSHARE = "UPDATE profile_claim SET shared = 0 WHERE identifier_id = ?"
REASSIGN = (
    "UPDATE OR REPLACE profile_claim SET contact_id = ? "
    "WHERE identifier_id = ? AND contact_id = ? AND interaction_id = ?"
)
CHOOSE = "INSERT OR REPLACE INTO profile_choice VALUES (?,?,?,?,?)"
INSERT_CLAIM = (
    "INSERT INTO profile_claim VALUES (?,?,?,?,?,?,"
    "COALESCE((SELECT MAX(shared) FROM profile_claim WHERE identifier_id = ?1), 0),?,?,?,?)"
)


class ProfileRows(Rows):
    """New rows in bulk, then the changes of older ones and the claims, in log order."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._contributions: dict[str, list[Any]] = {}
        self._changes: list[tuple[str, tuple[Any, ...]]] = []

    def _receive(self, event: Recorded, fact: InteractionReceived) -> None:
        self._contributions[event.stream_id] = _contribution(event, fact)

    def _link(self, event: Recorded, fact: InteractionLinked) -> None:
        self._give(event.stream_id, fact.contact_id, fact.evidence.rule, fact.evidence.weight)

    def _unlink(self, event: Recorded, _: InteractionUnlinked) -> None:
        self._give(event.stream_id, None, None, None)

    def _give(self, interaction_id: str, *link: Any) -> None:
        row = self._contributions.get(interaction_id)
        if row is not None:
            row[1], row[7], row[8] = link
        else:
            self._changes.append((RELINK, (*link, interaction_id)))

    def _claim(self, event: Recorded, fact: IdentifierClaimed) -> None:
        self._changes.append((INSERT_CLAIM, _claim(event, fact)))

    def _verify(self, event: Recorded, fact: IdentifierVerified) -> None:
        self._changes.append((VERIFY, (event.stream_id, fact.contact_id)))

    def _release(self, event: Recorded, fact: IdentifierReleased) -> None:
        released = (instant_text(event.header.valid_from), event.stream_id, fact.contact_id)
        self._changes.append((RELEASE, released))

    def _share(self, event: Recorded, _: IdentifierShared) -> None:
        self._changes.append((SHARE, (event.stream_id,)))

    def _unshare(self, event: Recorded, _: IdentifierUnshared) -> None:
        self._changes.append((UNSHARE, (event.stream_id,)))

    def _reassign(self, event: Recorded, fact: IdentifierReassigned) -> None:
        moved = (fact.contact_id, event.stream_id, fact.from_contact_id, fact.interaction_id)
        self._changes.append((REASSIGN, moved))

    def _choose(self, event: Recorded, fact: ContactMerged) -> None:
        if isinstance(fact.personal, MergePersonal):
            for name, value in sorted(fact.personal.choices.items()):
                row = (fact.merge_id, name, value, event.stream_id, event.position)
                self._changes.append((CHOOSE, row))

    follows: ClassVar[Follows] = {
        ContactMerged: _choose,
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
        IdentifierClaimed: _claim,
        IdentifierVerified: _verify,
        IdentifierReleased: _release,
        IdentifierShared: _share,
        IdentifierUnshared: _unshare,
        IdentifierReassigned: _reassign,
    }

    def write(self) -> None:
        """Write contributions, then what changes them."""
        self.views.executemany(
            "INSERT INTO profile_contribution VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            self._contributions.values(),
        )
        for statement, run in groupby(self._changes, key=lambda change: change[0]):
            self.views.executemany(statement, [parameters for _, parameters in run])


class ProfileProjection(Projection):
    """Contributions and claims by member contact, and the values chosen when contacts were merged."""

    name: ClassVar[str] = "profile"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = ProfileRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("profile_contribution", CONTRIBUTION, ("interaction_id",)),
        Table("profile_claim", CLAIM, ("identifier_id", "contact_id", "valid_from")),
        Table(
            "profile_choice",
            CHOICE,
            ("merge_id", "field"),
            frozenset({"merge_id", "contact_id", "position"}),
            state=STILL_RESTS,
        ),
    )


def _contribution(event: Recorded, received: InteractionReceived) -> list[Any]:
    personal = received.personal
    known = personal if not isinstance(personal, Erased) else None
    return [
        event.stream_id,
        None,
        known.source if known else None,
        known.id if known else None,
        received.channel,
        received.direction,
        instant_text(event.header.valid_from),
        None,
        None,
        orjson.dumps(known.profile if known else {}, option=orjson.OPT_SORT_KEYS).decode(),
        orjson.dumps(
            [
                {"type": one.type, "value": one.normalised or one.value, "raw": one.value}
                for one in (known.identifiers if known else ())
            ]
        ).decode(),
    ]


def _claim(event: Recorded, claimed: IdentifierClaimed) -> tuple[Any, ...]:
    personal = claimed.personal
    known = personal if not isinstance(personal, Erased) else None
    return (
        event.stream_id,
        claimed.contact_id,
        instant_text(event.header.valid_from),
        instant_text(claimed.valid_to) if claimed.valid_to else None,
        claimed.interaction_id,
        int(claimed.verified),
        known.type if known else None,
        known.scope if known else None,
        known.value if known else None,
        known.raw if known else None,
    )
