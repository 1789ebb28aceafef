"""What happens to processes that follow the log: another takes over, and no view is wrong afterwards."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from random import Random

import pytest

from identity_engine import Engine
from identity_engine.event_store.postgres.database import Server
from identity_engine.simulation import simulate
from tests.faults.table import Row
from tests.support.kafka.topics import received
from tests.support.patience import eventually
from tests.support.postgres import PostgresServer, shared_server
from tests.support.world import world

TRAFFIC = [made for made, _ in simulate(60, 300, 7)]


class Workers:
    """A store, and processes that follow it."""

    def __init__(self, engine, store, folder):
        self.engine = engine
        self.started = []
        self._store, self._folder = store, folder
        self._sent = 0

    def start(self, point=""):
        """Start a worker."""
        command = [sys.executable, "-m", "tests.support.projection_child", str(self._store), point]
        log = self._folder / f"worker-{len(self.started)}.log"
        with log.open("wb") as stderr:
            worker = subprocess.Popen(
                command[: 5 if point else 4],
                env={**os.environ, "IDENTITY_ENGINE_MASTER_KEY": str(self._folder / "master.key")},
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.started.append(worker)
        return worker

    def follows(self, number):
        """What a worker said last that it follows."""
        lines = self.log(number).splitlines()
        said = [line.partition("views=")[2] for line in lines if " views_held " in line]
        return [] if not said or said[-1] == "none" else said[-1].split("+")

    def log(self, number):
        """What a worker said of itself."""
        return (self._folder / f"worker-{number}.log").read_text()

    def ingest(self, count=20):
        """Store some more of the traffic."""
        self.engine.ingest(TRAFFIC[self._sent : self._sent + count])
        self._sent += count

    def catch_up(self):
        """Wait until the views are at the head, without bringing them there."""
        head = self.engine.store.head()
        eventually(lambda: all(one.position == head for one in self.engine.follower.views.status()))

    def are_sound(self):
        verdicts = self.engine.verify()
        return all(one.is_sound for one in verdicts)

    def end(self):
        """End all processes."""
        for worker in self.started:
            with suppress(ProcessLookupError):
                worker.kill()
            worker.communicate()


@contextmanager
def workers_of(place_or_folder, store, folder):
    opening = (
        Engine.open(place_or_folder, world())
        if not isinstance(place_or_folder, Server)
        else Engine(place_or_folder, world())
    )
    with opening as engine:
        workers = Workers(engine, store, folder)
        try:
            yield workers
        finally:
            workers.end()


@pytest.fixture
def on_postgres(tmp_path):
    address = shared_server().database()
    with workers_of(Server(address, tmp_path / "master.key"), address, tmp_path) as workers:
        yield workers
    shared_server().drop(address)


@pytest.fixture(params=["sqlite", "postgres"])
def workers(request, tmp_path, monkeypatch):
    if request.param == "postgres":
        yield request.getfixturevalue("on_postgres")
        return
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    with workers_of(tmp_path / "store", tmp_path / "store", tmp_path) as made:
        yield made


def test_a_worker_ends_in_order_when_it_is_told_to(workers):
    workers.ingest()
    worker = workers.start()
    workers.catch_up()
    worker.send_signal(signal.SIGTERM)
    out, _ = worker.communicate(timeout=30)

    assert worker.returncode == 0
    done = json.loads(out)
    assert done["position"] == done["events"] == workers.engine.store.head()
    assert "profile" in done["held"]


def test_another_takes_over_from_one_that_is_killed(workers):
    workers.ingest()
    first = workers.start()
    workers.catch_up()
    workers.start()
    first.kill()
    workers.ingest()
    workers.catch_up()

    assert workers.are_sound()


@pytest.mark.parametrize("point", ["dies_after_reading", "dies_before_commit"])
def test_one_that_dies_with_a_batch_in_its_hands_leaves_it_to_another(workers, point):
    workers.ingest()
    dying = workers.start(point)
    assert dying.wait(30) == -signal.SIGKILL
    workers.start()
    workers.catch_up()

    assert workers.are_sound()


def test_three_share_all_views_and_none_twice(on_postgres):
    on_postgres.ingest()
    names = sorted(one.name for one in on_postgres.engine.follower.views.status())
    for _ in range(3):
        on_postgres.start()

    def shares():
        found = [on_postgres.follows(number) for number in range(3)]
        return all(found) and sorted(name for share in found for name in share) == names

    eventually(shares)
    on_postgres.started[1].kill()
    on_postgres.ingest()
    on_postgres.catch_up()
    assert on_postgres.are_sound()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["stops_after_reading", "stops_before_commit"])
def test_one_that_was_stopped_past_its_lock_writes_nothing_and_goes_on(on_postgres, point):
    on_postgres.ingest()
    stopped = on_postgres.start(point)
    assert stopped.stdout.readline().strip() in {"read", "moved"}
    on_postgres.start()
    on_postgres.ingest()
    on_postgres.catch_up()
    before = on_postgres.engine.follower.views.exact_hashes()

    stopped.send_signal(signal.SIGCONT)
    eventually(lambda: " waiting on=store " in on_postgres.log(0))  # it has lost what it held
    assert on_postgres.engine.follower.views.exact_hashes() == before
    on_postgres.ingest()
    on_postgres.catch_up()
    assert on_postgres.are_sound()


def test_one_whose_connections_are_cut_comes_back(on_postgres):
    on_postgres.ingest()
    on_postgres.start()
    on_postgres.catch_up()
    for _ in range(3):
        with shared_server().connect(on_postgres._store.rpartition("/")[2]) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid IN "
                "(SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
            )
        on_postgres.ingest()
        on_postgres.catch_up()

    assert on_postgres.are_sound()
    assert on_postgres.started[0].poll() is None


@pytest.mark.slow
def test_killed_under_load_and_no_view_is_wrong(on_postgres, times, table):
    chance, kills = Random(3), times(50, 10)
    on_postgres.start()
    for number in range(kills):
        on_postgres.start()
        on_postgres.ingest(len(TRAFFIC) // kills)
        if number % 5 == 0:
            on_postgres.engine.rebuild()
        eventually(lambda: on_postgres.follows(len(on_postgres.started) - 1))
        alive = [one for one in on_postgres.started if one.poll() is None]
        chance.choice(alive).kill()
    on_postgres.start()
    on_postgres.catch_up()

    assert on_postgres.are_sound()
    stored = len(received(on_postgres.engine.store))
    assert stored == len(TRAFFIC)
    table.add(Row("worker of `projections run` killed (`kill -9`)", kills, stored, stored, 0, 0))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_worker_outlives_restarts_of_the_server(tmp_path, mode):
    server = PostgresServer(durable=True)
    try:
        address = server.database()
        with workers_of(Server(address, tmp_path / "master.key"), address, tmp_path) as workers:
            workers.ingest()
            worker = workers.start()
            workers.catch_up()
            for _ in range(2):
                server.restart(mode)
                with suppress(Exception):
                    workers.engine.store.head()
                workers.ingest()
                eventually(lambda: _at_head(workers.engine))

            assert worker.poll() is None
            assert workers.are_sound()
    finally:
        server.close()


def _at_head(engine):
    with suppress(Exception):
        head = engine.store.head()
        return all(one.position == head for one in engine.follower.views.status())
    return False
