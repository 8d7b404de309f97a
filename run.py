"""Start the service: `python run.py`, or `make run`. What it needs to be told, it reads from the settings."""

import errno
import logging
import signal
import socket
import sys
import time
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from flask import Flask, Response
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from sqlalchemy.exc import OperationalError
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app, migrate, start_deliverer, start_sealer
from app.core.database import db
from app.domain.mail.console import MailConsole
from config import Settings, SettingsError, load

NAME = "Latchkey"  # all that the Server header tells
BANNER = """
  Latchkey is up.

    API      {url}/api/v1
    Docs     {url}/docs
    Mailbox  {url}/dev/mailbox   {mail}

  An account is one POST away:

    curl {url}/api/v1/auth/signup -H 'Content-Type: application/json' \\
         -d '{{"email": "ann@example.com", "password": "correct horse battery"}}'

  Ctrl-C stops it.
"""
STOP_SECONDS = 8  # less than the ten that container runtimes wait


class CannotStart(Exception):
    """Something on this machine is in the way; the message names the setting to look at."""


def main() -> int:
    """Serve until told to stop; the exit status is 2 when it cannot start."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))
    try:
        settings = load()
        with _listen(settings) as listener:
            if not settings.production:
                _serve_in_development(settings, listener)
                return 0
        _serve_in_production(settings)
    except (SettingsError, CannotStart, PermissionError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def serve_app() -> Flask:
    """The app of one production worker, with its deliverer and its sealer running."""
    # We are a fork: until granian puts its own handler, the parent's would swallow the signal to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    app = create_app(load())
    app.after_request(_sign)  # else granian would
    start_deliverer(app)
    start_sealer(app)
    return app


def _sign(answer: Response) -> Response:
    answer.headers["Server"] = NAME
    return answer


def _serve_in_development(settings: Settings, listener: socket.socket) -> None:
    console = MailConsole(settings.mail_server, settings.mail_port)
    caught = _is_local(settings.mail_server) and console.start()
    with ExitStack() as stops:
        if caught:
            stops.callback(console.stop)
        app = create_app(settings, mailbox=console if caught else None)
        _migrate(app)
        if deliverer := start_deliverer(app):
            stops.callback(deliverer.stop, STOP_SECONDS)
        stops.callback(start_sealer(app).stop, STOP_SECONDS)
        server = make_server(
            settings.host, settings.port, app, threaded=True, request_handler=Handler, fd=listener.fileno()
        )
        mail = f"catches letters to {settings.mail_server}:{settings.mail_port}" if caught else ""
        print(BANNER.format(url=settings.public_url, mail=mail), flush=True)
        server.serve_forever()


def _serve_in_production(settings: Settings) -> None:
    app = create_app(settings)
    _migrate(app)
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()  # the workers are forks: no connection may be shared with them
    # It advises against more threads than cores. Ours mostly wait: for the database, or for a slot to hash in.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.msg)
    Granian(
        f"{Path(__file__).resolve()}:serve_app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=1024,
        backpressure=512,  # open connections of one worker, idle ones too
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve()


def _listen(settings: Settings) -> socket.socket:
    """The port, taken before anything else is done, so that a second start fails at once and plainly."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"PORT {settings.port} is taken. Choose another: PORT={settings.port + 1}") from None
        reason = str(error.strerror).partition(" (while")[0]
        raise CannotStart(f"HOST {settings.host}, PORT {settings.port}: {reason}") from None


def _migrate(app: Flask) -> None:
    try:
        migrate(app)
    except OperationalError as error:
        raise CannotStart(f"DATABASE_URL: the database cannot be used.\n{error.orig}") from None


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Handler(WSGIRequestHandler):
    """Answers one request; its line in the log has no query, which may hold what is nobody's business."""

    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """The Server header."""
        return NAME

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line: when, what, with which status."""
        path = getattr(self, "path", "-").partition("?")[0]
        print(time.strftime("%H:%M:%S"), self.command or "-", ascii(path)[1:-1], code, flush=True)


if __name__ == "__main__":
    sys.exit(main())
