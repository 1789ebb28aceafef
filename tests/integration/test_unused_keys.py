"""A command that writes nothing leaves no data key behind."""

import sqlite3
from contextlib import closing

import pytest

from aggregates.errors import NotYet
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry
from identity_engine.application.cases.origins import Origin
from tests.support.resolving import ANNA, arrive, mailed
from tests.support.world import world

FIRST = mailed("1", profile=ANNA)
NOBODYS = "019b1c3e-7c5a-7000-8000-0123456789ab"


@pytest.fixture
def folder(tmp_path):
    """A store with one interaction."""
    with Engine.open(tmp_path, world=world()) as engine:
        arrive(engine, FIRST)
    assert keys_in(tmp_path) == 1
    return tmp_path


def keys_in(folder):
    """How many data keys lie in the key store of a closed store."""
    with closing(sqlite3.connect(folder / "keys.db")) as keys:
        return keys.execute("SELECT COUNT(*) FROM data_key").fetchone()[0]


DRY_RUNS = {
    "contact create": lambda desk, _: desk.contacts.create(set={"city": "Ulm"}, dry_run=True),
    "contact edit": lambda desk, one: desk.contacts.edit(
        one.contact_id, set={"city": "Ulm"}, dry_run=True
    ),
    "note add": lambda desk, one: desk.notes.add(one.contact_id, "She rang.", dry_run=True),
    "interaction create-contact": lambda desk, one: desk.interactions.create_contact(
        one.interaction_id, reason="Another person", dry_run=True
    ),
    "case open": lambda desk, one: desk.cases.open(
        Origin("contact", one.contact_id), Entry(note="She rang."), dry_run=True
    ),
}


@pytest.mark.parametrize("verb", DRY_RUNS)
def test_a_dry_run_leaves_none(folder, verb):
    with Engine.open(folder) as engine:
        DRY_RUNS[verb](engine.desk, arrive(engine, FIRST)[0])

    assert keys_in(folder) == 1


def test_a_command_that_is_refused_leaves_none(folder):
    with Engine.open(folder) as engine:
        (one,) = arrive(engine, FIRST)
        origin, entry = Origin("contact", one.contact_id), Entry(note="She rang.")
        with pytest.raises(NotYet, match="composing"):
            engine.desk.cases.open(origin, entry, composition=NOBODYS)

    assert keys_in(folder) == 1


def test_what_is_written_after_a_dry_run_can_be_read(folder):
    with Engine.open(folder) as engine:
        for dry_run in (True, False):
            made = engine.desk.contacts.create(set={"city": "Ulm"}, dry_run=dry_run)
    with Engine.open(folder) as engine:
        assert engine.profile(made.done.contact_id).fields["city"][0].value == "Ulm"

    assert keys_in(folder) == 2
