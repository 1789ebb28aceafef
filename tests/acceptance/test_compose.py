"""The services of compose.yaml as processes: their own commands, settings and health check, against a
real database and broker; only hosts, ports and folders are others than in containers."""

import os
import signal
import subprocess
import sys

import pytest

from identity_engine.settings.model import variable_of
from tests.acceptance.commands import EVENTS, in_own_process, program
from tests.support.kafka.topics import Topics
from tests.support.patience import eventually
from tests.support.ports import free_port
from tests.support.postgres import shared_server
from tests.support.shipped import environment, our_services

MOST_SECONDS = 60
MONITOR = variable_of("monitor.address")


@pytest.fixture
def database():
    server, name = shared_server(), f"compose_{free_port()}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.address(name)
    server.drop(server.address(name))


@pytest.fixture
def settings_of(tmp_path, kafka, database):
    """The variables of a service, with what differs here."""
    topics = Topics(kafka)
    topic = topics.make(2)
    topics.send_events(topic, EVENTS)
    here = {
        variable_of("store"): database,
        variable_of("master_key"): str(tmp_path / "master.key"),
        variable_of("kafka.servers"): kafka.bootstrap,
        variable_of("kafka.topic"): topic,
        variable_of("publish.topic"): f"{topic}-told",
    }

    def of(name):
        given = environment(our_services()[name]["environment"])
        assert variable_of("master_key") not in given, "the image sets it"
        wanted = given.keys() | {variable_of("master_key")}
        monitor = {MONITOR: f"0.0.0.0:{free_port()}"} if MONITOR in given else {}
        return given | monitor | {variable: here[variable] for variable in wanted & here.keys()}

    return of


def run(name, settings_of):
    answer = in_own_process(*our_services()[name]["command"], **settings_of(name))
    assert answer.code == 0, answer
    return answer.out


def is_healthy(name, port):
    """Ask as the container's health check does."""
    check = our_services()[name]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "python"]
    asked = [sys.executable, *(word.replace(":9464/", f":{port}/") for word in check[2:])]
    return not subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode


class Service:
    """A worker of the compose file, at work from its health check on until it is told to stop."""

    def __init__(self, name, settings):
        self._worker = subprocess.Popen(
            program(*our_services()[name]["command"]),
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        port = settings[MONITOR].rpartition(":")[2]
        eventually(lambda: is_healthy(name, port))

    def stop(self):
        """Stop it as an orchestrator does; return what it wrote to its two outputs."""
        self._worker.send_signal(signal.SIGTERM)
        told = self._worker.communicate(timeout=MOST_SECONDS)
        assert self._worker.returncode == 0, told
        return told

    def kill(self):
        """End it, if it still is."""
        self._worker.kill()
        self._worker.communicate()


@pytest.fixture
def start(settings_of):
    """Starts services by name."""
    started = []

    def start(name):
        started.append(Service(name, settings_of(name)))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def test_nobody_is_healthy_where_nobody_is():
    assert not is_healthy("consume", free_port())


def test_migrate_then_workers_of_all_kinds_until_stopped(settings_of, start, real_kafka):
    assert "Applied 0001" in run("migrate", settings_of)
    consume, projections, publish = (start(one) for one in ("consume", "projections", "publish"))

    eventually(lambda: "3 interactions" in run("reevaluate", settings_of))
    told = settings_of("publish")[variable_of("publish.topic")]
    kinds = {dict(one.headers)["ce_type"] for one in Topics(real_kafka).read(told, len(EVENTS))}
    assert b"identity.contact.created.v1" in kinds

    out, err = consume.stop()
    assert "3 read, 3 accepted" in out
    assert "batch_committed" in err
    assert "stopped verb=consume" in err
    assert "stopped verb=publish" in publish.stop()[1]
    assert "views_held" in projections.stop()[1]
