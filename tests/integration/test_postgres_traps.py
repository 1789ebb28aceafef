"""Traps of PostgreSQL and of the library's recorder on it, each closed."""

import time
from dataclasses import replace

import pytest
from eventsourcing.persistence import IntegrityError
from msgspec import structs

from identity_engine import Engine
from identity_engine.errors import ConfigurationError, Conflict, StoreBusy
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.postgres.database import FUNCTIONS_VARIABLE, Server
from tests.support.interactions import event, phone
from tests.support.postgres import shared_server
from tests.support.world import world


@pytest.fixture
def address():
    server = shared_server()
    made = server.database()
    yield made
    server.drop(made)


@pytest.fixture
def engine(address, tmp_path):
    with Engine(Server(address, tmp_path / "master.key"), world()) as opened:
        yield opened


class TestT1TheFunctionsOfTheLibrary:
    def test_a_store_is_not_opened_with_them(self, monkeypatch, address, tmp_path):
        monkeypatch.setenv(FUNCTIONS_VARIABLE, "y")
        with pytest.raises(ConfigurationError, match=FUNCTIONS_VARIABLE):
            Server(address, tmp_path / "master.key")


class TestT11ALockThatSomebodyLeavesOpen:
    def test_a_writer_is_told_within_seconds(self, engine, address):
        name = address.rpartition("/")[2]
        with shared_server().connect(name) as other, other.transaction():
            other.execute("LOCK TABLE identity_engine.stored_events IN SHARE MODE")
            started = time.monotonic()
            with pytest.raises(StoreBusy, match="lock"):
                engine.ingest([event("1", phone())])
            assert time.monotonic() - started < 10

        assert engine.ingest([event("1", phone())])[0].status == "accepted"

    def test_a_store_is_opened_and_read_all_the_same(self, engine, address, tmp_path):
        (known,) = engine.ingest([event("1", phone())])
        engine.follow()
        with engine.store.writing(), Engine(Server(address, tmp_path / "master.key")) as other:
            assert other.profile(known.contact_id).stage == "ephemeral"

    def test_no_session_may_wait_in_a_transaction_for_ever(self, engine):
        with engine.store.reading() as cursor:
            shown = {
                name: cursor.execute(f"SHOW {name}").fetchone()[0]
                for name in (
                    "lock_timeout",
                    "statement_timeout",
                    "idle_in_transaction_session_timeout",
                )
            }
        assert "0" not in shown.values()


class TestT13AVersionThatIsTaken:
    def test_it_is_a_conflict_at_once(self, engine):
        (known,) = engine.ingest([event("1", phone())])
        (first, *_) = engine.store.log.select_events(known.contact_id)
        started = time.monotonic()
        with pytest.raises(IntegrityError):
            engine.store.log.insert_events([replace(first, topic="contact.created")])

        assert time.monotonic() - started < 1

    def test_the_store_says_so(self, engine):
        (known,) = engine.ingest([event("1", phone())])
        log = engine.store.read_stream(known.contact_id)
        header = structs.replace(log[0].header, event_id=log[0].header.command_id)
        taken = Pending(known.contact_id, 1, header, log[0].fact)
        with pytest.raises(Conflict):
            engine.store.append([taken])


class TestOpening:
    def test_a_store_without_a_master_key_is_refused_with_the_fix(self, address):
        with pytest.raises(ConfigurationError, match="IDENTITY_ENGINE_MASTER_KEY"):
            Engine(Server(address, None))

    def test_an_address_that_cannot_be_read_is_told_without_its_password(self):
        with pytest.raises(ConfigurationError) as raised:
            Server("postgresql://me:secret@host/x?no_such=1", None)
        assert "secret" not in str(raised.value)
        assert raised.value.__cause__ is None
