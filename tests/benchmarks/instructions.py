"""Instructions of one interaction from file to disk: the same on every run, however busy the machine.

    python -m tests.benchmarks.instructions

It needs valgrind, and takes about a minute. Compare it before and after a change whose effect on the
time is smaller than the noise. It says nothing of waiting, nor of caches that are too small.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.simulation import write_simulation

MODULE = "tests.benchmarks.instructions"
WARM_UP, MEASURED = 300, 1_000
PEOPLE, SEED = 260, 11
COUNTED = re.compile(r"I +refs: +([\d,]+)")


def counted(interactions: int, folder: Path) -> int:
    """Return the instructions of a process that ingests the first so many interactions."""
    command = [sys.executable, "-m", MODULE, str(folder), str(interactions)]
    valgrind = [
        "valgrind",
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ]
    done = subprocess.run(
        [*valgrind, *command],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},  # else dictionaries differ from run to run
    )
    found = COUNTED.search(done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", ""))


def ingest(folder: Path, interactions: int) -> None:
    """Ingest what a measurement asks for, into a new store."""
    lines = (folder / "traffic.jsonl").read_bytes().splitlines(keepends=True)
    part = folder / f"{interactions}.jsonl"
    part.write_bytes(b"".join(lines[:interactions]))
    with Engine.open(folder / f"store-{interactions}") as engine:
        engine.ingest_file(part)


def measure() -> None:
    """Print the instructions of an interaction, without those of starting."""
    if shutil.which("valgrind") is None:
        sys.exit("This counts with valgrind, which is not installed: apt install valgrind")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total = WARM_UP + MEASURED
        write_simulation(PEOPLE, total, SEED, folder / "traffic.jsonl", folder / "truth.csv")
        more = counted(total, folder) - counted(WARM_UP, folder)
    print(f"{more // MEASURED:,} instructions an interaction")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        ingest(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        measure()
