"""When a set may expire, be deleted, come back, and what a legal hold refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregates import contact, identifier, ownership
from aggregates.contact import MergeEdge
from aggregates.errors import NotYet, Refused
from aggregates.identity import Identity, Merge, decide_merge
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactHoldLifted,
    ContactHoldSet,
    ContactRestored,
    Delete,
    Expire,
    LiftHold,
    Restore,
    SetHold,
    Standing,
    decide,
)
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import IdentifierClass, Stage
from tests.unit.aggregates.test_identifier import claim

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANNA, OTHER = "contact-anna", "contact-other"
LIVE = Standing("live", last=NOW - timedelta(days=60))
DELETED = Standing("deleted", since=NOW - timedelta(days=29))
HELD = Standing("live", on_hold=frozenset({ANNA}), last=NOW - timedelta(days=400))


class TestExpiry:
    def test_a_set_expires_when_nothing_came_for_so_many_days(self):
        assert decide(LIVE, Expire(NOW, 60)) == ContactExpired(last=LIVE.last, days=60)

    def test_a_moment_earlier_it_does_not(self):
        assert decide(LIVE, Expire(NOW - timedelta(microseconds=1), 60)) is None

    @pytest.mark.parametrize("standing", [HELD, DELETED, Standing("expired", since=NOW)])
    def test_on_hold_or_gone_it_does_not(self, standing):
        assert decide(standing, Expire(NOW + timedelta(days=900), 60)) is None


class TestDelete:
    def test_the_reason_is_kept(self):
        fact = decide(LIVE, Delete("she asked for it"))
        assert isinstance(fact, ContactDeleted)
        assert fact.personal.reason == "she asked for it"

    def test_what_expired_can_be_deleted_too(self):
        assert isinstance(decide(Standing("expired", since=NOW), Delete("why")), ContactDeleted)

    def test_deleting_again_changes_nothing(self):
        assert decide(DELETED, Delete("why")) is None

    def test_a_legal_hold_refuses(self):
        with pytest.raises(Refused, match="legal hold") as refused:
            decide(HELD, Delete("why"))
        assert refused.value.reason == "legal_hold"


class TestRestore:
    @pytest.mark.parametrize("presence", ["deleted", "expired"])
    def test_a_legal_hold_refuses(self, presence):
        with pytest.raises(Refused, match="legal hold") as refused:
            decide(Standing(presence, since=NOW, on_hold=frozenset({ANNA})), Restore(NOW, 30))
        assert refused.value.reason == "legal_hold"

    def test_it_says_what_the_contact_was(self):
        assert decide(DELETED, Restore(NOW, 30)) == ContactRestored(was="deleted")

    def test_a_live_one_stays_as_it_is(self):
        assert decide(LIVE, Restore(NOW, 30)) is None

    def test_after_the_days_it_is_refused(self):
        with pytest.raises(Refused) as refused:
            decide(DELETED, Restore(NOW + timedelta(days=1), 30))
        assert refused.value.reason == "restore_period_over"

    def test_what_was_erased_stays_erased(self):
        for command in (Delete("why"), Restore(NOW, 30), SetHold(ANNA, "why")):
            with pytest.raises(Refused) as refused:
                decide(Standing("erased"), command)
            assert refused.value.reason == "erased"


class TestHold:
    def test_it_is_set_and_lifted(self):
        assert isinstance(decide(LIVE, SetHold(ANNA, "why")), ContactHoldSet)
        assert isinstance(decide(HELD, LiftHold(ANNA, "why")), ContactHoldLifted)

    def test_setting_it_again_changes_nothing(self):
        assert decide(HELD, SetHold(ANNA, "why")) is None

    def test_there_must_be_one_to_lift(self):
        with pytest.raises(NotYet):
            decide(LIVE, LiftHold(ANNA, "why"))

    def test_it_is_lifted_from_the_member_that_it_names(self):
        with pytest.raises(Refused, match=ANNA) as refused:
            decide(HELD, LiftHold(OTHER, "why"))
        assert refused.value.reason == "held_by_member"


class TestState:
    @staticmethod
    def after(*facts):
        state = None
        for fact in facts:
            state = contact.evolve(state, fact, NOW)
        return state

    def test_a_contact_goes_and_comes_back(self):
        born = contact.ContactCreated(division="default")
        gone = self.after(born, ContactExpired(last=NOW, days=60))
        back = contact.evolve(gone, ContactRestored(was="expired"), NOW + timedelta(days=1))

        assert (gone.presence, gone.gone_since) == ("expired", NOW)
        assert (back.presence, back.gone_since) == ("live", None)

    def test_who_came_back_waits_anew(self):
        born = contact.ContactCreated(division="default")
        gone = self.after(born, ContactDeleted())
        back = contact.evolve(gone, ContactRestored(was="deleted"), NOW + timedelta(days=1))

        assert gone.quiet_from is None
        assert back.quiet_from == NOW + timedelta(days=1)

    def test_who_is_curated_never_expires(self):
        born = contact.ContactCreated(division="default")
        assert self.after(born).quiet_from == NOW
        assert (
            self.after(born, contact.ContactPromoted(stage_before=Stage.EPHEMERAL)).quiet_from
            is None
        )


def test_a_reclaimed_identifier_is_held_as_if_the_claim_had_not_ended():
    before = None
    for fact in ownership.decide(None, claim(ANNA)):
        before = identifier.evolve(before, fact, NOW)
    (release,) = ownership.decide(before, ownership.Release(ANNA, NOW))
    assert isinstance(release, IdentifierReleased)
    ended = identifier.evolve(before, release, NOW + timedelta(days=1))

    back = identifier.evolve(
        ended, IdentifierReclaimed(contact_id=ANNA, ended=NOW + timedelta(days=1)), NOW
    )

    assert not ended.is_held_by(ANNA)
    assert back == before
    assert back.identifier_class is IdentifierClass.STRONG


@pytest.mark.parametrize("presence", ["expired", "deleted"])
def test_who_is_gone_is_not_merged(presence):
    live = Identity(ANNA, frozenset({ANNA}), Stage.EPHEMERAL, "default")
    gone = Identity(OTHER, frozenset({OTHER}), Stage.EPHEMERAL, "default", presence)
    merge = Merge("merge-1", MergeEdge(one=ANNA, other=OTHER), automatic=True)

    with pytest.raises(Refused) as refused:
        decide_merge(live, gone, (), merge)
    assert refused.value.reason == presence
