"""What a process starts in addition to the app: mail console, migrations, background tasks."""

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
    """The service cannot start; the message names the setting to change."""


class FirstRequest:
    """Calls `start` before the first request, because only then it is certain that this process serves requests.

    A WSGI server may load the app in a process that serves no request, and a script may load it without a server.
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
        """Start, unless already started; after a failure the next call tries again."""
        with self._lock:
            if not self._started:
                self._start()
                self._started = True


def start_in_development(app: Flask, console: MailConsole | None) -> list[BackgroundTask]:
    """Start the mail console, migrate, and start the background tasks, all in this process."""
    if console is not None:
        _start_console(console)
    migrate_or_refuse(app)
    return [task for task in (start_deliverer(app), start_sealer(app), start_cleanup(app)) if task]


def start_and_print(app: Flask, console: MailConsole | None) -> None:
    """The same, for a server that does not print the banner of `run.py`."""
    start_in_development(app, console)
    settings = settings_of(app)
    print(f" * Mailbox {settings.public_url}/dev/mailbox {where_emails_go(settings, console)}", flush=True)


def mail_console(settings: Settings) -> MailConsole | None:
    """The mail console, if the settings name an unencrypted mail server on this machine."""
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
        reason = "is in use, by a program that is not a mail server" if taken else f"cannot be used: {error.strerror}"
        raise CannotStart(f"MAIL_PORT {console.port} {reason}. Use another: MAIL_PORT={free} make run") from None


def where_emails_go(settings: Settings, console: MailConsole | None) -> str:
    """A line about the mailbox, after `start_in_development`."""
    server = f"{settings.mail_server}:{settings.mail_port}"
    if console is None:
        return f"is empty: emails go to {server}"
    if console.is_running:
        return f"shows all emails; SMTP at {server}"
    free = free_port(console.host, console.port)
    return f"is empty: another mail server uses {server}. To use the mailbox: MAIL_PORT={free} make run"


def migrate_or_refuse(app: Flask) -> None:
    """Migrate the tables to the newest version. Raises `CannotStart` if the database cannot be used."""
    try:
        migrate(app)
    except DBAPIError as error:
        raise CannotStart(f"DATABASE_URL: the database cannot be used.\n{error.orig}") from None
    except TablesDiffer as error:
        raise CannotStart(f"DATABASE_URL: {error}") from None


def migrate(app: Flask) -> None:
    """Migrate the tables to the newest version. Of processes that start together, one migrates and the others wait."""
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config()
        config.attributes["to_newest"] = True
        command.upgrade(config, "head")


def start_deliverer(app: Flask) -> BackgroundTask | None:
    """Deliver emails in a thread of this process, unless MAIL_DELIVERER is off."""
    runs_here = settings_of(app).mail_deliverer == "thread"
    return auth_of(app).mail_delivery.start(app.app_context) if runs_here else None


def start_sealer(app: Flask) -> BackgroundTask | None:
    """Seal events in a thread of this process, unless AUDIT_SEALING is off."""
    return auth_of(app).audit_sealing.start(app.app_context) if settings_of(app).audit_sealing == "on" else None


def start_cleanup(app: Flask) -> BackgroundTask | None:
    """Delete expired data in a thread of this process, unless CLEANUP_INTERVAL_MINUTES is 0."""
    return auth_of(app).cleanup.start(app.app_context) if settings_of(app).cleanup_interval_minutes else None
