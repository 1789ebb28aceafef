"""Pains of users of other systems that no other test shows by name (docs/reference/features.md)."""

import pytest

from identity_engine import Engine
from tests.integration.reevaluating import LOUISE, is_sound, together
from tests.integration.resolving import ANNA, KENTA, arrive
from tests.support.interactions import email, event, phone
from tests.support.world import world

DESK = "info@acme.example"
HOUSEHOLD = "+33142685300"


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        yield opened


@pytest.mark.parametrize(
    "shared",
    [
        pytest.param([phone(HOUSEHOLD)], id="phone"),
        pytest.param([email(DESK, verified=True)], id="desk"),
        pytest.param([phone(HOUSEHOLD), email(DESK, verified=True)], id="both"),
    ],
)
def test_a_shared_phone_or_info_address_does_not_fuse_people(engine, tmp_path, shared):
    arrive(
        engine,
        event("1", *shared, channel="form", profile=ANNA),
        event("2", *shared, channel="form", profile=KENTA),
        event("3", *shared, channel="form", profile=LOUISE),
        event("4", *shared, channel="form"),
    )
    engine.reevaluate()

    assert together(engine, tmp_path) == [["1"], ["2"], ["3"], ["4"]]
    assert is_sound(engine)
