"""Requests over keep-alive connections, as many as are answered: from wrk where it is installed, else from sockets."""

import json
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REFRESH_TOKEN = re.compile(rb'"refresh_token":"([^"]+)"')

# Each thread sends the requests in its files, over and over; to rotate, it puts in the token that it was just given.
WRK_SCRIPT = r"""
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init(args)
  list, current = {}, 0
  for file = 1, args[2] do  -- closed at once: wrk takes no more descriptors than it has connections
    local opened = io.open(args[1] .. "/" .. number .. "-" .. file, "rb")
    list[file] = opened:read("*a")
    opened:close()
  end
  if args[3] == "rotate" then
    response = function(status, headers, body)
      local token = body:match('"refresh_token":"([^"]+)"')
      if token then list[current] = list[current]:gsub("Bearer [^\r]+", "Bearer " .. token) end
    end
  end
end
function request() current = current % #list + 1; return list[current] end
function done(summary, latency)
  local answered, refused, seconds = summary.requests, summary.errors.status, summary.duration / 1e6
  print(string.format("\nRESULT %f %f %f %f", (answered - refused) / seconds, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, refused / seconds))
end
"""


@dataclass(frozen=True)
class Shots:
    """Requests to send over keep-alive connections; connection n repeats request n, or all of them the only one.

    Where there are more requests than connections, each connection repeats its share of them, one after the other.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    rotate: bool = False

    @property
    def shares(self) -> list[Sequence[bytes]]:
        """The requests of each thread or connection, all of the same length."""
        threads = min(len(self.requests), self.connections)
        most = len(self.requests) // threads
        return [self.requests[number::threads][:most] for number in range(threads)]


@dataclass(frozen=True)
class Sample:
    """What one window showed: per second answered well and refused, and milliseconds."""

    rate: float
    p50: float
    p99: float
    refused: float


def with_wrk(shots: Shots, seconds: int) -> Sample:
    """Measure with wrk: one thread for each share of the requests."""
    shares = shots.shares
    with tempfile.TemporaryDirectory() as folder:
        for number, share in enumerate(shares):
            for file, request in enumerate(share, 1):
                Path(folder, f"{number}-{file}").write_bytes(request)
        script = Path(folder, "script.lua")
        script.write_text(WRK_SCRIPT)
        command = ["wrk", f"-t{len(shares)}", f"-c{shots.connections}", f"-d{seconds}s", "--timeout", "60s"]
        options = [folder, str(len(shares[0])), "rotate" * shots.rotate]
        command += ["-s", str(script), f"http://127.0.0.1:{shots.port}", "--", *options]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Sample(*map(float, printed.partition("RESULT ")[2].split()))


def with_sockets(shots: Shots, seconds: int) -> Sample:
    """Measure with plain sockets, all in one thread."""
    clients = [Client(shots, number) for number in range(shots.connections)]
    times: list[float] = []
    refused = 0
    with selectors.DefaultSelector() as ready:
        for client in clients:
            ready.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        start = time.perf_counter()
        while time.perf_counter() < start + seconds:
            for key, _ in ready.select(0.1):
                status = key.data.receive()
                if status:
                    refused += status >= 400
                    times.append(time.perf_counter() - key.data.sent_at)
                    key.data.send()
    for client in clients:
        client.socket.close()
    cuts = statistics.quantiles([1e3 * each for each in times], n=100) if len(times) > 1 else [0.0] * 99
    return Sample((len(times) - refused) / seconds, cuts[49], cuts[98], refused / seconds)


class Client:
    """One keep-alive connection that sends its request again and again."""

    def __init__(self, shots: Shots, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", shots.port))
        self._requests, self._rotate = list(shots.shares[number % len(shots.shares)]), shots.rotate
        self._current, self._read = -1, b""
        self.sent_at = 0.0

    def send(self) -> None:
        """Send the next request."""
        self._current = (self._current + 1) % len(self._requests)
        self.sent_at, self._read = time.perf_counter(), b""
        self.socket.sendall(self._requests[self._current])

    def receive(self) -> int:
        """The status of the answer, once it is whole; until then 0."""
        self._read += self.socket.recv(65_536)
        head, _, body = self._read.partition(b"\r\n\r\n")
        if len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 1):
            return 0
        if self._rotate and (token := REFRESH_TOKEN.search(body)):
            sent = self._requests[self._current]
            self._requests[self._current] = re.sub(rb"Bearer [^\r]+", b"Bearer " + token[1], sent)
        return int(head[9:12])


LOAD: Callable[[Shots, int], Sample] = with_wrk if shutil.which("wrk") else with_sockets


def raw(method: str, path: str, body: object = None, token: str = "") -> bytes:
    """A whole request as it goes over the wire."""
    content = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
    lines += ["Content-Type: application/json"] if content else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", content]).encode()
