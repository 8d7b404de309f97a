"""A process that has the app imported and forks servers, deliverers and sealers: a test gets several within a second.

It takes orders as JSON lines on standard input and answers each with one line; when the input ends, so do all of them.
"""

import json
import os
import signal
import socket
import sys
import threading
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
from werkzeug.serving import make_server

from app import create_app
from app.domain.mail.model import QueuedMessage
from app.domain.mail.outbox import Outbox
from config import Settings
from tests.clock import SettableClock
from tests.log import Log
from tests.servers import Silent

alive: set[int] = set()


class OutboxWithLease(Outbox):
    """An outbox whose leases may end soon, so that a test can see what happens then."""

    def __init__(self, lease: float) -> None:
        super().__init__()
        self._lease = timedelta(seconds=lease)

    def claim(self, now: datetime, limit: int = 10, lease: timedelta | None = None) -> list[QueuedMessage]:
        return super().claim(now, limit, lease or self._lease)

    def begin(self, letter: QueuedMessage, now: datetime, **how: Any) -> None:
        super().start_attempt(letter, now, lease=self._lease, **how)


@lru_cache(4)
def app_of(settings_json: str) -> tuple[Flask, SettableClock]:
    """The app and its clock, made before the fork: it has no thread and no connection yet that could not be shared."""
    configure_mappers()  # else each fork would, at its first statement
    clock = SettableClock()
    return create_app(Settings.model_validate_json(settings_json), clock=clock), clock


def serve(app: Flask, listener: socket.socket) -> None:
    """Serve until killed."""
    port = listener.getsockname()[1]
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Silent, fd=listener.fileno())
    server.serve_forever()


def deliver(app: Flask, lease: float) -> None:
    """Deliver emails until killed."""
    delivery = app.extensions["latchkey"].mail_delivery
    delivery._outbox = outbox = OutboxWithLease(lease)
    delivery._prepare = replace(delivery._prepare, outbox=outbox)
    delivery.run(threading.Event(), poll_seconds=0.05, context=app.app_context)


def seal(app: Flask) -> None:
    """Seal the audit journal over and over until killed."""
    app.extensions["latchkey"].audit_sealing.run(threading.Event(), app.app_context, poll_seconds=0.001)


def travel(seconds: float) -> None:
    """Let this process's clock go before the others'."""
    if seconds:
        import time_machine

        time_machine.travel(datetime.now().astimezone() + timedelta(seconds=seconds), tick=True).start()


@contextmanager
def recorded(file: Path) -> Iterator[None]:
    """With all that this process logs and prints in a file."""
    with file.open("ab") as opened:
        for output in (1, 2):
            os.dup2(opened.fileno(), output)
    with Log(file).heard():
        yield


def fork(work: Callable[[], None]) -> int:
    """Do `work` in a process of its own; gives its id."""
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


def kill(pid: int) -> None:
    """End one of ours at once, and wait until it is gone."""
    alive.remove(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def obey(order: dict[str, Any]) -> dict[str, int]:
    """Start a server, a deliverer or a sealer, or kill -9 one; gives what there is to know."""
    if "kill" in order:
        kill(order["kill"])
        return {}
    app, clock = app_of(order["settings"])
    if "deliver" in order:
        return {"pid": fork(lambda: deliver(app, order["deliver"]))}
    if "seal" in order:
        return {"pid": fork(lambda: seal(app))}
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:

        def work() -> None:
            if order["clock"]:
                clock.share(Path(order["clock"]))
            travel(order["serve"])
            with recorded(Path(order["log"])) if order["log"] else nullcontext():
                serve(app, listener)

        return {"pid": fork(work), "port": listener.getsockname()[1]}


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """What there is to know, also of an order that cannot be obeyed: whoever comes after may have a better one."""
    try:
        return obey(order)
    except Exception:
        return {"failed": traceback.format_exc()}


def main() -> None:
    """Obey until there are no more orders."""
    try:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
    finally:
        for pid in alive.copy():
            kill(pid)


if __name__ == "__main__":
    main()
