"""Values that speak of several people are listed, with the merges that had rested on them."""

import pytest

from identity_engine import Engine
from tests.support.interactions import event, phone
from tests.support.resolving import change_policy, with_window
from tests.support.soundness import is_sound
from tests.support.world import world

LINE = phone("+4915112345678")


def person(number: int) -> dict[str, str]:
    names = ("Anna Klein", "Kenta Mori", "Luc Moreau", "Olga Petrova", "Ben Okafor")
    return {"full_name": names[number], "date_of_birth": f"19{60 + 7 * number}-0{number + 1}-11"}


def test_a_value_of_several_people_is_listed_with_how_many_they_are():
    with Engine.in_memory(world(1)) as engine:
        engine.ingest([event(str(n), LINE, profile=person(n)) for n in range(4)])
        engine.reevaluate()

        (value,) = [one for one in engine.shared_values() if one.by == "names"]

    assert value.people == 3
    assert value.merges == ()


def test_a_merge_that_rested_on_it_is_told_as_undone():
    with Engine.in_memory(world(1)) as engine:
        engine.ingest([event("1", LINE, time="2026-02-01T09:00:00Z", channel="form")])
        engine.ingest([event("2", LINE, time="2026-02-02T09:00:00Z", profile=person(0))])
        engine.reevaluate()
        silent = engine.shared_values()
        engine.ingest([event(f"n{n}", LINE, profile=person(n)) for n in range(1, 5)])
        engine.reevaluate()

        values = [one for one in engine.shared_values() if one.by == "names"]

    assert silent == []
    assert len(values) == 1
    assert not values[0].merges


def test_nothing_is_listed_where_nothing_is_shared():
    with Engine.in_memory(world(1)) as engine:
        engine.ingest([event("1", LINE, profile=person(0))])
        engine.reevaluate()

        assert engine.shared_values() == []


class TestWithinAWindow:
    """One number that was three people's, in January of three years."""

    @pytest.fixture
    def engine(self):
        with Engine.in_memory(world(1)) as opened:
            yield opened

    def calls(self):
        return [
            event(str(n), LINE, time=f"20{20 + n}-01-05T09:00:00Z", profile=person(n))
            for n in range(3)
        ]

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["as called", "late ones last"])
    @pytest.mark.parametrize(("days", "people"), [(400, []), (800, [3])])
    def test_only_people_of_one_window_count_together(self, engine, days, people, order):
        change_policy(engine, classes=with_window(days))
        for place in order:
            engine.ingest([self.calls()[place]])
        engine.reevaluate()

        assert [one.people for one in engine.shared_values()] == people
        assert is_sound(engine)

    def test_on_arrival_the_claim_over_the_cap_of_a_window_marks_the_value(self, engine):
        change_policy(engine, classes=with_window(800, cap=2))
        engine.ingest(self.calls())

        assert [(one.by, one.people) for one in engine.shared_values()] == [("cap", 3)]

    def test_on_arrival_holders_of_other_windows_do_not_count(self, engine):
        change_policy(engine, classes=with_window(400, cap=2))
        engine.ingest(self.calls())

        assert engine.shared_values() == []
