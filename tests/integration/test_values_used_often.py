"""A value that very many interactions give joins them all, unless it is shared: then it stays so."""

import pytest

from identity_engine.application.reevaluation import component
from tests.support.interactions import event, phone
from tests.support.reevaluating import together
from tests.support.resolving import ANNA, KENTA, arrive, facts
from tests.support.soundness import is_sound

MOST = 5


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    monkeypatch.setattr(component, "MOST_USES", MOST)


def calls(many, **profile):
    """Calls from one number, one a day."""
    return [
        event(f"{day:02}", phone(), time=f"2026-02-{day:02}T09:00:00Z", profile=profile)
        for day in range(1, many + 1)
    ]


@pytest.mark.parametrize("turn", [1, -1])
def test_one_who_calls_very_often_and_never_says_a_name_is_one_contact(engine, tmp_path, turn):
    many = calls(3 * MOST)
    arrive(engine, *many[::turn])
    engine.reevaluate()
    assert together(engine, tmp_path) == [sorted(one["id"] for one in many)]

    arrive(engine, event("later", phone(), time="2026-03-01T09:00:00Z"))
    engine.reevaluate()
    (group,) = together(engine, tmp_path)
    assert "later" in group
    assert is_sound(engine)


def test_a_shared_one_is_not_counted_again(engine, tmp_path):
    third = {"given_name": "Louise", "family_name": "Fontaine", "date_of_birth": "1990-01-02"}
    named = [
        event(f"named {place}", phone(), profile=said)
        for place, said in enumerate((ANNA, KENTA, third))
    ]
    arrive(engine, *named)
    engine.reevaluate()
    arrive(engine, *calls(2 * MOST))
    engine.reevaluate()
    engine.request_reevaluation()
    engine.reevaluate()

    assert len(facts(engine, "identifier.shared")) == 1
    assert facts(engine, "identifier.unshared") == []
    assert len(together(engine, tmp_path)) == 3 + 2 * MOST
