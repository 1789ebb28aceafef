"""An unverified value may link an interaction and suggest a merge; by itself it fuses no two contacts
that are identified or curated."""

import itertools

import pytest

from identity_engine import Engine
from tests.support.interactions import email, event
from tests.support.reevaluating import form, together
from tests.support.resolving import MAIL, NUMBER, arrive
from tests.support.soundness import is_sound
from tests.support.world import world


def number(verified):
    return {"type": "phone", "value": NUMBER, "verified": verified}


CALL = event("call", number(True), time="2026-02-01T09:00:00Z")
MAILED = event("mail", email(MAIL, True), time="2026-02-02T09:00:00Z", channel="email")
TYPED = form("typed", number(False), email(MAIL, False), day=3)
TYPED_OF_CALLER = form("typed", number(True), email(MAIL, False), day=3)


@pytest.mark.parametrize(
    ("typed", "groups"),
    [(TYPED, [["call"], ["mail", "typed"]]), (TYPED_OF_CALLER, [["call", "typed"], ["mail"]])],
)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_who_types_the_values_of_two_people_makes_them_one_in_no_order(
    tmp_path, typed, groups, order
):
    events = [CALL, MAILED, typed]
    with Engine.in_memory(world()) as engine:
        arrive(engine, *(events[place] for place in order))
        engine.reevaluate()

        assert together(engine, tmp_path) == groups
        assert [one.guard for one in engine.refused_merges()] == ["unverified"]
        assert is_sound(engine)


@pytest.fixture
def kept_apart(engine):
    outcomes = arrive(engine, CALL, MAILED, TYPED)
    engine.reevaluate()
    return outcomes


def test_a_person_is_asked_and_why_not_says_the_same(engine, kept_apart):
    call, mail, _ = kept_apart
    answer = engine.why_not(call.contact_id, mail.contact_id)

    assert answer.verdict == answer.recorded.guard == "unverified"
    assert [(one.kind, one.guard) for one in engine.review()] == [("merge", "unverified")]


def test_somebody_whom_a_person_promoted_is_fused_with_no_identified_one(engine, tmp_path):
    profile = {"given_name": "Paul"}
    (call,) = arrive(engine, event("call", {"type": "phone", "value": NUMBER}, profile=profile))
    engine.desk.contacts.promote(call.contact_id)
    arrive(engine, MAILED, TYPED)
    engine.reevaluate()

    assert together(engine, tmp_path) == [["call"], ["mail", "typed"]]
    assert [one.guard for one in engine.refused_merges()] == ["unverified"]


def test_on_arrival_a_verified_value_leads_to_no_other_identified_contact(engine, tmp_path):
    typed, mail = arrive(engine, TYPED_OF_CALLER, MAILED)

    assert mail.contact_id != typed.contact_id
    engine.reevaluate()
    assert together(engine, tmp_path) == [["mail"], ["typed"]]


def test_on_arrival_an_unverified_one_still_links(engine, tmp_path):
    arrive(engine, CALL, form("typed", number(False), day=3))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["call", "typed"]]
