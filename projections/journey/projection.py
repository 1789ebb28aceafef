"""One row for each interaction as it stands, one for each of its changes, and who was given it."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

import orjson

from aggregates.change import ChangePersonal, InteractionChanged
from aggregates.division import ContactMoved
from aggregates.interaction import (
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Erased, instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import Connection

SCHEMA = """
CREATE TABLE journey_interaction (
    interaction_id TEXT PRIMARY KEY,
    contact_id TEXT, -- the member contact that it is linked to
    division TEXT NOT NULL, -- where it was received, until its contact moves
    source TEXT,
    id TEXT,
    channel TEXT NOT NULL,
    direction TEXT NOT NULL,
    time TEXT NOT NULL,
    session TEXT,
    identifiers TEXT NOT NULL -- JSON array of [type, value]
) WITHOUT ROWID;
CREATE INDEX journey_interaction_of ON journey_interaction (contact_id, time);
CREATE INDEX journey_interaction_at ON journey_interaction (time);
CREATE TABLE journey_change (
    interaction_id TEXT NOT NULL,
    version INTEGER NOT NULL, -- place in the interaction's stream
    kind TEXT NOT NULL,
    time TEXT NOT NULL,
    agent TEXT,
    to_agent TEXT,
    to_queue TEXT,
    direction TEXT,
    said TEXT NOT NULL, -- JSON object: identifiers, profile, mail, attributes, reason
    PRIMARY KEY (interaction_id, version)
) WITHOUT ROWID;
CREATE TABLE journey_agent (
    agent TEXT NOT NULL,
    interaction_id TEXT NOT NULL,
    PRIMARY KEY (agent, interaction_id)
) WITHOUT ROWID;
"""
INTERACTION = (
    "interaction_id", "contact_id", "division", "source", "id", "channel", "direction", "time",
    "session", "identifiers",
)  # fmt: skip
CHANGE = (
    "interaction_id", "version", "kind", "time", "agent", "to_agent", "to_queue", "direction",
    "said",
)  # fmt: skip
LINK = "UPDATE journey_interaction SET contact_id = ? WHERE interaction_id = ?"
MOVE = "UPDATE journey_interaction SET division = ? WHERE contact_id = ?"
GIVING = {"accepted": "agent", "transferred": "to_agent"}
"""Changes that give an agent the interaction, and where the agent stands in them."""


class JourneyRows(Rows):
    """New interactions in bulk, then links and changes."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._interactions: dict[str, list[Any]] = {}
        self._later: list[tuple[str, tuple[str | None, str]]] = []
        self._corrected: list[tuple[str, str]] = []
        self._changes: list[tuple[Any, ...]] = []
        self._agents: list[tuple[str, str]] = []

    def _receive(self, event: Recorded, fact: InteractionReceived) -> None:
        known = fact.personal if isinstance(fact.personal, InteractionPersonal) else None
        self._interactions[event.stream_id] = [
            event.stream_id,
            None,
            fact.division,
            known.source if known else None,
            known.id if known else None,
            fact.channel,
            fact.direction,
            instant_text(event.header.valid_from),
            known.session if known else None,
            _identifiers(known),
        ]

    def _link(self, event: Recorded, fact: InteractionLinked) -> None:
        self._give(event.stream_id, fact.contact_id)

    def _unlink(self, event: Recorded, _: InteractionUnlinked) -> None:
        self._give(event.stream_id, None)

    def _give(self, interaction_id: str, contact_id: str | None) -> None:
        row = self._interactions.get(interaction_id)
        if row is not None:
            row[1] = contact_id
        else:
            self._later.append((LINK, (contact_id, interaction_id)))

    def _move(self, event: Recorded, fact: ContactMoved) -> None:
        for row in self._interactions.values():
            if row[1] == event.stream_id:
                row[2] = fact.division
        self._later.append((MOVE, (fact.division, event.stream_id)))

    def _change(self, event: Recorded, fact: InteractionChanged) -> None:
        change, said = fact.change, fact.personal
        self._changes.append(
            (
                event.stream_id,
                event.version,
                change.kind,
                instant_text(event.header.valid_from),
                change.agent,
                change.to_agent,
                change.to_queue,
                change.direction,
                _said(said),
            )
        )
        given = getattr(change, GIVING[change.kind]) if change.kind in GIVING else None
        if given is not None:
            self._agents.append((given, event.stream_id))
        if change.kind == "corrected" and isinstance(said, ChangePersonal):
            self._corrected.append((_identifiers(said), event.stream_id))

    follows: ClassVar[Follows] = {
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
        InteractionChanged: _change,
        ContactMoved: _move,
    }

    def write(self) -> None:
        """Write interactions, then what became of them."""
        views = self.views
        views.executemany(
            "INSERT INTO journey_interaction VALUES (?,?,?,?,?,?,?,?,?,?)",
            self._interactions.values(),
        )
        for statement, rows in groupby(self._later, key=itemgetter(0)):
            views.executemany(statement, [given for _, given in rows])
        views.executemany(
            "UPDATE journey_interaction SET identifiers = ? WHERE interaction_id = ?",
            self._corrected,
        )
        views.executemany("INSERT INTO journey_change VALUES (?,?,?,?,?,?,?,?,?)", self._changes)
        views.executemany("INSERT OR IGNORE INTO journey_agent VALUES (?,?)", self._agents)


class JourneyProjection(Projection):
    """Interactions and their changes."""

    name: ClassVar[str] = "journey"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = JourneyRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("journey_interaction", INTERACTION, ("interaction_id",)),
        Table("journey_change", CHANGE, ("interaction_id", "version"), frozenset({"version"})),
        Table("journey_agent", ("agent", "interaction_id"), ("agent", "interaction_id")),
    )


def _identifiers(said: InteractionPersonal | ChangePersonal | None) -> str:
    given: Iterable[Any] = said.identifiers if said is not None else ()
    return orjson.dumps([[one.type, one.normalised or one.value] for one in given]).decode()


def _said(said: ChangePersonal | Erased) -> str:
    if isinstance(said, Erased):
        return "{}"
    told = {
        "identifiers": [[one.type, one.normalised or one.value] for one in said.identifiers],
        "profile": said.profile,
        "mail": orjson.loads(said.mail) if said.mail is not None else None,
        "attributes": orjson.loads(said.attributes) if said.attributes is not None else None,
        "reason": said.reason,
    }
    kept = {name: value for name, value in told.items() if value}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
