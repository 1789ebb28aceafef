"""Once re-evaluation is done, who is one with whom does not depend on how the records arrived, nor does
whether they are identified, nor what is kept apart and asked a person about."""

import csv
import random
import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine import Engine
from identity_engine.application.resolution.resolve import SMALL_BATCH
from identity_engine.application.rules import shipped_policy
from identity_engine.simulation import simulate
from tests.properties.policies import policies
from tests.properties.traffic import conversations, in_batches, simulated, small_worlds
from tests.support.histories import examples
from tests.support.overtaking import overtaken
from tests.support.resolving import change_policy, with_window
from tests.support.world import Clock, world

few = examples(8)
more = examples(40)


def groups_of(opened):
    """Contact id -> the (source, id) that belong to it."""
    groups = {}
    with tempfile.TemporaryDirectory() as folder:
        links = Path(folder) / "links.csv"
        opened.export_links(links)
        with links.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = row["source"], row["interaction_id"]
                groups.setdefault(row["contact_id"], set()).add(name)
    return {contact_id: frozenset(group) for contact_id, group in groups.items()}


def outcome(opened):
    """Which (source, id) belong together, and of which stage they are; which guard keeps which groups
    apart, by what evidence; and which two of them a person is asked about."""
    groups = groups_of(opened)
    stages = {(group, opened.profile(id_).stage) for id_, group in groups.items()}
    refused = {
        (frozenset((groups[one.one], groups[one.other])), one.guard, one.rule, one.weight)
        for one in opened.refused_merges(1_000)
    }
    suggested = {
        (frozenset((groups[one.contact_id], groups[one.proposed])), one.guard)
        for one in opened.review(1_000)
        if one.kind == "merge"
    }
    return stages, refused, suggested


@st.composite
def deliveries(draw, events):
    """The same events in any order and batches, and behind which of these to re-evaluate."""
    batches = draw(in_batches(draw(st.permutations(events))))
    return [(batch, draw(st.booleans())) for batch in batches]


def delivered(opened, delivery):
    for batch, evaluates in delivery:
        opened.ingest(batch)
        if evaluates:
            opened.reevaluate()
    opened.reevaluate()


def check_any_delivery_gives_the_same(data, events, **policy):
    with Engine.in_memory(world(1)) as one, Engine.in_memory(world(2)) as other:
        for engine in (one, other) if policy else ():
            change_policy(engine, **policy)
        delivered(one, [(events, False)])
        delivered(other, data.draw(deliveries(events)))

        assert outcome(other) == outcome(one)


def check_what_is_settled_stays_and_can_be_replayed(data, events):
    with Engine.in_memory(world()) as opened:
        delivered(opened, data.draw(deliveries(events)))
        head = opened.store.head()

        assert opened.reevaluation.waiting() == 0
        opened.reevaluate()
        assert opened.store.head() == head
        assert opened.verify_index().is_sound
        opened.follow()
        assert all(view.is_sound for view in opened.verify())


@few
@given(data=st.data(), events=small_worlds(max_size=12))
def test_order_batches_and_moments_of_evaluation_change_nothing(data, events):
    check_any_delivery_gives_the_same(data, events)


@few
@given(data=st.data(), events=small_worlds(max_size=12), days=st.integers(1, 200))
def test_nor_do_they_where_people_count_together_within_a_window_only(data, events, days):
    guards = orjson.loads(shipped_policy())["guards"] | {"people_per_value": 1}
    classes = with_window(days, cap=1)
    check_any_delivery_gives_the_same(data, events, classes=classes, guards=guards)


@pytest.mark.slow
@few
@given(data=st.data(), policy=policies, events=small_worlds(max_size=25))
def test_nor_do_they_under_any_rules(data, policy, events):
    check_any_delivery_gives_the_same(data, events, **policy)


@few
@given(data=st.data(), events=conversations(kinds=("corrected", "retracted"), once=True))
def test_nor_does_it_matter_when_something_is_corrected_or_taken_back(data, events):
    """As long as no key is crowded by what was said before the correction: it stays so. These worlds are
    too small for that."""
    check_any_delivery_gives_the_same(data, events)


@few
@given(data=st.data(), events=small_worlds(max_size=12))
def test_what_is_settled_stays_and_can_be_replayed(data, events):
    check_what_is_settled_stays_and_can_be_replayed(data, events)


@pytest.mark.slow
@more
@given(data=st.data(), events=st.one_of(small_worlds(max_size=40), simulated))
def test_order_batches_and_moments_of_evaluation_change_nothing_in_larger_worlds(data, events):
    check_any_delivery_gives_the_same(data, events)


@pytest.mark.slow
@more
@given(data=st.data(), events=st.one_of(small_worlds(max_size=40), simulated))
def test_what_is_settled_stays_and_can_be_replayed_in_larger_worlds(data, events):
    check_what_is_settled_stays_and_can_be_replayed(data, events)


@pytest.mark.parametrize("seed", range(4))
def test_whichever_writer_overtakes_the_other(tmp_path, monkeypatch, seed):
    events = [event for event, _ in simulate(30, 260, seed)]
    chance, clock = random.Random(seed), Clock()
    with (
        Engine.in_memory(world(3)) as alone,
        Engine.open(tmp_path / "store", world(1, clock)) as one,
        Engine.open(tmp_path / "store", world(2, clock)) as other,
    ):
        for engine in (alone, one):
            change_policy(engine, block_cap=10)
        delivered(alone, [(events, False)])
        left = events
        while len(left) > 2 * SMALL_BATCH:
            behind, ahead = (chance.randrange(SMALL_BATCH + 1, 40) for _ in range(2))
            mine, theirs, left = left[:behind], left[behind:][:ahead], left[behind + ahead :]
            with overtaken(one, monkeypatch, lambda batch=theirs: other.ingest(batch)):
                one.ingest(mine)
        delivered(other, [(left, True)])

        assert outcome(other) == outcome(alone)
        assert other.verify_index().is_sound
