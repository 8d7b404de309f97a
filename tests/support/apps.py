"""Databases and apps that the tests of one process share, so that a test need not wait for a new one.

Each test finds empty tables, a new facade with empty caches, and counters at zero. A test that changes the app itself,
by a route or in its configuration, is marked `own_app` and gets an app that no other test uses.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from app import create_app, current, migrate
from app.container import build_auth
from app.core.database import db
from app.current import auth_of
from app.web.errors import init_errors
from app.web.limits import limiter
from app.web.metrics import Metrics
from config import Settings, load
from tests.support.clock import SettableClock
from tests.support.servers import NotHere, empty_tables, scratch_database

MOST_IDLE = 40


def compiled_once(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """The same for each route, however many apps a process makes. Most of the time to make one is spent on this."""
    compiled: dict[object, Any] = {}

    def find(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:  # the compiled code has their values
            return compile_builder(rule, append_unknown)
        key = rule.rule, *rule._trace, append_unknown
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    return find


Rule._compile_builder = compiled_once(Rule._compile_builder)  # type: ignore[method-assign]


def close(app: Flask) -> None:
    """Close every connection: an open one is a warning, and so an error."""
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


class Databases:
    """One database of each kind, migrated once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._urls: dict[str, str] = {}
        self._engines: dict[str, sa.Engine] = {}
        self._missing: dict[str, str] = {}

    def clean(self, kind: str) -> str:
        """The URL of the database, whose tables are empty. `NotHere` where this machine cannot have it."""
        if kind in self._missing:
            raise NotHere(self._missing[kind])
        if kind not in self._urls:
            self._make(kind)
        elif kind == "sqlite":
            self._restore()
        else:
            empty_tables(self._engines[kind])
        return self._urls[kind]

    def copy(self, folder: Path) -> str:
        """The URL of a SQLite database of its own in this folder."""
        if "sqlite" not in self._urls:
            self._make("sqlite")
        shutil.copyfile(self._folder / "empty.db", folder / "latchkey.db")
        return f"sqlite:///{folder / 'latchkey.db'}"

    def _make(self, kind: str) -> None:
        try:
            sqlite = f"sqlite:///{self._folder / 'latchkey.db'}"
            url = sqlite if kind == "sqlite" else self._stack.enter_context(scratch_database(kind))
        except NotHere as reason:
            self._missing[kind] = f"{kind}, {reason}"
            raise NotHere(self._missing[kind]) from reason
        app = create_app(load({}, app_env="testing", instance_path=self._folder, database_url=url, bcrypt_rounds=4))
        migrate(app)
        close(app)
        self._urls[kind] = url
        if kind == "sqlite":
            shutil.copyfile(self._folder / "latchkey.db", self._folder / "empty.db")
        else:
            self._engines[kind] = engine = sa.create_engine(url)
            self._stack.callback(engine.dispose)

    def _restore(self) -> None:
        for file in self._folder.glob("latchkey.db*"):  # a process that was killed leaves its journal behind
            file.unlink()
        shutil.copyfile(self._folder / "empty.db", self._folder / "latchkey.db")


class Apps:
    """Apps that wait for a test with their settings. Making one takes ten times as long as a request to it."""

    def __init__(self) -> None:
        self._idle: list[tuple[str, Flask]] = []
        self._made: dict[Flask, tuple[str, object]] = {}

    def get(self, settings: Settings, clock: SettableClock) -> Flask:
        """An app with these settings and this clock that has answered nothing yet."""
        key = settings.model_dump_json()
        for idle in self._idle:
            if idle[0] == key:
                self._idle.remove(idle)
                renew_app(idle[1], settings, clock)
                return idle[1]
        app = create_app(settings, clock=clock)
        self._made[app] = key, _parts_of(app)
        return app

    def give_back(self, app: Flask) -> None:
        """Close the connections of the app; a later test finds it as it was made."""
        close(app)
        key, parts = self._made[app]
        if parts != _parts_of(app):
            raise AssertionError("This test changes the app that others use. Mark it with @pytest.mark.own_app.")
        self._idle.append((key, app))
        if len(self._idle) > MOST_IDLE:
            del self._made[self._idle.pop(0)[1]]


def renew_app(app: Flask, settings: Settings, clock: SettableClock) -> None:
    """Give the app a new facade: caches, keys, counters and hash slots are part of it."""
    app._got_first_request = False  # flask-jwt-extended registers its error handlers again, which then is forbidden
    current.install(app, build_auth(app, settings, clock=clock), settings)
    init_errors(app)
    limiter.init_app(app)  # it is one object for all apps
    for hook in app.after_request_funcs.get(None, []):
        if isinstance(metrics := getattr(hook, "__self__", None), Metrics):
            stats = auth_of(app).stats
            metrics.__init__(stats.registry, stats.hash_slots)  # type: ignore[misc]


def _parts_of(app: Flask) -> object:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    config = {name: value for name, value in app.config.items() if not name.startswith("JWT_")}  # made by the facade
    return config, app.view_functions.copy(), app.extensions.keys(), [len(hook[None]) for hook in hooks]
