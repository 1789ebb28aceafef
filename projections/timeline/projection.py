"""One row for each event of a contact, of its identifiers and of the interactions linked to it.

The rows point into the log and copy nothing personal out of it: a reader of a history decodes the
events themselves, so erasure needs nothing here.
"""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, ClassVar

from aggregates.contact import ContactCreated, ContactFact
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierReleased,
    IdentifierShared,
    IdentifierVerified,
)
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import ContactId, instant_text
from projections.base import Projection, Recorded, Table

SCHEMA = """
CREATE TABLE timeline_entry (
    contact_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    topic TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    PRIMARY KEY (contact_id, position)
) WITHOUT ROWID;
CREATE TABLE timeline_interaction (
    interaction_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    valid_from TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE timeline_holder (
    identifier_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    PRIMARY KEY (identifier_id, contact_id)
) WITHOUT ROWID;
"""
Entry = tuple[str, int, str, str, str]


class TimelineProjection(Projection):
    """Entries by contact and position."""

    name: ClassVar[str] = "timeline"
    schema: ClassVar[str] = SCHEMA
    tables: ClassVar[tuple[Table, ...]] = (
        Table(
            "timeline_entry",
            ("contact_id", "position", "topic", "stream_id", "valid_from"),
            ("contact_id", "position"),
            frozenset({"position"}),
        ),
        Table(
            "timeline_interaction",
            ("interaction_id", "position", "valid_from"),
            ("interaction_id",),
            frozenset({"position"}),
        ),
        Table("timeline_holder", ("identifier_id", "contact_id"), ("identifier_id", "contact_id")),
    )

    def apply(self, views: Connection, events: Sequence[Recorded]) -> None:
        """Add entries; an interaction brings its receipt along to each contact it is linked to."""
        entries: list[Entry] = []
        received: dict[str, tuple[str, int, str]] = {}
        holders: list[tuple[str, str]] = []
        for event in events:
            match event.fact:  # the most frequent first
                case InteractionReceived():
                    moment = instant_text(event.header.valid_from)
                    received[event.stream_id] = (event.stream_id, event.position, moment)
                case InteractionLinked(contact_id=contact_id):
                    receipt = received.get(event.stream_id) or _receipt(views, event.stream_id)
                    if receipt is not None:
                        interaction_id, position, moment = receipt
                        entries.append(
                            (
                                contact_id,
                                position,
                                InteractionReceived.TOPIC,
                                interaction_id,
                                moment,
                            )
                        )
                    entries.append(_entry(contact_id, event))
                case IdentifierClaimed(contact_id=contact_id):
                    holders.append((event.stream_id, contact_id))
                    entries.append(_entry(contact_id, event))
                case ContactCreated():
                    entries.append(_entry(ContactId(event.stream_id), event))
                case InteractionUnlinked(contact_id=contact_id):
                    entries.append(_entry(contact_id, event))
                case InteractionHeldForReview(contact_id=contact_id, proposed=proposed):
                    entries += [_entry(contact_id, event), _entry(proposed, event)]
                case (
                    IdentifierVerified(contact_id=contact_id)
                    | IdentifierReleased(contact_id=contact_id)
                ):
                    entries.append(_entry(contact_id, event))
                case IdentifierShared():
                    known = {holder for stream, holder in holders if stream == event.stream_id}
                    known |= _holders(views, event.stream_id)
                    entries += [_entry(ContactId(holder), event) for holder in sorted(known)]
                case _ if isinstance(event.fact, ContactFact):
                    entries.append(_entry(ContactId(event.stream_id), event))
        views.executemany("INSERT INTO timeline_interaction VALUES (?,?,?)", received.values())
        views.executemany("INSERT OR IGNORE INTO timeline_holder VALUES (?,?)", holders)
        views.executemany("INSERT OR IGNORE INTO timeline_entry VALUES (?,?,?,?,?)", entries)


def positions_of(views: Connection, contact_id: ContactId, until: int | None = None) -> list[int]:
    """Return the log positions that made a contact what it is, up to `until`, in order."""
    rows: list[Any] = views.execute(
        "SELECT position FROM timeline_entry WHERE contact_id = ? AND position <= ? "
        "ORDER BY position",
        (contact_id, until if until is not None else 1 << 62),
    ).fetchall()
    return [position for (position,) in rows]


def _entry(contact_id: ContactId, event: Recorded) -> Entry:
    moment = instant_text(event.header.valid_from)
    return contact_id, event.position, event.fact.TOPIC, event.stream_id, moment


def _receipt(views: Connection, interaction_id: str) -> tuple[str, int, str] | None:
    found: tuple[str, int, str] | None = views.execute(
        "SELECT interaction_id, position, valid_from FROM timeline_interaction "
        "WHERE interaction_id = ?",
        (interaction_id,),
    ).fetchone()
    return found


def _holders(views: Connection, identifier_id: str) -> set[str]:
    rows = views.execute(
        "SELECT contact_id FROM timeline_holder WHERE identifier_id = ?", (identifier_id,)
    )
    return {contact_id for (contact_id,) in rows}
