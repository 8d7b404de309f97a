"""What a process starts beside the app: mail console, migrations, background tasks; and what may be in its way."""

import errno
import logging
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from wsgiref.types import StartResponse, WSGIEnvironment

import click
from alembic import command
from flask import Flask, Response
from sqlalchemy.exc import DBAPIError

from app.core.background import BackgroundTask
from app.core.schema import TablesDiffer
from app.core.tcp_probe import free_port
from app.current import auth_of, settings_of
from app.domain.mail.console import MailConsole
from config import Settings

logger = logging.getLogger(__name__)


class CannotStart(click.ClickException):
    """Something on this machine is in the way; the message names the setting to look at."""


class FirstRequest:
    """Calls `start` before the first request is answered: only then is it certain that this process serves.

    A WSGI server may load the app in a process that serves nobody, and a script may load it without any server.
    """

    def __init__(self, app: Flask, start: Callable[[], object]) -> None:
        self._answer, self._start = app.wsgi_app, start
        self._lock, self._started = threading.Lock(), False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self.start()
        except CannotStart as problem:
            logger.error(problem.message)
            answer = Response(f"{problem.message}\n", 503, {"Retry-After": "5"}, mimetype="text/plain")
            return answer(environ, start_response)
        return self._answer(environ, start_response)

    def start(self) -> None:
        """Start, unless that is done; after a failure the next call tries again."""
        with self._lock:
            if not self._started:
                self._start()
                self._started = True


def start_in_development(app: Flask, console: MailConsole | None) -> list[BackgroundTask]:
    """Everything that a developer's machine needs, in this process: the mail console, migrations, background tasks."""
    if console is not None:
        _start_console(console)
    migrate_or_refuse(app)
    return [task for task in (start_deliverer(app), start_sealer(app), start_cleanup(app)) if task]


def start_and_print(app: Flask, console: MailConsole | None) -> None:
    """The same under a server that prints no banner of ours."""
    start_in_development(app, console)
    settings = settings_of(app)
    print(f" * Mailbox {settings.public_url}/dev/mailbox {where_emails_go(settings, console)}", flush=True)


def mail_console(settings: Settings) -> MailConsole | None:
    """The console that plays the mail server, where the settings name one on this machine that it can play."""
    encrypted = settings.mail_use_tls or settings.mail_use_ssl
    if encrypted or not _is_local(settings.mail_server):
        return None
    return MailConsole(settings.mail_server, settings.mail_port)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _start_console(console: MailConsole) -> bool:
    try:
        return console.start()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        free = free_port(console.host, console.port if taken else 1024)
        reason = "is taken, and not by a mail server" if taken else f"cannot be used: {error.strerror}"
        raise CannotStart(f"MAIL_PORT {console.port} {reason}. Choose another: MAIL_PORT={free} make run") from None


def where_emails_go(settings: Settings, console: MailConsole | None) -> str:
    """What to say of the mailbox, once it was tried to start the console."""
    server = f"{settings.mail_server}:{settings.mail_port}"
    if console is None:
        return f"stays empty: emails go to {server}"
    if console.is_running:
        return f"catches emails to {server}"
    free = free_port(console.host, console.port)
    return f"stays empty: another mail server answers at {server}. For a mailbox here: MAIL_PORT={free} make run"


def migrate_or_refuse(app: Flask) -> None:
    """Bring the tables up to date, or say why the database cannot be used: `CannotStart`."""
    try:
        migrate(app)
    except DBAPIError as error:
        raise CannotStart(f"DATABASE_URL: the database cannot be used.\n{error.orig}") from None
    except TablesDiffer as differ:
        raise CannotStart(f"DATABASE_URL: {differ}") from None


def migrate(app: Flask) -> None:
    """Bring the tables up to date. Processes that start together take turns; the later ones find nothing to do."""
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config()
        config.attributes["to_newest"] = True
        command.upgrade(config, "head")


def start_deliverer(app: Flask) -> BackgroundTask | None:
    """Deliver emails in a thread of this process, unless the settings leave that to `flask mail deliver`."""
    runs_here = settings_of(app).mail_deliverer == "thread"
    return auth_of(app).mail_delivery.start(app.app_context) if runs_here else None


def start_sealer(app: Flask) -> BackgroundTask | None:
    """Seal events in a thread of this process, unless AUDIT_SEALING is off."""
    return auth_of(app).audit_sealing.start(app.app_context) if settings_of(app).audit_sealing == "on" else None


def start_cleanup(app: Flask) -> BackgroundTask | None:
    """Look every few minutes, in a thread of this process, for what is over, unless the settings say never."""
    return auth_of(app).cleanup.start(app.app_context) if settings_of(app).cleanup_interval_minutes else None
