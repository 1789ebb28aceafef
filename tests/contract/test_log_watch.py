"""What a watch of the log owes to whoever follows it, on either database."""

import threading
from contextlib import closing

import pytest

from identity_engine import Engine
from identity_engine.event_store.postgres.database import Server
from tests.support.interactions import event, phone
from tests.support.postgres import shared_server
from tests.support.world import world

LONG = 30.0
SHORT = 0.01
COMMITS = 3


@pytest.fixture(params=["memory", "folder", "postgres"])
def two(request, tmp_path):
    """Open one store twice, as two processes do; in memory there is one."""
    if request.param == "memory":
        with Engine.in_memory(world()) as only:
            yield only, only
    elif request.param == "folder":
        with Engine.open(tmp_path, world()) as one, Engine.open(tmp_path, world()) as other:
            yield one, other
    else:
        address, key = shared_server().database(), tmp_path / "master.key"
        with Engine(Server(address, key)) as one, Engine(Server(address, key)) as other:
            yield one, other
        shared_server().drop(address)


def test_it_returns_in_vain_where_nothing_is_written(two):
    watching, _ = two
    with closing(watching.store.watch()) as watch:
        assert not watch.wait(SHORT)


def test_what_was_written_since_it_was_opened_wakes_it_at_once(two):
    watching, writing = two
    with closing(watching.store.watch()) as watch:
        for number in range(COMMITS):
            writing.ingest([event(f"{number}", phone())])

        assert watch.wait(LONG)
        looks = 1
        while watch.wait(SHORT):  # a server may tell of the last ones a moment later
            looks += 1
        assert looks <= COMMITS


def test_what_is_written_while_it_waits_wakes_it(two):
    watching, writing = two
    with closing(watching.store.watch()) as watch:
        later = threading.Timer(0.05, writing.ingest, [[event("1", phone())]])
        later.start()

        assert watch.wait(LONG)
        later.join()


def test_it_outlives_its_connection(tmp_path):
    server = shared_server()
    address = server.database()
    with (
        Engine(Server(address, tmp_path / "master.key")) as engine,
        closing(engine.store.watch()) as watch,
    ):
        engine.ingest([event("1", phone())])
        assert watch.wait(LONG)
        with server.connect() as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND query LIKE 'LISTEN%%'",
                (address.rpartition("/")[2],),
            )
        assert not watch.wait(SHORT)
        engine.ingest([event("2", phone())])

        assert watch.wait(LONG), "it may have missed something, so it says so"
        engine.ingest([event("3", phone())])
        assert watch.wait(LONG)
    server.drop(address)
