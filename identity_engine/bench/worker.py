"""One worker of a measurement: ingests a file and says from when to when it took.

    python -m identity_engine.bench.worker STORE BATCH FILE

BATCH 0 is the usual size.
"""

import json
import sys
import time
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.intake.ingest import BATCH_SIZE


def run(store: str, batch: str, file: str) -> None:
    """Ingest, and print [start, end] in seconds of the system's clock."""
    with Engine.open(store) as engine:
        started = time.time()
        engine.ingest_file(Path(file), batch_size=int(batch) or BATCH_SIZE)
        print(json.dumps([started, time.time()]))  # noqa: T201 - for the process that started it


if __name__ == "__main__":
    run(*sys.argv[1:])
