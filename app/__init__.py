"""Latchkey: the house. Nobody below imports from here."""

from pathlib import Path
from typing import Any

import click
from alembic import command
from flask import Flask
from flask_migrate import Migrate

from app.auth import Auth, Mailbox, build_auth
from app.cli.accounts import accounts
from app.cli.audit import audit
from app.cli.housekeeping import housekeeping
from app.cli.keys import keys
from app.cli.mail import mail
from app.core import logs
from app.core.clock import Clock
from app.core.database import db, init_database
from app.core.rounds import Rounds
from app.core.schema import MIGRATIONS
from app.web.site import init_web
from config import Settings, load

WEB = Path(__file__).parent / "web"


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, mailbox: Mailbox | None = None
) -> Flask:
    """The app: settings, database, the door, the web. Starts no thread and changes no table.

    Without settings, as a WSGI server or `flask` calls it, the process is ours, and so are its logs.
    """
    if settings is None:
        settings = load()
        logs.configure(settings.log_format or "text", settings.log_level)
    app = Flask(
        __name__, template_folder=str(WEB / "templates"), static_folder=str(WEB / "static"),
        instance_path=str(settings.instance_path.resolve()),
    )  # fmt: skip
    app.config["SECRET_KEY"] = settings.secret_key
    init_database(app, settings.database_url, timeout=settings.database_timeout)
    Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True).configure(_told_what_for)
    app.extensions["latchkey"] = build_auth(app, settings, clock=clock or Clock(), mailbox=mailbox)
    init_web(app, settings)
    for group in (accounts, audit, housekeeping, keys, mail):
        app.cli.add_command(group)
    return app


def migrate(app: Flask) -> None:
    """Bring the tables up to date. Processes that start together take turns; the later ones find nothing to do."""
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config()
        config.attributes["to_newest"] = True
        command.upgrade(config, "head")


def _told_what_for(config: Any) -> Any:
    # Only the migrations themselves know the connection and hold the lock under which the tables can be looked at.
    context = click.get_current_context(silent=True)
    config.attributes["to_newest"] = context is not None and context.info_name == "upgrade"
    return config


def start_deliverer(app: Flask) -> Rounds | None:
    """Deliver letters in a thread of this process, unless the settings leave that to `flask mail deliver`."""
    settings: Settings = app.config["LATCHKEY"]
    auth: Auth = app.extensions["latchkey"]
    return auth.mail_delivery.start(app.app_context) if settings.mail_deliverer == "thread" else None


def start_sealer(app: Flask) -> Rounds:
    """Seal the audit journal in a thread of this process."""
    auth: Auth = app.extensions["latchkey"]
    return auth.audit.start(app.app_context)


def start_housekeeping(app: Flask) -> Rounds | None:
    """Look every few minutes, in a thread of this process, for what is over, unless the settings say never."""
    settings: Settings = app.config["LATCHKEY"]
    auth: Auth = app.extensions["latchkey"]
    return auth.housekeeping.start(app.app_context) if settings.housekeeping_minutes else None
