"""A store that may not be written is refused with cause and fix, also by what only reads."""

import pytest

from identity_engine import Engine
from identity_engine.errors import ConfigurationError, StoreError
from identity_engine.event_store import sqlite_files
from identity_engine.event_store.file_damage import FileConnection
from tests.support.interactions import event, phone
from tests.support.resolving import ANNA, arrive

FIX = "Let this user read and write the store's folder"
FILES = ["events.db", "keys.db", "dead_letters.db", "views-1.db"]


@pytest.fixture
def store(tmp_path):
    """A store with a contact, whose views follow."""
    with Engine.open(tmp_path / "store") as engine:
        (anna,) = arrive(engine, event("1", phone(), profile=ANNA))
        engine.profile(anna.contact_id)
    return tmp_path / "store", anna.contact_id


@pytest.fixture
def may_not_write(monkeypatch):
    """Let SQLite open some files as where the rights on them let it read alone."""

    def forbid(*names):
        def opened(path, **given):
            if not any(str(path).endswith(name) for name in names):
                return FileConnection(path, **given)
            return FileConnection(f"file:{path}?mode=ro", uri=True, **given)

        monkeypatch.setattr(sqlite_files, "FileConnection", opened)

    return forbid


@pytest.mark.parametrize("names", [FILES, ["keys.db"]], ids=["all", "keys"])
def test_opening_it_says_what_to_do(store, may_not_write, names):
    path, _ = store
    may_not_write(*names)
    with pytest.raises(StoreError, match=FIX), Engine.open(path):
        pass


def test_a_question_says_so_where_its_views_cannot_follow(store, may_not_write):
    path, anna = store
    with Engine.open(path) as engine:
        arrive(engine, event("2", phone(), time="2026-02-02T09:00:00Z"))
    may_not_write("views-1.db")
    with Engine.open(path) as engine, pytest.raises(StoreError, match=FIX):
        engine.profile(anna)


def test_a_folder_that_may_not_be_looked_into_is_no_riddle(store, monkeypatch):
    path, _ = store

    def refuse(_):
        raise PermissionError(13, "Permission denied", str(path / "events.db"))

    monkeypatch.setattr("identity_engine.event_store.sqlite.folder.is_store", refuse)
    with pytest.raises(ConfigurationError, match=FIX):
        Engine.open(path, make=False)
