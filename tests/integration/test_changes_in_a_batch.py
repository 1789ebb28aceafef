"""A change sees what came with it in one batch as if that had come before."""

from identity_engine import Engine
from tests.support.interactions import change, event, message, phone
from tests.support.resolving import ANNA, facts
from tests.support.world import world

ANSWERED = "0612"
"""A number without a country: it joins nobody by itself."""


def test_a_value_stays_on_the_word_of_an_interaction_of_the_same_batch():
    said = event("said", {"type": "phone", "value": ANSWERED}, channel="chat", profile=ANNA)
    shown = event(
        "shown",
        {"type": "whatsapp", "value": ANSWERED, "verified": True},
        channel="messaging",
        time="2026-01-15T09:00:00Z",
        profile=ANNA,
    )
    batch = [said, shown, change("c", "said", "retracted")]

    assert held_after([batch]) == held_after([[one] for one in batch])


def test_an_interaction_that_was_waited_for_is_as_new_as_it_came():
    """Its id is as old as the change that waited, and the newest records are what is compared."""
    calls = [event(name, phone()) for name in ("1", "2", "3")]
    waited = event("waited", phone(), profile=ANNA)
    first = [message("m", "waited"), *calls, waited]
    last = event("last", phone(), profile=ANNA)

    weights = [links_after(batches) for batches in ([[*first, last]], [first, [last]])]

    assert weights[0] == weights[1]
    assert weights[0][-1] > weights[0][1]  # it was compared with what waited says


def test_a_record_weighs_what_it_says_once_it_is_corrected():
    zita = ANNA | {"given_name": "Zita", "date_of_birth": "1991-12-31"}
    said = event("said", channel="form", profile=zita)
    batch = [
        change("c", "said", "corrected", identifiers=[], profile=ANNA),
        event("anna", channel="form", profile=ANNA),
    ]

    together, apart = links_after([[said], batch]), links_after([[said], *([one] for one in batch)])

    assert together == apart
    assert together[-1] > 0


def links_after(batches):
    """The weight of each link."""
    with Engine.in_memory(world()) as engine:
        for batch in batches:
            engine.ingest(batch)
        return [link.evidence.weight for link in facts(engine, "interaction.linked")]


def held_after(batches):
    """The claims of the contact that is left, with whether each still holds."""
    with Engine.in_memory(world()) as engine:
        outcomes = [outcome for batch in batches for outcome in engine.ingest(batch)]
        profile = engine.profile(outcomes[1].contact_id)
        return [(one.value, one.verified, one.valid_to) for one in profile.identifiers]
