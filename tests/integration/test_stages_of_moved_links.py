"""The stage goes along with the link that gave it, where re-evaluation moves the link (GX-0)."""

import pytest

from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import arrive
from tests.support.soundness import is_sound

IMRAN = {"full_name": "Imran Khan"}
LASTING = [customer("C-1"), phone() | {"verified": True}]


@pytest.mark.parametrize("proof", LASTING, ids=["exclusive", "verified"])
@pytest.mark.parametrize("turn", [1, -1], ids=["the mail first", "the chat first"])
def test_whose_interaction_proves_a_person_is_identified_and_nobody_else(engine, proof, turn):
    mail = event("m", email("imran@example.com"), profile=IMRAN, channel="email")
    chat = event("c", proof, profile=IMRAN, channel="chat", time="2026-02-19T20:00:00Z")
    for one in (mail, chat)[::turn]:
        arrive(engine, one)
    engine.reevaluate()

    mailed, chatted = arrive(engine, mail, chat)
    assert mailed.contact_id != chatted.contact_id
    stages = [engine.profile(one.contact_id).stage for one in (mailed, chatted)]
    assert stages == ["ephemeral", "identified"]
    assert is_sound(engine)
