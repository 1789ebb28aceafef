"""Workers die, hang, come and go, and the broker with them: nothing is lost, nothing counted twice."""

import signal
from random import Random

import orjson
import pytest

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.simulation import simulate
from tests.support.child import later
from tests.support.kafka.child import POINTS
from tests.support.kafka.topics import Sent, received
from tests.support.kafka.workers import Worker

SMALL = 4_000  # bytes; some ten interactions
CAUGHT_UP = "--until-caught-up"
DEADLY = [name for name in POINTS if not name.endswith("stopped")]


def traffic(interactions, seed=30):
    return [event for event, _ in simulate(interactions // 4, interactions, seed)]


def send(topics, topic, events):
    """Spread events over the partitions; those of one source stay in order."""
    topics.send(topic, [Sent(orjson.dumps(one), key=one["id"].encode()) for one in events])


def check_all_is_there_once(store, events):
    with Engine.open(store, World(now=later)) as engine:
        stored = received(engine.store)
        assert len(stored) == len(set(stored))
        assert set(stored) == {(one["source"], one["id"]) for one in events}
        engine.follow()
        assert all(verdict.is_sound for verdict in engine.verify())


def die_again_and_again(tmp_path, topics, kills, interactions):
    topic, events = topics.make(3), traffic(interactions)
    send(topics, topic, events)
    subscription = topics.subscription(topic, batch_bytes=SMALL)
    store, lives = tmp_path / "store", Random(31)
    for _ in range(kills):
        with Worker(store, subscription, CAUGHT_UP) as worker:
            worker.wait_for("written", lives.randint(1, 40))
            worker.signal(signal.SIGKILL)
            assert worker.end() == -signal.SIGKILL
    with Worker(store, subscription, CAUGHT_UP) as worker:
        assert worker.end() == 0
        assert worker.numbers["duplicates"] == 0, "nothing that was committed came again"
    check_all_is_there_once(store, events)


def test_killed_workers_lose_and_double_nothing(tmp_path, topics, times):
    die_again_and_again(tmp_path, topics, kills=times(25, 3), interactions=times(4_000, 700))


@pytest.mark.slow
@pytest.mark.parametrize("point", DEADLY)
def test_a_worker_killed_at_a_named_point_loses_and_doubles_nothing(tmp_path, topics, point):
    topic, events = topics.make(2), traffic(300)
    send(topics, topic, events)
    subscription, store = topics.subscription(topic, batch_bytes=SMALL), tmp_path / "store"

    with Worker(store, subscription, point, CAUGHT_UP) as worker:
        assert worker.end() == -signal.SIGKILL
    with Worker(store, subscription, CAUGHT_UP) as worker:
        assert worker.end() == 0

    check_all_is_there_once(store, events)


def test_a_worker_that_was_thought_dead_is_fenced(tmp_path, topics, real_kafka):
    topic, events = topics.make(1), traffic(300)
    send(topics, topic, events)
    subscription, store = topics.subscription(topic, batch_bytes=SMALL * 4), tmp_path / "store"

    with Worker(store, subscription, "decided_and_not_written_stopped", CAUGHT_UP) as zombie:
        zombie.wait_until_stopped()
        with Worker(store, subscription, CAUGHT_UP) as successor:
            assert successor.end() == 0
            assert successor.numbers["read"] > 0
        zombie.signal(signal.SIGCONT)
        assert zombie.end() == 0

    assert zombie.numbers["fenced"] >= 1
    assert zombie.numbers["read"] + successor.numbers["read"] == len(events)
    check_all_is_there_once(store, events)


def test_workers_share_the_partitions_and_give_them_to_each_other(tmp_path, topics):
    topic, events = topics.make(4), traffic(800)
    store, subscription = tmp_path / "store", topics.subscription(topic, batch_bytes=SMALL * 4)
    early, late = events[:400], events[400:]
    with Worker(store, subscription) as first:
        send(topics, topic, early)
        first.wait_for("written", len(early))
        with Worker(store, subscription) as second:
            assert second.wait_for("dealt") == 2
            send(topics, topic, late)
            second.wait_for("written", 1)
            second.signal(signal.SIGTERM)
            assert second.end() == 0
        first.wait_for("written", len(events) - second.numbers["read"])
        first.signal(signal.SIGTERM)
        assert first.end() == 0

    assert second.numbers["accepted"] > 0
    assert first.numbers["accepted"] + second.numbers["accepted"] == len(events)
    assert sum(one["lag"] for one in first.numbers["partitions"]) == 0
    check_all_is_there_once(store, events)


def test_sigterm_writes_what_has_arrived_before_the_worker_ends(tmp_path, topics):
    topic, events = topics.make(1), traffic(20)
    send(topics, topic, events)
    store = tmp_path / "store"
    subscription = topics.subscription(topic, batch_seconds=60.0)

    with Worker(store, subscription) as worker:
        worker.wait_for("fetched", len(events))
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0

    assert worker.numbers["accepted"] == len(events)
    check_all_is_there_once(store, events)


@pytest.mark.parametrize("end", ["stop", pytest.param("kill", marks=pytest.mark.slow)])
def test_a_worker_goes_on_once_the_broker_is_back(tmp_path, topics, real_kafka, end):
    topic, events = topics.make(2), traffic(200)
    early, late = events[:100], events[100:]
    store = tmp_path / "store"
    with Worker(store, topics.subscription(topic)) as worker:
        send(topics, topic, early)
        worker.wait_for("written", len(early))
        getattr(real_kafka, end)()
        real_kafka.start()
        send(topics, topic, late)
        worker.wait_for("written", len(events))
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0

    check_all_is_there_once(store, events)
