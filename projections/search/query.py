"""Finding contacts by text."""

from collections.abc import Collection

import orjson
from msgspec import Struct

from aggregates.case_facts import number_of, number_text
from matchers.text import fold
from projections.base import ID
from projections.cases.query import contact_of_case
from projections.identity.query import find_identity
from projections.notes.query import contacts_whose_notes_say, notes_of
from projections.search.by_hand import TAKEN_AWAY
from projections.sql import Connection, dialect_of

NOTE = "note"
"""The field under which notes are searched."""
CASE = "case"
"""The field under which a contact is searched by the number of a case."""


class SearchHit(Struct, frozen=True):
    """A contact that has every word looked for, and the values that matched, by field."""

    contact_id: str
    stage: str
    division: str
    matched: tuple[tuple[str, str], ...]
    presence: str = "live"


def search_contacts(
    views: Connection,
    text: str,
    *,
    field: str | None = None,
    stages: Collection[str] = (),
    presences: Collection[str] = ("live",),
    divisions: Collection[str] | None = None,
    limit: int = 20,
) -> list[SearchHit]:
    """Return contacts in which each word of `text` occurs, as a whole or a part of a word.

    An id finds the contact that it stands for now, also one that was merged into another.

    Args:
        views: the view file.
        text: words, an id, or a case number, which finds the contact of the case; a word with a
            quote or a wildcard is taken as it is written.
        field: look in this profile field or identifier type only; `note` looks in notes, which are
            not searched otherwise.
        stages: return contacts of these stages only; empty for all.
        presences: live contacts, and expired or deleted ones only if asked for.
        divisions: return contacts of these divisions only; None for all.
        limit: at most this many, whole matches first.
    """
    number = number_of(text)
    if number is not None and field in (None, CASE):
        return _of_case(views, number, stages, divisions)
    terms = fold(text).split()
    if not terms:
        return []
    named = _named(views, text.strip().lower())
    if named is not None:
        return [named] if divisions is None or named.division in divisions else []
    holding: set[str] | None = None
    for term in terms:
        contacts = _contacts_with(views, term, field, among=holding)
        holding = contacts if holding is None else holding & contacts
        if not holding:
            return []
    found = [_found(views, contact_id, terms, field) for contact_id in sorted(holding or ())]
    wanted = [
        one
        for one in found
        if one.presence in presences
        and (not stages or one.stage in stages)
        and (divisions is None or one.division in divisions)
    ]
    wanted.sort(key=lambda one: (-_whole_matches(one, terms), one.contact_id))
    return wanted[:limit]


def is_field(views: Connection, field: str) -> bool:
    """Tell whether anybody ever said a value of a field, or an identifier of a type."""
    row = views.execute("SELECT 1 FROM search_value WHERE field = ? LIMIT 1", (field,)).fetchone()
    return row is not None


def _named(views: Connection, text: str) -> SearchHit | None:
    """Return the contact of an id that was ever issued; None where the text is none."""
    identity = find_identity(views, text) if ID.fullmatch(text) else None
    if identity is None:
        return None
    matched = (("id", text),)
    return SearchHit(
        identity.canonical_id, identity.stage, identity.division, matched, identity.presence
    )


def _of_case(
    views: Connection, number: int, stages: Collection[str], divisions: Collection[str] | None
) -> list[SearchHit]:
    contact_id = contact_of_case(views, number)
    identity = find_identity(views, contact_id) if contact_id is not None else None
    if (
        identity is None
        or (stages and identity.stage not in stages)
        or (divisions is not None and identity.division not in divisions)
    ):
        return []
    matched = ((CASE, number_text(number)),)
    return [SearchHit(identity.canonical_id, identity.stage, identity.division, matched)]


def _contacts_with(
    views: Connection, term: str, field: str | None, among: set[str] | None
) -> set[str]:
    pattern = f"%{_escaped(term)}%"
    if field == NOTE:
        contacts = contacts_whose_notes_say(views, pattern)
        return contacts if among is None else contacts & among
    by_trigrams = dialect_of(views) == "sqlite" and _has_trigram(term)
    values = (
        "search_text t JOIN search_value v ON v.number = t.rowid"
        if by_trigrams
        else "search_value v"
    )
    text = "t.text LIKE ?" if by_trigrams else "v.text LIKE ? ESCAPE '\\'"
    rows = views.execute(
        f"SELECT DISTINCT i.canonical_id FROM {values} JOIN identity_contact i USING (contact_id) "
        f"WHERE {text} AND v.said > 0 AND (CAST(? AS TEXT) IS NULL OR v.field = ?) AND NOT {TAKEN_AWAY}",
        (pattern, field, field),
    )
    contacts = {contact_id for (contact_id,) in rows}
    return contacts if among is None else contacts & among


def _found(views: Connection, canonical: str, terms: list[str], field: str | None) -> SearchHit:
    identity = find_identity(views, canonical)
    assert identity is not None
    if field == NOTE:
        texts = (fold(note.text or "") for note in notes_of(views, identity.members))
        saying = tuple((NOTE, text) for text in texts if any(term in text for term in terms))
        return SearchHit(canonical, identity.stage, identity.division, saying)
    rows = views.execute(
        "SELECT DISTINCT v.field, v.text FROM search_value v "
        "JOIN identity_contact i USING (contact_id) "
        "WHERE v.contact_id IN (SELECT value FROM json_each(?)) "
        f"AND v.said > 0 AND (CAST(? AS TEXT) IS NULL OR v.field = ?) AND NOT {TAKEN_AWAY} "
        "ORDER BY v.field, v.text",
        (orjson.dumps(identity.members).decode(), field, field),
    )
    matched = tuple((name, text) for name, text in rows if any(term in text for term in terms))
    return SearchHit(canonical, identity.stage, identity.division, matched, identity.presence)


def _whole_matches(found: SearchHit, terms: list[str]) -> int:
    words = {word for _, text in found.matched for word in (text, *text.split())}
    return sum(term in words for term in terms)


def _has_trigram(term: str) -> bool:
    # FTS5 counts bytes where it should count characters: a Japanese name of two characters looks
    # long enough to it, and is then never found.
    return len(term) >= 3 and not _has_wildcard(term)


def _has_wildcard(term: str) -> bool:
    return any(sign in term for sign in "%_\\")


def _escaped(term: str) -> str:
    if not _has_wildcard(term):
        return term
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
