"""A store goes from SQLite to PostgreSQL and back, and nothing of it changes."""

from contextlib import closing

import pytest

from identity_engine import Engine
from identity_engine.application.copying import copy_store, fingerprint
from identity_engine.errors import ConfigurationError, StoreError, UsageError
from identity_engine.event_store.dead_letter_table import SCHEMA as LETTERS_SCHEMA
from identity_engine.event_store.keys import SCHEMA as KEYS_SCHEMA
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.sqlite.folder import Folder
from identity_engine.event_store.store import EventStore
from identity_engine.ingestion.faults import Rejected, fault
from identity_engine.simulation import simulate
from tests.support.interactions import email, event, phone
from tests.support.postgres import shared_server
from tests.support.world import world

TRAFFIC = [made for made, _ in simulate(40, 150, 7)]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "here")


@pytest.fixture
def server(tmp_path):
    made = shared_server()
    address = made.database()
    yield Server(address, tmp_path / "here" / "master.key")
    made.drop(address)


@pytest.fixture
def filled(folder):
    engine = Engine(folder, world())
    engine.ingest(TRAFFIC[:100])
    engine.reevaluate()
    engine.ingest(TRAFFIC[100:])
    yield engine
    engine.close()


def test_the_copy_has_the_same_log_index_and_views(filled, server):
    copied = copy_store(filled, server, world(2))

    assert copied == filled.store.head()
    with Engine(server, world(3)) as there:
        assert fingerprint(there) == fingerprint(filled)
        assert there.reevaluation.waiting() == filled.reevaluation.waiting() > 0


def test_and_so_has_the_copy_that_comes_back(filled, server, tmp_path):
    copy_store(filled, server, world(2))
    with Engine(server, world(3)) as there:
        copy_store(there, Folder(tmp_path / "back"), world(4))

    with Engine(Folder(tmp_path / "back"), world(5)) as back:
        assert fingerprint(back) == fingerprint(filled)


def test_both_go_on_alike(filled, server):
    """What is received later is decided the same way, and a resend is known."""
    copy_store(filled, server, world(2))
    later = [event("later", phone(), email("ann@shop.example")), TRAFFIC[0]]
    with Engine(server, world(3)) as there:
        decided = [[(o.status, o.decision) for o in e.ingest(later)] for e in (filled, there)]

    assert decided[0] == decided[1]
    assert decided[0][1][0] == "duplicate"


def test_dead_letters_come_along_and_open(filled, server):
    filled.dead_letters.add(
        [(1, _rejected(b"not json"))], stream="file", received_at=filled.now(), file="calls.jsonl"
    )
    copy_store(filled, server, world(2))

    with Engine(server, world(3)) as there:
        (letter,) = there.dead_letters.list()
        assert letter.file == "calls.jsonl"
        assert there.dead_letters.get(letter.id).raw == b"not json"
        there.dead_letters.add([(2, _rejected(b"?"))], stream="file", received_at=there.now())
        assert len(there.dead_letters.list()) == 2


@pytest.fixture(params=["sqlite", "postgres"])
def target(request, tmp_path, folder):
    """An empty place, and what tells every row of it."""
    if request.param == "sqlite":
        (tmp_path / "there").mkdir()
        place = Folder(tmp_path / "there", folder.path / "master.key")
        yield place, lambda: {one.name: one.read_bytes() for one in place.path.iterdir()}
        return
    made = shared_server()
    address = made.database()
    yield Server(address, folder.path / "master.key"), lambda: _rows(made, address)
    made.drop(address)


def _events(place):
    with Engine(place, world(2)) as there:
        there.ingest([event("1", phone())])


def _only_keys(place):
    EventStore(place, world(2)).close()
    with closing(place.keys(KEYS_SCHEMA)) as keys:
        assert keys.execute("SELECT COUNT(*) FROM named_key").fetchone()[0]
    if isinstance(place, Folder):
        (place.path / "events.db").unlink()


def _only_dead_letters(place):
    """Its number is one that a letter of the source has too."""
    with closing(place.dead_letters(LETTERS_SCHEMA)) as letters:
        letters.execute(
            "INSERT INTO dead_letters (stream, position, received_at, day, codes, faults, sealed, "
            "is_truncated) VALUES ('file', 1, 'then', 'day', '[]', '[]', ?, 0)",
            (b"sealed",),
        )


@pytest.mark.parametrize("has", [_events, _only_keys, _only_dead_letters])
def test_a_place_that_is_not_empty_is_refused_and_left_as_it_is(filled, target, has):
    filled.dead_letters.add([(1, _rejected(b"no"))], stream="file", received_at=filled.now())
    place, state = target
    has(place)
    before = state()

    with pytest.raises(StoreError, match="Copy into an empty"):
        copy_store(filled, place, world(3))
    assert state() == before


def test_another_master_key_leaves_the_target_as_it_is(filled, target, tmp_path):
    place, state = target
    (tmp_path / "other.key").write_bytes(bytes(32))
    place._master_key = tmp_path / "other.key"
    before = state()

    with pytest.raises(ConfigurationError, match="IDENTITY_ENGINE_MASTER_KEY"):
        copy_store(filled, place, world(3))
    assert state() == before


def test_a_store_is_not_copied_into_itself(filled, tmp_path):
    (tmp_path / "by-another-name").symlink_to(tmp_path / "here")
    for same in (Folder(tmp_path / "here"), Folder(tmp_path / "by-another-name")):
        with pytest.raises(UsageError, match="the same store"):
            copy_store(filled, same, world(3))


def test_nor_is_one_on_a_server(server, tmp_path):
    (tmp_path / "here").mkdir()
    with Engine(server, world(2)) as there, pytest.raises(UsageError, match="the same store"):
        copy_store(there, server, world(3))


def test_another_master_key_is_refused(filled, tmp_path):
    server = shared_server()
    address = server.database()
    (tmp_path / "other.key").write_bytes(bytes(32))
    with pytest.raises(ConfigurationError, match="IDENTITY_ENGINE_MASTER_KEY"):
        copy_store(filled, Server(address, tmp_path / "other.key"), world(2))
    server.drop(address)


def _rejected(raw):
    return Rejected(raw, (fault("not_json"),))


def _rows(server, address):
    """Every row of a database, and where its sequences are."""
    with server.connect(address.rpartition("/")[2]) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname LIKE 'identity_engine%'"
        ).fetchall()
        rows = {
            table: sorted(map(str, connection.execute(f"SELECT * FROM {table}").fetchall()))
            for (table,) in tables
        }
        sequences = "SELECT schemaname, sequencename, last_value FROM pg_sequences"
        return rows, sorted(map(str, connection.execute(sequences).fetchall()))
