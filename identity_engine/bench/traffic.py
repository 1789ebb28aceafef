"""Simulated traffic from a process of its own, so that what is measured holds the engine alone.

python -m identity_engine.bench.traffic PEOPLE INTERACTIONS SEED
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from identity_engine.simulation import simulate


@contextmanager
def traffic(people: int, interactions: int, seed: int) -> Iterator[Iterator[bytes]]:
    """Open a stream of events, one a line; what nobody reads is not made."""
    with subprocess.Popen(  # noqa: S603 - this module, with numbers
        [sys.executable, "-m", __name__, str(people), str(interactions), str(seed)],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.kill()


def write(people: str, interactions: str, seed: str) -> None:
    """Write events to the standard output."""
    for event, _ in simulate(int(people), int(interactions), int(seed)):
        sys.stdout.buffer.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    write(*sys.argv[1:])
