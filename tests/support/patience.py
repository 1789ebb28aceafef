"""Waiting in tests for what another process or thread does: as short as can be, and with an end."""

import time

PATIENCE = 60.0
LOOK = 0.01


def eventually(check, patience=PATIENCE):
    """Ask until the answer is true, and return it."""
    until = time.monotonic() + patience
    while not (answer := check()):
        assert time.monotonic() < until, "it never came to be"
        time.sleep(LOOK)
    return answer
