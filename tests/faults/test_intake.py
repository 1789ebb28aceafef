"""From Kafka into PostgreSQL while processes die, hang, come and go, and servers with them.

Each ends with the same check: what was sent is stored, nothing twice, and views and index are what a
fresh replay gives.
"""

import signal
import time
from random import Random

import pytest

from tests.corpus.bad_input.kinds import KINDS
from tests.faults.intake import CAUGHT_UP, Intake
from tests.support.kafka.child import POINTS
from tests.support.patience import eventually
from tests.support.postgres import PostgresServer, open_folder
from tests.support.proxy import CuttingProxy
from tests.support.small_disk import small_disk

COMMIT = b"COMMIT\0"
MOST = 900_000
"""Bytes of a message that the broker takes."""


@pytest.fixture
def server():
    """A server of its own, as durable as in production."""
    server = PostgresServer(durable=True)
    yield server
    server.close()


@pytest.fixture
def store(server, tmp_path, monkeypatch):
    """The address of an empty store."""
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    return server.database()


def one_writes(running):
    """Wait until any of the workers has written, whoever reads the partitions."""
    assert eventually(lambda: any(one.hears("written") for one in running))


@pytest.mark.slow
def test_workers_killed_at_any_moment(store, topics, times, table):
    kills, lives = times(50, 3), Random(1)
    intake = Intake(store, topics, times(15_000, 900), parts=kills)
    with intake.workers(2) as running:
        for number in range(kills):
            if number < kills - 1:
                intake.send_more()
            for _ in range(lives.randint(1, 4)):
                worker = eventually(lambda: next((w for w in running if w.hears("written")), None))
            worker.signal(signal.SIGKILL)
            assert worker.end() == -signal.SIGKILL
            running.remove(worker)
            running.append(intake.worker())
    intake.finish()
    table.add(intake.check("worker killed (`kill -9`), two at work", kills))


@pytest.mark.slow
def test_workers_killed_at_the_worst_moments(store, topics, times, table):
    deadly = [name for name in POINTS if not name.endswith("stopped")] * times(4, 1)
    intake = Intake(store, topics, times(2_000, 500))
    for point in deadly:
        with intake.worker(point) as worker:
            assert worker.end() == -signal.SIGKILL
    intake.finish()
    table.add(intake.check("worker killed before, in and behind a commit", len(deadly)))


@pytest.mark.slow
def test_workers_that_hang_and_wake_up_when_others_have_their_partitions(
    store, topics, times, table
):
    hangs = times(5, 1)
    intake = Intake(store, topics, times(2_500, 500), parts=hangs)
    fenced = 0
    for number in range(hangs):
        if number:
            intake.send_more()
        with intake.worker("decided_and_not_written_stopped", CAUGHT_UP) as zombie:
            zombie.wait_until_stopped()
            with intake.worker() as successor:
                successor.wait_for("written", 60)
                zombie.signal(signal.SIGCONT)
                successor.signal(signal.SIGTERM)
                assert successor.end() == 0
            assert zombie.end() == 0
            fenced += zombie.numbers["fenced"]
    intake.finish()
    assert fenced >= 1
    table.add(intake.check("worker stopped (SIGSTOP) past its session, and woken up", hangs))


@pytest.mark.slow
def test_workers_that_come_and_go(store, topics, times, table):
    changes = times(10, 2)
    intake = Intake(store, topics, times(4_000, 800), parts=changes + 1)
    with intake.workers(1) as running:
        for number in range(changes):
            running.append(intake.worker())
            running[-1].wait_for("dealt")
            intake.send_more()
            running[-1].wait_for("written", 1)
            leaving = running.pop(0)
            leaving.signal(signal.SIGTERM)
            assert leaving.end() == 0, number
    intake.finish()
    table.add(intake.check("worker joins, another leaves in good order (SIGTERM)", 2 * changes))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_database_restarts(server, store, topics, times, table, mode):
    restarts = times(5, 1)
    intake = Intake(store, topics, times(3_000, 900), parts=restarts + 1)
    with intake.workers(2) as running:
        for _ in range(restarts):
            intake.send_more()
            one_writes(running)
            server.restart(mode)
        for worker in running:
            worker.signal(signal.SIGTERM)
            assert worker.end() == 0
        assert sum(worker.numbers["retries"] for worker in running) >= 1
    intake.finish()
    table.add(intake.check(f"PostgreSQL restarted ({mode}) under load", restarts))


