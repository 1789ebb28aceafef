"""Finding contacts by text."""

from collections.abc import Collection
from dataclasses import dataclass
from sqlite3 import Connection

import orjson

from aggregates.case_facts import number_of, number_text
from matchers.text import fold
from projections.cases.query import contact_of_case
from projections.identity.query import find_identity


@dataclass(frozen=True, slots=True)
class Found:
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
) -> list[Found]:
    """Return contacts in which each word of `text` occurs, as a whole or a part of a word.

    Args:
        views: the view file.
        text: words; a word with a quote or a wildcard is taken as it is written. A case number finds
            the contact of the case.
        field: look in this profile field or identifier type only.
        stages: return contacts of these stages only; empty for all.
        presences: live contacts, and expired or deleted ones only if asked for.
        divisions: return contacts of these divisions only; None for all.
        limit: at most this many, whole matches first.
    """
    number = number_of(text)
    if number is not None and field in (None, "case"):
        return _of_case(views, number, stages, divisions)
    terms = fold(text).split()
    if not terms:
        return []
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


def _of_case(
    views: Connection, number: int, stages: Collection[str], divisions: Collection[str] | None
) -> list[Found]:
    contact_id = contact_of_case(views, number)
    identity = find_identity(views, contact_id) if contact_id is not None else None
    if (
        identity is None
        or (stages and identity.stage not in stages)
        or (divisions is not None and identity.division not in divisions)
    ):
        return []
    matched = (("case", number_text(number)),)
    return [Found(identity.canonical_id, identity.stage, identity.division, matched)]


def _contacts_with(
    views: Connection, term: str, field: str | None, among: set[str] | None
) -> set[str]:
    rows = views.execute(
        "SELECT DISTINCT i.canonical_id FROM search_text t "
        "JOIN search_value v ON v.number = t.rowid JOIN identity_contact i USING (contact_id) "
        "WHERE t.text LIKE ? AND v.said > 0 AND (? IS NULL OR v.field = ?)"
        if _has_trigram(term)
        else "SELECT DISTINCT canonical_id FROM search_value JOIN identity_contact USING (contact_id) "
        "WHERE text LIKE ? ESCAPE '\\' AND said > 0 AND (? IS NULL OR field = ?)",
        (f"%{_escaped(term)}%", field, field),
    )
    contacts = {contact_id for (contact_id,) in rows}
    return contacts if among is None else contacts & among


def _found(views: Connection, canonical: str, terms: list[str], field: str | None) -> Found:
    identity = find_identity(views, canonical)
    assert identity is not None
    rows = views.execute(
        "SELECT DISTINCT field, text FROM search_value "
        "WHERE contact_id IN (SELECT value FROM json_each(?)) "
        "AND said > 0 AND (? IS NULL OR field = ?) ORDER BY field, text",
        (orjson.dumps(identity.members).decode(), field, field),
    )
    matched = tuple((name, text) for name, text in rows if any(term in text for term in terms))
    return Found(canonical, identity.stage, identity.division, matched, identity.presence)


def _whole_matches(found: Found, terms: list[str]) -> int:
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
