"""What tests of several layers share: the database of their stores, and one Kafka broker for the run."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity_engine.observing.logbook import Strictness
from tests.support.histories import Drawn
from tests.support.kafka.broker import Broker, MockCluster
from tests.support.kafka.jars import NoBroker
from tests.support.kafka.sockets import close_what_is_given_up

REQUIRED = "REQUIRE_KAFKA"


def pytest_addoption(parser):
    parser.addoption(
        "--store",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="where the stores of engines lie that tests open in a folder or in memory",
    )

    parser.addoption(
        "--faults",
        action="store_true",
        help="make many faults where else a few are made, and write the table of what came of them",
    )

    parser.addoption(
        "--laws",
        type=int,
        default=1,
        metavar="TIMES",
        help="draw so many times as many examples of the laws, other ones in every run",
    )


def pytest_configure(config):
    Strictness.refuses = True
    Drawn.times = config.getoption("--laws")
    close_what_is_given_up()
    if config.getoption("--store") == "postgres":
        from tests.support.stores import OnPostgres

        OnPostgres().install()


@pytest.fixture
def times(request):
    """Return how often a fault is made: so many times with --faults, else the few."""
    all_of_them = request.config.getoption("--faults")
    return lambda many, few: many if all_of_them else few


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker | MockCluster]:
    """A Kafka broker on this machine, a mock where no real one can be had and none is required."""
    with tempfile.TemporaryDirectory(prefix="identity-engine-kafka-") as folder:
        broker: Broker | MockCluster
        try:
            broker = Broker(Path(folder)).start()
        except NoBroker as lacking:
            if os.environ.get(REQUIRED):
                pytest.fail(f"{REQUIRED} is set, and a real broker cannot be had: {lacking}")
            broker = MockCluster()
        yield broker
        broker.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: Broker | MockCluster) -> str:
    """The address of the broker, HOST:PORT."""
    return kafka.bootstrap


@pytest.fixture
def real_kafka(kafka: Broker | MockCluster) -> Broker:
    """The broker, for tests of what the mock does not do."""
    if not isinstance(kafka, Broker):
        pytest.skip("needs a real broker: install Java 17 and Maven")
    return kafka
