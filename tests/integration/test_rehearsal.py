"""Other rules are tried over the whole history beside the live store before they are put in force."""

import orjson
import pytest

from identity_engine import Engine
from identity_engine.application.rules import shipped_model, shipped_policy
from identity_engine.errors import UsageError
from tests.support.interactions import email, event
from tests.support.resolving import arrive, change_policy, mailed
from tests.support.world import world

ANNA = {"full_name": "Anna Klein", "date_of_birth": "1985-03-07", "city": "Bremen"}
BEN = {"full_name": "Ben Okafor", "date_of_birth": "1991-11-30", "city": "Kiel"}


def strict() -> bytes:
    """The shipped model, asking for more evidence than any two of the interactions here have."""
    model = orjson.loads(shipped_model())
    model["name"] = "strict"
    model["thresholds"] = {"review": 40.0, "attach": 60.0, "merge": 60.0}
    return orjson.dumps(model)


GUARDS = orjson.loads(shipped_policy())["guards"]


def policy(**changes) -> bytes:
    """The shipped policy with some rules changed."""
    return orjson.dumps(orjson.loads(shipped_policy()) | changes)


@pytest.fixture
def engine():
    with Engine.in_memory(world(1)) as engine:
        engine.ingest(
            [
                event("1", email("anna@example.org"), channel="form", profile=ANNA),
                event("2", channel="form", profile=ANNA),
                event("3", channel="form", profile=BEN),
            ]
        )
        engine.reevaluate()
        yield engine


def contacts(engine):
    return {one.contact_id for one in engine.search("anna")}


def test_the_rules_in_force_flip_nothing(engine):
    rehearsed = engine.rehearse(model=shipped_model())

    assert rehearsed.changes.evaluated == 3
    assert rehearsed.flips == []
    assert rehearsed.interaction_ids == set()


def test_a_stricter_model_tells_the_link_that_would_go(engine):
    (flip,) = engine.rehearse(model=strict()).flips

    assert flip.kind == "move"
    assert {flip.one} == contacts(engine)


def test_nothing_is_written(engine):
    before = engine.store.head(), contacts(engine), engine.reevaluation.waiting()

    engine.rehearse(model=strict())

    assert (engine.store.head(), contacts(engine), engine.reevaluation.waiting()) == before
    assert engine.verify_index().is_sound


def test_after_activation_just_what_was_rehearsed_follows(engine):
    rehearsed = engine.rehearse(model=strict())
    engine.policies.activate({"model": strict()})
    assert engine.reevaluation.waiting() == 0

    engine.request_reevaluation(rehearsed.interaction_ids)
    followed = engine.reevaluate()

    assert (followed.moved, followed.merged, followed.unmerged) == (1, 0, 0)
    assert len(contacts(engine)) == 2
    assert engine.rehearse(model=strict()).flips == []


def test_the_request_is_an_event_and_queues_all_where_nothing_is_named(engine):
    engine.request_reevaluation()

    (request,) = engine.store.read(engine.store.head() - 1, 1)
    assert request.fact.TOPIC == "reevaluation.requested"
    assert request.header.actor == "owner"
    assert engine.reevaluation.waiting() == 3


def test_since_leaves_out_what_was_received_before(engine):
    head = engine.store.head()

    assert engine.rehearse(model=strict(), since=f"pos:{head}").changes.evaluated == 0


def test_since_must_be_a_time_or_a_position(engine):
    with pytest.raises(UsageError):
        engine.rehearse(model=strict(), since="yesterday")


def test_what_is_no_id_queues_nothing(engine):
    head = engine.store.head()

    with pytest.raises(UsageError):
        engine.request_reevaluation(["7"])

    assert engine.store.head() == head


def test_what_waits_already_is_not_queued_a_second_time(engine):
    engine.ingest([event("4", channel="form", profile=BEN)])
    assert engine.reevaluation.waiting() == 1

    engine.request_reevaluation()

    assert engine.reevaluation.waiting() == 4
    assert engine.reevaluate().evaluated == 4


class TestValuesThatSeveralPeopleHave:
    """A value that would be shared, or no longer, changes what comes later, though nothing flips."""

    FEW, MANY = ({"guards": GUARDS | {"people_per_value": count}} for count in (1, 5))

    @pytest.fixture
    def family(self, engine):
        """Two people who write from one address."""
        arrive(engine, *(mailed(who["city"], "us@example.org", profile=who) for who in (ANNA, BEN)))
        engine.reevaluate()
        return engine

    def follow(self, engine, changes):
        """Rehearse rules, put them in force, and evaluate just what was listed again."""
        rehearsed = engine.rehearse(policy=policy(**changes))
        change_policy(engine, **changes)
        engine.request_reevaluation(rehearsed.interaction_ids)
        return rehearsed, engine.reevaluate()

    def test_is_shared_once_what_was_rehearsed_follows(self, family):
        rehearsed, followed = self.follow(family, self.FEW)

        assert rehearsed.flips == []
        assert rehearsed.changes.shared == followed.shared == 1
        assert len(rehearsed.interaction_ids) == 2
        assert len(family.shared_values()) == 1

    def test_is_shared_no_longer_once_what_was_rehearsed_follows(self, family):
        change_policy(family, **self.FEW)
        family.request_reevaluation()
        assert family.reevaluate().shared == 1
        self.follow(family, self.MANY)

        assert family.shared_values() == []
