"""Values that speak of several people are listed, with the merges that had rested on them."""

from identity_engine import Engine
from tests.support.interactions import event, phone
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
