"""Default deny: each operation names its action; refusals are recorded; other divisions are absent."""

import inspect

import pytest

from aggregates.access import Action
from identity_engine import Engine
from identity_engine.application.acting import Operations
from identity_engine.application.permissions import action_of
from identity_engine.errors import Denied, NotFound, UsageError
from tests.acceptance.commands import lines
from tests.support.interactions import event, phone
from tests.support.resolving import arrive, facts
from tests.support.world import world

ANNA = {"full_name": "Anna Klein", "date_of_birth": "1980-05-06"}
OF_THE_ENGINE = {"open", "in_memory", "acting_as", "under", "follow", "now", "close"}
"""What concerns no contact: opening and closing, the clock, and bringing the views forward."""


def in_division(id_, division, *identifiers):
    made = event(id_, *identifiers, profile=ANNA)
    made["data"]["division"] = division
    return made


def areas():
    """Every area of the desk, as the class of its operations."""
    with Engine.in_memory(world()) as engine:
        return {type(area) for area in vars(engine.desk).values() if isinstance(area, Operations)}


def public_methods(cls):
    inherited = set(dir(Operations))
    return {
        name: method
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_") and name not in inherited
    }


def test_every_operation_of_the_desk_names_its_action():
    found = {
        f"{cls.__name__}.{name}": action_of(method)
        for cls in areas()
        for name, method in public_methods(cls).items()
    }
    assert found
    assert [name for name, action in found.items() if not isinstance(action, Action)] == []


def test_every_method_of_the_engine_names_its_action_or_hands_over_to_the_desk():
    source = {
        name: inspect.getsource(method)
        for name, method in inspect.getmembers(Engine, inspect.isfunction)
        if not name.startswith("_") and name not in OF_THE_ENGINE
    }
    unguarded = [
        name
        for name, text in source.items()
        if action_of(getattr(Engine, name)) is None and "self.desk." not in text
    ]
    assert unguarded == []


def test_an_actor_without_a_role_is_refused_and_the_refusal_is_an_event(engine):
    (made,) = arrive(engine, event("1", phone(), profile=ANNA))
    stranger = engine.acting_as("stranger")
    with pytest.raises(Denied):
        stranger.reading.profile(made.contact_id)
    (refused,) = facts(engine, "access.refused")
    assert refused.action == "contact:view"
    (shown,) = engine.desk.administration.refusals()
    assert (shown.actor, shown.action) == ("stranger", "contact:view")


READS_ALL = {
    "dead letters": lambda desk: desk.dead_letters.list(),
    "the original of a dead letter": lambda desk: desk.dead_letters.original(1),
    "what a model learns from": lambda desk: desk.administration.training_table(),
}
"""What shows or reads records of every division at once."""


@pytest.mark.parametrize("read", READS_ALL.values(), ids=READS_ALL)
def test_what_reads_all_divisions_takes_the_right_in_all_of_them(engine, read, tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b"no event\n")
    engine.ingest_file(tmp_path / "events.jsonl")
    actions = ["operations:redrive", "data:reveal", "policy:rehearse"]
    engine.desk.administration.define_role("reader", actions)
    engine.desk.administration.grant("of-north", "reader", divisions=["north"], new_division=True)
    engine.desk.administration.grant("of-all", "reader")

    for actor in ("stranger", "of-north"):
        with pytest.raises(Denied):
            read(engine.acting_as(actor))
    assert read(engine.acting_as("of-all"))
    assert len(engine.desk.administration.refusals()) == 2


def test_a_contact_of_another_division_is_absent_and_not_named(engine):
    north, south = arrive(engine, in_division("1", "north"), in_division("2", "south"))
    engine.desk.administration.grant("agent-7", "agent", divisions=["north"], new_division=True)
    agent = engine.acting_as("agent-7")
    assert agent.reading.profile(north.contact_id).contact_id == north.contact_id
    with pytest.raises(NotFound) as absent:
        agent.reading.profile(south.contact_id)
    unknown = "019b1c3e-7c5a-7000-8000-000000000001"
    with pytest.raises(NotFound) as never_issued:
        agent.reading.profile(unknown)
    assert str(absent.value) == str(never_issued.value)
    assert south.contact_id not in str(absent.value)


