"""Ports for servers that tests stop and start again."""

import random
import socket

FIRST, LAST = 10_000, 32_000
"""Below those that the system hands out to clients. A client that asks a server which is away for its
port could be given that very port, and then talk to itself while the server cannot come back."""

_chance = random.SystemRandom()  # property tests seed the common one, alike in every process
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and none twice."""
    while True:
        port = _chance.randint(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
