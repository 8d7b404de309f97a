"""The production server: granian, with a socket for each worker, bodies read before the application, and draining."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from granian import Granian, _granian
from granian._signals import set_sync_signals
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import WorkerProcess

from app.web import draining, sockets
from app.web.bodies import BODY_SECONDS, BODY_SECONDS_DRAINING, Gateway

core: Any = _granian  # its type stubs are incomplete

STOP_SECONDS: Final = 7  # together with DRAIN_SECONDS less than the ten seconds that container runtimes wait
CLOSE_DELAY: Final = 0.5  # to accept the connections in the backlog and read their requests


def serve(
    app: str, listeners: list[socket.socket], *, workers: int, threads: int, drain_seconds: int, log: dict[str, Any]
) -> None:
    """Serve the application that the factory `app` ("file:name") creates, until a signal stops it."""
    # granian warns of more threads than cores. Ours mostly wait for the database or for a hash slot.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.msg)
    host, port = listeners[0].getsockname()[:2]
    server: Any = Granian(
        app,
        host,
        port,
        interface=Interfaces.WSGI,
        factory=True,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        blocking_threads=threads,
        backlog=sockets.BACKLOG,
        backpressure=sockets.max_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=64 * 1024),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_dictconfig=log,
    )
    _use_own_sockets(server, listeners)
    _install_drain(server, listeners, drain_seconds)
    server.serve(_work)
    if sockets.is_socket_activated():
        sockets.listen(listeners[0])  # connections wait in the backlog for the next process


def _use_own_sockets(server: Any, listeners: list[socket.socket]) -> None:
    """Give each worker one of our sockets. granian would create its own, which we could not drain."""
    spawn = server._spawn_worker

    def spawn_with_socket(idx: int, **named: Any) -> Any:
        own = listeners[idx % len(listeners)]
        holder = core.SocketHolder(own.fileno(), False, sockets.BACKLOG)
        server._shd, server._sso = holder, own
        return spawn(idx=idx, **named)

    server._init_shared_socket = lambda: None
    server._drop_shared_socket = lambda: None
    server._spawn_worker = spawn_with_socket


class _InlineScheduler:
    """Replaces the event loop: runs each callback at once in the calling thread."""

    def call_soon(self, act: Callable[..., None], *args: Any, context: object = None) -> None:
        """Run the callback."""
        act(*args)

    call_soon_threadsafe = call_soon


@WorkerProcess.wrap_target  # type: ignore[untyped-decorator]
def _work(number: int, app: Any, sock: Any, ipc: Any, _loop: Any, _mode: Any, *options: Any) -> None:
    """A worker like granian's own for WSGI, except that bodies are read before `app` is called."""
    gateway, loop, over = Gateway(app), _InlineScheduler(), threading.Event()
    stop = set_sync_signals()  # type: ignore[no-untyped-call]
    stop.add_cb(over.set)
    threads, http = options[:5], options[6:9]  # the sixth is the kind of task for asyncio
    worker = core.RSGIWorker(number, sock, ipc, *threads, *http, websockets_enabled=False)
    scheduler = core.CallbackScheduler(loop, None, None, None, None)
    scheduler._schedule_fn = gateway.schedule
    worker.serve_mtr(scheduler, loop, stop)
    while not over.wait(1):
        gateway.give_up(BODY_SECONDS_DRAINING if draining.is_draining() else BODY_SECONDS)


def _install_drain(server: Any, listeners: list[socket.socket], seconds: int) -> None:
    stop = server.signal_handler_interrupt

    def leave() -> None:
        for listener in listeners:
            sockets.stop_accepting(listener)
        time.sleep(CLOSE_DELAY)
        stop()

    def drain(*_: object) -> None:
        if draining.is_draining():  # a second signal skips the wait
            stop()
            return
        draining.begin()
        timer = threading.Timer(seconds, leave)
        timer.daemon = True
        timer.start()

    server.signal_handler_interrupt = drain
