"""What is put in force can be used: a content that would stop the engine later is refused before."""

import json

import pytest

from aggregates import policy as policies
from aggregates.policy import POLICY_STREAMS, Activate
from aggregates.values import CommandId, EventId, Header
from identity_engine import Engine
from identity_engine.application.diagnosis.doctor import examine
from identity_engine.application.rules import (
    canonical,
    content_version,
    shipped_model,
    shipped_policy,
)
from identity_engine.errors import ConfigurationError, InvalidContent
from identity_engine.event_store.mapper import Pending
from tests.support.interactions import email, event
from tests.support.world import world


def model(change):
    made = json.loads(shipped_model())
    change(made)
    return json.dumps(made).encode()


def tiny(made):
    made["comparisons"][0]["levels"][0]["u"] = 1e-310


def odd_salt(made):
    made["term_frequencies"]["name"]["salt"] = "a" * 17


def unbounded(made):
    made["thresholds"]["merge"] = float("inf")


@pytest.fixture
def engine():
    with Engine.in_memory(world(1)) as engine:
        yield engine


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("content", [*map(model, (tiny, odd_salt, unbounded)), b""])
def test_a_model_that_would_stop_the_engine_is_refused_and_nothing_written(
    engine, content, dry_run
):
    head = engine.store.head()
    with pytest.raises(InvalidContent):
        engine.desk.administration.activate("model", content, dry_run=dry_run)
    assert engine.store.head() == head


@pytest.mark.parametrize("kind", ["policy", "settings"])
def test_an_empty_policy_is_refused(engine, kind):
    with pytest.raises(InvalidContent):
        engine.desk.administration.activate(kind, b"")


def test_an_empty_file_is_not_rehearsed_as_what_is_in_force(engine):
    with pytest.raises(InvalidContent):
        engine.rehearse(model=b"")
    with pytest.raises(InvalidContent):
        engine.rehearse(policy=b"")


def put_in_force_unchecked(engine, content):
    """Write the event that an earlier version wrote without looking whether the model can be used."""
    stream = POLICY_STREAMS["model"]
    earlier = engine.store.read_stream(stream)
    state = None
    for one in earlier:
        state = policies.evolve(state, one.fact)
    wanted = Activate(
        kind="model",
        name="broken",
        version=content_version(content),
        content=canonical(content),
    )
    header = Header(
        event_id=EventId(engine.context.world.new_id()),
        valid_from=engine.now(),
        actor="owner",
        command_id=CommandId(engine.context.world.new_id()),
    )
    (fact,) = policies.decide(state, wanted)
    pending = [Pending(stream, len(earlier) + 1, header, fact)]
    engine.store.append(pending, index=engine.policies._followed(pending))


@pytest.fixture
def stuck(tmp_path):
    """A store in which a model is in force that no engine can use."""
    with Engine.open(tmp_path, world(1)) as engine:
        put_in_force_unchecked(engine, model(tiny))
    return tmp_path


def test_a_store_whose_model_cannot_be_used_says_so_and_how_to_go_on(stuck):
    with Engine.open(stuck, world(2)) as engine:
        with pytest.raises(ConfigurationError, match=r"comparisons\.0.*model activate"):
            engine.ingest([event("1", email("anna@example.org"))])
        assert engine.search("anna") == []
    (found,) = [one for one in examine(str(stuck)) if one.check == "rules"]
    assert not found.is_sound
    assert "model activate" in found.found


def test_a_store_whose_model_cannot_be_used_takes_one_that_can(stuck):
    with Engine.open(stuck, world(2)) as engine:
        assert engine.desk.administration.activate("policy", shipped_policy()) == 0
        assert engine.desk.administration.activate("model", shipped_model()) == 1
        (outcome,) = engine.ingest([event("1", email("anna@example.org"))])
        assert outcome.status == "accepted"
        assert engine.verify_index().is_sound
