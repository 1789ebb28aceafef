"""Health and metrics over real HTTP: what they answer, and that they answer whatever hangs."""

import json
import socket
import threading
from time import monotonic

import pytest

from identity_engine import Engine, __version__
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.event_store.postgres import schema as postgres_schema
from identity_engine.event_store.postgres.database import Server
from identity_engine.monitoring import monitor, probes
from identity_engine.monitoring.monitor import monitored
from identity_engine.observing.logbook import Logbook
from tests.support.interactions import customer, event, phone
from tests.support.monitoring import MOST_SECONDS, asked
from tests.support.postgres import shared_server
from tests.support.world import world

book = Logbook("identity_engine.of.a.test")
EVENTS = [event("1", phone(), customer("C-1")), event("2", customer("C-1"))]


@pytest.fixture
def engine(tmp_path):
    with Engine.open(tmp_path / "store", world()) as opened:
        yield opened


def test_a_worker_that_is_well_says_so(engine):
    with asked(engine) as (ask, _):
        assert ask.get("/livez") == (200, '{"ok":true,"problems":{}}')
        assert ask.get("/readyz") == (200, '{"ok":true,"problems":{}}')
        status, text = ask.get("/elsewhere")
        assert (status, "/metrics" in text) == (404, True)


def test_without_an_address_nobody_listens(engine):
    before = threading.active_count()
    with monitored(engine, None, lambda: True) as stopping:
        assert stopping()
        assert threading.active_count() == before


def test_the_monitor_ends_with_the_work(engine):
    with asked(engine) as (ask, _):
        host, _, port = ask._address.rpartition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
    assert [one for one in threading.enumerate() if one.name in ("monitor", "look")] == []


@pytest.mark.parametrize("address", ["0", ":0", "[::1]:0"])
def test_a_port_alone_is_one_of_the_loopback(engine, address):
    with asked(engine, address=address) as (ask, _):
        assert ask._address.startswith(("127.0.0.1:", "[::1]:"))
        assert ask.get("/livez")[0] == 200


def test_an_address_that_is_taken_is_said(engine):
    with (
        asked(engine) as (ask, _),
        pytest.raises(ConfigurationError, match="already in use"),
        monitored(engine, ask._address),
    ):
        pass


def test_a_store_in_memory_cannot_be_monitored():
    with (
        Engine.in_memory(world()) as engine,
        pytest.raises(ConfigurationError, match="in memory"),
        monitored(engine, "0"),
    ):
        pass


def test_a_loop_that_stands_still_is_told_until_it_turns_again(engine, monkeypatch):
    with asked(engine, stall_seconds=5) as (ask, turning):
        now = monotonic()
        monkeypatch.setattr(monitor, "monotonic", lambda: now + 60)
        assert ask.problems("/livez")["loop"].startswith("It has not turned for")
        assert turning() is False
        assert ask.problems("/livez") == {}


def test_what_the_worker_needs_must_answer_before_it_is_ready(engine):
    away = [True]

    def brokers():
        if away:
            raise RemoteError("Kafka", "unreachable")

    with asked(engine, needs={"brokers": brokers}) as (ask, _):
        assert ask.problems("/readyz") == {
            "brokers": "Kafka failed (unreachable): it cannot be reached."
        }
        assert ask.samples()["identity_engine_up", "brokers"] == 0
        away.clear()
        assert ask.problems("/readyz") == {}
        assert ask.samples()["identity_engine_up", "brokers"] == 1


