"""Searchable values by contact: each different text once, counted by who says it: interactions, people.

Texts are folded as the matchers fold them, so accents, case and kana forms do not matter. A part of a
word is found in any script: on SQLite by the trigrams of FTS5, on PostgreSQL by those of pg_trgm where
an administrator has put that extension in place, else by reading all values.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import orjson

from aggregates.change import ChangePersonal, InteractionChanged
from aggregates.editing import ContactEdited, ContactEditWithdrawn
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
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
from projections.sql import Connection, DatabaseDamaged, dialect_of, upsert

SCHEMA = """
CREATE TABLE search_interaction (
    interaction_id TEXT PRIMARY KEY,
    texts TEXT NOT NULL, -- JSON array of [field, folded text]
    heard TEXT NOT NULL, -- the same of its messages
    contact_id TEXT -- the member contact that it counts for
) WITHOUT ROWID;
CREATE TABLE search_value (
    number INTEGER PRIMARY KEY,
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    text TEXT NOT NULL,
    said INTEGER NOT NULL, -- by how many linked interactions and words of people; 0 is not found
    UNIQUE (contact_id, field, text)
);
"""
TRIGRAMS_OF_SQLITE = """
CREATE VIRTUAL TABLE search_text USING fts5(
    text, content='search_value', content_rowid='number',
    tokenize='trigram', detail='none', columnsize=0
)
"""
COMPARED_WITH_ITS_VALUES = (
    "INSERT INTO search_text(search_text, rank) VALUES ('integrity-check', 1)"
)
SCHEMA += WORDS
INTERACTION = ("interaction_id", "texts", "heard", "contact_id")
NOT_SEARCHED = frozenset({"language", "gender", "country"})
Texts = list[tuple[str, str]]


class Known(NamedTuple):
    """What an interaction says, and its messages, and the member contact that it counts for."""

    texts: Texts
    heard: Texts = []  # noqa: RUF012 - never changed in place
    contact_id: str | None = None


class SearchRows(Rows):
    """Counts each value up and down as links come and go, and as interactions say more."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._known: dict[str, Known] = {}
        self._said: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._words = Words(views)

    def _receive(self, event: Recorded, fact: InteractionReceived) -> None:
        self._known[event.stream_id] = Known(_texts(fact.personal))

    def _link(self, event: Recorded, fact: InteractionLinked) -> None:
        self._count(event.stream_id, self._of(event)._replace(contact_id=fact.contact_id))

    def _unlink(self, event: Recorded, _: InteractionUnlinked) -> None:
        self._count(event.stream_id, self._of(event)._replace(contact_id=None))

    def _edit(self, event: Recorded, fact: ContactEdited) -> None:
        if not isinstance(fact.personal, Erased):
            changes = self._words.edit(event.stream_id, fact.personal, event.position)
            self._tally(event.stream_id, changes)

    def _withdraw(self, event: Recorded, fact: ContactEditWithdrawn) -> None:
        if not isinstance(fact.personal, Erased):
            words = fact.personal.words
            self._tally(
                event.stream_id, self._words.withdraw(event.stream_id, words, event.position)
            )

    def _claim(self, event: Recorded, fact: IdentifierClaimed) -> None:
        if fact.interaction_id is None:
            self._hold(event, fact.contact_id, fact.personal)

    def _transfer(self, event: Recorded, fact: IdentifierTransferred) -> None:
        before = fact.from_contact_id
        self._tally(before, self._words.give_up(before, event.stream_id))
        self._hold(event, fact.contact_id, fact.personal)

    def _hold(self, event: Recorded, contact_id: str, personal: ClaimPersonal | Erased) -> None:
        if not isinstance(personal, Erased):
            said = (personal.type, personal.value, event.stream_id, event.position)
            self._tally(contact_id, self._words.claim(contact_id, *said))

    def _tally(self, contact_id: str, changes: Iterable[tuple[Key, int]]) -> None:
        for (name, text), change in changes:
            if name not in NOT_SEARCHED and text:
                self._said[contact_id, name, text] += change

    def _change(self, event: Recorded, fact: InteractionChanged) -> None:
        """A correction says something else from now on, a message something more."""
        known, said = self._of(event), _texts(fact.personal)
        if fact.change.kind == "corrected":
            self._count(event.stream_id, known._replace(texts=said))
        elif said:
            heard = sorted({*known.heard, *said})
            self._count(event.stream_id, known._replace(heard=heard))

    def _count(self, interaction_id: str, now: Known) -> None:
        """Let what an interaction says count for its contact, and what it said no more."""
        for known, change in ((self._known[interaction_id], -1), (now, 1)):
            if known.contact_id is not None:
                for name, text in {*known.texts, *known.heard}:
                    self._said[known.contact_id, name, text] += change
        self._known[interaction_id] = now

    def _of(self, event: Recorded) -> Known:
        known = self._known.get(event.stream_id)
        if known is None:
            known = self._known[event.stream_id] = _stored(self.views, event.stream_id)
        return known

    follows: ClassVar[Follows] = {
        ContactEdited: _edit,
        ContactEditWithdrawn: _withdraw,
        IdentifierClaimed: _claim,
        IdentifierTransferred: _transfer,
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _unlink,
        InteractionChanged: _change,
    }

    def write(self) -> None:
        """Write the values that are new and the counts of those that are not."""
        views = self.views
        self._words.write()
        views.executemany(
            upsert("search_interaction", INTERACTION, INTERACTION[:1]),
            [
                (id_, orjson.dumps(texts).decode(), orjson.dumps(heard).decode(), contact_id)
                for id_, (texts, heard, contact_id) in self._known.items()
            ],
        )
        (last_number,) = views.execute(
            "SELECT COALESCE(MAX(number), 0) FROM search_value"
        ).fetchone()
        views.executemany(
            "INSERT INTO search_value (contact_id, field, text, said) VALUES (?,?,?,?) "
            "ON CONFLICT (contact_id, field, text) "
            "DO UPDATE SET said = search_value.said + excluded.said",
            [(*value, change) for value, change in self._said.items()],
        )
        if dialect_of(views) == "sqlite":
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
        Table(
            "search_interaction",
            INTERACTION,
            ("interaction_id",),
        ),
        Table(
            "search_value",
            ("contact_id", "field", "text", "said"),
            ("contact_id", "field", "text"),
        ),
        Table("search_word", WORD, WORD[:3], frozenset({"origin", "position"})),
    )

    def create(self, views: Connection) -> None:
        """Make the tables, and the index over parts of words that this database has."""
        super().create(views)
        if dialect_of(views) == "sqlite":
            views.execute(TRIGRAMS_OF_SQLITE)
            return
        extension = views.execute(
            "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
            "WHERE extname = 'pg_trgm'"
        ).fetchone()
        if extension is not None:
            views.execute(
                "CREATE INDEX search_value_trigrams ON search_value "
                f'USING gin (text "{extension[0]}".gin_trgm_ops)'
            )

    def is_whole(self, views: Connection) -> bool:
        """Let FTS5 compare its index with the values: no row says what is in it."""
        if dialect_of(views) != "sqlite":
            return True
        try:
            views.execute(COMPARED_WITH_ITS_VALUES)
        except DatabaseDamaged:
            return False
        return True


def _texts(personal: InteractionPersonal | ChangePersonal | Erased) -> Texts:
    if isinstance(personal, Erased):
        return []
    fields = [
        (name, fold(value)) for name, value in personal.profile.items() if name not in NOT_SEARCHED
    ]
    identifiers = [(one.type, fold(one.normalised or one.value)) for one in personal.identifiers]
    return sorted({(name, text) for name, text in fields + identifiers if text})


def _stored(views: Connection, interaction_id: str) -> Known:
    row = views.execute(
        "SELECT texts, heard, contact_id FROM search_interaction WHERE interaction_id = ?",
        (interaction_id,),
    ).fetchone()
    if row is None:
        return Known([])
    texts, heard = ([(name, text) for name, text in orjson.loads(column)] for column in row[:2])
    return Known(texts, heard, row[2])
