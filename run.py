"""Start the service: `python run.py`, or `make run`. It takes no arguments; see the settings in `config.py`."""

import errno
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flask import Flask, Response
from prometheus_client import values
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.core import logs
from app.core.database import db
from app.core.tcp_probe import free_port
from app.start import (
    CannotStart,
    mail_console,
    migrate_or_refuse,
    start_cleanup,
    start_deliverer,
    start_in_development,
    start_sealer,
    where_emails_go,
)
from app.web import draining, granian_server, sockets
from app.web.metrics import FOLDER
from config import Settings, SettingsError, load

NAME = "Latchkey"  # the value of the Server header
BANNER = """
  Latchkey is running.

    API      {url}/api/v1
    Docs     {url}/docs
    Mailbox  {url}/dev/mailbox   {mail}
    Console  {url}/admin

  To create an account:

    curl {url}/api/v1/auth/signup -H 'Content-Type: application/json' \\
         -d '{{"email": "ann@example.com", "password": "correct horse battery"}}'

  To make an administrator, for the console:

    .venv/bin/flask accounts create --role admin you@example.com

  Press Ctrl-C to stop.
"""


def main() -> int:
    """Serve until SIGINT or SIGTERM; the exit status is 2 if the service cannot start."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))
    try:
        settings = load()
        logs.configure(settings.log_format or "text", settings.log_level)
        with _bind(settings) as listener:
            serve = _serve_in_production if settings.production else _serve_in_development
            serve(settings, listener)
    except (SettingsError, CannotStart, PermissionError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def serve_app() -> Flask:
    """The app of one production worker, with its background tasks running."""
    # This process is a fork: until granian sets its own handler, the parent's handler would ignore the signal to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    settings = load()
    app = create_app(settings)
    app.after_request(_set_server_header)  # otherwise granian would
    draining.init_draining(app)
    if settings.otel_exporter_otlp_endpoint:
        _trace(app, settings.otel_exporter_otlp_endpoint)
    start_deliverer(app)
    start_sealer(app)
    start_cleanup(app)
    _freeze()
    return app


def _freeze() -> None:
    """Keep the garbage collector off all objects there are: it would write into pages that processes share."""
    gc.collect()
    gc.freeze()


def _trace(app: Flask, endpoint: str) -> None:
    # Imported here because these packages are optional.
    from app.core.tracing import trace_statements
    from app.web.tracing import init_tracing, provider_for

    provider = provider_for(endpoint)
    init_tracing(app, provider)
    with app.app_context():
        trace_statements(db.engines.values(), provider)


def _set_server_header(answer: Response) -> Response:
    answer.headers["Server"] = NAME
    return answer


def _serve_in_development(settings: Settings, listener: socket.socket) -> None:
    console = mail_console(settings)
    app = create_app(settings, mailbox=console)
    with ExitStack() as stops:
        if console is not None:
            stops.callback(console.stop)
        for task in start_in_development(app, console):
            stops.callback(task.stop, granian_server.STOP_SECONDS)
        server = make_server(
            settings.host, settings.port, app, threaded=True, request_handler=Handler, fd=listener.fileno()
        )
        _listen(settings, listener)
        print(BANNER.format(url=settings.public_url, mail=where_emails_go(settings, console)), flush=True)
        server.serve_forever()


def _serve_in_production(settings: Settings, listener: socket.socket) -> None:
    app = create_app(settings)
    migrate_or_refuse(app)
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()  # the workers are forks, which must not share a connection
    with ExitStack() as stops:
        if settings.metrics == "on":
            _enable_multiprocess_metrics(stops.enter_context(tempfile.TemporaryDirectory(prefix="latchkey-")))
        listeners = sockets.reuseport_sockets(listener, settings.workers)
        _listen(settings, *listeners)
        _freeze()
        granian_server.serve(
            f"{Path(__file__).resolve()}:serve_app",
            listeners,
            workers=settings.workers,
            threads=settings.threads,
            drain_seconds=settings.drain_seconds,
            log=logs.configuration(settings.log_format or "text", settings.log_level),
        )


def _enable_multiprocess_metrics(folder: str) -> None:
    """Make the workers write their counters to files in `folder`, so that each can report the sum of all."""
    os.environ[FOLDER] = folder
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # chosen at import, without `folder`


def _bind(settings: Settings) -> socket.socket:
    """The listening socket, bound before anything else, so that a second start fails at once with a clear message."""
    with _as_startup_error(settings):
        return sockets.bind(settings.host, settings.port)


def _listen(settings: Settings, *listeners: socket.socket) -> None:
    with _as_startup_error(settings):
        sockets.listen(*listeners)


@contextmanager
def _as_startup_error(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise CannotStart(f"HOST {settings.host}, PORT {settings.port}: {error.strerror}") from None
        taken = error.errno == errno.EADDRINUSE
        free = free_port(settings.host, settings.port if taken else 1024)
        reason = "is in use" if taken else "needs more rights than this user has"
        raise CannotStart(f"PORT {settings.port} {reason}. Use another: PORT={free} make run") from None


class Handler(WSGIRequestHandler):
    """Handles one request. The app logs it, with the route and without the query string."""

    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """The value of the Server header."""
        return NAME

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the app does."""

    def log_error(self, *_: object) -> None:
        """Log nothing: werkzeug's text contains the query string, and the app logs the status."""


if __name__ == "__main__":
    sys.exit(main())