def test_the_state_of_the_store_is_measured(engine, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in EVENTS) + b"{\n")
    engine.follow()
    with asked(engine) as (ask, _):
        engine.ingest_file(file)
        engine.ingest_file(file, again=True)
        found = ask.samples()
        head = engine.store.head()

        assert found["identity_engine_build_info", __version__, "sqlite"] == 1
        assert found["identity_engine_interactions_total", "accepted"] == 2
        assert found["identity_engine_interactions_total", "duplicate"] == 2
        assert found["identity_engine_interactions_total", "rejected"] == 2
        assert found["identity_engine_batch_seconds_count",] == 2
        assert found["identity_engine_dead_letters_total",] == 2
        assert found["identity_engine_dead_letters_waiting",] == 1
        assert found["identity_engine_log_head",] == head > 0
        assert found["identity_engine_reevaluation_waiting",] == 2
        assert found["identity_engine_projection_lag", "profile"] == (
            head - found["identity_engine_projection_position", "profile"]
        )
        assert found["identity_engine_projection_parked", "profile"] == 0
        assert found["identity_engine_up", "store"] == 1
        assert "process_resident_memory_bytes" in {name for name, *_ in found}


def test_what_the_worker_tells_is_counted_though_it_is_not_written(engine):
    with asked(engine) as (ask, _):
        book.info("decided_again", count=3)
        book.warning("fenced", source="kafka:t:0")
        book.debug("waiting", on="store", code="busy")
        book.error("messages_missed", source="kafka:t:0", count=7)
        book.info("partition_read", topic="t", partition=0, position=4, end=9, lag=5)
        book.info("partition_read", topic="t", partition=1, position=2, end=2, lag=0)
        book.info("topic_told", topic="told", position=0, lag=0)
        engine.ingest(EVENTS)
        found = ask.samples()
        assert found["identity_engine_published_position", "told"] == 0
        assert found["identity_engine_published_lag", "told"] == engine.store.head()
        assert found["identity_engine_decided_again_total",] == 1
        assert found["identity_engine_fenced_total",] == 1
        assert found["identity_engine_waits_total", "busy", "store"] == 1
        assert found["identity_engine_kafka_missed_total",] == 7
        assert found["identity_engine_kafka_lag", "0", "t"] == 5
        assert found["identity_engine_kafka_position", "1", "t"] == 2

        book.info("partitions_dealt", topic="t", count=1)
        book.info("partition_read", topic="t", partition=1, position=2, end=2, lag=0)
        assert ("identity_engine_kafka_lag", "0", "t") not in ask.samples()


def test_a_restored_older_log_makes_the_worker_unready(engine, monkeypatch):
    engine.ingest(EVENTS)
    engine.follow()
    monkeypatch.setattr(probes, "FRESH_SECONDS", 0)
    with asked(engine) as (ask, _):
        assert ask.problems("/readyz") == {}
        with engine.store.writing() as writer:
            writer.cursor.execute("DELETE FROM stored_events WHERE rowid > 2")
        assert "restored from an older copy" in ask.problems("/readyz")["store"]
        assert ask.samples()["identity_engine_up", "store"] == 0


def test_a_store_that_hangs_silences_nothing(engine, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(probes, "_seen", lambda _: go_on.wait(MOST_SECONDS) and probes.Look())
    with asked(engine) as (ask, _):
        assert "has not answered" in ask.problems("/readyz")["store"]
        assert ask.problems("/livez") == {}
        assert ask.samples()["identity_engine_up", "store"] == 0
        go_on.set()


def test_a_client_that_says_nothing_holds_up_nobody(engine):
    with asked(engine) as (ask, _):
        host, _, port = ask._address.rpartition(":")
        with socket.create_connection((host, int(port))):
            assert ask.get("/livez")[0] == 200


def test_a_database_of_another_version_makes_the_worker_unready(tmp_path, monkeypatch):
    address = shared_server().database()
    monkeypatch.setattr(probes, "FRESH_SECONDS", 0)
    try:
        with (
            Engine(Server(address, tmp_path / "master.key"), world()) as engine,
            asked(engine) as (ask, _),
        ):
            assert ask.problems("/readyz") == {}
            assert ask.samples()["identity_engine_build_info", __version__, "postgresql"] == 1
            monkeypatch.setattr(postgres_schema, "migrations", list)
            assert "newer than this version" in ask.problems("/readyz")["store"]
    finally:
        shared_server().drop(address)
