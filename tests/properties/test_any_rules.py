"""Laws that hold under any rules: batches do not matter, and a replay is what is live."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine import Engine
from identity_engine.application import indexing
from tests.properties.policies import policies
from tests.properties.traffic import conversations, crowds, in_batches, small_worlds
from tests.support.histories import examples
from tests.support.resolving import change_policy
from tests.support.soundness import is_sound
from tests.support.world import world

pytestmark = pytest.mark.slow
few = examples(15)
traffic = st.one_of(crowds, small_worlds(), conversations(max_size=30))


def after(batches, policy, seed):
    """The canonical hashes of the views and the length of the log after these batches."""
    with Engine.in_memory(world(seed)) as engine:
        change_policy(engine, **policy)
        for batch in batches:
            engine.ingest(batch)
        assert is_sound(engine)
        with patch.object(indexing, "BATCH", 3):
            assert engine.verify_index().is_sound
        return engine.follower.views.canonical_hashes(), engine.store.head()


@few
@given(data=st.data(), policy=policies, events=traffic)
def test_the_size_of_the_batches_changes_nothing(data, policy, events):
    batches = data.draw(in_batches(events))
    assert after(batches, policy, seed=1) == after([events], policy, seed=2)


@few
@given(data=st.data(), policies=st.tuples(policies, policies), events=traffic)
def test_what_was_decided_under_two_rules_and_evaluated_is_replayed(data, policies, events):
    with Engine.in_memory(world()) as engine:
        for batch in data.draw(in_batches(events)):
            if data.draw(st.booleans()):
                change_policy(engine, **data.draw(st.sampled_from(policies)))
            engine.ingest(batch)
            if data.draw(st.booleans()):
                engine.reevaluate()
        engine.reevaluate()
        head = engine.store.head()
        engine.reevaluate()

        assert engine.store.head() == head
        assert is_sound(engine)
