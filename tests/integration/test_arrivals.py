"""Who arrives on a channel that names a source is looked up there, by a worker (GX-7, BP-3)."""

import json
from datetime import timedelta

import pytest

from aggregates.augmentation import ContactLookedUp
from identity_engine import Engine
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import Denied
from tests.contract.test_augmentation import ANNA, KENTA, Registry
from tests.support.crm_servers import TOKEN, listening
from tests.support.interactions import email, event, phone
from tests.support.resolving import arrive, facts
from tests.support.soundness import is_sound
from tests.support.world import world

ANNAS_LINE = ANNA["identifiers"][0]["value"]


class Directory(Registry):
    """The registry, with what it is to answer."""

    records = (ANNA, KENTA)
    status = 200

    @classmethod
    def answer(cls, server, method, path, query, body):
        _, said = super().answer(server, method, path, query, body)
        return (cls.status, said if cls.status == 200 else {})


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
    monkeypatch.setattr(Directory, "records", (ANNA, KENTA))
    monkeypatch.setattr(Directory, "status", 200)
    with listening(Directory) as server:
        yield server


@pytest.fixture
def engine(server, clock):
    with Engine.in_memory(world(clock=clock)) as engine:
        yield engine
        assert is_sound(engine)


def settings(engine, server, **changes):
    registry = {
        "name": "registry", "kind": "http", "url": f"{server.url}/people",
        "identifier_types": ["phone"], "token_env": "REGISTRY_TOKEN", "allow_private": True,
    } | changes  # fmt: skip
    content = {"format": 1, "name": "s", "augmentation": {"sources": [registry]}}
    engine.desk.administration.activate("settings", json.dumps(content).encode())


def policy(engine, **channels):
    content = json.loads(engine.policies.rules.policy.model_dump_json())
    for name, augment in channels.items():
        content["channels"][name]["augment"] = augment
    engine.desk.administration.activate("policy", json.dumps(content).encode())


@pytest.fixture
def on(engine, server):
    settings(engine, server)
    policy(engine, voice="registry")


def call(engine, id_="1", line=ANNAS_LINE, **more):
    return arrive(engine, event(id_, phone(line), channel="voice", **more))[0].contact_id


def looked_up(engine):
    return [(one.outcome, one.records) for one in facts(engine, ContactLookedUp.TOPIC)]


def values(engine, contact, field):
    return [one.value for one in engine.profile(contact).fields.get(field, ())]


def test_it_is_off_until_a_channel_names_a_source(engine, server):
    settings(engine, server)
    call(engine)

    assert engine.desk.arrivals.work().taken == 0
    assert server.requests == []


def test_nothing_is_asked_while_it_is_ingested(engine, server, on):
    call(engine)

    assert server.requests == []


def test_one_record_is_taken_over_with_its_source_and_unverified_identifiers(engine, on):
    contact = call(engine)
    done = engine.desk.arrivals.work()

    assert (done.taken, done.failed, done.waiting) == (1, 0, 0)
    for field, value in ANNA["fields"].items():
        assert set(values(engine, contact, field)) >= {value} if isinstance(value, str) else True
    assert facts(engine, "contact.augmented")[0].source == "registry"
    claimed = [one for one in engine.profile(contact).identifiers if one.value != ANNAS_LINE]
    assert claimed
    assert not any(one.verified for one in claimed)
    assert looked_up(engine) == [("taken", 1)]


def test_it_is_the_act_of_the_policy(engine, on):
    call(engine)
    engine.desk.arrivals.work()

    written = [e for e in engine.store.read(0, 1_000) if e.fact.TOPIC == "contact.augmented"]
    assert [e.header.actor for e in written] == [engine.policies.rules.actor]


def test_it_is_taken_back_like_any_augmentation_and_not_taken_again(engine, on):
    contact = call(engine)
    before = {name: values(engine, contact, name) for name in ANNA["fields"]}
    engine.desk.arrivals.work()
    (applied,) = engine.desk.augmentation.applied(contact)
    engine.desk.augmentation.revert(contact, applied.augmentation_id)
    engine.desk.identifiers.add(contact, Value("phone", "+81345670000"))
    call(engine, "2", time="2026-02-05T10:00:00Z")
    engine.desk.arrivals.work()

    assert {name: values(engine, contact, name) for name in ANNA["fields"]} == before
    assert looked_up(engine) == [("taken", 1), ("nothing_new", 1)]


