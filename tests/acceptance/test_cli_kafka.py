"""`identity-engine consume` as it is typed: its answer, and what it says where it cannot work."""

import sys

import pytest

from identity_engine.settings.model import variable_of
from identity_engine.settings.sources import CONFIG_VARIABLE
from tests.acceptance.commands import EVENTS, in_own_process
from tests.support.kafka.topics import MOCK_SESSION, MOCK_VERSION, SESSION, Sent, Topics

NOBODY = "127.0.0.1:9"


@pytest.fixture
def topics(kafka):
    return Topics(kafka)


@pytest.fixture
def settings(monkeypatch, kafka):
    """Settings that are short of patience."""
    given = {"session_timeout": SESSION, "request_timeout": 10}
    if not kafka.is_real:
        given |= {"session_timeout": MOCK_SESSION, "broker_version": MOCK_VERSION}
    for name, value in given.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), str(value))


def consume(cli, topics, topic, *more):
    where = ("--topic", topic, "--bootstrap-servers", topics.broker.bootstrap)
    return cli("consume", *where, "--until-caught-up", *more)


def test_the_answer_counts_messages_and_says_the_lag(cli, topics, settings):
    topic, dead = topics.make(), topics.make()
    topics.send_events(topic, EVENTS)
    topics.send(topic, [Sent(b"{")])

    more = ("--dead-letter-topic", dead, "--json", "--batch-bytes", 1000, "--batch-interval", 0.1)
    answer = consume(cli, topics, topic, *more)
    told = answer.document

    assert (told["read"], told["accepted"], told["rejected"]) == (4, 3, 1)
    assert (told["fenced"], told["missed"]) == (0, 0)
    assert sum(one["lag"] for one in told["partitions"]) == 0
    assert sum(one["position"] for one in told["partitions"]) == 4
    assert "anna" not in answer.err.lower(), "the log shows no value of a message"
    assert cli.contact_of("Anna Berger")


def test_the_answer_for_people_says_the_same(cli, topics, settings):
    topic = topics.make()
    topics.send_events(topic, EVENTS)

    answer = consume(cli, topics, topic)

    assert answer.code == 0
    assert f"{topic}: 3 read, 3 accepted, 0 known before, 0 rejected." in answer.out


def test_brokers_that_cannot_be_reached_are_said(tmp_path):
    answer = in_own_process(
        *("consume", "--topic", "t", "--bootstrap-servers", NOBODY),
        *("--store", tmp_path / "store"),
        **{variable_of("kafka.request_timeout"): "1"},
    )

    assert answer.code == 1
    assert "error: Kafka failed (timed_out)" in answer.err
    assert f"correct kafka.servers: {NOBODY}." in answer.err
    assert "Traceback" not in answer.err


def test_a_topic_that_is_not_there_is_said(cli, topics, settings, real_kafka):
    answer = consume(cli, topics, "there-is-no-such-topic")
    assert (answer.code, answer.out) == (1, "")
    assert "no topic there-is-no-such-topic" in answer.err


def test_the_topic_of_dead_letters_is_read_with_the_settings_of_the_workers(
    cli, topics, settings, monkeypatch
):
    topic, dead = topics.make(), topics.make()
    monkeypatch.setenv(variable_of("kafka.dead_letter_topic"), dead)
    topics.send(topic, [Sent(b"{")])
    assert consume(cli, topics, topic, "--json").document["rejected"] == 1

    answer = consume(cli, topics, dead, "--group", "redrive", "--json")

    assert (answer.document["read"], answer.document["rejected"]) == (1, 1)
    assert len(topics.read(dead, 1)) == 1
    assert len(cli("dead-letters", "list", "--json").document) == 1


def test_dead_letters_may_not_go_to_the_topic_itself(cli):
    answer = cli(
        *("consume", "--topic", "t", "--bootstrap-servers", NOBODY, "--dead-letter-topic", "t")
    )
    assert answer.code == 2
    assert "--dead-letter-topic" in answer.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('security = "sasl_ssl"', "needs mechanism, username and password_env"),
        ('mechanism = "PLAIN"', "need sasl_ssl or sasl_plaintext"),
        ('key_file = "key.pem"', "belong together"),
        ('password = "secret"', "kafka.password is no setting. Did you mean kafka.password_env?"),
    ],
)
def test_settings_that_do_not_fit_are_said(cli, monkeypatch, given, said):
    path = cli.write("identity-engine.toml", f"[kafka]\n{given}\n".encode())
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    answer = cli("consume", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 2
    assert said in answer.err
    assert '"secret"' not in answer.err


def test_a_secret_that_is_not_in_the_environment_is_said(cli, monkeypatch):
    given = {
        "security": "sasl_ssl",
        "mechanism": "SCRAM-SHA-512",
        "username": "engine",
        "password_env": "A_PASSWORD_THAT_IS_NOT_SET",
    }
    for name, value in given.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), value)
    answer = cli("consume", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 2
    assert "A_PASSWORD_THAT_IS_NOT_SET is not set" in answer.err


def test_topic_and_brokers_may_come_from_the_file(cli, topics, settings, monkeypatch):
    topic = topics.make()
    topics.send_events(topic, EVENTS)
    content = f'[kafka]\ntopic = "{topic}"\nservers = ["{topics.broker.bootstrap}"]\n'
    path = cli.write("identity-engine.toml", content.encode())
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))

    assert cli("consume", "--until-caught-up", "--json").document["accepted"] == 3


def test_a_worker_that_nobody_told_what_to_read_says_how_to(cli):
    assert "Give --topic, or set IDENTITY_ENGINE_KAFKA_TOPIC." in cli("consume").err
    answer = cli("consume", "--topic", "t")
    assert answer.code == 2
    assert "Give --bootstrap-servers HOST:PORT" in answer.err


def test_a_client_that_is_not_installed_is_said(cli, monkeypatch):
    for name in (
        "identity_engine.ingestion.kafka.reader",
        "identity_engine.ingestion.kafka.dead_letter_topic",
    ):
        monkeypatch.setitem(sys.modules, name, None)
    answer = cli("consume", "--topic", "t", "--bootstrap-servers", NOBODY)
    assert answer.code == 1
    assert "pip install 'identity-engine[kafka]'" in answer.err
