"""Ports for servers that a test starts."""

import os
import random
import socket

# Below the ports that the system gives to outgoing connections (32768 and up on Linux): one of those, taken between
# our look and the server's start, would make its start fail. Each test worker has a part of its own.
FIRST, LAST, PART = 10_000, 32_000, 2_000
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % ((LAST - FIRST) // PART)
_given: set[int] = set()


def unused_port() -> int:
    """A port of 127.0.0.1 that nothing listens on and that no earlier call of this process gave."""
    first = FIRST + WORKER * PART
    while True:
        port = random.SystemRandom().randrange(first, first + PART)  # a test run sets the seed of the others
        if port in _given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.add(port)
        return port
