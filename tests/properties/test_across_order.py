"""Who is alike over divisions does not depend on how the records arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine import Engine
from tests.properties.test_order_independence import delivered, deliveries, groups_of
from tests.properties.traffic import profiles, small_worlds
from tests.support.histories import examples
from tests.support.interactions import event
from tests.support.resolving import change_policy
from tests.support.world import world

few = examples(15)
more = examples(60)
DIVISIONS = ("north", "south", "west")


@st.composite
def divided_worlds(draw, max_size):
    """Interactions of a small world in three divisions, of which the rules compare two or all."""
    events = draw(small_worlds(max_size=max_size))
    for made in events:
        made["data"]["division"] = draw(st.sampled_from(DIVISIONS))
    return events, draw(st.sampled_from((DIVISIONS[:2], DIVISIONS)))


@st.composite
def crowded_worlds(draw):
    """The same, and so many of one name in one division that the name leads nowhere there."""
    events, across = draw(divided_worlds(12))
    for number, said in enumerate(draw(st.lists(profiles, min_size=12, max_size=16))):
        named = said | {"given_name": "Anna", "family_name": "Sato"}
        month = 1 + number % 12
        events.append(
            event(
                f"n-{number}", channel="form", time=f"2026-{month:02}-05T10:00:00Z",
                profile=named, division=draw(st.sampled_from(("north", "north", "south"))),
            )
        )  # fmt: skip
    return events, across


def alike(opened):
    """Which groups are alike over divisions, with rule and weight of the strongest pair."""
    groups = groups_of(opened)
    return {
        (frozenset((group, groups[other.contact_id])), other.rule, other.bits)
        for contact_id, group in groups.items()
        for other in opened.desk.reading.across(contact_id)
    }


def check_any_delivery_finds_the_same(data, drawn, block_cap):
    events, across = drawn
    with Engine.in_memory(world(1)) as one, Engine.in_memory(world(2)) as other:
        for engine in (one, other):
            change_policy(engine, across=across, block_cap=block_cap)
        delivered(one, [(events, False)])
        delivered(other, data.draw(deliveries(events)))

        assert alike(other) == alike(one)
        head = other.store.head()
        other.request_reevaluation()
        other.reevaluate()
        assert other.store.head() == head + 1  # the request alone
        assert other.verify_index().is_sound
        other.follow()
        assert all(view.is_sound for view in other.verify())


@few
@given(data=st.data(), drawn=divided_worlds(12))
def test_who_is_alike_over_divisions_does_not_depend_on_the_order_of_arrival(data, drawn):
    check_any_delivery_finds_the_same(data, drawn, block_cap=40)


@pytest.mark.slow
@more
@given(data=st.data(), drawn=st.one_of(divided_worlds(40), crowded_worlds()))
def test_nor_does_it_where_keys_become_crowded(data, drawn):
    check_any_delivery_finds_the_same(data, drawn, block_cap=10)
