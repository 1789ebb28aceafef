"""Many processes on one store: what comes out is what one process makes of the same stream."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import orjson
import pytest

from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.settings import is_postgres
from identity_engine.simulation import simulate
from tests.faults.table import Row
from tests.properties.test_order_independence import outcome
from tests.support.child import later
from tests.support.postgres import shared_server
from tests.support.soundness import is_sound

PROCESSES = 4
TRAFFIC = [made for made, _ in simulate(80, 480, 9)]
EVERY_RESEND = 6


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(tmp_path / "master.key"))
    if request.param == "sqlite":
        yield str(tmp_path / "store")
        return
    address = shared_server().database()
    yield address
    shared_server().drop(address)


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """What one worker makes of the whole stream."""
    with Engine.open(tmp_path_factory.mktemp("one") / "store", World(now=later)) as engine:
        for event in TRAFFIC:
            engine.ingest([event])
        return settled(engine)


def dealt(folder):
    """Deal the stream out like cards, so that the interactions of a person come to all; now and then
    somebody is sent what another has too."""
    files = []
    for number in range(PROCESSES):
        own = TRAFFIC[number::PROCESSES]
        others = TRAFFIC[(number + 1) % PROCESSES :: PROCESSES][::EVERY_RESEND]
        files.append(folder / f"part-{number}.jsonl")
        files[-1].write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in [*own, *others]))
    return files


def settled(engine):
    """What is so once nothing waits to be evaluated again."""
    while engine.reevaluation.waiting():
        engine.reevaluate()
    return outcome(engine)


@pytest.fixture
def started():
    """Starts a module in a process of its own; what a failed test leaves behind is ended."""
    with ExitStack() as running:

        def start(*command):
            process = subprocess.Popen(
                [sys.executable, "-m", *map(str, command)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start


def ended(process):
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return out


def check_it_is_as_of_one(store, of_one):
    with Engine.open(store, World(now=later)) as engine:
        assert settled(engine) == of_one
        with engine.store.reading() as cursor:
            (received,) = cursor.execute(
                "SELECT COUNT(*) FROM stored_events WHERE topic = 'interaction.received'"
            ).fetchone()
        assert received == len(TRAFFIC)
        assert is_sound(engine)
    kind = "PostgreSQL" if is_postgres(store) else "SQLite"
    fault = f"writers beside the first on one store ({kind})"
    return Row(fault, PROCESSES - 1, received, received, 0, 0)


@pytest.mark.slow
def test_four_that_ingest_beside_workers_make_what_one_makes(
    store, of_one, started, tmp_path, table
):
    Engine.open(store).close()
    cli = "identity_engine.cli.main"
    workers = [started(cli, "projections", "run", "--store", store, "--json") for _ in range(2)]
    ingests = [started(cli, "ingest", file, "--store", store, "--json") for file in dealt(tmp_path)]
    done = [json.loads(ended(one)) for one in ingests]
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        ended(worker)

    assert sum(one["accepted"] for one in done) == len(TRAFFIC)
    table.add(check_it_is_as_of_one(store, of_one))


@pytest.mark.slow
def test_four_with_small_batches_that_read_in_between_make_what_one_makes(
    store, of_one, started, tmp_path
):
    Engine.open(store).close()
    for one in [started("tests.support.child", store, file, 10) for file in dealt(tmp_path)]:
        ended(one)

    check_it_is_as_of_one(store, of_one)