@pytest.mark.slow
def test_the_database_is_away(server, store, topics, times, table):
    seconds = times(60, 3)
    intake = Intake(store, topics, times(2_000, 600))
    with intake.worker(CAUGHT_UP) as worker:
        worker.wait_for("written", 40)
        server.stop("immediate")
        until, retries = time.monotonic() + seconds, 1
        while time.monotonic() < until:
            worker.wait_for("retries", retries)
            retries += 1
        server.start()
        assert worker.end() == 0
    table.add(intake.check(f"PostgreSQL away for {seconds} s", 1))


@pytest.mark.slow
def test_the_disk_of_the_database_is_full(topics, times, table, tmp_path, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    fillings, folder = times(10, 2), open_folder()
    with small_disk(folder, 256) as disk:
        server = PostgresServer(
            durable=True, folder=folder, max_wal_size="32MB", min_wal_size="32MB"
        )
        intake = Intake(server.database(), topics, times(3_000, 1_500))
        _run_out_of_room(intake, disk, fillings)
        table.add(intake.check("disk of PostgreSQL full", fillings))
        server.close()


@pytest.mark.slow
def test_the_disk_of_the_folder_is_full(topics, times, table, tmp_path):
    fillings = times(10, 2)
    with small_disk(tmp_path, 128) as disk:
        intake = Intake(tmp_path / "store", topics, times(3_000, 1_500))
        _run_out_of_room(intake, disk, fillings)
        table.add(intake.check("disk of the folder full", fillings))


def _run_out_of_room(intake, disk, times):
    """Let a worker wait for room so often, and go on."""
    with intake.worker(CAUGHT_UP) as worker:
        for number in range(1, times + 1):
            worker.wait_for("written", number * 60)
            disk.fill()
            worker.wait_for("retries", worker.last("retries") + 1)
            disk.empty()
        assert worker.end() == 0


@pytest.mark.slow
def test_the_answer_to_a_commit_is_cut_off(server, store, topics, times, table):
    cuts = times(20, 3)
    proxy = CuttingProxy(server.port)
    behind = store.replace(str(server.port), str(proxy.port))
    intake = Intake(behind, topics, times(3_000, 600))
    with intake.worker() as worker:
        worker.wait_for("dealt")
        for number in range(1, cuts + 1):
            proxy.arm(COMMIT, after=number % 3)
            assert eventually(lambda wanted=number: proxy.cuts == wanted)
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
    intake.finish()
    table.add(intake.check("connection to PostgreSQL cut behind a COMMIT", proxy.cuts))
    proxy.close()


@pytest.mark.slow
def test_the_broker_is_killed(store, topics, real_kafka, times, table):
    kills = times(5, 1)
    intake = Intake(store, topics, times(3_000, 900), parts=kills + 1)
    with intake.workers(2) as running:
        for _ in range(kills):
            intake.send_more()
            one_writes(running)
            real_kafka.kill()
            real_kafka.start()
        for worker in running:
            worker.signal(signal.SIGTERM)
            assert worker.end() == 0
    intake.finish()
    table.add(intake.check("Kafka broker killed (`kill -9`) and started again", kills))


@pytest.mark.slow
def test_bad_messages_stop_nothing(store, topics, times, table):
    kinds = [one for one in KINDS if "time_in_future" not in one.codes and len(one.line) < MOST]
    spoiled = [kind.line for kind in kinds] * times(4, 1)
    intake = Intake(store, topics, times(1_000, 300), spoiled=spoiled)
    numbers = intake.finish()
    assert numbers["rejected"] == len(spoiled)
    table.add(intake.check("bad message among good ones", len(spoiled)))
