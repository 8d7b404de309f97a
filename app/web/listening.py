"""The socket that people come by: taken from the system or handed to us, opened when ready, shut without a loss."""

import os
import socket
import struct
import sys
from array import array
from contextlib import suppress
from typing import Final

BACKLOG: Final = 1024
_FIRST_DESCRIPTOR: Final = 3  # after the standard ones
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # of Linux
# Berkeley Packet Filter on TCP's header: a segment that only opens a connection is dropped, every other one let in.
_NO_NEWCOMERS = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF_FFFF))


def handed_over() -> bool:
    """Whether systemd holds the socket for us and keeps it while we are restarted: sd_listen_fds(3)."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def take(host: str, port: int) -> socket.socket:
    """The port, so that nobody else gets it; or the socket that systemd listens on for us. OSError if it is taken."""
    if handed_over():
        return socket.socket(fileno=_FIRST_DESCRIPTOR)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def open_to_all(listener: socket.socket) -> None:
    """Let people come; until now they were refused. OSError if somebody else began to listen there meanwhile."""
    # Every connection takes this after it. Without, the second packet of an answer waits 40 ms for the first's receipt.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        with suppress(OSError):  # nothing to take off, unless it was shut
            listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
    listener.listen(BACKLOG)


def shut(listener: socket.socket) -> None:
    """Let nobody new come, while whoever stands before the socket is still let in: closing it would reset them.

    A newcomer's system knocks again after a second: if the socket is closed by then it is refused, and if it is open
    again, for a successor, let in. Only on Linux; elsewhere nothing.
    """
    if sys.platform == "linux":
        code = array("B", b"".join(struct.pack("HBBI", *step) for step in _NO_NEWCOMERS))
        program = struct.pack("HP", len(_NO_NEWCOMERS), code.buffer_info()[0])
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
