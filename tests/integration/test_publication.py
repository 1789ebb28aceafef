"""What is read for the profile topic is never older than the events that it is read for."""

import orjson

from identity_engine import Engine
from identity_engine.application.views.follower import Follower
from identity_engine.publication import lanes, profiles
from identity_engine.publication.lanes import ProfileLane
from identity_engine.settings.publication import Publication
from tests.support.merging import known
from tests.support.world import world

WHERE = Publication("events", (), "profiles")


def lane(engine):
    return ProfileLane(engine.store, engine.follower, tuple, WHERE)


def told(portions):
    return [orjson.loads(record.value) for portion in portions for record in portion.records]


def test_views_that_a_rebuild_left_behind_are_brought_forward_first(engine, monkeypatch):
    known(engine, "anna")
    engine.follow()
    before = engine.store.head()
    bert = known(engine, "bert")
    follow, calls = Follower.follow, []

    def follow_late(self, *given, **named):
        calls.append(1)
        return follow(self, *given, **named) if len(calls) > 1 else 0

    monkeypatch.setattr(Follower, "follow", follow_late)
    (record,) = told(lane(engine).after(before))

    assert len(calls) == 2
    assert record["contact_id"] == bert
    assert record["position"] == engine.store.head()


def test_each_contact_is_told_once_in_a_portion(engine):
    anna = known(engine, "anna")
    before = engine.store.head()
    for number in range(3):
        engine.desk.contacts.edit(anna, set={"city": f"city {number}"})

    (record,) = told(lane(engine).after(before))

    assert record["fields"]["city"] == ["city 2"]
    assert record["position"] == engine.store.head()


def test_the_position_stands_until_all_contacts_of_a_new_topic_are_told(engine, monkeypatch):
    monkeypatch.setattr(lanes, "CONTACTS", 2)
    contacts = {known(engine, name) for name in ("anna", "bert", "cleo", "dora", "emil")}

    portions = list(lane(engine).after(0))

    assert [portion.reached for portion in portions] == [None, None, None, engine.store.head()]
    assert {one["contact_id"] for one in told(portions)} == contacts


def test_an_empty_store_has_nothing_to_tell():
    with Engine.in_memory(world()) as engine:
        assert told(lane(engine).after(0)) == []


def test_lists_of_a_profile_are_bounded_and_say_so(engine, monkeypatch):
    monkeypatch.setattr(profiles, "MOST_VALUES", 1)
    anna = known(engine, "anna", city="Bonn")
    bert = known(engine, "bert", city="Rom")
    engine.desk.merging.merge([anna, bert], reason="She told us.")

    records = {one["contact_id"]: one for one in told(lane(engine).after(0))}
    (profile,) = [one for one in records.values() if "fields" in one]

    assert profile["is_cut"]
    assert len(profile["fields"]["city"]) == 1
