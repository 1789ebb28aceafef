"""What holding parts of some work owes to those who share it, on either database."""

from contextlib import closing

import pytest

from identity_engine.errors import ConnectionLost
from identity_engine.event_store.postgres import holding as postgres_holding
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.sqlite.folder import Folder
from tests.support.patience import eventually
from tests.support.postgres import shared_server

PARTS = ("identity", "profile", "timeline", "search", "notes")


@pytest.fixture
def address():
    made = shared_server().database()
    yield made
    shared_server().drop(made)


@pytest.fixture
def server(address, tmp_path):
    return Server(address, tmp_path / "master.key")


@pytest.fixture(params=["folder", "postgres"])
def place(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path)
    return request.getfixturevalue("server")


def held_by(place):
    return closing(place.holding("views", PARTS))


def test_one_alone_holds_all(place):
    with held_by(place) as alone:
        assert alone.renew() == alone.renew() == set(PARTS)


def test_nothing_is_held_by_two(place):
    with held_by(place) as one, held_by(place) as other:
        for _ in range(3):
            held = [one.renew(), other.renew()]

            assert not held[0] & held[1]
        assert held[0] | held[1] == set(PARTS)


def test_what_one_gives_back_goes_to_another(place):
    with held_by(place) as other:
        with held_by(place) as one:
            one.renew()
            assert other.renew() < set(PARTS)

        assert eventually(lambda: other.renew() == set(PARTS))


def test_other_work_is_not_concerned(place):
    with held_by(place) as one, closing(place.holding("events", PARTS)) as other:
        assert one.renew() == other.renew() == set(PARTS)


def test_memory_is_held_by_its_process():
    with closing(Folder(None).holding("views", PARTS)) as only:
        assert only.renew() == set(PARTS)


def test_who_shares_holds_as_much_as_the_others(server):
    with held_by(server) as one, held_by(server) as two, held_by(server) as three:
        assert len(one.renew()) == 5
        two.renew()
        three.renew()
        assert len(one.renew()) == 2
        assert len(two.renew()) == 2
        assert len(three.renew()) == 1


def test_one_whose_connection_is_cut_holds_nothing_and_may_come_back(server, address):
    with held_by(server) as one, held_by(server) as other:
        one.renew()
        cut(address)

        with pytest.raises(ConnectionLost):
            one.renew()
        assert other.renew() == set(PARTS)
        one.renew()
        assert len(other.renew()) == 3
        assert len(one.renew()) == 2


def test_one_that_says_nothing_for_long_holds_nothing(server, monkeypatch):
    with held_by(server) as other:
        with monkeypatch.context() as patch:
            patch.setattr(postgres_holding, "SILENCE_MS", 100)
            silent = server.holding("views", PARTS)
            silent.renew()

        eventually(lambda: other.renew() == set(PARTS))
        with pytest.raises(ConnectionLost):
            silent.renew()
        silent.close()


def cut(address):
    with shared_server().connect() as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) "
            "FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND d.datname = %s",
            (address.rpartition("/")[2],),
        )
