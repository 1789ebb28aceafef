"""A contact that has lost all its interactions joins nobody, and nobody is kept apart from it."""

import pytest

from tests.support.interactions import change, customer, email, event, phone
from tests.support.lifetimes import WHY
from tests.support.reevaluating import SAID, form, together
from tests.support.resolving import MAIL, arrive, change_channel, facts, mailed
from tests.support.soundness import is_sound


def retracted(engine, bridge, _):
    arrive(engine, change("c", "bridge", "retracted"))


def unlinked(engine, bridge, _):
    engine.desk.interactions.unlink(bridge.interaction_id, reason=WHY)


def given_away(engine, bridge, stranger):
    engine.desk.interactions.associate(
        bridge.interaction_id, stranger.contact_id, reason=WHY, tell_apart=False
    )


@pytest.fixture
def bridge(engine):
    """An interaction with a contact of its own, over which alone two others are one."""
    change_channel(engine, "chat", resolve=False)
    values = email(MAIL, True), phone() | {"verified": True}
    *_, bridge = arrive(
        engine,
        mailed("1"),
        event("2", phone()),
        event("bridge", *values, channel="chat", time="2026-02-03T09:00:00Z"),
    )
    engine.reevaluate()
    assert len(engine.profile(bridge.contact_id).members) == 3
    return bridge


@pytest.mark.parametrize("leaves", [retracted, unlinked, given_away])
def test_those_who_were_one_over_it_alone_are_two_again(engine, tmp_path, bridge, leaves):
    (stranger,) = arrive(engine, event("stranger", customer("C-9")))
    leaves(engine, bridge, stranger)
    engine.reevaluate()

    groups = [group for group in together(engine, tmp_path) if {"1", "2"} & set(group)]
    assert groups == [["1"], ["2"]]
    assert is_sound(engine)
    head = engine.store.head()
    engine.request_reevaluation()
    engine.reevaluate()
    assert engine.store.head() == head + 1


def test_those_of_whom_more_says_that_they_are_one_stay_so(engine, tmp_path, bridge):
    arrive(engine, form("4", email(MAIL, True), phone() | {"verified": True}, day=4))
    arrive(engine, change("c", "bridge", "retracted"))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["1", "2", "4"]]


def test_who_is_one_with_it_stays_so_when_a_person_merges_it_with_another(engine):
    change_channel(engine, "chat", resolve=False)
    chat = event("2", email(MAIL, True), channel="chat")
    known, emptied, other = arrive(engine, mailed("1"), chat, event("3", customer("C-9")))
    engine.reevaluate()
    engine.desk.interactions.unlink(emptied.interaction_id, reason=WHY)
    engine.desk.merging.merge([emptied.contact_id, other.contact_id], reason=WHY)
    engine.request_reevaluation()
    engine.reevaluate()

    all_three = {known.contact_id, emptied.contact_id, other.contact_id}
    assert set(engine.profile(emptied.contact_id).members) == all_three
    assert is_sound(engine)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("leaves", [retracted, unlinked, given_away])
def test_no_merge_with_it_stays_refused(engine, leaves, place):
    alike = [form("1", customer("C-1"), day=1, **SAID), form("2", customer("C-2"), day=2, **SAID)]
    alike[place]["id"] = "bridge"
    *both, stranger = arrive(engine, *alike, event("stranger", customer("C-9")))
    engine.reevaluate()
    assert len(engine.refused_merges()) == 1

    leaves(engine, both[place], stranger)
    engine.reevaluate()

    assert engine.refused_merges() == []
    assert len(facts(engine, "contact.merge_refusal_ended")) == 1
    assert is_sound(engine)
