"""Server, mail and sealing processes for tests, forked so that a test gets several within a second.

`ProcessPool` is what tests use. It starts `forks.py`, which imports the app once and forks two parents of processes. A
server that a test leaves alive serves the next test that asks for the same settings, with a new facade.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

from config import Settings
from tests.support.clock import SettableClock
from tests.support.servers import ROOT

MOST_IDLE = 6


class ProcessPool:
    """Starts and kills processes. They are forks of two parents in turn, so that two successive ones share nothing but
    the code, as if they ran on two machines.
    """

    def __init__(self) -> None:
        self._alive: dict[int, TextIO] = {}
        self._serving: dict[str, int] = {}
        self._reusable: dict[str, str] = {}  # what was asked for, by URL
        self._idle: list[str] = []
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)), strict=True)
        descriptors = [end.fileno() for end in theirs]
        command = [sys.executable, "-m", "tests.support.forks", *map(str, descriptors)]
        self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=descriptors)
        self._parents = [end.makefile("rw") for end in ours]
        for end in (*ours, *theirs):
            end.close()

    def serve(
        self, settings: Settings, *, clock: SettableClock | None = None, ahead: float = 0, log: Path | None = None
    ) -> str:
        """The base URL of a new process that uses this clock, or the machine's shifted by `ahead` seconds.

        All that it logs and prints goes to the file `log`.
        """
        files = {"clock": clock and str(clock.file), "log": log and str(log)}
        wish = f"{settings.model_dump_json()} {files['clock']}"
        reusable = not (ahead or log)
        if reusable and (url := self._renewed(wish)):
            return url
        started = self._start(settings, serve=ahead, **files)
        url = f"http://127.0.0.1:{started['port']}"
        self._serving[url] = started["pid"]
        if reusable:
            self._reusable[url] = wish
        return url

    def _renewed(self, wish: str) -> str | None:
        for url in self._idle:
            if self._reusable[url] == wish:
                self._idle.remove(url)
                return url
        return None

    def _renew(self, pid: int) -> bool:
        return bool(self._send(self._alive[pid], renew=pid)["renewed"])

    def pid_of(self, url: str) -> int:
        """The id of the process that serves this URL."""
        return self._serving[url]

    def deliver(self, settings: Settings, *, lease: float = 60) -> int:
        """The id of a new process that delivers messages, with a lease of `lease` seconds on each."""
        return self._start(settings, deliver=lease)["pid"]

    def seal(self, settings: Settings) -> int:
        """The id of a new process that seals the audit log."""
        return self._start(settings, seal=True)["pid"]

    def at_once(self, settings: Settings, act: str, output: Path) -> list[bool]:
        """The results of one of `ACTS` of `forks.py` in four processes at the same moment. A file gets their output."""
        done: list[bool] = self._send(
            self._parents[0], settings=settings.model_dump_json(), at_once=act, output=str(output)
        )["done"]
        return done

    def kill(self, pid: int) -> None:
        """End one at once, as a power failure would."""
        self._send(self._alive.pop(pid), kill=pid)

    def end_test(self) -> None:
        """Keep the latest servers for the next test, and end all else that is still running.

        They are renewed now and not when they are needed: an idle server must not hold connections to a database whose
        other clients may need them all.
        """
        urls = {pid: url for url, pid in self._serving.items()}
        used = [urls[pid] for pid in self._alive if urls.get(pid) in self._reusable and urls[pid] not in self._idle]
        renewed = [
            url for url in used if self._send(self._alive[self._serving[url]], renew=self._serving[url])["renewed"]
        ]
        self._idle = [*self._idle, *renewed][-MOST_IDLE:]
        for pid in list(self._alive):
            if urls.get(pid) not in self._idle:
                self.kill(pid)

    def close(self) -> None:
        """End the parents and all their forks."""
        for parent in self._parents:
            parent.close()
        self._process.wait(10)

    def _start(self, settings: Settings, **command: Any) -> dict[str, Any]:
        self._parents.reverse()
        started = self._send(self._parents[0], settings=settings.model_dump_json(), **command)
        self._alive[started["pid"]] = self._parents[0]
        return started

    @staticmethod
    def _send(parent: TextIO, **command: Any) -> dict[str, Any]:
        print(json.dumps(command), file=parent, flush=True)
        answer: dict[str, Any] = json.loads(parent.readline())
        assert "failed" not in answer, answer["failed"]
        return answer
