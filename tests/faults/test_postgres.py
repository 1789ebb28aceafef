"""What happens to PostgreSQL and the way to it: nothing acknowledged is lost, nothing is there twice."""

import pytest

from identity_engine import Engine
from identity_engine.errors import ConnectionLost, StoreError
from identity_engine.event_store.postgres.database import Server
from identity_engine.simulation import simulate
from tests.support.interactions import event, phone
from tests.support.postgres import PostgresServer, shared_server
from tests.support.proxy import CuttingProxy
from tests.support.world import world

COMMIT = b"COMMIT\0"  # a transaction begins with READ COMMITTED
TRAFFIC = [made for made, _ in simulate(60, 240, 5)]
BATCHES = [TRAFFIC[first : first + 20] for first in range(0, len(TRAFFIC), 20)]


@pytest.fixture
def address():
    server = shared_server()
    made = server.database()
    yield made
    server.drop(made)


def is_sound(engine):
    engine.follow()
    return engine.verify_index().is_sound and all(view.is_sound for view in engine.verify())


def received(engine):
    """How many interactions the log holds, counted by the events."""
    with engine.store.reading() as cursor:
        cursor.execute("SELECT COUNT(*) FROM stored_events WHERE topic = 'interaction.received'")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_answer_to_commit_that_gets_lost_is_found_in_the_log(address, tmp_path, after):
    proxy = CuttingProxy(shared_server().port)
    behind = address.replace(str(shared_server().port), str(proxy.port))
    with Engine(Server(behind, tmp_path / "master.key"), world()) as engine:
        engine.ingest(BATCHES[0])
        proxy.arm(COMMIT, after=after)
        outcomes = [one for batch in BATCHES[1:5] for one in _until_done(engine, batch)]

        assert proxy.cuts == 1
        assert {one.status for one in outcomes} <= {"accepted", "duplicate"}
        assert received(engine) == 100
        assert is_sound(engine)
    proxy.close()


def test_a_command_whose_answer_gets_lost_is_done_once(address, tmp_path):
    proxy = CuttingProxy(shared_server().port)
    behind = address.replace(str(shared_server().port), str(proxy.port))
    with Engine(Server(behind, tmp_path / "master.key"), world()) as engine:
        (known,) = engine.ingest([event("1", phone())])
        proxy.arm(COMMIT)
        engine.desk.contacts.promote(known.contact_id)

        assert proxy.cuts == 1
        topics = [one.fact.TOPIC for one in engine.store.read_stream(known.contact_id)]
        assert topics.count("contact.promoted") == 1
    proxy.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_loses_nothing(tmp_path, mode):
    server = PostgresServer(durable=True)
    try:
        address = server.database()
        with Engine(Server(address, tmp_path / "master.key"), world()) as engine:
            acknowledged = 0
            for number, batch in enumerate(BATCHES):
                if number in (3, 7):
                    server.restart(mode)
                acknowledged += len(_until_done(engine, batch))

            assert acknowledged == received(engine) == len(TRAFFIC)
            assert {one.status for batch in BATCHES for one in engine.ingest(batch)} == {
                "duplicate"
            }
            assert is_sound(engine)
    finally:
        server.close()


@pytest.mark.slow
def test_a_server_that_is_away_is_a_clear_error_and_the_engine_catches_up(tmp_path):
    server = PostgresServer(durable=True)
    try:
        with Engine(Server(server.database(), tmp_path / "master.key"), world()) as engine:
            engine.ingest(BATCHES[0])
            server.stop("immediate")
            for _ in range(3):
                with pytest.raises(StoreError, match="PostgreSQL"):
                    engine.ingest(BATCHES[1])
            server.start()
            engine.ingest(BATCHES[1])

            assert received(engine) == 40
            assert is_sound(engine)
    finally:
        server.close()


def _until_done(engine, batch):
    """Send a batch as an upstream system does: again, as long as it was not acknowledged."""
    for _ in range(5):
        try:
            return engine.ingest(batch)
        except ConnectionLost:
            continue
    raise AssertionError("never acknowledged")
