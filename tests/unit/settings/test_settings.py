"""Settings: which source wins, what is said of each, and all that is wrong at once."""

import pytest

from identity_engine.errors import ConfigurationError, UsageError
from identity_engine.settings import in_force, typed
from identity_engine.settings.model import PREFIX, fields_of, masked, value_of, variable_of
from identity_engine.settings.sources import CONFIG_VARIABLE, FILE_NAME, problems, read

TOPIC = variable_of("kafka.topic")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A working folder and a user without settings."""
    for name, _ in fields_of():
        monkeypatch.delenv(variable_of(name), raising=False)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, text, name=FILE_NAME):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_a_setting_that_nobody_set_has_its_default():
    assert in_force().kafka.group == "identity-engine"
    assert read().origin("kafka.group") == "default"


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(alone, monkeypatch):
    write(alone, '[kafka]\ntopic = "of-the-file"\n')
    assert read().given["kafka.topic"] == ("of-the-file", f"file ({FILE_NAME})")
    monkeypatch.setenv(TOPIC, "of-the-environment")
    assert read().given["kafka.topic"] == ("of-the-environment", f"environment ({TOPIC})")
    over = {"kafka.topic": "typed"}
    assert read(over).given["kafka.topic"] == ("typed", "command line")
    assert in_force(over).kafka.topic == "typed"


def test_an_option_that_was_not_given_hides_nothing(monkeypatch):
    monkeypatch.setenv(TOPIC, "of-the-environment")
    assert in_force({"kafka.topic": None}).kafka.topic == "of-the-environment"


def test_a_variable_that_is_empty_is_not_set(monkeypatch):
    monkeypatch.setenv(variable_of("store"), "")
    assert read().origin("store") == "default"


def test_the_file_is_the_named_one_else_that_of_the_folder_else_the_users(alone, monkeypatch):
    write(alone / "user" / "identity-engine", 'actor = "of-the-user"')
    assert in_force().actor == "of-the-user"
    write(alone, 'actor = "of-the-folder"')
    assert in_force().actor == "of-the-folder"
    monkeypatch.setenv(CONFIG_VARIABLE, str(write(alone, 'actor = "named"', "other.toml")))
    assert in_force().actor == "named"
    with typed(config=str(write(alone, 'actor = "typed"', "typed.toml"))):
        assert in_force().actor == "typed"


def test_a_named_file_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv(CONFIG_VARIABLE, "nowhere.toml")
    with pytest.raises(ConfigurationError, match=r"no file of settings nowhere\.toml"):
        in_force()


def test_every_kind_of_value_can_be_given_as_text(monkeypatch):
    given = {
        "kafka.servers": "one:9092, [::1]:9093",
        "kafka.batch_bytes": "4096",
        "kafka.check_hostname": "false",
        "monitor.stall_seconds": "2.5",
        "master_key": "/keys/master.key",
    }
    for name, value in given.items():
        monkeypatch.setenv(variable_of(name), value)
    found = in_force()
    assert found.kafka.servers == ("one:9092", "[::1]:9093")
    assert (found.kafka.batch_bytes, found.kafka.check_hostname) == (4096, False)
    assert found.monitor.stall_seconds == 2.5
    assert str(found.master_key) == "/keys/master.key"


def test_all_that_is_wrong_is_said_at_once_with_the_nearest_known_name(alone, monkeypatch):
    write(
        alone,
        'stor = "x"\ntopic = "t"\n[kafak]\ntopic = "t"\n'
        '[kafka]\nservers = ["bad"]\npasword_env = "P"\nca_file = "/no/ca.pem"\n'
        '[log]\nlevel = "loud"\n[monitor]\nstall_seconds = true\n',
    )
    monkeypatch.setenv(f"{PREFIX}LOG_LEVL", "debug")
    monkeypatch.setenv(variable_of("kafka.batch_bytes"), "many")
    told = "\n".join(problems())
    for said in (
        "stor is no setting. Did you mean store?",
        "topic is no setting. Did you mean kafka.topic?",
        "kafak is no setting. Did you mean kafka?",
        "kafka.pasword_env is no setting. Did you mean kafka.password_env?",
        f"kafka.servers from file ({FILE_NAME}): a broker is HOST:PORT.",
        "log.level from file",
        f"monitor.stall_seconds from file ({FILE_NAME}): a number is wanted, not true or false",
        f"kafka.batch_bytes from environment ({PREFIX}KAFKA_BATCH_BYTES)",
        f"{PREFIX}LOG_LEVL is no setting. Did you mean {PREFIX}LOG_LEVEL?",
        "there is no file /no/ca.pem that can be read",
    ):
        assert said in told


def test_what_is_wrong_in_the_file_stops_the_start(alone):
    write(alone, 'stor = "x"\n')
    with pytest.raises(ConfigurationError, match="Did you mean store"):
        in_force()


def test_a_foreign_variable_stops_nothing(monkeypatch):
    monkeypatch.setenv(f"{PREFIX}STOR", "x")
    assert in_force().store is None


def test_a_variable_that_holds_a_secret_is_known_by_the_setting_that_names_it(monkeypatch):
    for name, value in {"security": "sasl_ssl", "mechanism": "PLAIN", "username": "u"}.items():
        monkeypatch.setenv(variable_of(f"kafka.{name}"), value)
    monkeypatch.setenv(variable_of("kafka.password_env"), f"{PREFIX}SECRET")
    assert problems() == [
        f"kafka.password_env from environment ({PREFIX}KAFKA_PASSWORD_ENV): "
        f"the environment variable {PREFIX}SECRET is not set."
    ]
    monkeypatch.setenv(f"{PREFIX}SECRET", "swordfish")
    assert problems() == []


def test_a_value_is_never_repeated_by_what_is_said_of_it(alone, monkeypatch):
    write(alone, '[kafka]\nbatch_bytes = "swordfish"\npassword = "swordfish"\n')
    monkeypatch.setenv(variable_of("log.level"), "swordfish")
    assert "swordfish" not in "\n".join(problems())
    assert len(problems()) == 3


def test_a_wrong_option_is_wrong_usage():
    with pytest.raises(UsageError, match=r"kafka\.batch_bytes from command line"):
        in_force({"kafka.batch_bytes": 0})


def test_a_file_that_is_no_toml_is_said(alone):
    write(alone, "store = ")
    (fault,) = problems()
    assert fault.startswith(f"{FILE_NAME} is no TOML")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:se/cr@et@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql://host/db?user=me&password=secret",
            "postgresql://host/db?user=me&password=***",
        ),
        ("postgresql://host/db?sslpassword=secret", "postgresql://host/db?sslpassword=***"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("host=h password=secret dbname=d", "host=h password=*** dbname=d"),
        ("password = 'se cr\\'et' host=h", "password = *** host=h"),
        ("sslpassword=a&b", "sslpassword=***"),
        ("/var/lib/store", "/var/lib/store"),
    ],
)
def test_a_password_in_an_address_is_masked(address, shown):
    assert masked(address) == shown


def test_every_setting_has_a_meaning_and_a_variable_of_its_own():
    names = [name for name, _ in fields_of()]
    assert len({variable_of(name) for name in names}) == len(names)
    assert [name for name, field in fields_of() if not field.description] == []
    assert [name for name in names if value_of(in_force(), name) is ...] == []
