"""Pains of users of other systems that no other test shows by name (docs/reference/features.md)."""

import pytest

from tests.support.interactions import email, event, phone
from tests.support.reevaluating import LOUISE, together
from tests.support.resolving import ANNA, KENTA, arrive
from tests.support.soundness import is_sound

DESK = "info@acme.example"
HOUSEHOLD = "+33142685300"


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
