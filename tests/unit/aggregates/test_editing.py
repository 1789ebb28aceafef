"""Values by hand: one event for each save, and what people gave and took away."""

import pytest

from aggregates.contact import ContactCreated
from aggregates.editing import ContactEdited, Edit, EditPersonal, HandMade, decide, hand_made
from aggregates.errors import Refused
from aggregates.values import Erased


def edited(**changes):
    return ContactEdited(personal=EditPersonal(**changes))


BERGER = edited(set={"family_name": "Berger"})


def test_a_save_is_one_event_with_only_what_changed():
    state = hand_made([BERGER])
    command = Edit(
        set={"family_name": "Berger", "given_name": "Anna"},
        add={"other_names": ("Annie", "Annie")},
        remove={"city": ("Bonn",)},
    )
    assert decide(state, command) == (
        edited(
            set={"given_name": "Anna"},
            added={"other_names": ("Annie",)},
            removed={"city": ("Bonn",)},
        ),
    )


def test_a_save_that_changes_nothing_is_no_event():
    assert decide(hand_made([BERGER]), Edit(set={"family_name": "Berger"})) == ()
    assert decide(HandMade(), Edit()) == ()


def test_a_value_replaces_what_people_gave_the_field_before():
    state = hand_made([BERGER, edited(set={"family_name": "Vogel"})])
    assert state.values == {"family_name": ("Vogel",)}
    assert state.removed == {}


def test_added_values_stand_beside_each_other_the_newest_first():
    state = hand_made(
        [edited(added={"other_names": ("Annie",)}), edited(added={"other_names": ("Nan", "Ann")})]
    )
    assert state.values == {"other_names": ("Ann", "Nan", "Annie")}


def test_a_removed_value_is_gone_until_a_person_gives_it_again():
    gone = edited(removed={"family_name": ("Berger",)})
    assert hand_made([BERGER, gone]) == HandMade({}, {"family_name": ("Berger",)})
    assert decide(hand_made([BERGER, gone]), Edit(remove={"family_name": ("Berger",)})) == ()
    assert hand_made([BERGER, gone, BERGER]) == HandMade({"family_name": ("Berger",)})


def test_a_value_that_is_given_and_removed_is_refused():
    with pytest.raises(Refused) as refused:
        decide(HandMade(), Edit(set={"city": "Bonn"}, remove={"city": ("Bonn",)}))
    assert refused.value.reason == "contradiction"


def test_other_facts_and_erased_edits_change_nothing():
    erased = ContactEdited(personal=Erased.ERASED)
    assert hand_made([ContactCreated(division="north"), erased]) == HandMade()
