"""Whether somebody listens at an address: all that a health check needs to know of servers we can do without.

And which address is free, for a person who found one taken.
"""

import socket
import threading
import time
from typing import Final

TIMEOUT_SECONDS: Final = 0.5
CACHE_SECONDS: Final = 15.0
MAX_PORT: Final = 65_535


class TcpProbe:
    """A server we talk to now and then. Asked at most every few seconds: probes must not become its load, or ours."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._asked_at, self._listens = float("-inf"), False
        self._asking = threading.Lock()

    def is_reachable(self) -> bool:
        """Whether a connection can be made, as of a few seconds ago."""
        with self._asking:
            if time.monotonic() - self._asked_at > CACHE_SECONDS:
                self._listens, self._asked_at = self._connect(), time.monotonic()
            return self._listens

    def _connect(self) -> bool:
        try:
            with socket.create_connection(self._address, TIMEOUT_SECONDS):
                return True
        except OSError:
            return False


def free_port(host: str, taken: int) -> int:
    """A port near `taken` that nobody listens at; 0 if there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    near = [taken + step for step in (*range(1, 100), *range(-1, -100, -1))]
    return next((port for port in near if 1024 < port <= MAX_PORT and _is_free(family, (host, port))), 0)


def _is_free(family: int, address: tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True
