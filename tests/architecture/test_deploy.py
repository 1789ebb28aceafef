"""What is shipped for whoever runs the product fits the program: containers, units, alerts, runbook."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from cyclopts import CycloptsError

from identity_engine.monitoring.metrics import METRICS
from identity_engine.observing.vocabulary import EVENTS
from identity_engine.settings.model import PREFIX, fields_of, variable_of
from identity_engine.settings.sources import CONFIG_VARIABLE, problems
from tests.support.shipped import (
    ALERTS,
    COMPOSE,
    PROGRAM,
    ROOT,
    RUNBOOK,
    UNITS,
    commands_of_units,
    environment,
    our_services,
    refuse_unless_typed_right,
    services,
    units,
)

VARIABLES = {variable_of(name) for name, _ in fields_of()} | {CONFIG_VARIABLE}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKERS = ("consume", "projections", "publish")
MOST_EXPOSURE = 20  # tenths; systemd calls up to 2.0 "OK"


def port_of(service):
    return service["environment"][variable_of("monitor.address")].rpartition(":")[2]


class TestCompose:
    def test_is_valid_by_the_compose_specification(self):
        words = ("-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
        told = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout

    @pytest.mark.parametrize("name", our_services())
    def test_every_command_is_one_of_the_program(self, name):
        refuse_unless_typed_right(our_services()[name]["command"])

    @pytest.mark.parametrize("typed", [["consum"], ["consume", "--topics", "t"], ["store"]])
    def test_a_command_that_is_none_would_be_seen(self, typed):
        if typed == ["store"]:
            typed = ["store", "migrat"]
        with pytest.raises(CycloptsError):
            refuse_unless_typed_right(typed)

    @pytest.mark.parametrize("name", our_services())
    def test_every_setting_is_one_and_its_value_may_be(self, name, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        for variable, value in environment(our_services()[name]["environment"]).items():
            monkeypatch.setenv(variable, value)
        assert problems() == []

    def test_services_wait_for_services_that_there_are(self):
        for one in services().values():
            for other, how in one.get("depends_on", {}).items():
                assert other in services()
                has_check = "healthcheck" in services()[other]
                assert has_check == (how["condition"] == "service_healthy")

    def test_the_topics_that_are_read_and_told_are_not_one(self):
        names = [
            services()[name]["environment"][variable_of(topic)]
            for name, topic in (("consume", "kafka.topic"), ("publish", "publish.topic"))
        ]
        assert len(set(names)) == 2

    def test_the_topic_that_is_read_is_the_one_that_is_made(self):
        read = services()["consume"]["environment"][variable_of("kafka.topic")]
        assert f"--topic={read}" in services()["topics"]["command"]

    @pytest.mark.parametrize("name", WORKERS)
    def test_health_is_asked_for_where_the_worker_answers(self, name):
        worker = services()[name]
        (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", worker["healthcheck"]["test"][-1])
        assert asked == (port_of(worker), "/livez")
        assert worker["expose"] == [port_of(worker)]

    def test_a_secret_is_asked_for_and_stands_nowhere(self):
        secrets = [
            value
            for one in services().values()
            for name, value in one.get("environment", {}).items()
            if "PASSWORD" in name
        ]
        assert secrets
        assert set(secrets) == {"${POSTGRES_PASSWORD:?Set it in .env}"}


class TestImage:
    def test_copies_what_there_is_and_what_the_builder_is_given(self):
        given = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        copied = [
            source
            for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE)
            for source in line.split()[:-1]
        ]
        assert set(PROJECT["readme"].split()) <= set(copied)
        assert all((ROOT / one).exists() and f"!{one}" in given for one in copied)
        packages = [one.name for one in ROOT.iterdir() if (one / "__init__.py").exists()]
        assert set(packages) - {"tests"} <= set(copied)

    def test_installs_extras_that_there_are(self):
        (extras,) = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)
        assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()

    def test_runs_the_program_on_a_python_that_it_is_made_for(self):
        assert f'ENTRYPOINT ["{next(iter(PROJECT["scripts"]))}"]' in DOCKERFILE
        pythons = set(re.findall(r"FROM python:([\d.]+)", DOCKERFILE))
        known = {one.rpartition(" ")[2] for one in PROJECT["classifiers"]}
        assert pythons
        assert pythons <= known

    def test_sets_settings_that_there_are(self):
        assert set(re.findall(rf"{PREFIX}\w+", DOCKERFILE)) <= VARIABLES


class TestUnits:
    @pytest.mark.parametrize(("unit", "words"), list(commands_of_units()))
    def test_every_command_is_one_of_the_program(self, unit, words):
        refuse_unless_typed_right(words)

    def test_every_setting_is_one(self):
        set_there = [
            value.partition("=")[0]
            for unit in units(".service", ".conf").values()
            for value in unit.all("Environment")
        ]
        assert set_there
        assert set(set_there) <= VARIABLES

    def test_every_timer_starts_a_service(self):
        timers = {name.removesuffix(".timer") for name in units(".timer")}
        assert timers
        assert timers <= {name.removesuffix(".service") for name in units(".service")}

    @pytest.mark.parametrize("name", WORKERS)
    def test_a_worker_has_time_to_end_and_wrong_usage_is_not_tried_again(self, name):
        service = units(".service")[f"identity-engine-{name}@.service"]["Service"]
        assert service["KillSignal"] == "SIGTERM"
        assert int(service["TimeoutStopSec"]) >= 30
        assert service["RestartPreventExitStatus"] == "2"

    @pytest.fixture
    def installed(self, tmp_path):
        """The units as systemd would find them, with a program that is there."""
        program = shutil.which("true")
        for path in UNITS.rglob("*"):
            if path.is_file():
                to = tmp_path / path.relative_to(UNITS).as_posix().replace("@.", "@1.")
                to.parent.mkdir(exist_ok=True)
                to.write_text(path.read_text("utf-8").replace(PROGRAM, program))
        return tmp_path

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
    def test_systemd_finds_no_fault_and_little_that_is_exposed(self, installed):
        found = [path for path in sorted(installed.iterdir()) if path.is_file()]
        for path in found:
            assert analyzed(installed, "verify", "--man=no", path) == (0, "")
        for path in found:
            if path.suffix == ".service":
                words = ("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", path)
                code, told = analyzed(installed, *words)
                assert code == 0, told


def analyzed(folder, *words):
    told = subprocess.run(
        ["systemd-analyze", *map(str, words)],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return told.returncode, told.stdout


class TestAlerts:
    RULES = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]

    def test_every_metric_is_one(self):
        known = {one.exposed for one in METRICS}
        known |= {f"{one}_{part}" for one in known for part in ("bucket", "sum", "count")}
        for page in (ALERTS, RUNBOOK):
            used = set(re.findall(r"identity_engine_\w+", page.read_text("utf-8")))
            assert used
            assert used <= known, page.name

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
    def test_every_alert_says_what_it_is_and_the_runbook_what_to_do(self, rule):
        assert rule.keys() <= {"alert", "expr", "for", "annotations"}
        assert rule["annotations"]["summary"]
        assert f"\n### {rule['alert']}\n" in RUNBOOK.read_text("utf-8")

    def test_every_metric_that_speaks_of_trouble_has_an_alert(self):
        rules = ALERTS.read_text("utf-8")
        troubles = ("up", "loop_age_seconds", "kafka_lag", "kafka_missed", "dead_letters",
                    "projection_parked", "projection_lag", "published_lag",
                    "reevaluation_waiting")  # fmt: skip
        exposed = {one.name: one.exposed for one in METRICS}
        assert [name for name in troubles if exposed[name] not in rules] == []


class TestRunbook:
    PAGE = RUNBOOK.read_text("utf-8")

    def test_every_event_that_it_names_is_one(self):
        told = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)(?: \w+=\w+)?`", self.PAGE))
        of_the_logbook = {"failed", "waiting", "recovered", "fenced", "end_lost", "messages_missed",
                          "partitions_dealt", "step_evaluated"}  # fmt: skip
        assert of_the_logbook <= told
        assert of_the_logbook <= EVENTS.keys()

    def test_every_message_that_it_quotes_is_one(self):
        source = "".join(
            re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8"))
            for path in (ROOT / "identity_engine").rglob("*.py")
        )
        for quoted in (
            "The connection to PostgreSQL failed.",
            "Another process holds a lock of this store for too long",
            "older than this version",
            "newer than this version",
            "The views have seen events that the log does not hold",
        ):
            assert quoted in self.PAGE
            assert quoted in source

    def test_every_verb_that_it_names_is_one(self):
        for typed in re.findall(r"`identity-engine ([^`]+)`", self.PAGE):
            refuse_unless_typed_right(typed.split())

    def test_what_it_copies_is_there(self):
        for path in re.findall(r"\.\./\.\./([\w./-]+)", self.PAGE):
            assert (ROOT / path).exists()
        started = re.findall(r"identity-engine-\w+(?=@|\.timer)", self.PAGE)
        names = {Path(name).stem.rstrip("@") for name in units(".service", ".timer")}
        assert started
        assert set(started) <= names
