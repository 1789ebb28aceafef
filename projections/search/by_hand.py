"""What people gave a contact and took from it, as far as it is searched.

The last word of people on a text stands for the whole identity: a value that was taken away is not
found, whoever else says it, until somebody gives it again.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from aggregates.editing import EditPersonal
from aggregates.editing import Word as Said
from matchers.text import fold
from projections.sql import Connection

SCHEMA = """
CREATE TABLE search_word (
    contact_id TEXT NOT NULL,
    field TEXT NOT NULL,
    text TEXT NOT NULL,
    origin TEXT NOT NULL, -- the identifier that it is, empty where it is a value
    removed BOOLEAN NOT NULL,
    position INTEGER NOT NULL, -- log position of the word
    PRIMARY KEY (contact_id, field, text)
) WITHOUT ROWID;
CREATE INDEX search_word_removed ON search_word (field, text) WHERE removed;
"""
WORD = ("contact_id", "field", "text", "origin", "removed", "position")

TAKEN_AWAY = """EXISTS (
    SELECT 1 FROM search_word w JOIN identity_contact wi ON wi.contact_id = w.contact_id
    WHERE w.removed AND w.field = v.field AND w.text = v.text AND wi.canonical_id = i.canonical_id
    AND NOT EXISTS (
        SELECT 1 FROM search_word later
        JOIN identity_contact li ON li.contact_id = later.contact_id
        WHERE li.canonical_id = i.canonical_id AND later.field = w.field AND later.text = w.text
        AND NOT later.removed AND later.position > w.position
    )
)"""
"""Whether people took a `search_value` v from the identity i."""

Key = tuple[str, str]


class Word(Struct):
    """What people last said of a text."""

    origin: str
    removed: bool
    position: int


class Words:
    """The words of people on some contacts, over a batch; each that comes or goes is counted."""

    def __init__(self, views: Connection) -> None:
        self._views = views
        self._of: dict[str, dict[Key, Word]] = {}

    def edit(
        self, contact_id: str, personal: EditPersonal, position: int
    ) -> Iterable[tuple[Key, int]]:
        """Follow an edit; yield each text whose count changes, and by how much."""
        words = self._known(contact_id)
        for name in personal.set:
            for key in [k for k, word in words.items() if k[0] == name and not word.removed]:
                del words[key]
                yield key, -1
        given = [(name, value) for name, value in personal.set.items()]
        given += [(name, one) for name, values in personal.added.items() for one in values]
        for name, value in given:
            yield from self._give(words, (name, fold(value)), "", position)
        for name, values in personal.removed.items():
            for value in values:
                key = (name, fold(value))
                before = words.get(key)
                words[key] = Word("", True, position)
                if before is not None and not before.removed:
                    yield key, -1

    def withdraw(
        self, contact_id: str, said: Mapping[str, Sequence[Said]], position: int
    ) -> Iterable[tuple[Key, int]]:
        """Let fields say this and nothing else; yield each text whose count changes, and by how much."""
        words = self._known(contact_id)
        for key in [key for key, word in words.items() if key[0] in said and not word.origin]:
            if not words.pop(key).removed:
                yield key, -1
        for name, some in said.items():
            for one in some:
                key = (name, fold(one.value))
                before = words.get(key)
                words[key] = Word("", one.removed, position)
                was_counted = before is not None and not before.removed
                if was_counted == one.removed:
                    yield key, -1 if one.removed else 1

    def claim(
        self, contact_id: str, type_: str, value: str, origin: str, position: int
    ) -> Iterable[tuple[Key, int]]:
        """Follow an identifier that people gave a contact."""
        key = (type_, fold(value))
        return list(self._give(self._known(contact_id), key, origin, position))

    def give_up(self, contact_id: str, origin: str) -> Iterable[tuple[Key, int]]:
        """Follow an identifier that went over to another contact; one that is released only stays
        found, as what interactions said of the past does."""
        words = self._known(contact_id)
        for key in [key for key, word in words.items() if word.origin == origin]:
            del words[key]
            yield key, -1

    def write(self) -> None:
        """Write the words of every contact that was touched."""
        self._views.executemany(
            "DELETE FROM search_word WHERE contact_id = ?", [(one,) for one in self._of]
        )
        self._views.executemany(
            "INSERT INTO search_word VALUES (?,?,?,?,?,?)",
            [
                (contact_id, *key, word.origin, word.removed, word.position)
                for contact_id, words in self._of.items()
                for key, word in words.items()
            ],
        )

    def _give(
        self, words: dict[Key, Word], key: Key, origin: str, position: int
    ) -> Iterable[tuple[Key, int]]:
        before = words.get(key)
        words[key] = Word(origin, False, position)
        if before is None or before.removed:
            yield key, 1

    def _known(self, contact_id: str) -> dict[Key, Word]:
        if contact_id not in self._of:
            rows = self._views.execute(
                "SELECT field, text, origin, removed, position FROM search_word "
                "WHERE contact_id = ?",
                (contact_id,),
            )
            self._of[contact_id] = {
                (name, text): Word(origin, bool(removed), position)
                for name, text, origin, removed, position in rows
            }
        return self._of[contact_id]
