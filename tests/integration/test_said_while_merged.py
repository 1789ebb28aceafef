"""What a person says of one member of a merged contact is that member's, also where another has it.

The contact shows an equal value once, and an unmerge leaves each member what was said of it.
"""

import pytest

from identity_engine.application.operations.values.claiming import Value
from tests.support.merging import known
from tests.support.soundness import is_sound

WHY = "She told us."
WORK = Value("email", "work@example.org")
NUMBER = Value("customer_id", "C-7")


@pytest.fixture
def both(engine):
    """Anna has an address, a number and a city by hand; Bert is merged with her."""
    anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
    desk = engine.desk
    desk.identifiers.add(anna, WORK, label="office")
    desk.identifiers.add(anna, NUMBER, verified=True)
    desk.contacts.edit(anna, set={"city": "Oita"}, add={"other_names": ["Nan"]})
    merged = desk.merging.merge([anna, bert], survivor=anna, reason=WHY)
    return anna, bert, merged.merge_id


def held(engine, contact_id, value):
    """The claims on a value that a contact shows."""
    return [one for one in engine.profile(contact_id).identifiers if one.value == value.value]


@pytest.mark.parametrize("value", [WORK, NUMBER])
def test_an_identifier_of_another_member_is_claimed_for_the_one_that_was_named(engine, both, value):
    anna, bert, merge_id = both
    engine.desk.identifiers.add(bert, value, label="home")

    assert [one.label for one in held(engine, anna, value)] == ["home"]
    engine.desk.unmerging.unmerge(merge_id, reason="Two people.")
    assert [one.label for one in held(engine, bert, value)] == ["home"]
    assert [one.label for one in held(engine, anna, value)] == ["office" if value is WORK else None]
    assert not held(engine, bert, value)[0].shared
    assert is_sound(engine)


def test_it_is_claimed_once(engine, both):
    _, bert, _ = both
    engine.desk.identifiers.add(bert, WORK)

    assert engine.desk.identifiers.add(bert, WORK).done.written == ()


def test_one_that_is_shown_to_reach_the_named_member_is_verified_for_that_one(engine, both):
    anna, bert, merge_id = both
    engine.desk.identifiers.add(bert, WORK, verified=True)

    assert [one.verified for one in held(engine, anna, WORK)] == [True]
    engine.desk.unmerging.unmerge(merge_id, reason="Two people.")
    assert [one.verified for one in held(engine, anna, WORK)] == [False]
    assert [one.verified for one in held(engine, bert, WORK)] == [True]


def test_it_goes_from_all_members_when_it_is_released(engine, both):
    anna, bert, merge_id = both
    engine.desk.identifiers.add(bert, WORK)
    engine.desk.identifiers.release(anna, WORK)
    engine.desk.unmerging.unmerge(merge_id, reason="Two people.")

    for one in (anna, bert):
        assert [claim.valid_to is None for claim in held(engine, one, WORK)] == [False]


def test_a_value_of_a_field_is_saved_for_the_member_that_was_named(engine, both):
    anna, bert, merge_id = both
    edit = engine.desk.contacts.edit
    done = edit(bert, set={"city": "Oita"}, add={"other_names": ["Nan"]})

    assert done.written == ("contact.edited",)
    assert edit(bert, set={"city": "Oita"}, add={"other_names": ["Nan"]}).written == ()
    shown = engine.profile(anna).fields
    assert [one.value for one in shown["city"]] == ["Oita"]
    assert [one.value for one in shown["other_names"]] == ["Nan"]
    engine.desk.unmerging.unmerge(merge_id, reason="Two people.")
    for one in (anna, bert):
        assert [v.value for v in engine.profile(one).fields["city"]] == ["Oita"]
        assert [v.value for v in engine.profile(one).fields["other_names"]] == ["Nan"]
    assert is_sound(engine)
