"""Latchkey: creates the Flask app. No module of a layer imports from here."""

from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo, run_command
from flask.helpers import get_debug_flag
from flask_migrate import Migrate
from werkzeug.serving import is_running_from_reloader

from app.auth import Mailbox
from app.cli.accounts import accounts
from app.cli.audit import audit
from app.cli.cleanup import cleanup
from app.cli.keys import keys
from app.cli.mail import mail
from app.container import build_auth
from app.core import logs
from app.core.clock import Clock
from app.core.database import db, init_database
from app.core.schema import MIGRATIONS
from app.current import install
from app.start import (
    CannotStart,
    FirstRequest,
    mail_console,
    migrate,
    start_and_print,
    start_cleanup,
    start_deliverer,
    start_sealer,
)
from app.web.application import Application
from app.web.setup import init_web
from config import Settings, SettingsError, load

__all__ = ["MIGRATIONS", "create_app", "migrate", "start_cleanup", "start_deliverer", "start_sealer"]

WEB = Path(__file__).parent / "web"


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, mailbox: Mailbox | None = None
) -> Flask:
    """The app with its database, facade, routes and commands. Starts no thread and changes no table.

    Without settings, as a WSGI server or `flask` calls it, they are read from the environment and logging is
    configured; see `_create_for`.
    """
    if settings is None:
        return _create_for(click.get_current_context(silent=True))
    app = Application(
        __name__,
        template_folder=str(WEB / "templates"),
        static_folder=str(WEB / "static"),
        instance_path=str(settings.instance_path.resolve()),
    )
    app.config["SECRET_KEY"] = settings.secret_key
    init_database(
        app,
        settings.database_url,
        timeout=settings.database_timeout,
        prepared_statements=settings.database_prepared_statements,
    )
    Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True).configure(_with_target)
    install(app, build_auth(app, settings, clock=clock or Clock(), mailbox=mailbox), settings)
    init_web(app, settings)
    for group in (accounts, audit, cleanup, keys, mail):
        app.cli.add_command(group)
    return app


def _create_for(context: click.Context | None) -> Flask:
    """The app for a command of `flask`, or for a server other than `run.py`: `flask run`, another WSGI server.

    In development such a server also gets what `run.py` starts. In production it is rejected: the service would seem
    to work, but without migrations, email delivery, audit sealing, draining and limits on request bodies.
    """
    command_of_flask = context.command if context and context.find_object(ScriptInfo) else None
    is_run = command_of_flask is run_command
    given = {"port": context.params["port"]} if context and is_run and context.params["port"] else {}
    try:
        return _create(context, command=command_of_flask is not None and not is_run, is_run=is_run, given=given)
    except SettingsError as error:
        raise CannotStart(str(error)) from None


def _create(context: click.Context | None, *, command: bool, is_run: bool, given: dict[str, Any]) -> Flask:
    settings = load(**given)
    logs.configure(settings.log_format or "text", settings.log_level)
    if command:
        return create_app(settings)
    if settings.production:
        raise CannotStart(
            "In production start the service with `python run.py`, which also migrates, delivers emails and seals the "
            "audit log. In your own script, pass the settings: create_app(load())."
        )
    console = mail_console(settings)
    app = create_app(settings, mailbox=console)
    app.wsgi_app = first = FirstRequest(app, lambda: start_and_print(app, console))  # type: ignore[method-assign]
    if context and is_run and not _is_reloader(context):
        first.start()
    return app


def _is_reloader(context: click.Context) -> bool:
    """Whether this process of `flask run` only starts another one that serves, again after each change of a file."""
    reloads = context.params["reload"]
    return (get_debug_flag() if reloads is None else reloads) and not is_running_from_reloader()


def _with_target(config: Any) -> Any:
    # Whether the tables are complete can only be checked after a migration, on its connection and under its lock.
    context = click.get_current_context(silent=True)
    config.attributes["to_newest"] = context is not None and context.info_name == "upgrade"
    return config
