"""An engine in memory whose clock the test holds; after each test its views and index are sound."""

from collections.abc import Iterator

import pytest

from identity_engine import Engine
from tests.support.soundness import is_sound
from tests.support.world import Clock, world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Iterator[Engine]:
    with Engine.in_memory(world(clock=clock)) as opened:
        yield opened
        assert is_sound(opened)
