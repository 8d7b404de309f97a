"""The door: whoever stands before it is let in, also when nobody new is."""

import errno
import select
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from app.web import sockets
from config import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets us choose whom to refuse")


@pytest.fixture
def door():
    with sockets.bind("127.0.0.1", 0) as listener:
        yield listener


def come(door, seconds=10.0):
    return socket.create_connection(door.getsockname(), seconds)


@contextmanager
def knocking(door):
    """Somebody whom nobody has answered yet."""
    with socket.socket() as visitor:
        visitor.setblocking(False)
        assert visitor.connect_ex(door.getsockname()) == errno.EINPROGRESS
        yield visitor


def is_let_in(door, visitor):
    visitor.sendall(b"a word")
    with visitor, door.accept()[0] as inside:
        return inside.recv(100) == b"a word"


def test_bound_socket_refuses_connections_and_reserves_the_port(door):
    with pytest.raises(ConnectionRefusedError):
        come(door)
    sockets.listen(door)
    assert is_let_in(door, come(door))
    with pytest.raises(OSError, match="in use"):
        sockets.bind(*door.getsockname())


@linux
def test_each_worker_has_its_own_socket_and_share_of_connections(door):
    doors = sockets.reuseport_sockets(door, 2)
    sockets.listen(*doors)
    visitors = [come(door) for _ in range(64)]
    for each in doors:
        each.setblocking(False)
        assert select.select([each], [], [], 10)[0]
        each.accept()[0].close()
    for each in (*visitors, doors[1]):
        each.close()


LIMITED = """
import os, resource
from app.web import sockets
for hard in (4_096, 1_024, 300):
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        print(sockets.max_connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
        os._exit(0)
    os.wait()
"""


@linux
def test_a_worker_keeps_as_many_connections_as_files_allow():
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=ROOT, check=True, capture_output=True, text=True)
    limits = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    most = sockets.CONNECTIONS + sockets.OTHER_FILES
    assert limits == [(2_048, min(most, 4_096)), (512, min(most, 1_024)), (256, 300)]


@linux
def test_no_answer_waits_for_the_receipt_of_its_own_beginning(door):
    sockets.listen(door)
    with come(door), door.accept()[0] as inside:
        assert inside.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@linux
def test_closed_socket_accepts_only_earlier_connections(door):
    sockets.listen(door)
    early, other = come(door), come(door)
    sockets.stop_accepting(door)
    with pytest.raises(TimeoutError):
        come(door, 0.2)
    assert is_let_in(door, early)
    assert is_let_in(door, other)


@linux
def test_connection_to_a_stopped_socket_is_refused_on_close(door):
    sockets.listen(door)
    sockets.stop_accepting(door)
    with knocking(door) as visitor:
        door.close()
        assert select.select([], [visitor], [], 20)[1]
        assert visitor.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


@linux
def test_reopened_socket_accepts_connections_attempted_meanwhile(door):
    sockets.listen(door)
    sockets.stop_accepting(door)
    with knocking(door) as visitor:
        sockets.listen(door)
        assert select.select([], [visitor], [], 20)[1]
        assert is_let_in(door, visitor)
