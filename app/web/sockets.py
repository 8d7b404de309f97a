"""The listening sockets: bound before the start, opened when ready, drained before the stop."""

import os
import socket
import struct
import sys
from array import array
from contextlib import suppress
from typing import Any, Final

if sys.platform != "win32":
    import resource

BACKLOG: Final = 1024
CONNECTIONS: Final = 2_048  # per worker, including idle and slow ones; further connections wait in the backlog
OTHER_FILES: Final = 512  # per worker: database connections, logs
_FIRST_DESCRIPTOR: Final = 3  # SD_LISTEN_FDS_START
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # SO_ATTACH_FILTER and SO_DETACH_FILTER of Linux
# Berkeley Packet Filter on the TCP header: drop segments with SYN and without ACK, accept all others.
_DROP_SYN_FILTER = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFF_FFFF),
)


def is_socket_activated() -> bool:
    """Whether systemd passed the listening socket and keeps it open over a restart: sd_listen_fds(3)."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def bind(host: str, port: int) -> socket.socket:
    """Bind the port, or take the socket of systemd. Raises `OSError` if the port is in use."""
    if is_socket_activated():
        return socket.socket(fileno=_FIRST_DESCRIPTOR)
    return _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))


def reuseport_sockets(listener: socket.socket, count: int) -> list[socket.socket]:
    """`count` sockets on the port of `listener`, itself included, between which Linux distributes connections evenly.

    From a single socket the fastest worker takes whole bursts, more than it can process. On other systems, and with
    socket activation, it is only `listener`.
    """
    if sys.platform != "linux" or is_socket_activated():
        return [listener]
    # Not earlier, or a second start on the same port would succeed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    others = (_bound(listener.family, listener.getsockname(), socket.SO_REUSEPORT) for _ in range(count - 1))
    return [listener, *others]


def listen(*listeners: socket.socket) -> None:
    """Start to accept connections. Raises `OSError` if another process listens on the port meanwhile."""
    for listener in listeners:
        # Connections inherit this. Without it the second packet of a response waits 40 ms for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            with suppress(OSError):  # no filter is attached
                listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
        listener.listen(BACKLOG)


def max_connections() -> int:
    """How many connections one worker may have open. Raises RLIMIT_NOFILE for that as far as allowed."""
    if sys.platform == "win32":
        return CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = CONNECTIONS + OTHER_FILES
    files = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - OTHER_FILES, OTHER_FILES // 2)


def stop_accepting(listener: socket.socket) -> None:
    """Drop new connections, but keep those that wait in the backlog: closing the socket would reset them.

    The client's TCP repeats its SYN after a second. By then the socket is closed and the connection refused, or it is
    open again for the next process. On Linux only.
    """
    if sys.platform == "linux":
        code = array("B", b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN_FILTER))
        program = struct.pack("HP", len(_DROP_SYN_FILTER), code.buffer_info()[0])
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _bound(family: int, address: Any, *options: int) -> socket.socket:
    bound = socket.socket(family)
    try:
        for option in (socket.SO_REUSEADDR, *options):  # SO_REUSEADDR: connections in TIME_WAIT do not block a restart
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
