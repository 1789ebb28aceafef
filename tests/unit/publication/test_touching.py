"""After which facts whose profile is read again: whatever the views of profiles follow."""

import pytest
from msgspec.structs import replace

from aggregates.contact import ContactMerged, ContactPromoted, ContactUnmerged, MergeEdge
from aggregates.editing import ContactEditWithdrawn
from aggregates.identifier import IdentifierShared, IdentifierTransferred
from aggregates.notes import NoteAdded
from aggregates.policy import PolicyActivated
from identity_engine.publication.touching import FOLLOWED, NOT_SHOWN, touched_by
from projections.identity.projection import IdentityRows
from projections.profile.projection import ProfileRows
from tests.unit.publication.facts import FACTS, STREAM, example, recorded

ONE, OTHER = (f"019b1c3e-7c5a-7000-8000-00000000000{number}" for number in (1, 2))


def touched(fact):
    return touched_by([recorded(fact)])


def test_what_the_views_follow_is_followed_unless_no_profile_shows_it():
    followed = set(IdentityRows.follows) | set(ProfileRows.follows)
    assert followed - FOLLOWED == NOT_SHOWN
    assert FOLLOWED - followed == {PolicyActivated}


@pytest.mark.parametrize(
    "fact", [one for one in FACTS if type(one) in FOLLOWED], ids=lambda fact: fact.TOPIC
)
def test_each_of_them_touches_somebody(fact):
    found = touched(fact)
    assert found.everybody or not found.is_nobody


def test_others_touch_nobody():
    assert touched(example(NoteAdded)).is_nobody


def test_both_ends_of_a_merge_may_have_another_who_stands_for_them():
    edges = (MergeEdge(one=ONE, other=OTHER),)
    for kind in (ContactMerged, ContactUnmerged):
        assert touched(kind(merge_id=ONE, edges=edges)).identities == {STREAM, ONE, OTHER}


def test_a_stage_may_change_who_stands_for_an_identity():
    assert touched(example(ContactPromoted)).identities == {STREAM}


def test_who_lost_something_is_touched_like_who_got_it():
    withdrawn, transferred = example(ContactEditWithdrawn), example(IdentifierTransferred)
    assert touched(withdrawn).contacts == {STREAM, withdrawn.given_to}
    assert touched(transferred).contacts == {transferred.contact_id, transferred.from_contact_id}


def test_a_mark_on_an_identifier_touches_all_who_hold_it():
    assert touched(example(IdentifierShared)).identifiers == {STREAM}


def test_another_policy_touches_everybody_and_other_rules_touch_nobody():
    policy = example(PolicyActivated)
    model = replace(policy, kind="model")
    assert touched(policy).everybody
    assert not touched(model).everybody
