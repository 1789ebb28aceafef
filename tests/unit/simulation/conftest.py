"""One world that many tests look at."""

from __future__ import annotations

import pytest

from identity_engine.simulation import Interaction, traffic

PEOPLE = 300
INTERACTIONS = 6_000


@pytest.fixture(scope="session")
def world() -> list[Interaction]:
    return list(traffic(PEOPLE, INTERACTIONS, seed=11))