def test_lists_hold_only_what_lies_in_divisions_that_may_be_read(engine):
    north, _ = arrive(engine, in_division("1", "north"), in_division("2", "south"))
    engine.desk.administration.grant("agent-7", "agent", divisions=["north"], new_division=True)
    agent = engine.acting_as("agent-7").reading
    assert [one.contact_id for one in agent.search("klein")] == [north.contact_id]
    assert sum(agent.counts().values()) == 1
    assert len(engine.search("klein")) == 2


def test_an_export_holds_only_the_links_of_divisions_that_may_be_exported(engine, tmp_path):
    arrive(engine, in_division("1", "north"), in_division("2", "south"))
    engine.desk.administration.grant("lead", "supervisor", divisions=["south"], new_division=True)
    assert engine.acting_as("lead").reading.export_links(tmp_path / "links.csv") == 1


def test_what_is_granted_holds_at_once_in_another_engine_too(tmp_path):
    with Engine.open(tmp_path / "s", world(1)) as one, Engine.open(tmp_path / "s", world(2)) as two:
        (made,) = arrive(one, event("1", phone(), profile=ANNA))
        agent = two.acting_as("agent-7").reading
        with pytest.raises(Denied):
            agent.profile(made.contact_id)
        one.desk.administration.grant("agent-7", "agent")
        assert agent.profile(made.contact_id).contact_id == made.contact_id
        one.desk.administration.revoke("agent-7", "agent")
        with pytest.raises(Denied):
            agent.profile(made.contact_id)


def test_who_was_allowed_what_on_a_day_can_be_read(engine):
    administration = engine.desk.administration
    before = administration.grant(
        "agent-7", "agent", divisions=["north"], new_division=True
    ).position
    administration.revoke("agent-7", "agent")
    then, now = administration.access(f"pos:{before}"), administration.access()
    assert ("agent-7", "agent", ("north",)) in [
        (one.actor, one.role, one.divisions) for one in then.grants
    ]
    assert "agent-7" not in {one.actor for one in now.grants}


def test_an_engine_opened_for_a_restricted_actor_cannot_ingest(tmp_path):
    with Engine.open(tmp_path / "s", world()):
        pass
    with Engine.open(tmp_path / "s", world(), actor="reader") as engine, pytest.raises(Denied):
        engine.ingest([event("1", phone())])


def test_a_publisher_of_one_division_publishes_there_only(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines([in_division("1", "north"), in_division("2", "south")]))
    with Engine.open(tmp_path / "s", world()) as engine:
        engine.desk.administration.grant(
            "centre", "publisher", divisions=["north"], new_division=True
        )
    with Engine.open(tmp_path / "s", world(), actor="centre") as engine:
        summary = engine.ingest_file(path)
        assert (summary.accepted, summary.rejected) == (1, 1)
        assert dict(summary.faults) == {"division_not_allowed": 1}
        _, refused = engine.ingest([in_division("3", "north"), in_division("4", "south")])
        assert [one.code for one in refused.faults] == ["division_not_allowed"]


@pytest.mark.parametrize("actor", ["", "anna@example.org", "Anna Klein", "system", "policy:1"])
def test_an_actor_is_an_opaque_id_and_never_the_engine_itself(engine, actor):
    with pytest.raises(UsageError):
        engine.acting_as(actor)


def test_an_operation_that_is_no_action_of_the_list_does_not_exist(engine):
    with pytest.raises(UsageError, match="contact:teleport"):
        engine.desk.administration.define_role("r", ["contact:teleport"])


def test_a_dry_run_of_a_grant_writes_nothing(engine):
    head = engine.store.head()
    done = engine.desk.administration.grant("agent-7", "agent", dry_run=True)
    assert done.written == ("role.granted",)
    assert done.position is None
    assert engine.store.head() == head


def test_settings_are_put_in_force_by_an_event_of_the_actor(engine):
    content = b'{"format": 1, "name": "short", "retention": {"expiry_days": 7}}'
    assert engine.desk.administration.activate("settings", content) == 1
    assert engine.desk.administration.settings().retention.expiry_days == 7
    assert engine.desk.administration.activate("settings", content) == 0
    assert facts(engine, "policy.activated")[-1].kind == "settings"
