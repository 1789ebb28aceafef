"""Reading notes: those of a contact, with their history, and contacts by what their notes say."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import orjson
from msgspec import Struct

from aggregates.values import ContactId, NoteId
from projections.sql import Connection

OWNER = (
    "COALESCE((SELECT contact_id FROM profile_contribution p "
    "WHERE p.interaction_id = n.interaction_id), n.stream_id)"
)
"""Where a note is read: with its interaction, if that has a contact, else where it was written."""

OF_A_CONTACT = "n.stream_id IN (SELECT contact_id FROM identity_contact)"


class NoteWord(Struct, frozen=True):
    """Something that was done to a note (`added`, `changed`, `removed`), when it became true (UTC
    text) and by whom; `text` is what the note says from then on, or why it was removed."""

    did: str
    text: str | None
    time: str
    actor: str


class ContactNote(Struct, frozen=True):
    """A note of a contact: what it says now, and everything that was done to it, oldest first.

    `contact_id` is the member that it was written on; `text` is None once it is erased.
    """

    note_id: NoteId
    contact_id: ContactId
    text: str | None
    interaction_id: str | None
    is_removed: bool
    words: tuple[NoteWord, ...]


def notes_of(
    views: Connection, members: Sequence[ContactId], *, removed: bool = False
) -> tuple[ContactNote, ...]:
    """Return the notes of an identity, the oldest first; with `removed` also those taken away."""
    rows = views.execute(
        "SELECT w.note_id, w.stream_id, n.interaction_id, w.did, w.text, w.time, w.actor "
        "FROM note_word n JOIN note_word w ON w.note_id = n.note_id AND w.stream_id = n.stream_id "
        f"WHERE n.did = 'added' AND {OF_A_CONTACT} "
        f"AND {OWNER} IN (SELECT value FROM json_each(?)) "
        "ORDER BY n.time, w.note_id, w.version",
        (orjson.dumps(members).decode(),),
    ).fetchall()
    notes = [_note(list(words)) for _, words in groupby(rows, key=lambda row: row[0])]
    return tuple(note for note in notes if removed or not note.is_removed)


def place_of(views: Connection, note_id: str) -> ContactId | None:
    """Return the contact that a note was written on, None where it is no note of a contact."""
    row = views.execute(
        f"SELECT stream_id FROM note_word n WHERE note_id = ? AND {OF_A_CONTACT}", (note_id,)
    ).fetchone()
    return ContactId(row[0]) if row is not None else None


def contacts_whose_notes_say(views: Connection, pattern: str) -> set[str]:
    """Return the canonical ids of contacts with a note that says this now.

    Args:
        views: the view file.
        pattern: of LIKE, folded, with a backslash before wildcards that are meant as they are.
    """
    rows = views.execute(
        f"SELECT DISTINCT i.canonical_id FROM note_word n JOIN identity_contact i "
        f"ON i.contact_id = {OWNER} WHERE n.did = 'added' AND {OF_A_CONTACT} AND ("
        "SELECT folded FROM note_word last WHERE last.note_id = n.note_id "
        "ORDER BY version DESC LIMIT 1) LIKE ? ESCAPE '\\'",
        (pattern,),
    )
    return {canonical for (canonical,) in rows}


def _note(rows: list[tuple[Any, ...]]) -> ContactNote:
    note_id, contact_id, interaction_id, *_ = rows[0]
    words = tuple(NoteWord(*row[3:]) for row in rows)
    said = [word for word in words if word.did != "removed"]
    is_removed = words[-1].did == "removed"
    return ContactNote(note_id, contact_id, said[-1].text, interaction_id, is_removed, words)
