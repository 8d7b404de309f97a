"""Whether a TCP server is reachable, for health checks of optional servers; and a free port to suggest."""

import socket
import threading
import time
from typing import Final

TIMEOUT_SECONDS: Final = 0.5
CACHE_SECONDS: Final = 15.0
MAX_PORT: Final = 65_535


class TcpProbe:
    """Checks one server, at most every `CACHE_SECONDS`, so that frequent health checks put no load on it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._checked_at, self._reachable = float("-inf"), False
        self._lock = threading.Lock()

    def is_reachable(self) -> bool:
        """Whether a connection was possible at the last check."""
        with self._lock:
            if time.monotonic() - self._checked_at > CACHE_SECONDS:
                self._reachable, self._checked_at = self._connect(), time.monotonic()
            return self._reachable

    def _connect(self) -> bool:
        try:
            with socket.create_connection(self._address, TIMEOUT_SECONDS):
                return True
        except OSError:
            return False


def free_port(host: str, taken: int) -> int:
    """A free port near `taken`; 0 if there is none."""
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
