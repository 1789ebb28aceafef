"""`identity-engine doctor`: what it finds of settings, keys, brokers and topics, each with its fix."""

import json

import pytest

from identity_engine.settings.model import variable_of
from tests.acceptance.commands import EVENTS
from tests.support.kafka.topics import MOCK_VERSION, Topics
from tests.support.postgres import shared_server

NOBODY = "127.0.0.1:9"


@pytest.fixture
def topics(kafka):
    return Topics(kafka)


@pytest.fixture
def reading(monkeypatch, topics):
    """Settings that name a topic with three messages."""
    topic = topics.make()
    topics.send_events(topic, EVENTS)
    monkeypatch.setenv(variable_of("kafka.servers"), topics.broker.bootstrap)
    monkeypatch.setenv(variable_of("kafka.topic"), topic)
    if not topics.broker.is_real:
        monkeypatch.setenv(variable_of("kafka.broker_version"), MOCK_VERSION)
    return topic


def findings(cli, *typed):
    """What doctor found, by check: (sound, text); the exit code says whether all is sound."""
    answer = cli("doctor", "--json", *typed)
    told = [(one["check"], one["is_sound"], one["found"]) for one in json.loads(answer.out)]
    assert answer.code == (0 if all(sound for _, sound, _ in told) else 1)
    return {check: (sound, found) for check, sound, found in told}


def test_brokers_topic_and_lag_are_looked_at_where_settings_name_them(filled, reading):
    found = findings(filled)
    assert found["settings"] == (True, "All settings are valid.")
    assert found["brokers"] == (True, "A broker answers, and accepts us.")
    assert found["topic"][1].startswith(f"{reading} has partitions: ")
    assert found["lag"] == (True, "Messages not read yet, at most: partition 0: 3.")

    filled("consume", "--until-caught-up")
    assert findings(filled)["lag"] == (True, "Messages not read yet, at most: none.")


def test_the_lag_is_not_known_where_the_store_cannot_be_opened(filled, reading):
    filled("consume", "--until-caught-up")
    (filled.store / "master.key").unlink()
    found = findings(filled)
    assert not found["open"][0]
    assert found["topic"][0]
    assert found["lag"] == (True, "Not known: the store could not be opened.")


def test_topics_that_are_published_are_looked_at_too(filled, monkeypatch, topics, real_kafka):
    there = topics.make()
    monkeypatch.setenv(variable_of("kafka.servers"), real_kafka.bootstrap)
    monkeypatch.setenv(variable_of("publish.topic"), there)
    monkeypatch.setenv(variable_of("publish.profile_topic"), "profiles-to-be")
    told = [
        one["found"]
        for one in json.loads(filled("doctor", "--json").out)
        if one["check"] == "published topic"
    ]
    assert told[0].startswith(f"{there} has partitions: ")
    assert told[1] == "Kafka has no topic profiles-to-be yet, or hides it; publish makes it."


def test_without_brokers_in_the_settings_none_are_looked_at(filled):
    assert not {"brokers", "topic", "lag"} & findings(filled).keys()


def test_brokers_that_are_away_are_a_finding_among_others(filled, monkeypatch):
    monkeypatch.setenv(variable_of("kafka.servers"), NOBODY)
    found = findings(filled)
    assert found["brokers"][0] is False
    assert f"Start the brokers, or correct kafka.servers: {NOBODY}." in found["brokers"][1]
    assert found["log"][0] is True


def test_a_topic_that_is_not_there_is_a_finding(filled, monkeypatch, real_kafka):
    monkeypatch.setenv(variable_of("kafka.servers"), real_kafka.bootstrap)
    monkeypatch.setenv(variable_of("kafka.topic"), "there-is-no-such-topic")
    assert findings(filled)["topic"] == (
        False,
        "Kafka has no topic there-is-no-such-topic, or hides it. Make it first.",
    )


def test_brokers_are_looked_at_though_the_store_cannot_be_opened(cli, reading):
    found = findings(cli)
    assert found["store"][0] is False
    assert found["brokers"][0] is True


def test_settings_that_are_wrong_are_a_finding(filled, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENGINE_STOR", "x")
    sound, found = findings(filled)["settings"]
    assert not sound
    assert "Did you mean IDENTITY_ENGINE_STORE?" in found
    monkeypatch.setenv(variable_of("log.level"), "loud")
    assert list(findings(filled)) == ["settings"]


def test_a_master_key_that_others_can_read_is_a_finding(cli, monkeypatch):
    key = cli.folder / "master.key"
    monkeypatch.setenv(variable_of("master_key"), str(key))
    cli("ingest", cli.traffic())
    assert findings(cli)["master key"][0] is True
    key.chmod(0o644)
    assert findings(cli)["master key"] == (False, f"Others can read it. Run: chmod 600 {key}")


def test_a_store_on_postgresql_is_looked_at_in_the_same_way(cli, monkeypatch, reading):
    address = shared_server().database()
    monkeypatch.setenv(variable_of("master_key"), str(cli.folder / "master.key"))
    try:
        found = findings(lambda *typed: cli.bare(*typed, "--store", address))
        assert {"settings", "keys", "log", "clock", "views", "server", "brokers", "lag"} <= set(
            found
        )
        assert found["lag"][1].endswith("partition 0: 3.")
    finally:
        shared_server().drop(address)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda address: f"{address}_that_is_not", "does not exist"),
        (lambda address: address.replace("postgres@", "stranger@"), "stranger"),
        (lambda address: f"postgresql://postgres@{NOBODY}/contacts", "Connection refused"),
    ],
    ids=["database", "role", "port"],
)
def test_what_the_server_says_of_a_connection_that_fails_is_told(
    cli, tmp_path, monkeypatch, wrong, said
):
    monkeypatch.setenv(variable_of("master_key"), str(tmp_path / "master.key"))
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    (tmp_path / "master.key").chmod(0o600)
    address = shared_server().database()
    answer = cli.bare("doctor", "--json", "--store", wrong(address))
    shared_server().drop(address)
    assert answer.code == 1
    assert "The connection to PostgreSQL failed." in answer.out
    assert said in answer.out


@pytest.mark.parametrize("name", ["events.db", "keys.db", "master.key"])
def test_a_file_that_cannot_be_opened_is_told_from_one_that_is_damaged(filled, name):
    (filled.store / name).unlink()
    (filled.store / name).mkdir()
    sound, said = findings(filled)["open"]
    assert not sound
    assert "Let this user read and write the store's folder" in said
    assert "backup" not in said
