"""Searchable values by contact: each different text once, counted by who says it: interactions, people.

Texts are folded as the matchers fold them, so accents, case and kana forms do not matter. The index
is FTS5's trigrams, which find a part of a word in any script.
"""

from collections import defaultdict
from collections.abc import Iterable
from sqlite3 import Connection
from typing import ClassVar

import orjson

from aggregates.contact import ContactEdited
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
    IdentifierReleased,
    IdentifierTransferred,
)
from aggregates.interaction import (
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import Erased
from matchers.text import fold
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.search.by_hand import SCHEMA as WORDS
from projections.search.by_hand import WORD, Key, Words

SCHEMA = """
CREATE TABLE search_interaction (
    interaction_id TEXT PRIMARY KEY,
    texts TEXT NOT NULL -- JSON array of [field, folded text]
) WITHOUT ROWID;
CREATE TABLE search_value (
    number INTEGER PRIMARY KEY,
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    text TEXT NOT NULL,
    said INTEGER NOT NULL, -- by how many linked interactions and words of people; 0 is not found
    UNIQUE (contact_id, field, text)
);
CREATE VIRTUAL TABLE search_text USING fts5(
    text, content='search_value', content_rowid='number',
    tokenize='trigram', detail='none', columnsize=0
);
"""
SCHEMA += WORDS
NOT_SEARCHED = frozenset({"language", "gender", "country"})
Texts = list[tuple[str, str]]


class SearchRows(Rows):
    """Counts each value up and down as links come and go."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._texts: dict[str, Texts] = {}
        self._said: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._words = Words(views)

    def _receive(self, event: Recorded, fact: InteractionReceived) -> None:
        self._texts[event.stream_id] = _texts(fact.personal)

    def _link(self, event: Recorded, fact: InteractionLinked) -> None:
        for name, text in self._known(event.stream_id):
            self._said[fact.contact_id, name, text] += 1

    def _unlink(self, event: Recorded, fact: InteractionUnlinked) -> None:
        for name, text in self._known(event.stream_id):
            self._said[fact.contact_id, name, text] -= 1

    def _edit(self, event: Recorded, fact: ContactEdited) -> None:
        if not isinstance(fact.personal, Erased):
            changes = self._words.edit(event.stream_id, fact.personal, event.position)
            self._count(event.stream_id, changes)

    def _claim(self, event: Recorded, fact: IdentifierClaimed) -> None:
        if fact.interaction_id is None:
            self._hold(event, fact.contact_id, fact.personal)

    def _release(self, event: Recorded, fact: IdentifierReleased) -> None:
        self._count(fact.contact_id, self._words.release(fact.contact_id, event.stream_id))

    def _transfer(self, event: Recorded, fact: IdentifierTransferred) -> None:
        before = fact.from_contact_id
        self._count(before, self._words.release(before, event.stream_id))
        self._hold(event, fact.contact_id, fact.personal)

    def _hold(self, event: Recorded, contact_id: str, personal: ClaimPersonal | Erased) -> None:
        if not isinstance(personal, Erased):
            said = (personal.type, personal.value, event.stream_id, event.position)
            self._count(contact_id, self._words.claim(contact_id, *said))

    def _count(self, contact_id: str, changes: Iterable[tuple[Key, int]]) -> None:
        for (name, text), change in changes:
            if name not in NOT_SEARCHED and text:
                self._said[contact_id, name, text] += change

    def _known(self, interaction_id: str) -> Texts:
        texts = self._texts.get(interaction_id)
        return texts if texts is not None else _stored_texts(self.views, interaction_id)

    follows: ClassVar[Follows] = {
        ContactEdited: _edit,
        IdentifierClaimed: _claim,
        IdentifierReleased: _release,
        IdentifierTransferred: _transfer,
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
    }

    def write(self) -> None:
        """Write the values that are new and the counts of those that are not."""
        views = self.views
        self._words.write()
        views.executemany(
            "INSERT INTO search_interaction VALUES (?,?)",
            [(id_, orjson.dumps(known).decode()) for id_, known in self._texts.items()],
        )
        (last_number,) = views.execute(
            "SELECT COALESCE(MAX(number), 0) FROM search_value"
        ).fetchone()
        views.executemany(
            "INSERT INTO search_value (contact_id, field, text, said) VALUES (?,?,?,?) "
            "ON CONFLICT DO UPDATE SET said = said + excluded.said",
            [(*value, change) for value, change in self._said.items()],
        )
        # One statement for all new values: a trigger would make FTS5 write its index for each.
        views.execute(
            "INSERT INTO search_text(rowid, text) "
            "SELECT number, text FROM search_value WHERE number > ?",
            (last_number,),
        )


class SearchProjection(Projection):
    """Values by contact, field and text."""

    name: ClassVar[str] = "search"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = SearchRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("search_interaction", ("interaction_id", "texts"), ("interaction_id",)),
        Table(
            "search_value",
            ("contact_id", "field", "text", "said"),
            ("contact_id", "field", "text"),
        ),
        Table("search_word", WORD, WORD[:3], frozenset({"origin", "position"})),
    )


def _texts(personal: InteractionPersonal | Erased) -> Texts:
    if isinstance(personal, Erased):
        return []
    fields = [
        (name, fold(value)) for name, value in personal.profile.items() if name not in NOT_SEARCHED
    ]
    identifiers = [(one.type, fold(one.normalised or one.value)) for one in personal.identifiers]
    return sorted({(name, text) for name, text in fields + identifiers if text})


def _stored_texts(views: Connection, interaction_id: str) -> Texts:
    row = views.execute(
        "SELECT texts FROM search_interaction WHERE interaction_id = ?", (interaction_id,)
    ).fetchone()
    return [(name, text) for name, text in orjson.loads(row[0])] if row is not None else []
