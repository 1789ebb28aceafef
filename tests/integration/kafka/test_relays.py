"""Relays die, hang and wait, and the broker goes away: all is told, repeats are the same again."""

import signal
from pathlib import Path
from random import Random

import pytest

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.errors import ConfigurationError, ConnectionLost
from identity_engine.simulation import simulate
from tests.integration.kafka.publishing import (
    by_key,
    check_profiles,
    heard,
    profiles,
    publication,
    publish,
    to_be_told,
)
from tests.support.child import later
from tests.support.kafka.relaying import DEADLY, Relaying
from tests.support.postgres import PostgresServer, shared_server
from tests.support.postgres_roles import StoreOfRoles

BATCH = 20
MOST_GROWTH = 30_000  # kB

pytestmark = pytest.mark.usefixtures("real_kafka")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path, monkeypatch):
    """The address of a store on either database."""
    if request.param == "sqlite":
        yield str(tmp_path / "store")
        return
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    address = shared_server().database()
    yield address
    shared_server().drop(address)


@pytest.fixture
def folder(tmp_path):
    """The address of a store on SQLite."""
    return str(tmp_path / "store")


def opened(store):
    return Engine.open(store, World(now=later))


def traffic(interactions, seed=33):
    made = [event for event, _ in simulate(interactions // 4, interactions, seed)]
    return [made[first : first + BATCH] for first in range(0, len(made), BATCH)]


def check_all_is_told(engine, where):
    """Everything stands on the topics, in order, and what is there twice is the same both times."""
    publish(engine, where)
    for isolation in ("read_committed", "read_uncommitted"):
        records = heard(where, isolation=isolation)
        assert first_times(by_key(records)) == to_be_told(engine)
        said = {}
        for one in records:
            assert said.setdefault(one.id, one[2:]) == one[2:], "a repeat is the same again"
            assert one.key == one.headers["ce_subject"]
    check_profiles(engine, profiles(where))
    return heard(where), heard(where, isolation="read_uncommitted")


def first_times(told):
    """Each event where it was first heard."""
    return {key: list(dict.fromkeys(events)) for key, events in told.items()}


def die_again_and_again(store, where, kills, batches):
    lives, waiting = Random(34), iter(batches)
    with opened(store) as engine:
        engine.ingest(next(waiting))
        for number in range(kills):
            with Relaying(store, where) as relay:
                relay.wait_for("ready")
                for _ in range(max(1, len(batches) // kills)):
                    if (batch := next(waiting, None)) is not None:
                        engine.ingest(batch)
                if number % 4 == 3:
                    engine.reevaluate()
                relay.wait_for("told", lives.randint(1, 120))
                relay.signal(signal.SIGKILL)
                assert relay.end() == -signal.SIGKILL
        for batch in waiting:
            engine.ingest(batch)
        engine.reevaluate()
        committed, sent = check_all_is_told(engine, where)
        repeats = len(committed) - len({one.id for one in committed})
        print(f"{kills} kills: {len(committed)} committed, {repeats} repeats, {len(sent)} sent")


def test_killed_relays_lose_nothing_under_ingest(store, topics, times):
    batches = traffic(times(2_000, 320))
    die_again_and_again(store, publication(topics), kills=times(20, 4), batches=batches)


@pytest.mark.slow
@pytest.mark.parametrize("point", DEADLY)
def test_a_relay_killed_at_a_named_point_loses_nothing(folder, topics, point):
    where = publication(topics)
    with opened(folder) as engine:
        for batch in traffic(160):
            engine.ingest(batch)
        with Relaying(folder, where, point, "--once") as relay:
            assert relay.end() == -signal.SIGKILL
        committed, sent = check_all_is_told(engine, where)
    repeats = len(committed) - len({one.id for one in committed})
    assert (repeats > 0) == (point == "sent_and_not_moved")
    assert (len(sent) > len(committed)) == (point == "half_sent")


def test_another_relay_waits_and_takes_over_once_the_first_is_killed(folder, topics):
    where = publication(topics)
    with opened(folder) as engine:
        engine.ingest(traffic(40)[0])
        with Relaying(folder, where) as first:
            first.wait_for("told", 1)
            with Relaying(folder, where) as second:
                second.wait_for("ready")
                engine.ingest(traffic(40)[1])
                first.wait_for("told", 30)
                first.signal(signal.SIGKILL)
                first.end()
                for batch in traffic(80, seed=35):
                    engine.ingest(batch)
                second.wait_for("told", 1)
                second.signal(signal.SIGTERM)
                assert second.end() == 0
        assert second.numbers["retries"] >= 1
        assert second.numbers["sessions"] == 1
        check_all_is_told(engine, where)


def test_sigterm_ends_a_relay_with_what_it_has_in_hand(folder, topics):
    where = publication(topics)
    with opened(folder) as engine:
        for batch in traffic(120):
            engine.ingest(batch)
        with Relaying(folder, where) as relay:
            relay.wait_for("told", 1)
            relay.signal(signal.SIGTERM)
            assert relay.end() == 0
        records = sum(one["records"] for one in relay.numbers["topics"])
        assert records == len(heard(where)) + len(profiles(where))
        assert relay.numbers["topics"][0]["position"] > 0
        check_all_is_told(engine, where)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_relay_catches_up_by_itself_once_the_broker_is_back(folder, topics, end):
    where = publication(topics)
    with opened(folder) as engine:
        batches = traffic(200)
        engine.ingest(batches[0])
        with Relaying(folder, where) as relay:
            told, before = relay.wait_for("told", 1), memory_of(relay)
            getattr(topics.broker, end)()
            for batch in batches[1:]:
                engine.ingest(batch)
            assert memory_of(relay) - before < MOST_GROWTH, "nothing piles up while it waits"
            topics.broker.start()
            relay.wait_for("told", told + 400)
            relay.signal(signal.SIGTERM)
            assert relay.end() == 0
        check_all_is_told(engine, where)


def test_a_topic_that_is_made_anew_under_a_relay_is_told_everything_in_order(folder, topics):
    where = publication(topics)
    with opened(folder) as engine:
        batches = traffic(60)
        engine.ingest(batches[0])
        with Relaying(folder, where) as relay:
            before = relay.wait_for("told", sum(map(len, to_be_told(engine).values())))
            topics.make_anew(where.topic, partitions=3)
            engine.ingest(batches[1])
            relay.wait_for("told", before + sum(map(len, to_be_told(engine).values())))
            relay.signal(signal.SIGTERM)
            assert relay.end() == 0
        publish(engine, where)
        assert first_times(by_key(heard(where))) == to_be_told(engine)


def memory_of(relay):
    """How much memory a child has, in kB."""
    status = Path(f"/proc/{relay._process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.slow
def test_a_relay_that_hung_does_no_harm_when_it_wakes_up(folder, topics):
    """As after a restart of PostgreSQL, which ends the lock of a relay that does not know."""
    where = publication(topics)
    with opened(folder) as engine:
        for batch in traffic(160):
            engine.ingest(batch)
        with Relaying(folder, where, "stopped_before_it_sends") as zombie:
            zombie.wait_until_stopped()
            Path(folder, "publish.lock").rename(Path(folder, "gone.lock"))
            engine.reevaluate()
            publish(engine, where)
            known = profiles(where)
            zombie.signal(signal.SIGCONT)
            zombie.wait_for("told", zombie.wait_for("told", 1))
            zombie.signal(signal.SIGTERM)
            assert zombie.end() == 0
        assert zombie.numbers["fenced"] >= 1
        assert profiles(where) == known
        check_all_is_told(engine, where)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_relay_goes_on_once_postgresql_is_back(tmp_path, topics, monkeypatch, mode):
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    where, server = publication(topics), PostgresServer(durable=True)
    try:
        store = server.database()
        with opened(store) as engine, Relaying(store, where) as relay:
            batches = traffic(200)
            engine.ingest(batches[0])
            relay.wait_for("told", 1)
            for number, batch in enumerate(batches[1:]):
                if number in (2, 5):
                    server.restart(mode)
                until_done(engine, batch)
            relay.wait_for("told", 400)
            relay.signal(signal.SIGTERM)
            assert relay.end() == 0
            assert relay.numbers["retries"] >= 1
            check_all_is_told(engine, where)
    finally:
        server.close()


def until_done(engine, batch):
    """Send a batch as an upstream system does: again, as long as it was not acknowledged."""
    for _ in range(5):
        try:
            return engine.ingest(batch)
        except ConnectionLost:
            continue
    raise AssertionError("never acknowledged")


def test_on_postgresql_it_needs_to_write_and_to_follow_and_no_more(topics, tmp_path):
    store = StoreOfRoles(shared_server(), tmp_path / "master.key")
    where = publication(topics)
    try:
        with store.open("writer") as engine:
            engine.ingest(traffic(20)[0])
            with pytest.raises(ConfigurationError, match="run-on-postgresql"):
                publish(engine, where)
        store.login("relay", "identity_engine_writer", "identity_engine_projector")
        with store.open("relay") as engine:
            publish(engine, where)
            assert by_key(heard(where)) == to_be_told(engine)
            check_profiles(engine, profiles(where))
    finally:
        store.close()
