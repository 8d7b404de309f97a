"""The socket that people come by: taken from the system or handed to us, opened when ready, shut without a loss."""

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
CONNECTIONS: Final = 2_048  # open ones of one worker, idle and slow ones too; who comes later waits in the backlog
OTHER_FILES: Final = 512  # that a worker may have open: connections to the database, logs
_FIRST_DESCRIPTOR: Final = 3  # after the standard ones
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # of Linux
# Berkeley Packet Filter on TCP's header: a segment that only opens a connection is dropped, every other one let in.
_DROP_SYN_FILTER = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFF_FFFF),
)


def is_socket_activated() -> bool:
    """Whether systemd holds the socket for us and keeps it while we are restarted: sd_listen_fds(3)."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def bind(host: str, port: int) -> socket.socket:
    """The port, so that nobody else gets it; or the socket that systemd listens on for us. OSError if it is taken."""
    if is_socket_activated():
        return socket.socket(fileno=_FIRST_DESCRIPTOR)
    return _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))


def reuseport_sockets(listener: socket.socket, count: int) -> list[socket.socket]:
    """So many sockets for one port, this one among them, between which Linux shares newcomers out evenly.

    From a single one the quickest worker takes a whole crowd, though it has more than it can do. Elsewhere, and where
    the socket was handed over, it is the single one.
    """
    if sys.platform != "linux" or is_socket_activated():
        return [listener]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # not before: a second start would not be refused
    others = (_bound(listener.family, listener.getsockname(), socket.SO_REUSEPORT) for _ in range(count - 1))
    return [listener, *others]


def listen(*listeners: socket.socket) -> None:
    """Let people come; until now they were refused. OSError if somebody else began to listen there meanwhile."""
    for listener in listeners:
        # Every connection takes this after it. Without, an answer's second packet waits 40 ms for the first's receipt.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            with suppress(OSError):  # nothing to take off, unless it was shut
                listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
        listener.listen(BACKLOG)


def max_connections() -> int:
    """How many connections one worker may keep open. The limit of open files is raised for that as far as allowed."""
    if sys.platform == "win32":
        return CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = CONNECTIONS + OTHER_FILES
    files = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - OTHER_FILES, OTHER_FILES // 2)


def stop_accepting(listener: socket.socket) -> None:
    """Let nobody new come, while whoever stands before the socket is still let in: closing it would reset them.

    A newcomer's system knocks again after a second: if the socket is closed by then it is refused, and if it is open
    again, for a successor, let in. Only on Linux; elsewhere nothing.
    """
    if sys.platform == "linux":
        code = array("B", b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN_FILTER))
        program = struct.pack("HP", len(_DROP_SYN_FILTER), code.buffer_info()[0])
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _bound(family: int, address: Any, *options: int) -> socket.socket:
    bound = socket.socket(family)
    try:
        for option in (socket.SO_REUSEADDR, *options):  # whose last connections need not have faded away
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
