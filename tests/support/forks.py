"""The processes that `ProcessPool` starts: servers, deliverers, sealers, and four that do something at once.

This module imports the app once and forks two parents. Each reads commands as JSON lines from a socket, answers with
one line, and forks the processes. When the input ends, they end.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy.orm import configure_mappers
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app, migrate
from app.domain.mail.model import QueuedMessage
from app.domain.mail.outbox import Outbox
from config import Settings
from tests.support.apps import close, renew_app
from tests.support.clock import SettableClock
from tests.support.log_recorder import LogRecorder

DONE, NOT_DONE = 10, 11  # exit statuses


class QuietRequestHandler(WSGIRequestHandler):
    """Answers requests without an access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


# The forks of this process, and for each server the pipe by which it says that it has a new facade.
alive: set[int] = set()
renewals: dict[int, int] = {}


class OutboxWithLease(Outbox):
    """An outbox whose leases may end soon, so that a test can see what happens then."""

    def __init__(self, lease: float) -> None:
        super().__init__()
        self._lease = timedelta(seconds=lease)

    def claim(self, now: datetime, limit: int = 10, lease: timedelta | None = None) -> list[QueuedMessage]:
        return super().claim(now, limit, lease or self._lease)

    def start_attempt(self, message: QueuedMessage, now: datetime, **how: Any) -> None:
        super().start_attempt(message, now, lease=self._lease, **how)


@lru_cache(4)
def make_app(settings_json: str) -> tuple[Flask, SettableClock]:
    """The app and its clock, made before the fork: it has no thread and no connection yet that could not be shared."""
    configure_mappers()  # else each fork would, at its first statement
    clock = SettableClock()
    return create_app(Settings.model_validate_json(settings_json), clock=clock), clock


def serve(app: Flask, listener: socket.socket) -> None:
    """Serve until killed."""
    port = listener.getsockname()[1]
    server = make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=QuietRequestHandler, fd=listener.fileno()
    )
    server.serve_forever()


def deliver(app: Flask, lease: float) -> None:
    """Deliver messages until killed."""
    delivery = app.extensions["latchkey"].mail_delivery
    delivery._outbox = outbox = OutboxWithLease(lease)
    delivery._compose = replace(delivery._compose, outbox=outbox)
    delivery.run(threading.Event(), poll_seconds=0.05, context=app.app_context)


def seal(app: Flask) -> None:
    """Seal the audit log again and again until killed."""
    app.extensions["latchkey"].audit_sealing.start(app.app_context, poll_seconds=0.001).join()


ACTS: dict[str, Callable[[Flask], bool]] = {
    "migrate": lambda app: bool(migrate(app)),
    "clean up": lambda app: app.extensions["latchkey"].cleanup.run_if_due(threading.Event()) is not None,
}


def at_once(app: Flask, act: Callable[[Flask], bool], output: Path) -> list[bool]:
    """The result of `act` in each of four forks that begin at the same moment."""
    gate, opener = os.pipe()

    def work() -> None:
        os.close(opener)
        with output.open("ab") as opened:
            os.dup2(opened.fileno(), 2)
        os.read(gate, 1)  # until the parent closes its end
        with app.app_context():
            os._exit(DONE if act(app) else NOT_DONE)

    pids = [fork(work) for _ in range(4)]
    os.close(opener)
    os.close(gate)
    alive.difference_update(pids)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert set(statuses) <= {DONE, NOT_DONE}, output.read_text()
    return [status == DONE for status in statuses]


def shift_clock(seconds: float) -> None:
    """Shift the clock of this process forward."""
    if seconds:
        import time_machine

        time_machine.travel(datetime.now().astimezone() + timedelta(seconds=seconds), tick=True).start()


@contextmanager
def output_to(file: Path) -> Iterator[None]:
    """Write all that this process logs and prints to a file."""
    with file.open("ab") as opened:
        for output in (1, 2):
            os.dup2(opened.fileno(), output)
    with LogRecorder(file).recording():
        yield


def fork(work: Callable[[], None]) -> int:
    """Run `work` in a new process; returns its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(1)
    alive.add(pid)
    return pid


def renew(pid: int) -> bool:
    """Give a server a new facade, as a new process would have; false if it cannot."""
    os.kill(pid, signal.SIGUSR1)
    return os.read(renewals[pid], 1) == b"+"


def renew_here(app: Flask, settings: Settings, clock: SettableClock, ready: int) -> None:
    """The same within the server, once it has answered what the test before asked."""
    done = b"-"
    try:
        end = time.monotonic() + 2
        while (busy := is_answering()) and time.monotonic() < end:
            time.sleep(0.002)
        if not busy:
            close(app)
            renew_app(app, settings, clock)
            done = b"+"
    finally:
        os.write(ready, done)


def is_answering() -> bool:
    """Whether a thread of the server is at a request."""
    return any("process_request_thread" in thread.name for thread in threading.enumerate())


def kill(pid: int) -> None:
    """End a fork at once, and wait until it is gone."""
    alive.remove(pid)
    if pid in renewals:
        os.close(renewals.pop(pid))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def handle(command: dict[str, Any]) -> dict[str, Any]:
    """Start a server, a mail process or a sealing process, renew or kill -9 one; returns its id and port."""
    if "kill" in command:
        kill(command["kill"])
        return {}
    if "renew" in command:
        return {"renewed": renew(command["renew"])}
    app, clock = make_app(command["settings"])
    settings = Settings.model_validate_json(command["settings"])
    if "at_once" in command:
        return {"done": at_once(app, ACTS[command["at_once"]], Path(command["output"]))}
    if "deliver" in command:
        return {"pid": fork(lambda: deliver(app, command["deliver"]))}
    if "seal" in command:
        return {"pid": fork(lambda: seal(app))}
    renewed, ready = os.pipe()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:

        def work() -> None:
            if command["clock"]:
                clock.share(Path(command["clock"]))
            shift_clock(command["serve"])
            signal.signal(signal.SIGUSR1, lambda *_: renew_here(app, settings, clock, ready))
            with output_to(Path(command["log"])) if command["log"] else nullcontext():
                serve(app, listener)

        pid = fork(work)
        os.close(ready)
        renewals[pid] = renewed
        return {"pid": pid, "port": listener.getsockname()[1]}


def answer(command: dict[str, Any]) -> dict[str, Any]:
    """The result of a command, or the traceback if it failed: the next command may still work."""
    try:
        return handle(command)
    except Exception:
        return {"failed": traceback.format_exc()}


def work_for(descriptor: int) -> None:
    """Handle the commands of one socket until it ends."""
    try:
        with socket.socket(fileno=descriptor) as pool, pool.makefile("rw") as commands:
            for line in commands:
                print(json.dumps(answer(json.loads(line))), file=commands, flush=True)
    finally:
        for pid in alive.copy():
            kill(pid)


def main(*descriptors: str) -> None:
    """Fork a parent for each socket, and wait until they end."""
    parents = []
    for descriptor in map(int, descriptors):
        pid = os.fork()
        if not pid:
            work_for(descriptor)
            os._exit(0)  # taking the interpreter apart takes time
        parents.append(pid)
        os.close(descriptor)
    for pid in parents:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
