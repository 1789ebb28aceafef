"""`identity-engine settings` as it is typed, and the options that every verb takes."""

import pytest

from identity_engine.settings.model import variable_of
from tests.acceptance.commands import in_own_process

TOPIC = variable_of("kafka.topic")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A working folder and a user without settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_shown_with_its_origin_and_no_password(cli, monkeypatch):
    monkeypatch.setenv(TOPIC, "interactions")
    address = "postgresql://engine:swordfish@db/contacts"
    answer = cli.bare("settings", "show", "--store", address, "--json")
    shown = {one["name"]: one for one in answer.document}

    assert shown["store"] == {
        "name": "store",
        "value": "postgresql://engine:***@db/contacts",
        "origin": "command line",
    }
    assert shown["kafka.topic"]["origin"] == f"environment ({TOPIC})"
    assert shown["kafka.group"]["origin"] == "default"
    assert "swordfish" not in answer.out + cli.bare("settings", "show", "--store", address).out


def test_a_check_answers_yes_or_all_that_is_wrong(cli, monkeypatch):
    assert cli("settings", "check").out == "The settings are valid. File: none.\n"

    file = cli.write("identity-engine.toml", b'stor = "x"\n[log]\nlevel = "loud"\n')
    answer = cli("settings", "check", "--json")
    assert answer.code == 1
    assert "Did you mean store?" in answer.out
    assert "log.level from file" in answer.out
    assert "stor is no setting" in cli("settings", "check").out
    refused = cli("search", "anna")
    assert (refused.code, refused.out) == (2, "")
    assert "Did you mean store?" in refused.err
    assert file.exists()


def test_the_file_and_the_actor_are_options_of_every_verb(cli):
    file = cli.write("mine.toml", f'store = "{cli.store}"\nactor = "of-the-file"\n'.encode())
    typed = ("settings", "show", "--config", file, "--json")
    assert '"of-the-file"' in in_own_process(*typed).out
    assert '"agent-7"' in in_own_process("--actor", "agent-7", *typed).out
    assert in_own_process("ingest", cli.traffic(), f"--config={file}", "--actor", "owner").code == 0
    assert cli.store.exists()
    answer = in_own_process("search", "anna", "--config")
    assert answer.code == 2
    assert "--config needs a file" in answer.err
