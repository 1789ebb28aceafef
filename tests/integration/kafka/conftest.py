"""Topics of a test, on the broker of the run."""

import pytest

from tests.support.kafka.broker import Broker, MockCluster
from tests.support.kafka.topics import Topics


@pytest.fixture
def topics(kafka: Broker | MockCluster) -> Topics:
    """Topics on the broker of the run."""
    return Topics(kafka)
