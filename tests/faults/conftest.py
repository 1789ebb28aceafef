"""Faults: a few of each in every run, many with --faults, and a table of what came of them."""

from pathlib import Path

import pytest

from tests.faults.table import Table
from tests.support.kafka.topics import Topics

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "reliability.md"
TABLE = pytest.StashKey[Table]()


def pytest_configure(config):
    config.stash[TABLE] = Table()


def pytest_sessionfinish(session, exitstatus):
    if session.config.getoption("--faults") and exitstatus == 0:
        session.config.stash[TABLE].write_into(PAGE)


@pytest.fixture
def table(request) -> Table:
    """Where a test says what came of a fault."""
    return request.config.stash[TABLE]


@pytest.fixture
def topics(real_kafka) -> Topics:
    """Topics on a real broker."""
    return Topics(real_kafka)
