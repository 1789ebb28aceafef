"""A store goes from SQLite to PostgreSQL and back, and nothing of it changes."""

import pytest

from identity_engine import Engine
from identity_engine.application.copying import copy_store, fingerprint
from identity_engine.errors import ConfigurationError, StoreError
from identity_engine.event_store.folder import Folder
from identity_engine.event_store.postgres import Server
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
    filled.dead_letters.add([(1, _rejected(b"not json"))], stream="file", received_at=filled.now())
    copy_store(filled, server, world(2))

    with Engine(server, world(3)) as there:
        (letter,) = there.dead_letters.list()
        assert there.dead_letters.get(letter.id).raw == b"not json"
        there.dead_letters.add([(2, _rejected(b"?"))], stream="file", received_at=there.now())
        assert len(there.dead_letters.list()) == 2


def test_a_place_with_events_is_refused(filled, server):
    with Engine(server, world(2)) as there:
        there.ingest([event("1", phone())])

    with pytest.raises((StoreError, ConfigurationError)):
        copy_store(filled, server, world(3))


def test_another_master_key_is_refused(filled, tmp_path):
    server = shared_server()
    address = server.database()
    (tmp_path / "other.key").write_bytes(bytes(32))
    with pytest.raises(ConfigurationError, match="IDENTITY_ENGINE_MASTER_KEY"):
        copy_store(filled, Server(address, tmp_path / "other.key"), world(2))
    server.drop(address)


def _rejected(raw):

    return Rejected(raw, (fault("not_json"),))
