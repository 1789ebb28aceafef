"""The rows of the profile: what each interaction contributes, and what each contact holds.

A contribution keeps the values of one interaction and points at its contact; the profile itself is
folded when it is read. A corrected link moves one pointer and takes every value along.
"""

from itertools import groupby
from typing import Any, ClassVar

import orjson

from aggregates.augmentation import ContactAugmentationReverted, ContactAugmented
from aggregates.change import ChangePersonal, InteractionChanged
from aggregates.contact import ContactMerged, MergePersonal
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierTransferred,
    IdentifierUnshared,
)
from aggregates.interaction import (
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import Erased, instant_text
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.identity.projection import STILL_RESTS
from projections.profile.claims import (
    CLAIM,
    DESCRIBE,
    INSERT_CLAIM,
    MAKE_ROOM,
    REASSIGN,
    RECLAIM,
    RELEASE,
    SHARE,
    UNSHARE,
    VERIFY,
    WITHDRAW,
    claim_row,
)
from projections.sql import Connection, upsert

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
CREATE TABLE profile_message (
    interaction_id TEXT NOT NULL,
    version INTEGER NOT NULL, -- place in the interaction's stream
    time TEXT NOT NULL,
    profile TEXT NOT NULL, -- JSON object
    PRIMARY KEY (interaction_id, version)
) WITHOUT ROWID;
CREATE TABLE profile_claim (
    identifier_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    interaction_id TEXT,
    verified BOOLEAN NOT NULL,
    verified_by TEXT, -- the interaction that shows it, NULL where a person said so
    shared BOOLEAN NOT NULL DEFAULT FALSE,
    type TEXT,
    scope TEXT,
    value TEXT,
    raw TEXT,
    label TEXT,
    described INTEGER NOT NULL DEFAULT 0, -- log position of its last description
    is_primary BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (identifier_id, contact_id, valid_from)
) WITHOUT ROWID;
CREATE INDEX profile_claim_of ON profile_claim (contact_id);
CREATE TABLE profile_by_hand (
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    removed BOOLEAN NOT NULL, -- whether the last word of a person on the value is that it is wrong
    position INTEGER NOT NULL, -- log position of that word; of one save the last value wins
    place INTEGER NOT NULL,
    time TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (contact_id, field, value)
) WITHOUT ROWID;
CREATE TABLE profile_augmented (
    augmentation_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    position INTEGER NOT NULL,
    time TEXT NOT NULL,
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (augmentation_id, place)
) WITHOUT ROWID;
CREATE INDEX profile_augmented_of ON profile_augmented (contact_id);
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
BY_HAND = ("contact_id", "field", "value", "removed", "position", "place", "time", "actor")
AUGMENTED = (
    "augmentation_id", "place", "contact_id", "field", "value", "position", "time", "actor",
    "source", "reference",
)  # fmt: skip
INSERT_AUGMENTED = upsert("profile_augmented", AUGMENTED, AUGMENTED[:2])
REVERT_AUGMENTED = "DELETE FROM profile_augmented WHERE augmentation_id = ?"
REPLACE_BY_HAND = "DELETE FROM profile_by_hand WHERE contact_id = ? AND field = ? AND NOT removed"
FORGET_BY_HAND = "DELETE FROM profile_by_hand WHERE contact_id = ? AND field = ?"
INSERT_BY_HAND = upsert("profile_by_hand", BY_HAND, BY_HAND[:3])
CHOICE = ("merge_id", "field", "value", "contact_id", "position")
MESSAGE = ("interaction_id", "version", "time", "profile")
CORRECT = "UPDATE profile_contribution SET profile = ?, identifiers = ? WHERE interaction_id = ?"
INSERT_MESSAGE = "INSERT INTO profile_message VALUES (?,?,?,?)"
RELINK = (
    "UPDATE profile_contribution SET contact_id = ?, decision = ?, weight = ? "
    "WHERE interaction_id = ?"
)
CHOOSE = upsert("profile_choice", CHOICE, CHOICE[:2])


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

    def _change(self, event: Recorded, fact: InteractionChanged) -> None:
        """A message adds to what its interaction says; a correction replaces that."""
        said = fact.personal
        if isinstance(said, Erased):
            return
        profile, identifiers = _said(said)
        row = self._contributions.get(event.stream_id)
        if fact.change.kind == "corrected" and row is not None:
            row[9], row[10] = profile, identifiers
        elif fact.change.kind == "corrected":
            self._changes.append((CORRECT, (profile, identifiers, event.stream_id)))
        elif said.profile:
            moment = instant_text(event.header.valid_from)
            message = (event.stream_id, event.version, moment, profile)
            self._changes.append((INSERT_MESSAGE, message))

    def _give(self, interaction_id: str, *link: Any) -> None:
        row = self._contributions.get(interaction_id)
        if row is not None:
            row[1], row[7], row[8] = link
        else:
            self._changes.append((RELINK, (*link, interaction_id)))

    def _claim(self, event: Recorded, fact: IdentifierClaimed) -> None:
        self._changes.append((INSERT_CLAIM, claim_row(event, fact)))

    def _verify(self, event: Recorded, fact: IdentifierVerified) -> None:
        self._changes.append((VERIFY, (event.stream_id, fact.contact_id, fact.interaction_id)))

    def _unverify(self, event: Recorded, fact: IdentifierVerificationWithdrawn) -> None:
        still = (fact.still_by is not None, fact.still_by)
        whose = (event.stream_id, fact.contact_id, fact.interaction_id)
        self._changes.append((WITHDRAW, (*still, *whose)))

    def _release(self, event: Recorded, fact: IdentifierReleased) -> None:
        released = (instant_text(event.header.valid_from), event.stream_id, fact.contact_id)
        self._changes.append((RELEASE, released))

    def _reclaim(self, event: Recorded, fact: IdentifierReclaimed) -> None:
        ended = instant_text(fact.ended)
        self._changes.append((RECLAIM, (event.stream_id, fact.contact_id, ended)))

    def _transfer(self, event: Recorded, fact: IdentifierTransferred) -> None:
        moment = instant_text(event.header.valid_from)
        self._changes.append((RELEASE, (moment, event.stream_id, fact.from_contact_id)))
        self._changes.append((INSERT_CLAIM, claim_row(event, fact)))

    def _describe(self, event: Recorded, fact: IdentifierDescribed) -> None:
        known = fact.personal if not isinstance(fact.personal, Erased) else None
        said = (known.label if known else None, fact.primary, event.position)
        self._changes.append((DESCRIBE, (*said, event.stream_id, fact.contact_id)))

    def _share(self, event: Recorded, _: IdentifierShared) -> None:
        self._changes.append((SHARE, (event.stream_id,)))

    def _unshare(self, event: Recorded, _: IdentifierUnshared) -> None:
        self._changes.append((UNSHARE, (event.stream_id,)))

    def _edit(self, event: Recorded, fact: ContactEdited) -> None:
        if isinstance(fact.personal, Erased):
            return
        moment, actor = instant_text(event.header.valid_from), event.header.actor
        for name in fact.personal.set:
            self._changes.append((REPLACE_BY_HAND, (event.stream_id, name)))
        given = [(name, value) for name, value in fact.personal.set.items()]
        given += [(n, value) for n, values in fact.personal.added.items() for value in values]
        gone = [(n, value) for n, values in fact.personal.removed.items() for value in values]
        for removed, changed in ((False, given), (True, gone)):
            for place, (name, value) in enumerate(changed):
                said = (removed, event.position, place, moment, actor)
                self._changes.append((INSERT_BY_HAND, (event.stream_id, name, value, *said)))

    def _withdraw(self, event: Recorded, fact: ContactEditWithdrawn) -> None:
        """Let each field that a save changed say what it says without it."""
        if isinstance(fact.personal, Erased):
            return
        for name, words in fact.personal.words.items():
            self._changes.append((FORGET_BY_HAND, (event.stream_id, name)))
            for place, word in enumerate(words):
                time, removed = instant_text(word.time), word.removed
                said = (removed, event.position, place, time, word.actor)
                self._changes.append((INSERT_BY_HAND, (event.stream_id, name, word.value, *said)))

    def _augment(self, event: Recorded, fact: ContactAugmented) -> None:
        if isinstance(fact.personal, Erased):
            return
        taken = {name: (value,) for name, value in fact.personal.set.items()} | fact.personal.added
        given = [(name, value) for name, values in taken.items() for value in values]
        moment, actor = instant_text(event.header.valid_from), event.header.actor
        for place, named in enumerate(given):
            head = (fact.augmentation_id, place, event.stream_id, *named)
            said = (event.position, moment, actor, fact.source, fact.personal.reference)
            self._changes.append((INSERT_AUGMENTED, (*head, *said)))

    def _revert(self, _: Recorded, fact: ContactAugmentationReverted) -> None:
        self._changes.append((REVERT_AUGMENTED, (fact.augmentation_id,)))

    def _reassign(self, event: Recorded, fact: IdentifierReassigned) -> None:
        moved = (fact.contact_id, event.stream_id, fact.from_contact_id, fact.interaction_id)
        self._changes += [(MAKE_ROOM, moved), (REASSIGN, moved)]

    def _choose(self, event: Recorded, fact: ContactMerged) -> None:
        if isinstance(fact.personal, MergePersonal):
            for name, value in sorted(fact.personal.choices.items()):
                row = (fact.merge_id, name, value, event.stream_id, event.position)
                self._changes.append((CHOOSE, row))

    follows: ClassVar[Follows] = {
        ContactEdited: _edit,
        ContactEditWithdrawn: _withdraw,
        ContactAugmented: _augment,
        ContactAugmentationReverted: _revert,
        ContactMerged: _choose,
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
        InteractionChanged: _change,
        IdentifierClaimed: _claim,
        IdentifierVerified: _verify,
        IdentifierVerificationWithdrawn: _unverify,
        IdentifierReleased: _release,
        IdentifierReclaimed: _reclaim,
        IdentifierShared: _share,
        IdentifierUnshared: _unshare,
        IdentifierReassigned: _reassign,
        IdentifierTransferred: _transfer,
        IdentifierDescribed: _describe,
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
        Table("profile_message", MESSAGE, ("interaction_id", "version"), frozenset({"version"})),
        Table(
            "profile_claim",
            CLAIM,
            ("identifier_id", "contact_id", "valid_from"),
            frozenset({"described"}),
        ),
        Table("profile_by_hand", BY_HAND, BY_HAND[:3], frozenset({"position"})),
        Table(
            "profile_augmented",
            AUGMENTED,
            ("augmentation_id", "place"),
            frozenset({"augmentation_id", "position"}),
        ),
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
        *(_said(known) if known else ("{}", "[]")),
    ]


def _said(said: InteractionPersonal | ChangePersonal) -> tuple[str, str]:
    """Return profile and identifiers as JSON."""
    identifiers = [
        {"type": one.type, "value": one.normalised or one.value, "raw": one.value}
        for one in said.identifiers
    ]
    profile = orjson.dumps(said.profile, option=orjson.OPT_SORT_KEYS)
    return profile.decode(), orjson.dumps(identifiers).decode()
