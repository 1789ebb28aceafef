"""Exit code 2 says that somebody must correct what was given; 1, that the same may succeed later."""

import pytest

from identity_engine.settings.model import variable_of
from identity_engine.settings.sources import CONFIG_VARIABLE
from tests.support.ports import free_port
from tests.support.postgres import shared_server

WRONG, MAY_PASS = 2, 1
NOBODY = "127.0.0.1:9"
READING = ("consume", "--topic", "t", "--bootstrap-servers", NOBODY)
VERBS = [("search", "anna"), ("projections", "status"), ("ingest", "-"), READING]


@pytest.fixture
def server():
    address = shared_server().database(migrated=False)
    yield address
    shared_server().drop(address)


@pytest.mark.parametrize("verb", VERBS)
class TestWhatWasGivenIsWrong:
    def test_in_the_file(self, filled, monkeypatch, verb):
        wrong = filled.write("wrong.toml", b'[sqlite]\nlock_seconds = "long"\n')
        monkeypatch.setenv(CONFIG_VARIABLE, str(wrong))
        assert filled(*verb).code == WRONG

    def test_in_the_environment(self, filled, monkeypatch, verb):
        monkeypatch.setenv(variable_of("sqlite.lock_seconds"), "long")
        assert filled(*verb).code == WRONG

    def test_a_file_of_settings_that_is_not_there(self, filled, monkeypatch, verb):
        monkeypatch.setenv(CONFIG_VARIABLE, str(filled.folder / "nothing.toml"))
        assert filled(*verb).code == WRONG

    def test_an_address_of_another_kind(self, cli, verb):
        assert cli.bare(*verb, "--store", "mysql://here").code == WRONG

    def test_a_key_that_is_not_there(self, filled, verb):
        (filled.store / "master.key").unlink()
        assert filled(*verb).code == WRONG

    def test_a_key_of_another_store(self, filled, verb):
        (filled.store / "master.key").write_bytes(bytes(32))
        assert filled(*verb).code == WRONG

    def test_a_server_without_a_key(self, cli, server, verb):
        assert cli.bare(*verb, "--store", server).code == WRONG

    def test_a_database_without_a_store(self, cli, server, monkeypatch, verb):
        monkeypatch.setenv(variable_of("master_key"), str(cli.folder / "master.key"))
        answer = cli.bare(*verb, "--store", server)
        assert (answer.code, answer.out) == (WRONG, "")
        assert "no store in this database" in answer.err


@pytest.mark.parametrize("verb", VERBS[:2])
def test_a_store_that_is_not_there(cli, verb):
    assert cli(*verb).code == WRONG


@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_cannot_be_reached_may_be_back_later(cli, monkeypatch, verb):
    monkeypatch.setenv(variable_of("master_key"), str(cli.folder / "master.key"))
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/contacts"
    assert cli.bare(*verb, "--store", away).code == MAY_PASS


def test_a_secret_that_is_not_there(cli, monkeypatch):
    given = {"security": "sasl_ssl", "mechanism": "PLAIN", "username": "engine"}
    for name, value in {**given, "password_env": "NOT_SET_ANYWHERE"}.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), value)
    assert cli(*READING).code == WRONG


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("option", ["--topic", "--group", "--dead-letter-topic"])
def test_a_name_that_is_empty(cli, option, name):
    answer = cli("consume", "--bootstrap-servers", NOBODY, option, name)
    assert (answer.code, answer.out) == (WRONG, "")
    assert f"kafka.{option.removeprefix('--').replace('-', '_')}" in answer.err


@pytest.mark.parametrize("name", ["topic", "profile_topic"])
def test_and_so_of_what_is_published(filled, name):
    option = f"--{name.replace('_', '-')}"
    answer = filled("publish", "--bootstrap-servers", NOBODY, option, "")
    assert (answer.code, answer.out) == (WRONG, "")
    assert f"publish.{name}" in answer.err
