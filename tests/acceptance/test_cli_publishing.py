"""`identity-engine publish` as it is typed: its answer, and what it says where it cannot work."""

import sys

import pytest

from identity_engine.settings.model import variable_of
from tests.acceptance.commands import in_own_process
from tests.support.kafka.subscriber import last_of_each, read_all
from tests.support.kafka.topics import Topics

NOBODY = "127.0.0.1:9"


@pytest.fixture
def topics(real_kafka):
    return Topics(real_kafka)


def publish(cli, topics, topic, *more):
    where = ("--topic", topic, "--bootstrap-servers", topics.broker.bootstrap)
    return cli("publish", *where, "--once", *more)


def test_the_answer_counts_records_and_says_the_lag(filled, topics):
    topic = topics.make()

    told = publish(filled, topics, topic, "--profile-topic", f"{topic}-p", "--json").document

    events, profiles = told["topics"]
    assert (events["topic"], events["lag"], profiles["lag"]) == (topic, 0, 0)
    assert events["records"] == len(read_all(topics.broker.bootstrap, topic))
    assert profiles["records"] == 2
    assert (told["sessions"], told["fenced"], told["retries"]) == (1, 0, 0)
    known = last_of_each(read_all(topics.broker.bootstrap, f"{topic}-p"))
    assert known[filled.contact_of("Anna Berger")]["fields"]["given_name"] == ["Anna"]


def test_the_answer_for_people_says_the_same(filled, topics):
    topic = topics.make()
    answer = publish(filled, topics, topic)
    again = publish(filled, topics, topic)
    row = next(line.split() for line in again.out.splitlines() if line.startswith(topic))
    assert (answer.code, again.code) == (0, 0)
    assert row[1:] == ["0", row[2], row[2], "0"]
    assert "anna" not in (answer.err + again.err).lower(), "the log shows no value"


def test_no_value_of_a_person_is_published_unless_it_is_asked_for(filled, topics):
    plain, shown = topics.make(), topics.make()
    publish(filled, topics, plain)
    publish(filled, topics, shown, "--value", "email")

    def everything(topic):
        return repr(read_all(topics.broker.bootstrap, topic)).lower()

    assert "anna" not in everything(plain)
    assert "anna.berger@gmail.com" in everything(shown)


def test_the_asyncapi_document_is_shown_without_a_broker(cli):
    answer = cli("publish", "--topic", "events", "--profile-topic", "profiles", "--asyncapi")
    assert answer.document["asyncapi"] == "3.0.0"
    assert answer.document["channels"]["profiles"]["address"] == "profiles"
    assert not cli.store.exists()


def test_brokers_that_cannot_be_reached_are_said(filled, monkeypatch):
    monkeypatch.setenv(variable_of("kafka.request_timeout"), "1")
    answer = in_own_process(
        *("publish", "--topic", "t", "--bootstrap-servers", NOBODY, "--once"),
        *("--store", filled.store),
    )
    assert answer.code == 1
    assert "error: Kafka failed" in answer.err
    assert "Traceback" not in answer.err


def test_a_store_that_is_not_there_is_said_and_not_made(cli):
    answer = cli("publish", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 2
    assert "no store" in answer.err
    assert not cli.store.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--bootstrap-servers", NOBODY), "--topic"),
        (("--topic", "t"), "--bootstrap-servers"),
        (("--topic", "t", "--bootstrap-servers", " , "), "--bootstrap-servers"),
        (
            ("--topic", "t", "--bootstrap-servers", NOBODY, "--profile-topic", "t"),
            "--profile-topic",
        ),
        (("--topic", "t", "--bootstrap-servers", NOBODY, "--again"), "--again"),
        (("--topic", "a b", "--bootstrap-servers", NOBODY), "is no name of a topic"),
        (("--topic", "t", "--bootstrap-servers", NOBODY, "--source", "a b"), "--source"),
    ],
)
def test_what_is_typed_wrongly_is_said(cli, typed, said):
    answer = cli("publish", *typed)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_secret_that_is_not_in_the_environment_is_said(filled, monkeypatch):
    given = {
        "security": "sasl_ssl",
        "mechanism": "SCRAM-SHA-512",
        "username": "engine",
        "password_env": "A_PASSWORD_THAT_IS_NOT_SET",
    }
    for name, said in given.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), said)
    answer = filled("publish", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 2
    assert "A_PASSWORD_THAT_IS_NOT_SET is not set" in answer.err


def test_a_client_that_is_not_installed_is_said(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "identity_engine.publication.kafka", None)
    answer = filled("publish", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 1
    assert "pip install 'identity-engine[kafka]'" in answer.err
