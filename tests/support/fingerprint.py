"""A process of its own that ingests and evaluates a file, if one is given, and prints the views' hashes.

Its clock moves on: the hour of the run must leave no trace.

python -m tests.support.fingerprint STORE [FILE BATCH_SIZE]
"""

import json
import sys

from identity_engine import Engine
from identity_engine.adapters.clock import World
from tests.support.child import later


def main(store: str, file: str = "", batch_size: str = "0") -> None:
    """Print the canonical and exact hashes of the views, and whether a replay agrees."""
    with Engine.open(store, World(now=later)) as engine:
        if file:
            engine.ingest_file(file, batch_size=int(batch_size))
            engine.reevaluate()
        engine.follow()
        print(
            json.dumps(
                {
                    "canonical": engine.follower.views.canonical_hashes(),
                    "exact": engine.follower.views.exact_hashes(),
                    "is_sound": all(verdict.is_sound for verdict in engine.verify()),
                    "faults": dict(sorted(engine.dead_letters.counts().items())),
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
