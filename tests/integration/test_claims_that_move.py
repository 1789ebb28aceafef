"""When re-evaluation moves an interaction its claims go along; who gave the value too keeps it."""

import pytest

from identity_engine import Engine
from tests.support.interactions import change, email, message, phone
from tests.support.reevaluating import LOUISE, SAID, form, together
from tests.support.resolving import KENTA, MAIL, arrive, facts
from tests.support.soundness import is_sound
from tests.support.world import world

VALUES = email(MAIL), phone()


def silent_then_anna(engine):
    """A form that says nothing, and Anna who gives the same values on two later days; the claims of the
    contact rest on the first."""
    return arrive(
        engine,
        form("silent", *VALUES, day=1),
        form("anna", *VALUES, day=2, **SAID),
        form("anna again", *VALUES, day=3, **SAID),
    )


def others(engine):
    """The values turn out to be other people's too, so that the silent form may be anybody's."""
    arrive(
        engine,
        form("kenta", *VALUES, day=4, **KENTA),
        form("louise", email(MAIL), day=5, **LOUISE),
    )
    engine.reevaluate()


@pytest.fixture
def anna(engine):
    """Anna's contact, from which the silent form was taken."""
    silent, anna, _ = silent_then_anna(engine)
    others(engine)
    assert silent.contact_id == anna.contact_id
    return anna


def held(engine, contact_id):
    return {one.type: one for one in engine.profile(contact_id).identifiers}


def test_the_contact_that_it_left_holds_the_value_on_the_word_of_its_earliest(
    engine, anna, tmp_path
):
    assert together(engine, tmp_path) == [["anna", "anna again"], ["kenta"], ["louise"], ["silent"]]

    assert set(held(engine, anna.contact_id)) == {"email", "phone"}
    assert {one.valid_from[:10] for one in held(engine, anna.contact_id).values()} == {"2026-02-02"}
    claims = [
        one
        for one in facts(engine, "identifier.claimed")
        if one.contact_id == anna.contact_id and one.interaction_id == anna.interaction_id
    ]
    assert {one.personal.value for one in claims} == {MAIL, "+81312345678"}
    assert not any(one.verified for one in claims)


def test_the_claim_that_went_along_is_the_others_from_its_own_beginning(engine, anna):
    (moved, *_) = facts(engine, "identifier.reassigned")
    theirs = held(engine, moved.contact_id)

    assert {one.valid_from[:10] for one in theirs.values()} == {"2026-02-01"}
    assert moved.contact_id != anna.contact_id


def test_the_index_and_the_views_are_what_a_replay_gives(engine, anna):
    assert is_sound(engine)
    head = engine.store.head()
    engine.request_reevaluation()
    engine.reevaluate()
    assert engine.store.head() == head + 1


def test_the_claim_is_sealed_under_the_key_of_the_interaction_it_rests_on(engine, anna):
    log = engine.store.read(0, 1_000)
    (received,) = [e for e in log if e.stream_id == anna.interaction_id and e.version == 1]
    claims = [
        e.key_id
        for e in log
        if e.fact.TOPIC == "identifier.claimed" and e.fact.interaction_id == anna.interaction_id
    ]

    assert claims
    assert set(claims) == {received.key_id}


def test_a_contact_of_which_nothing_else_gave_the_value_holds_it_no_longer(engine):
    known, kenta, _ = arrive(
        engine,
        form("1", email(MAIL), day=1),
        form("2", *VALUES, day=2, **KENTA),
        form("3", email(MAIL), day=3, **SAID),
    )
    engine.reevaluate()

    assert set(held(engine, known.contact_id)) == {"email"}
    assert kenta.contact_id == known.contact_id


def test_what_its_publisher_corrected_is_claimed_as_it_says_now(engine):
    """Anna's forms gave an address too, which their publisher took back."""
    silent, anna, _ = silent_then_anna(engine)
    for id_ in ("anna", "anna again"):
        said = {"identifiers": [phone()], "profile": SAID}
        arrive(engine, change(f"c {id_}", id_, "corrected", **said))
    arrive(engine, form("kenta", *VALUES, day=4, **KENTA), form("louise", phone(), day=5, **LOUISE))
    engine.reevaluate()

    assert silent.contact_id == anna.contact_id
    assert [one.value for one in held(engine, anna.contact_id).values()] == ["+81312345678"]
    assert is_sound(engine)


def test_what_a_message_showed_stays_with_the_contact_of_its_conversation(engine):
    """Anna wrote from the address that the silent form gave."""
    silent, anna = arrive(
        engine, form("silent", *VALUES, day=1), form("anna", phone(), day=2, **SAID)
    )
    shown = message("m", "anna", email(MAIL, True), time="2026-02-02T09:05:00Z")
    arrive(engine, shown, form("anna again", phone(), day=3, **SAID))
    others(engine)

    assert silent.contact_id == anna.contact_id
    mail = held(engine, anna.contact_id)["email"]
    assert (mail.value, mail.verified, mail.valid_from) == (
        MAIL,
        True,
        "2026-02-02T09:05:00.000000Z",
    )
    assert is_sound(engine)


def test_a_late_claim_that_moves_ends_nothing_the_value_meant(tmp_path):
    """The line is shared by more people than it may be, whenever that is seen."""
    line = phone("+81312345678")
    family = form("family", line, day=2, family_name="Müller", city="Berlin")
    given = form("given", line, given_name="Anna", city="Berlin", postcode="10115")
    born = form("born", line, date_of_birth="1980-02-03", city="Berlin")
    whole = form(
        "whole", date_of_birth="1980-02-03", family_name="Müller", given_name="Anna",
        city="Berlin", postcode="10115",
    )  # fmt: skip
    found = []
    for deliveries in ([[given, born, whole, family]], [[family], [born, given], [whole]]):
        with Engine.in_memory(world()) as opened:
            for delivered in deliveries:
                arrive(opened, *delivered)
                opened.reevaluate()
            found.append(together(opened, tmp_path))

    assert found[0] == found[1]
