"""Listening sockets: connections made before a stop are accepted, new ones are not."""

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
def listener():
    with sockets.bind("127.0.0.1", 0) as listener:
        yield listener


def connect(listener, seconds=10.0):
    return socket.create_connection(listener.getsockname(), seconds)


@contextmanager
def connecting(listener):
    """A client whose connection is not accepted yet."""
    with socket.socket() as client:
        client.setblocking(False)
        assert client.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        yield client


def is_accepted(listener, client):
    client.sendall(b"a word")
    with client, listener.accept()[0] as accepted:
        return accepted.recv(100) == b"a word"


def test_bound_socket_refuses_connections_and_reserves_the_port(listener):
    with pytest.raises(ConnectionRefusedError):
        connect(listener)
    sockets.listen(listener)
    assert is_accepted(listener, connect(listener))
    with pytest.raises(OSError, match="in use"):
        sockets.bind(*listener.getsockname())


@linux
def test_each_worker_has_its_own_socket_and_share_of_connections(listener):
    listeners = sockets.reuseport_sockets(listener, 2)
    sockets.listen(*listeners)
    clients = [connect(listener) for _ in range(64)]
    for each in listeners:
        each.setblocking(False)
        assert select.select([each], [], [], 10)[0]
        each.accept()[0].close()
    for each in (*clients, listeners[1]):
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
def test_responses_are_sent_without_nagle_delay(listener):
    sockets.listen(listener)
    with connect(listener), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@linux
def test_closed_socket_accepts_only_earlier_connections(listener):
    sockets.listen(listener)
    early, other = connect(listener), connect(listener)
    sockets.stop_accepting(listener)
    with pytest.raises(TimeoutError):
        connect(listener, 0.2)
    assert is_accepted(listener, early)
    assert is_accepted(listener, other)


@linux
def test_connection_to_a_stopped_socket_is_refused_on_close(listener):
    sockets.listen(listener)
    sockets.stop_accepting(listener)
    with connecting(listener) as client:
        listener.close()
        assert select.select([], [client], [], 20)[1]
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


@linux
def test_reopened_socket_accepts_connections_attempted_meanwhile(listener):
    sockets.listen(listener)
    sockets.stop_accepting(listener)
    with connecting(listener) as client:
        sockets.listen(listener)
        assert select.select([], [client], [], 20)[1]
        assert is_accepted(listener, client)
