"""What re-evaluation writes is true from the time of the interactions, not from when it ran."""

from itertools import permutations

import orjson
import pytest

from aggregates.values import instant_text
from identity_engine.application.rules import shipped_model, shipped_policy
from tests.support.interactions import change, email, event, phone
from tests.support.reevaluating import LOUISE, SAID, anna_twice, form
from tests.support.resolving import ANNA, KENTA, arrive, change_policy

THREE = (ANNA, KENTA, LOUISE)
MOBILE = "+819012345678"
HERS = {"given_name": "Johanna", "family_name": "Weidenfeld", "city": "Berlin"}
OFFICE = "+81312345678"
ORDERS = list(permutations(range(3)))


def times(engine, topic):
    """The days from which the facts of a topic are true, in log order."""
    log = engine.store.read_positions(range(1, engine.store.head() + 1))
    found = (one for one in log if topic == one.fact.TOPIC)
    return [instant_text(one.header.valid_from)[:10] for one in found]


def calls(line=MOBILE, people=THREE):
    """One call of each of some people, from the same line, on the first days of March."""
    return [
        event(str(day), phone(line), time=f"2026-03-{day:02}T09:00:00Z", profile=said)
        for day, said in enumerate(people, 1)
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_a_value_is_shared_since_the_call_that_made_the_people_too_many(engine, order):
    made = calls()
    arrive(engine, *(made[place] for place in order))
    engine.reevaluate()

    assert times(engine, "identifier.shared") == ["2026-03-03"]


@pytest.mark.parametrize("order", ORDERS)
def test_the_line_of_a_firm_is_shared_since_a_second_call_and_a_named_employer(engine, order):
    made = calls(OFFICE, [ANNA, ANNA | {"organisation": "Sakura Trading"}, ANNA])
    arrive(engine, *(made[place] for place in order))
    engine.reevaluate()

    assert times(engine, "identifier.shared") == ["2026-03-02"]


def test_it_is_no_longer_since_the_latest_call_that_gave_the_value(engine):
    arrive(engine, *calls())
    engine.reevaluate()
    guards = orjson.loads(shipped_policy())["guards"]
    change_policy(engine, guards=guards | {"people_per_value": 3})
    engine.request_reevaluation()
    engine.reevaluate()

    assert times(engine, "identifier.unshared") == ["2026-03-03"]


def test_a_merge_is_taken_back_since_the_latest_interaction_of_the_two(engine):
    anna_twice(engine)
    engine.reevaluate()
    demanding = orjson.loads(shipped_model())
    demanding["thresholds"] = {"review": 40.0, "attach": 60.0, "merge": 60.0}
    engine.policies.activate({"model": orjson.dumps(demanding)})
    engine.request_reevaluation()
    engine.reevaluate()

    assert times(engine, "contact.unmerged") == times(engine, "contact.merged") == ["2026-02-03"]


def test_a_refusal_ends_with_the_latest_interaction_of_the_two(engine):
    one, other = email("a@gmail.com", verified=True), email("b@web.example", verified=True)
    arrive(engine, *(form(str(day), one, day=day, **HERS) for day in (1, 2)))
    arrive(engine, *(form(str(day), other, day=day, **HERS) for day in (3, 4)))
    engine.reevaluate()
    assert times(engine, "contact.merge_refused")
    arrive(engine, form("both", one, other, day=9, **HERS))
    engine.reevaluate()

    assert times(engine, "contact.merge_refusal_ended") == ["2026-02-09"]


def test_a_likeness_over_divisions_ends_with_the_latest_interaction_of_the_two(engine):
    change_policy(engine, across=["north", "south"])
    arrive(
        engine,
        *(
            event(
                str(day), phone(), time=f"2026-02-{day:02}T09:00:00Z", profile=SAID, division=where
            )
            for day, where in ((1, "north"), (2, "south"))
        ),
    )
    engine.reevaluate()
    arrive(engine, change("c-1", "2", "corrected", identifiers=[], profile=LOUISE))
    engine.reevaluate()

    assert times(engine, "contact.across_ended") == ["2026-02-02"]
