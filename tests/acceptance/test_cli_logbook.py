"""What a person sees of the work of a verb on standard error, and that nothing of anybody is in it."""

import json

import pytest

from identity_engine.settings.model import variable_of
from tests.acceptance.commands import lines
from tests.integration.test_personal_data import (
    CANARIES,
    EVERYTHING,
    canary_event,
    conflicting_event,
    rejected_event,
)
from tests.support.canaries import found_in
from tests.support.kafka.topics import MOCK_SESSION, MOCK_VERSION, SESSION, Sent, Topics, binary

TRAFFIC = [canary_event(), canary_event(id="second"), rejected_event(), conflicting_event()]


@pytest.fixture(params=["text", "json"])
def talkative(request, monkeypatch):
    """The logbook tells all that it can, in one form or the other."""
    monkeypatch.setenv(variable_of("log.level"), "debug")
    monkeypatch.setenv(variable_of("log.format"), request.param)
    return request.param


def betrayed(told):
    return found_in(told.encode(), EVERYTHING)


def test_an_ingest_of_canaries_leaves_none_in_the_logbook(cli, talkative):
    file = cli.write(f"{CANARIES['profile value']}.jsonl", lines(TRAFFIC) + b'{"Zx61kvUnbekannt')

    told = cli("ingest", file).err
    told += cli("dead-letters", "redrive").err
    told += cli("reevaluate", "--all").err
    told += cli("projections", "rebuild").err

    for event in ("started", "batch_committed", "dead_letters_kept", "position", "stopped"):
        assert event in told
    for event in ("step_evaluated", "events_replayed", "views_swapped"):
        assert event in told
    assert betrayed(told) == set()
    if talkative == "json":
        assert {json.loads(line)["level"] for line in told.splitlines()} == {"info"}


def test_a_topic_of_canaries_leaves_none_in_the_logbook(cli, talkative, kafka, monkeypatch):
    topics = Topics(kafka)
    topic, dead = topics.make(), topics.make()
    sent = [binary(one, key=CANARIES["identifier value"].encode()) for one in TRAFFIC]
    topics.send(topic, [*sent, Sent(CANARIES["id"].encode(), key=CANARIES["e-mail"].encode())])
    given = {"session_timeout": SESSION, "request_timeout": 10}
    if not kafka.is_real:
        given |= {"session_timeout": MOCK_SESSION, "broker_version": MOCK_VERSION}
    for name, value in given.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), str(value))

    answer = cli(
        *("consume", "--topic", topic, "--bootstrap-servers", kafka.bootstrap),
        *("--dead-letter-topic", dead, "--until-caught-up", "--json"),
    )

    assert answer.document["rejected"] == 3
    for event in ("partitions_dealt", "batch_committed", "dead_letters_kept", "partition_read"):
        assert event in answer.err
    assert betrayed(answer.err) == set()


def test_a_verb_that_ends_by_itself_leaves_it_to_its_answer(cli):
    assert cli("ingest", cli.traffic()).err == ""
    assert cli("ingest", cli.write("bad.jsonl", b"{\n")).err == "", "its answer says it"
    missing = cli("ingest", cli.folder / "missing.jsonl").err
    assert missing.startswith("error: ")
