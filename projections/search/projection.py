"""Searchable values by contact: each different text once, counted by the interactions that say it.

Texts are folded as the matchers fold them, so accents, case and kana forms do not matter. The index
is FTS5's trigrams, which find a part of a word in any script.
"""

from collections import defaultdict
from collections.abc import Sequence
from sqlite3 import Connection
from typing import ClassVar

import orjson

from aggregates.contact import ContactCreated, ContactIdentified, ContactPromoted
from aggregates.interaction import (
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Erased, Stage
from matchers.text import fold
from projections.base import Projection, Recorded, Table

SCHEMA = """
CREATE TABLE search_contact (
    contact_id TEXT PRIMARY KEY,
    division TEXT NOT NULL,
    stage TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE search_interaction (
    interaction_id TEXT PRIMARY KEY,
    texts TEXT NOT NULL -- JSON array of [field, folded text]
) WITHOUT ROWID;
CREATE TABLE search_value (
    number INTEGER PRIMARY KEY,
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    text TEXT NOT NULL,
    said INTEGER NOT NULL, -- by how many linked interactions; 0 is not found
    UNIQUE (contact_id, field, text)
);
CREATE VIRTUAL TABLE search_text USING fts5(
    text, content='search_value', content_rowid='number',
    tokenize='trigram', detail='none', columnsize=0
);
"""
NOT_SEARCHED = frozenset({"language", "gender", "country"})
STAGES = {ContactIdentified.TOPIC: Stage.IDENTIFIED, ContactPromoted.TOPIC: Stage.CURATED}
Texts = list[tuple[str, str]]


class SearchProjection(Projection):
    """Values by contact, field and text."""

    name: ClassVar[str] = "search"
    schema: ClassVar[str] = SCHEMA
    tables: ClassVar[tuple[Table, ...]] = (
        Table("search_contact", ("contact_id", "division", "stage"), ("contact_id",)),
        Table("search_interaction", ("interaction_id", "texts"), ("interaction_id",)),
        Table(
            "search_value",
            ("contact_id", "field", "text", "said"),
            ("contact_id", "field", "text"),
        ),
    )

    def apply(self, views: Connection, events: Sequence[Recorded]) -> None:
        """Count each value up and down as links come and go."""
        contacts: dict[str, tuple[str, str, str]] = {}
        texts: dict[str, Texts] = {}
        said: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        raised: list[tuple[str, str]] = []
        for event in events:
            match event.fact:  # the most frequent first
                case InteractionReceived(personal=personal):
                    texts[event.stream_id] = _texts(personal)
                case InteractionLinked(contact_id=contact_id):
                    for text in _known(views, texts, event.stream_id):
                        said[(contact_id, *text)] += 1
                case ContactCreated(division=division):
                    contacts[event.stream_id] = (event.stream_id, division, Stage.EPHEMERAL.value)
                case InteractionUnlinked(contact_id=contact_id):
                    for text in _known(views, texts, event.stream_id):
                        said[(contact_id, *text)] -= 1
                case ContactIdentified() | ContactPromoted():
                    raised.append((STAGES[event.fact.TOPIC].value, event.stream_id))
        views.executemany("INSERT INTO search_contact VALUES (?,?,?)", contacts.values())
        views.executemany("UPDATE search_contact SET stage = ? WHERE contact_id = ?", raised)
        views.executemany(
            "INSERT INTO search_interaction VALUES (?,?)",
            [(id_, orjson.dumps(known).decode()) for id_, known in texts.items()],
        )
        (last_number,) = views.execute(
            "SELECT COALESCE(MAX(number), 0) FROM search_value"
        ).fetchone()
        views.executemany(
            "INSERT INTO search_value (contact_id, field, text, said) VALUES (?,?,?,?) "
            "ON CONFLICT DO UPDATE SET said = said + excluded.said",
            [(*value, change) for value, change in said.items()],
        )
        # One statement for all new values: a trigger would make FTS5 write its index for each.
        views.execute(
            "INSERT INTO search_text(rowid, text) "
            "SELECT number, text FROM search_value WHERE number > ?",
            (last_number,),
        )


def _texts(personal: InteractionPersonal | Erased) -> Texts:
    if isinstance(personal, Erased):
        return []
    fields = [
        (name, fold(value)) for name, value in personal.profile.items() if name not in NOT_SEARCHED
    ]
    identifiers = [(one.type, fold(one.normalised or one.value)) for one in personal.identifiers]
    return sorted({(name, text) for name, text in fields + identifiers if text})


def _known(views: Connection, texts: dict[str, Texts], interaction_id: str) -> Texts:
    if interaction_id in texts:
        return texts[interaction_id]
    row = views.execute(
        "SELECT texts FROM search_interaction WHERE interaction_id = ?", (interaction_id,)
    ).fetchone()
    return [(name, text) for name, text in orjson.loads(row[0])] if row is not None else []
