"""A contact is born ephemeral, rises by evidence or by hand, and falls only by undo."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from aggregates.contact import (
    ContactCreated,
    ContactIdentified,
    ContactPromoted,
    ContactState,
    Create,
    EndRefusal,
    Identify,
    Promote,
    RefuseMerge,
    UndoPromotion,
    decide,
    evolve,
    holding,
    linked,
    unlinked,
)
from aggregates.errors import AlreadyDone, NotYet
from aggregates.identifier import IdentifierShared
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.values import Evidence, Stage

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
CREATED = ContactCreated(division="north", interaction_id="i-1")
IDENTIFIED = ContactIdentified(by="exclusive")
PROMOTED = ContactPromoted(stage_before=Stage.IDENTIFIED)


def given(*facts):
    state = None
    for fact in facts:
        state = evolve(state, fact, FIRST)
    return state


def test_a_contact_is_born_ephemeral_in_its_division_at_the_time_of_its_interaction():
    facts = decide(given(), Create(division="north", interaction_id="i-1"))

    assert facts == (CREATED,)
    assert given(*facts) == ContactState(
        stage=Stage.EPHEMERAL, division="north", born=FIRST, first_seen=FIRST
    )


def test_a_contact_is_not_created_twice():
    with pytest.raises(AlreadyDone):
        decide(given(CREATED), Create(division="north"))


@pytest.mark.parametrize("command", [Identify(by="verified"), Promote()])
def test_what_does_not_exist_cannot_rise(command):
    with pytest.raises(NotYet):
        decide(given(), command)


def test_evidence_raises_an_ephemeral_contact_and_is_named():
    command = Identify(by="second_interaction", interaction_id="i-2", identifier_id="n-1")

    facts = decide(given(CREATED), command)

    assert facts == (
        ContactIdentified(by="second_interaction", interaction_id="i-2", identifier_id="n-1"),
    )
    assert given(CREATED, *facts).stage is Stage.IDENTIFIED


@pytest.mark.parametrize("history", [(CREATED, IDENTIFIED), (CREATED, PROMOTED)])
def test_further_evidence_changes_nothing(history):
    assert decide(given(*history), Identify(by="verified")) == ()


@pytest.mark.parametrize(
    ("history", "before"),
    [((CREATED,), Stage.EPHEMERAL), ((CREATED, IDENTIFIED), Stage.IDENTIFIED)],
)
def test_a_person_promotes_a_contact_from_any_lower_stage(history, before):
    facts = decide(given(*history), Promote())

    assert facts == (ContactPromoted(stage_before=before),)
    assert given(*history, *facts).stage is Stage.CURATED


def test_promoting_a_curated_contact_changes_nothing():
    assert decide(given(CREATED, PROMOTED), Promote()) == ()


def test_a_contact_keeps_the_time_it_was_first_seen():
    state = evolve(given(CREATED), IDENTIFIED, LATER)
    assert state.first_seen == FIRST


@pytest.mark.parametrize("fact", [IDENTIFIED, PROMOTED, IdentifierShared(by="cap", holders=2)])
def test_a_fact_that_does_not_follow_changes_nothing(fact):
    assert evolve(None, fact, FIRST) is None


def test_a_fact_of_another_aggregate_changes_nothing():
    state = given(CREATED)
    assert evolve(state, IdentifierShared(by="cap", holders=2), LATER) == state


def test_an_exclusive_identifier_is_added_to_those_held():
    state = holding(holding(given(CREATED), "customer_id", "n-1"), "passport", "n-2")

    assert state.exclusive == {"customer_id": "n-1", "passport": "n-2"}
    assert given(CREATED).exclusive == {}


def test_a_contact_counts_its_interactions_and_is_as_old_as_the_earliest():
    state = given(CREATED)
    with_two = linked(linked(state, LATER), FIRST - timedelta(days=3))

    assert with_two.interactions == 2
    assert with_two.first_seen == FIRST - timedelta(days=3)
    assert unlinked(with_two).interactions == 1


class TestARefusedMerge:
    EVIDENCE = Evidence(rule="score", model="m", policy="p", weight=8_000)
    REFUSED = ContactMergeRefused(other="bob", guard="below_merge", evidence=EVIDENCE)

    def refuse(self, state, other="bob", guard="below_merge", **evidence):
        found = replace(self.EVIDENCE, **evidence)
        return decide(state, RefuseMerge(other, guard, found))

    def test_is_told_once(self):
        assert self.refuse(given(CREATED)) == (self.REFUSED,)
        assert self.refuse(given(CREATED, self.REFUSED)) == ()

    @pytest.mark.parametrize(
        "change",
        [{"other": "cid"}, {"guard": "told_apart"}, {"weight": 9_000}, {"interaction_id": "i-2"}],
    )
    def test_is_told_again_where_something_about_it_changed(self, change):
        (fact,) = self.refuse(given(CREATED, self.REFUSED), **change)
        assert fact.TOPIC == "contact.merge_refused"
        assert self.refuse(given(CREATED, self.REFUSED, fact), **change) == ()

    def test_other_rules_that_come_to_the_same_change_nothing(self):
        assert self.refuse(given(CREATED, self.REFUSED), policy="another", considered=3) == ()

    def test_is_ended_once_and_can_be_told_after_that(self):
        ended = ContactMergeRefusalEnded(other="bob")

        assert decide(given(CREATED), EndRefusal("bob")) == ()
        assert decide(given(CREATED, self.REFUSED), EndRefusal("bob")) == (ended,)
        assert self.refuse(given(CREATED, self.REFUSED, ended)) == (self.REFUSED,)


class TestUndoingAPromotion:
    def test_the_contact_has_the_stage_again_that_it_was_raised_from(self):
        state = evolve(None, ContactCreated(division="north"), FIRST)
        state = evolve(state, ContactPromoted(stage_before=Stage.EPHEMERAL), FIRST)
        (fact,) = decide(state, UndoPromotion(Stage.EPHEMERAL, "The wrong one."))
        assert fact.personal.reason == "The wrong one."
        assert evolve(state, fact, FIRST).stage is Stage.EPHEMERAL

    def test_what_was_not_promoted_cannot_be_undone(self):
        state = evolve(None, ContactCreated(division="north"), FIRST)
        with pytest.raises(NotYet):
            decide(state, UndoPromotion(Stage.EPHEMERAL))
