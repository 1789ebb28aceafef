"""One writer of a measurement: ingests a file in batches, at a pace, and tells of each commit.

    python -m identity_engine.bench.publisher STORE FILE BATCH RATE

RATE is interactions a second, 0 as fast as can be. For each batch it prints [when it was committed, in
seconds of the system's clock, the id of its last interaction].
"""

import json
import sys
import time
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.resolution.outcome import Outcome


def run(store: str, file: str, batch: str, rate: str) -> None:
    """Ingest the whole file."""
    lines = Path(file).read_bytes().splitlines()
    size, pace = int(batch), float(rate)
    with Engine.open(store) as engine:
        commits: list[float] = []
        after_commit = engine.store.log.after_commit

        def committed() -> None:
            commits.append(time.time())
            after_commit()

        engine.store.log.after_commit = committed  # type: ignore[method-assign]
        begin = time.monotonic()
        for number in range(0, len(lines), size):
            if pace:
                time.sleep(max(0.0, begin + number / pace - time.monotonic()))
            commits.clear()
            last = engine.ingest(lines[number : number + size])[-1]
            assert isinstance(last, Outcome)
            print(json.dumps([commits[0], last.interaction_id]), flush=True)  # noqa: T201


if __name__ == "__main__":
    run(*sys.argv[1:])
