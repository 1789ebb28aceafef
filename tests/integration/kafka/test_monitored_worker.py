"""A worker whose broker or database goes away says so, waits, and goes on; probes and metrics follow."""

import gc
import tempfile
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from identity_engine import Engine
from identity_engine.adapters.kafka_reach import refuse_unreached
from identity_engine.application.intake import consume
from identity_engine.event_store.postgres.database import Server
from identity_engine.monitoring import probes as looks
from identity_engine.observing.logbook import heard_by
from tests.acceptance.commands import EVENTS
from tests.support.interactions import event
from tests.support.kafka.broker import Broker
from tests.support.kafka.topics import Topics, received
from tests.support.monitoring import Heard, asked, until
from tests.support.postgres import PostgresServer
from tests.support.world import world

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def own_broker(kafka):
    """A broker that a test may kill."""
    if not kafka.is_real:
        pytest.skip("needs a real broker: install Java 17 and Maven")
    with tempfile.TemporaryDirectory(prefix="identity-engine-kafka-") as folder:
        broker = Broker(Path(folder)).start()
        yield broker
        broker.stop()


class Work:
    """A worker on a thread of its own, with who hears and asks it."""

    def __init__(self, ask, heard):
        self.ask, self.heard, self.done = ask, heard, []

    def has_told(self, name, **fields):
        return any(
            event == name and fields.items() <= said.items() for event, said in self.heard.told()
        )

    def taken(self):
        return self.ask.samples()["identity_engine_interactions_total", "accepted"]


@contextmanager
def at_work(opened, subscription):
    """Let a worker consume; `opened` opens its engine, on its own thread."""
    done, ready, found, heard = threading.Event(), threading.Event(), [], Heard()

    def run():
        needs = {"brokers": partial(refuse_unreached, subscription)}
        with opened() as engine, asked(engine, stopping=done.is_set, needs=needs) as (ask, asks):
            found.append(Work(ask, heard))
            ready.set()
            found[0].done.append(engine.consume(subscription, stopping=asks))

    with heard_by(heard):
        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert ready.wait(60)
            yield found[0]
        finally:
            done.set()
            thread.join()
            gc.collect()  # the client leaves sockets behind that never got through to a dead broker


def lag(work):
    """The lag of the only partition that the metrics know, None before they know any."""
    found = [v for name, v in work.ask.samples().items() if name[0] == "identity_engine_kafka_lag"]
    return sum(found) if found else None


def test_the_lag_is_known_from_the_start_and_grows_while_the_store_is_away(
    topics, tmp_path, monkeypatch
):
    database = PostgresServer(durable=True)
    try:
        address, topic = database.database(), topics.make()
        opened = lambda: Engine(Server(address, tmp_path / "master.key"), world())  # noqa: E731
        with at_work(opened, topics.subscription(topic)) as work:
            until(lambda: lag(work) == 0, seconds=consume.REPORT_SECONDS / 2)

            monkeypatch.setattr(consume, "REPORT_SECONDS", 0.2)
            database.stop("immediate")
            for number in range(1, 4):  # the first is read and not written, the others are not read
                topics.send_events(topic, [event(str(number))])
                until(lambda: work.has_told("waiting", on="store"))
                until(lambda so_many=number: lag(work) == so_many)
        done = work.done[0]
        assert sum(one.position for one in done.partitions) == 0, "nothing is stored"
        assert sum(one.lag for one in done.partitions) == 3
    finally:
        database.close()


def test_a_broker_that_dies_is_told_and_so_is_its_return(own_broker, tmp_path):
    topics = Topics(own_broker)
    topic = topics.make(2)
    topics.send_events(topic, EVENTS)
    opened = partial(Engine.open, tmp_path / "store", world())
    with at_work(opened, topics.subscription(topic)) as work:
        until(lambda: work.taken() == len(EVENTS))
        assert work.ask.problems("/readyz") == {}

        own_broker.kill()
        until(lambda: work.has_told("waiting", on="brokers"))
        assert "brokers" in work.ask.problems("/readyz")
        assert work.ask.problems("/livez") == {}
        samples = work.ask.samples()
        assert samples["identity_engine_up", "brokers"] == 0
        assert any(name == "identity_engine_waits_total" for name, *_ in samples)

        own_broker.start()
        topics.send_events(topic, [event("later")])
        until(lambda: work.taken() == len(EVENTS) + 1)
        until(lambda: work.has_told("recovered", on="brokers"))
        assert work.ask.problems("/readyz") == {}
        lags = {name: value for name, value in work.ask.samples().items() if "lag" in name[0]}
        assert lags


def test_a_database_that_goes_away_is_waited_for(topics, tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "FRESH_SECONDS", 0)
    database = PostgresServer(durable=True)
    try:
        address = database.database()
        topic = topics.make()
        topics.send_events(topic, EVENTS)
        opened = lambda: Engine(Server(address, tmp_path / "master.key"), world())  # noqa: E731
        with at_work(opened, topics.subscription(topic)) as work:
            until(lambda: work.taken() == len(EVENTS))
            database.stop("immediate")
            topics.send_events(topic, [event("later")])
            until(lambda: work.has_told("waiting", on="store", code="connection_lost"))
            assert "PostgreSQL" in work.ask.problems("/readyz")["store"]
            assert work.ask.problems("/livez") == {}

            database.start()
            until(lambda: work.taken() == len(EVENTS) + 1)
            until(lambda: work.has_told("recovered", on="store"))
            assert work.ask.problems("/readyz") == {}
            assert ("identity_engine_waits_total", "connection_lost", "store") in work.ask.samples()
        with opened() as engine:
            stored = received(engine.store)
            assert len(stored) == len(set(stored)) == len(EVENTS) + 1
    finally:
        database.close()
