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
        MONITOR: f"0.0.0.0:{free_port()}",
    }

    def of(name):
        given = environment(our_services()[name]["environment"])
        assert variable_of("master_key") not in given, "the image sets it"
        wanted = given.keys() | {variable_of("master_key")}
        return given | {variable: here[variable] for variable in wanted & here.keys()}

    return of


def run(name, settings_of):
    answer = in_own_process(*our_services()[name]["command"], **settings_of(name))
    assert answer.code == 0, answer
    return answer.out


def is_healthy(port):
    """Ask as the container's health check does."""
    check = our_services()["consume"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "python"]
    asked = [sys.executable, *(word.replace(":9464/", f":{port}/") for word in check[2:])]
    return not subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode


def test_migrate_then_consume_until_stopped_then_reevaluate(settings_of, real_kafka):
    assert "Applied 0001" in run("migrate", settings_of)
    settings = settings_of("consume")
    port = settings[MONITOR].rpartition(":")[2]
    worker = subprocess.Popen(
        program(*our_services()["consume"]["command"]),
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert not is_healthy(free_port())
        eventually(lambda: is_healthy(port))
        eventually(lambda: "3 interactions" in run("reevaluate", settings_of))
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=MOST_SECONDS)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0
    assert "3 read, 3 accepted" in out
    assert "batch_committed" in err
    assert "stopped verb=consume" in err