def test_several_records_are_shown_and_not_taken(engine, on, monkeypatch):
    twin = ANNA | {"id": "another"}
    monkeypatch.setattr(Directory, "records", (ANNA, twin))
    contact = call(engine)
    done = engine.desk.arrivals.work()

    assert (done.several, done.taken) == (1, 0)
    assert looked_up(engine) == [("several", 2)]
    assert facts(engine, "contact.augmented") == []
    assert any("2 records" in one.summary for one in engine.history(contact))
    (answer,) = engine.desk.augmentation.look(contact).answers
    assert len(answer.records) == 2


def test_no_data_is_remembered_and_not_asked_again(engine, server, on):
    contact = call(engine, line="+81399999999")
    assert engine.desk.arrivals.work().no_match == 1
    call(engine, "2", line="+81399999999", time="2026-02-05T10:00:00Z")
    engine.desk.arrivals.work()

    assert looked_up(engine) == [("no_match", 0)]
    assert len(server.requests) == 1
    assert any("No data." in one.summary for one in engine.history(contact))


def test_a_source_that_fails_is_asked_again_later_each_time_and_never_given_up(
    engine, server, on, clock, monkeypatch
):
    monkeypatch.setattr(Directory, "status", 503)
    call(engine)
    assert engine.desk.arrivals.work().failed == 1
    (waits,) = engine.desk.arrivals.waiting()
    assert (waits.attempts, waits.reason) == (1, "unavailable")
    asked = len(server.requests)
    assert engine.desk.arrivals.work().failed == 0  # not yet
    assert len(server.requests) == asked

    clock.set(clock() + timedelta(seconds=30))
    assert engine.desk.arrivals.work().failed == 1
    monkeypatch.setattr(Directory, "status", 200)
    clock.set(clock() + timedelta(hours=2))
    assert engine.desk.arrivals.work().taken == 1
    assert looked_up(engine) == [("taken", 1)]


def test_a_source_that_the_settings_do_not_have_waits_and_says_so(engine, on, server):
    policy(engine, voice="elsewhere")
    call(engine)
    assert engine.desk.arrivals.work().failed == 1
    (waits,) = engine.desk.arrivals.waiting()
    assert waits.reason == "misconfigured"


def test_a_channel_counts_as_the_policy_was_when_somebody_arrived(engine, server):
    settings(engine, server)
    call(engine, "before")
    policy(engine, voice="registry")
    call(engine, "while", line="+81399999999")
    policy(engine, voice=None)
    call(engine, "after", line="+81388888888")
    engine.desk.arrivals.work()

    assert [json.loads(body)["identifiers"][0]["value"] for _, _, body in server.requests] == [
        "+81399999999"
    ]


def test_other_channels_are_not_looked_up(engine, server, on):
    arrive(engine, event("1", email("a@b.example"), phone(ANNAS_LINE), channel="email"))
    engine.desk.arrivals.work()

    assert server.requests == []


def test_what_a_person_said_stands(engine, on):
    contact = call(engine)
    field = next(name for name, value in ANNA["fields"].items() if isinstance(value, str))
    engine.desk.contacts.edit(
        contact, set={field: "As she said"}, revision=engine.profile(contact).revision
    )
    engine.desk.arrivals.work()

    assert values(engine, contact, field)[0] == "As she said"


def test_an_identifier_that_another_contact_holds_is_left_there(engine, on):
    other = next(one for one in ANNA["identifiers"] if one["value"] != ANNAS_LINE)
    (holder,) = arrive(
        engine, event("0", {**other, "verified": True}, channel="email", profile={"city": "Rome"})
    )
    contact = call(engine)
    engine.desk.arrivals.work()

    held = [o.value for o in engine.profile(contact).identifiers if o.valid_to is None]
    assert held == [ANNAS_LINE]
    assert engine.profile(holder.contact_id).identifiers[0].valid_to is None


def test_who_was_deleted_meanwhile_is_not_looked_up(engine, server, on):
    contact = call(engine)
    engine.desk.lifecycle.delete(contact, reason="A mistake")
    done = engine.desk.arrivals.work()

    assert (done.waiting, server.requests) == (0, [])


def test_it_needs_the_right_in_all_divisions(engine, on):
    engine.desk.administration.grant("there", "supervisor", divisions=["north"], new_division=True)

    with pytest.raises(Denied):
        engine.acting_as("there").arrivals.work()
