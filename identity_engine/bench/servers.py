"""Ingest on PostgreSQL beside ingest on SQLite, in the same run and at the same batches."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from identity_engine.application.partition_key import partition_key
from identity_engine.bench.results import Result, at_least, reported
from identity_engine.errors import StoreError

WORKERS = 2
PUBLISHERS_SECRET = b"of the measurement"
SHARED_BATCH = 200
"""With more than one worker a batch is small, so that few lose a race for what they had read."""


def measure_servers(
    address: str, people: int, interactions: int, seed: int, folder: Path
) -> list[Result]:
    """Measure durable ingest by one worker on either database, and by two on PostgreSQL.

    Every worker is a process of its own; its time is that of ingesting, without its start.

    Args:
        address: of a server on which databases may be made; they are dropped again.
        people, interactions, seed: of the traffic.
        folder: for files; it is thrown away.

    Raises:
        StoreError: a worker failed.
    """
    from identity_engine.simulation import write_simulation

    events = folder / "traffic.jsonl"
    write_simulation(people, interactions, seed, events, folder / "truth.csv")
    halves = _dealt(events, WORKERS)
    on_sqlite = _rate(interactions, [events], str(folder / "store"), folder)
    with database(address) as store:
        on_postgres = _rate(interactions, [events], store, folder)
    with database(address) as store:
        alone = _rate(interactions, [events], store, folder, SHARED_BATCH)
    with database(address) as store:
        together = _rate(interactions, halves, store, folder, SHARED_BATCH)
    return [
        reported("ingest on SQLite, one worker", on_sqlite, "interactions/s"),
        reported("ingest on PostgreSQL, one worker", on_postgres, "interactions/s"),
        at_least("PostgreSQL against SQLite", on_postgres / on_sqlite, "ratio", 0.6),
        reported("the same in batches of 200", alone, "interactions/s"),
        reported(f"by {WORKERS} workers", together, "interactions/s"),
        at_least(f"{WORKERS} workers against one", together / alone, "ratio", 1.3),
    ]


def _rate(
    interactions: int, files: Sequence[Path], store: str, folder: Path, batch: int | None = None
) -> float:
    """Return interactions a second of as many workers as there are files."""
    command = [sys.executable, "-m", "identity_engine.bench.worker", store, str(batch or 0)]
    environment = {**os.environ, "IDENTITY_ENGINE_MASTER_KEY": str(folder / "master.key")}
    making = [*command, os.devnull]
    subprocess.run(making, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    workers = [
        subprocess.Popen(  # noqa: S603 - our own
            [*command, str(file)], env=environment, stdout=subprocess.PIPE
        )
        for file in files
    ]
    spans: list[tuple[float, float]] = []
    for worker in workers:
        out, _ = worker.communicate()
        if worker.returncode:
            raise StoreError("A worker of the measurement failed; its message stands above.")
        spans.append(json.loads(out))
    return interactions / (max(end for _, end in spans) - min(start for start, _ in spans))


def _dealt(events: Path, hands: int) -> list[Path]:
    """Deal a stream to files as partitions do: by the key that publishers are advised to use."""
    files = [events.with_name(f"part-{number}.jsonl") for number in range(hands)]
    lines: list[list[bytes]] = [[] for _ in files]
    for line in events.read_bytes().splitlines(keepends=True):
        key = partition_key(orjson.loads(line), PUBLISHERS_SECRET)
        lines[int(key, 16) % hands].append(line)
    for file, own in zip(files, lines, strict=True):
        file.write_bytes(b"".join(own))
    return files


@contextmanager
def database(address: str) -> Iterator[str]:
    """Make a database with an empty store, and drop it afterwards."""
    import psycopg

    from identity_engine.event_store.postgres.schema import migrate

    name = f"identity_engine_bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        store = address.rpartition("/")[0] + f"/{name}"
        try:
            with psycopg.connect(store, autocommit=True) as made:
                migrate(made)
            yield store
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
