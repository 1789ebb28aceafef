"""One row for each time that a note was written, changed or removed.

A note stands in the stream of what it is a note on. One that was written during an interaction is read
where the interaction is now, so a corrected link takes it along and moves no row.
"""

from typing import Any, ClassVar

from aggregates.notes import NoteAdded, NoteChanged, NoteGiven, NoteRemoved, NoteTakenOver
from aggregates.values import Erased, instant_text
from matchers.text import fold
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import Connection, upsert

SCHEMA = """
CREATE TABLE note_word (
    note_id TEXT NOT NULL,
    version INTEGER NOT NULL, -- of its stream
    stream_id TEXT NOT NULL,
    did TEXT NOT NULL, -- added, changed or removed
    text TEXT, -- what it says from then on, or why it was removed
    folded TEXT,
    interaction_id TEXT,
    time TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (note_id, version)
) WITHOUT ROWID;
CREATE INDEX note_of ON note_word (stream_id) WHERE did = 'added';
CREATE INDEX note_of_interaction ON note_word (interaction_id) WHERE interaction_id IS NOT NULL;
"""
COLUMNS = (
    "note_id", "version", "stream_id", "did", "text", "folded", "interaction_id", "time", "actor",
)  # fmt: skip


class NoteRows(Rows):
    """Rows in bulk; nothing changes a row."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._rows: list[tuple[Any, ...]] = []

    def _add(self, event: Recorded, fact: NoteAdded) -> None:
        text = None if isinstance(fact.personal, Erased) else fact.personal.text
        self._note(event, fact.note_id, "added", text, fact.interaction_id)

    def _change(self, event: Recorded, fact: NoteChanged) -> None:
        text = None if isinstance(fact.personal, Erased) else fact.personal.text
        self._note(event, fact.note_id, "changed", text)

    def _remove(self, event: Recorded, fact: NoteRemoved) -> None:
        known = fact.personal if not isinstance(fact.personal, Erased) else None
        self._note(event, fact.note_id, "removed", known.reason if known else None)

    def _give(self, event: Recorded, fact: NoteGiven) -> None:
        self._note(event, fact.note_id, "removed", None)

    def _take_over(self, event: Recorded, fact: NoteTakenOver) -> None:
        text = None if isinstance(fact.personal, Erased) else fact.personal.text
        self._note(event, fact.note_id, "added", text, author=fact.author)

    def _note(
        self,
        event: Recorded,
        note_id: str,
        did: str,
        text: str | None,
        interaction_id: str | None = None,
        author: str | None = None,
    ) -> None:
        folded = fold(text) if text is not None and did != "removed" else None
        moment = instant_text(event.header.valid_from)
        place = (note_id, event.version, event.stream_id)
        said = (did, text, folded, interaction_id, moment, author or event.header.actor)
        self._rows.append((*place, *said))

    follows: ClassVar[Follows] = {
        NoteAdded: _add,
        NoteChanged: _change,
        NoteRemoved: _remove,
        NoteGiven: _give,
        NoteTakenOver: _take_over,
    }

    def write(self) -> None:
        """Write the rows."""
        self.views.executemany(upsert("note_word", COLUMNS, ("note_id", "version")), self._rows)


class NotesProjection(Projection):
    """Notes, by id and version."""

    name: ClassVar[str] = "notes"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = NoteRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("note_word", COLUMNS, ("note_id", "version"), frozenset({"note_id"})),
    )
