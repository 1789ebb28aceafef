"""An interaction is received once, then linked, moved, held for review or unlinked."""

import pytest

from aggregates.contact import ContactCreated
from aggregates.errors import AlreadyDone, NotYet
from aggregates.interaction import (
    HoldForReview,
    InteractionHeldForReview,
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
    Link,
    Linked,
    Receive,
    Unknown,
    Unlink,
    Unlinked,
    UnlinkPersonal,
    decide,
    evolve,
)
from aggregates.values import Evidence

EVIDENCE = Evidence(rule="exact_strong", model="m", policy="p", identifiers=("n-1",))
RECEIVED = InteractionReceived(
    natural_key="00",
    content_digest="11",
    channel="voice",
    direction="inbound",
    division="north",
    normaliser="1",
    personal=InteractionPersonal(source="//centre", id="1"),
)
LINKED = InteractionLinked(contact_id="ann", evidence=EVIDENCE)
HELD = InteractionHeldForReview(proposed="bob", contact_id="ann", evidence=EVIDENCE)


def given(*facts):
    state = Unknown()
    for fact in facts:
        state = evolve(state, fact)
    return state


def link(contact, pinned=False):
    return Link(contact_id=contact, evidence=EVIDENCE, pinned=pinned)


def test_an_interaction_is_received_as_it_was_published():
    assert decide(given(), Receive(fact=RECEIVED)) == (RECEIVED,)
    assert given(RECEIVED) == Unlinked()


@pytest.mark.parametrize("history", [(RECEIVED,), (RECEIVED, LINKED)])
def test_an_interaction_is_not_received_twice(history):
    with pytest.raises(AlreadyDone):
        decide(given(*history), Receive(fact=RECEIVED))


@pytest.mark.parametrize(
    "command", [link("ann"), Unlink(), HoldForReview(proposed="bob", evidence=EVIDENCE)]
)
def test_what_was_never_received_belongs_to_nobody(command):
    with pytest.raises(NotYet):
        decide(given(), command)


def test_a_link_carries_its_evidence():
    facts = decide(given(RECEIVED), link("ann"))

    assert facts == (LINKED,)
    assert given(RECEIVED, *facts) == Linked("ann")


def test_linking_to_the_same_contact_again_is_refused():
    with pytest.raises(AlreadyDone):
        decide(given(RECEIVED, LINKED), link("ann"))


def test_linking_to_another_contact_takes_it_from_the_first():
    facts = decide(given(RECEIVED, LINKED), link("bob", pinned=True))

    assert facts == (
        InteractionUnlinked(contact_id="ann", pinned=True),
        InteractionLinked(contact_id="bob", evidence=EVIDENCE, pinned=True),
    )
    assert given(RECEIVED, LINKED, *facts) == Linked("bob", pinned=True)


def test_an_interaction_in_doubt_is_held_for_review_and_keeps_its_own_contact():
    facts = decide(given(RECEIVED, LINKED), HoldForReview(proposed="bob", evidence=EVIDENCE))

    assert facts == (HELD,)
    assert given(RECEIVED, LINKED, *facts) == Linked("ann", proposed="bob")


def test_only_a_linked_interaction_is_held_for_review():
    with pytest.raises(NotYet):
        decide(given(RECEIVED), HoldForReview(proposed="bob", evidence=EVIDENCE))


def test_a_new_link_closes_the_review():
    facts = decide(given(RECEIVED, LINKED, HELD), link("bob"))
    assert given(RECEIVED, LINKED, HELD, *facts) == Linked("bob")


def test_an_unlinked_interaction_belongs_to_nobody_and_keeps_the_reason_apart():
    facts = decide(given(RECEIVED, LINKED), Unlink(pinned=True, reason="It was her brother."))

    assert facts == (
        InteractionUnlinked(
            contact_id="ann", pinned=True, personal=UnlinkPersonal(reason="It was her brother.")
        ),
    )
    assert given(RECEIVED, LINKED, *facts) == Unlinked(pinned=True, taken_from="ann")


def test_an_unlink_without_a_reason_has_no_personal_part():
    (fact,) = decide(given(RECEIVED, LINKED), Unlink())
    assert fact.personal is None


def test_an_unlinked_interaction_cannot_be_unlinked():
    with pytest.raises(NotYet):
        decide(given(RECEIVED), Unlink())


def test_an_unlinked_interaction_can_be_linked_again():
    unlinked = InteractionUnlinked(contact_id="ann")
    assert decide(given(RECEIVED, LINKED, unlinked), link("ann")) == (LINKED,)


@pytest.mark.parametrize("history", [(), (RECEIVED,), (RECEIVED, LINKED)])
def test_a_fact_of_another_aggregate_changes_nothing(history):
    state = given(*history)
    assert evolve(state, ContactCreated(division="north")) == state


def test_a_review_of_what_is_not_linked_changes_nothing():
    assert evolve(given(RECEIVED), HELD) == Unlinked()
