"""A link that a person corrects after the publisher had corrected the interaction (GX-8, IX-1)."""

import pytest

from identity_engine import Engine
from tests.support.interactions import change, email, event, message, phone
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, KENTA, MAIL, NUMBER, arrive, mailed
from tests.support.soundness import is_sound
from tests.support.world import world


@pytest.mark.parametrize("kept", [[], [phone(NUMBER)]], ids=["nothing", "one value"])
def test_only_what_the_interaction_says_by_now_goes_along(kept):
    with Engine.in_memory(world()) as engine:
        _, call, kenta = arrive(
            engine,
            event("1", phone(), profile=ANNA),
            event("2", phone(), time="2026-02-02T09:00:00Z"),
            mailed("k", "kenta@example.jp", profile=KENTA),
        )
        arrive(engine, message("m", "2", email(MAIL)))
        arrive(engine, change("c", "2", "corrected", identifiers=kept, profile=ANNA))
        engine.desk.interactions.associate(
            call.interaction_id, kenta.contact_id, reason=WHY, identifiers="share"
        )

        held = {one.value for one in engine.profile(kenta.contact_id).identifiers}
        assert held == {"kenta@example.jp", MAIL, *(one["value"] for one in kept)}
        assert is_sound(engine)
