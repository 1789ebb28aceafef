"""The history of a contact tells what its members did until they were parted from it, and no more."""

import pytest

from identity_engine.application.cases.entry import Entry, Origin
from tests.support.interactions import email, event, phone
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, KENTA, arrive

LATER = "2026-02-05T09:00:00Z"


def told(engine, contact_id, as_of=None):
    """What history and steps of a contact say, as text."""
    return str(engine.history(contact_id, as_of)), str(engine.how(contact_id, as_of))


def topics(engine, contact_id):
    return [one.topic for one in engine.history(contact_id)]


def note(engine, contact_id, text):
    """Add a note and return the position of its event."""
    engine.desk.notes.add(contact_id, text)
    return engine.store.head()


def positions(engine, contact_id):
    return {one.position for one in engine.history(contact_id)}


@pytest.fixture
def three(engine):
    anna, kenta, cleo = arrive(
        engine,
        event("a", phone(), channel="voice", profile=ANNA),
        event("k", email("kenta@example.jp"), profile=KENTA),
        event("c", email("cleo@example.org"), profile={"full_name": "Cleo Durand"}),
    )
    return anna.contact_id, kenta.contact_id, cleo.contact_id


@pytest.fixture
def anna(three):
    return three[0]


@pytest.fixture
def kenta(three):
    return three[1]


@pytest.fixture
def merged(engine, anna, kenta):
    return engine.desk.merging.merge([anna, kenta], reason=WHY).merge_id


def part(engine, merge_id, **how):
    engine.desk.unmerging.unmerge(merge_id, reason=WHY, told_apart=False, **how)


def test_what_a_former_member_did_before_and_during_the_merge_stays_told(
    engine, anna, kenta, merged
):
    note(engine, kenta, "While they were one.")
    part(engine, merged)
    history = str(engine.history(anna))
    assert "kenta@example.jp" in history
    assert "While they were one." in history
    assert topics(engine, anna).count("contact.merged") == 1
    assert topics(engine, anna).count("contact.unmerged") == 1


def test_what_it_did_after_the_unmerge_is_told_of_itself_alone(engine, anna, kenta, merged):
    part(engine, merged)
    before = told(engine, anna)
    place = note(engine, kenta, "Of Kenta alone.")
    engine.desk.cases.open(Origin("contact", kenta), Entry(note="His."), subject="His offer")
    arrive(engine, event("k2", email("kenta@example.jp"), time=LATER))
    assert told(engine, anna) == before
    assert place in positions(engine, kenta)


def test_an_interaction_that_it_came_to_have_later_is_not_told(engine, three, merged):
    anna, kenta, cleo = three
    part(engine, merged)
    before = told(engine, anna)
    (interaction,) = engine.profile(cleo).interactions
    engine.desk.interactions.associate(interaction.interaction_id, kenta, reason=WHY)
    assert told(engine, anna) == before


def test_who_was_one_with_a_member_at_another_time_is_not_told_of(engine, three):
    anna, kenta, cleo = three
    part(engine, engine.desk.merging.merge([kenta, cleo], reason=WHY).merge_id)
    engine.desk.merging.merge([anna, kenta], reason=WHY)
    place = note(engine, cleo, "Of Cleo alone.")
    assert place not in positions(engine, anna)
    assert "cleo@example.org" in told(engine, kenta)[0]  # while she was one with Kenta


def test_two_who_become_one_again_have_all_that_was_in_between(engine, anna, kenta, merged):
    part(engine, merged)
    place = note(engine, kenta, "In between.")
    assert place not in positions(engine, anna)
    engine.desk.merging.merge([anna, kenta], reason=WHY)
    assert place in positions(engine, anna)


def test_who_leaves_takes_nobody_else_along(engine, three):
    anna, kenta, cleo = three
    merged = engine.desk.merging.merge([anna, kenta, cleo], reason=WHY)
    part(engine, merged.merge_id, member=kenta)
    of_kenta, of_cleo = note(engine, kenta, "His."), note(engine, cleo, "Hers.")
    assert positions(engine, anna) & {of_kenta, of_cleo} == {of_cleo}
    assert positions(engine, kenta) & {of_kenta, of_cleo} == {of_kenta}


def test_a_case_that_goes_to_the_other_is_told_until_it_went(engine, anna, kenta, merged):
    opened = engine.desk.cases.open(Origin("contact", anna), Entry(note="For one."))
    (place,) = [
        one.position
        for one in engine.desk.unmerging.preview(merged).meanwhile
        if one.topic == "case.opened"
    ]
    part(engine, merged, move={place: kenta})
    engine.desk.cases.add(opened.number, Entry(note="Since then."))
    of_anna, of_kenta = (str(engine.history(one)) for one in (anna, kenta))
    assert "For one." in of_anna
    assert "Since then." not in of_anna
    assert "Since then." in of_kenta
    assert topics(engine, anna)[-1] == "case.given"


def test_as_of_any_moment_it_is_what_was_told_then(engine, three, merged):
    anna, kenta, cleo = three
    seen = {}

    def look():
        then = f"pos:{engine.store.head()}"
        seen.update({(then, one): told(engine, one) for one in three})

    look()
    part(engine, merged)
    note(engine, kenta, "Of Kenta alone.")
    look()
    again = engine.desk.merging.merge([kenta, cleo], reason=WHY).merge_id
    look()
    engine.desk.merging.merge([anna, kenta], reason=WHY)
    look()
    part(engine, again)
    note(engine, cleo, "Of Cleo alone.")
    look()
    for (then, one), answer in seen.items():
        assert told(engine, one, then) == answer
