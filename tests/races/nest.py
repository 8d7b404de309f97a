"""A process that has the app imported and forks servers, deliverers and sealers: a test gets several within a second.

It takes orders as JSON lines on standard input and answers each with one line; when the input ends, so do all of them.
"""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from app import create_app
from app.domain.mail.model import QueuedLetter
from app.domain.mail.outbox import Outbox
from config import Settings
from tests.servers import Silent


class OutboxWithLease(Outbox):
    """An outbox whose leases may end soon, so that a test can see what happens then."""

    def __init__(self, lease: float) -> None:
        super().__init__()
        self._lease = timedelta(seconds=lease)

    def claim(self, now: datetime, limit: int = 10, lease: timedelta | None = None) -> list[QueuedLetter]:
        return super().claim(now, limit, lease or self._lease)

    def hold(self, letter: QueuedLetter, now: datetime, lease: timedelta | None = None) -> bool:
        return super().hold(letter, now, lease or self._lease)


@cache
def app_of(settings_json: str) -> Flask:
    """The app, made before the fork: it has no thread and no connection yet that could not be shared."""
    return create_app(Settings.model_validate_json(settings_json))


def serve(app: Flask, listener: socket.socket) -> None:
    """Serve until killed."""
    port = listener.getsockname()[1]
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Silent, fd=listener.fileno())
    server.serve_forever()


def deliver(app: Flask, lease: float) -> None:
    """Deliver letters until killed."""
    delivery = app.extensions["latchkey"].mail_delivery
    delivery._outbox = OutboxWithLease(lease)
    delivery.run(threading.Event(), poll_seconds=0.05, context=app.app_context)


def seal(app: Flask) -> None:
    """Seal the audit journal over and over until killed."""
    app.extensions["latchkey"].audit.run(threading.Event(), app.app_context, poll_seconds=0.001)


def travel(seconds: float) -> None:
    """Let this process's clock go before the others'."""
    if seconds:
        import time_machine

        time_machine.travel(datetime.now().astimezone() + timedelta(seconds=seconds), tick=True).start()


def fork(work: Callable[[], None]) -> int:
    """Do `work` in a process of its own; gives its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def obey(order: dict[str, Any]) -> dict[str, int]:
    """Start a server, a deliverer or a sealer, or kill -9 one; gives what there is to know."""
    if "kill" in order:
        os.kill(order["kill"], signal.SIGKILL)
        os.waitpid(order["kill"], 0)
        return {"killed": order["kill"]}
    app = app_of(order["settings"])
    if "deliver" in order:
        return {"pid": fork(lambda: deliver(app, order["deliver"]))}
    if "seal" in order:
        return {"pid": fork(lambda: seal(app))}
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:

        def work() -> None:
            travel(order["serve"])
            serve(app, listener)

        pid = fork(work)
        return {"pid": pid, "port": listener.getsockname()[1]}


def main() -> None:
    """Obey until there are no more orders."""
    alive: set[int] = set()
    try:
        for line in sys.stdin:
            done = obey(json.loads(line))
            alive ^= {done.get("pid", done.get("killed", 0))}
            print(json.dumps(done), flush=True)
    finally:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
