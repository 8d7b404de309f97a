"""Each journey runs in one process on SQLite, and in two processes on each database server that answer in turn."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Response

from tests.clients import install
from tests.conftest import clean_database
from tests.support.apps import Databases
from tests.support.forks import QuietRequestHandler
from tests.support.person import Person
from tests.support.profile import in_ci, only_long
from tests.support.round_robin import HttpProxyApp, RoundRobin

ONE_PROCESS, ON_POSTGRESQL, ON_MARIADB = "one process, SQLite", "two processes, PostgreSQL", "two processes, MariaDB"
PLACES = {ONE_PROCESS: "sqlite", ON_POSTGRESQL: "postgresql", ON_MARIADB: "mariadb"}
MARIADB_IF_LONG = pytest.param(ON_MARIADB, marks=only_long)  # flows and races run on MariaDB in any case
in_one_process = pytest.mark.parametrize("place", [ONE_PROCESS], indirect=True)
TWO_IN_CI = pytest.param(ON_POSTGRESQL, marks=in_ci)
# What takes seconds, in the place where most can go wrong.
in_two_processes = pytest.mark.parametrize(
    "place", [TWO_IN_CI, pytest.param(ONE_PROCESS, marks=only_long), MARIADB_IF_LONG], indirect=True
)

# What makes its own processes, on each database: SQLite will do for a commit.
on_each_database = pytest.mark.parametrize(
    "place", [ONE_PROCESS, pytest.param(ON_POSTGRESQL, marks=only_long), MARIADB_IF_LONG], indirect=True
)


@pytest.fixture(params=[ONE_PROCESS, TWO_IN_CI, MARIADB_IF_LONG])
def place(request: pytest.FixtureRequest) -> str:
    """Where the journey runs: in each place."""
    return request.param


@pytest.fixture
def database(place: str, databases: Databases) -> str:
    return clean_database(databases, PLACES[place])


@pytest.fixture
def site(request: pytest.FixtureRequest, place: str, app: Flask) -> RoundRobin:
    """What answers the requests. The app in this process only runs commands, as `flask` would."""
    if place == ONE_PROCESS:
        return RoundRobin(app)
    return RoundRobin(*map(HttpProxyApp, request.getfixturevalue("processes")))


@pytest.fixture
def client(site: RoundRobin) -> Client:
    return Client(site)


@pytest.fixture
def person(site: RoundRobin, auth, mailbox) -> Callable[..., Person]:
    """`person("bob@example.com")` is somebody with a browser and a mailbox."""

    def make(email: str = "ann@example.com") -> Person:
        return Person(Client(site), auth, mailbox, email)

    return make


@pytest.fixture
def ann(person) -> Person:
    """A person who has signed up and received the first email."""
    ann = person()
    ann.sign_up()
    ann.emails()
    return ann


class OnePageApp:
    """A web server of another origin with one page, which has one script."""

    script = body = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        text = f"<!doctype html>{self.body}<script type=module>{self.script}</script>"
        return Response(text, mimetype="text/html")(environ, start_response)


@pytest.fixture
def app_server() -> Iterator[Any]:
    """The server of a `OnePageApp` on a port of its own."""
    server = make_server("127.0.0.1", 0, OnePageApp(), threaded=True, request_handler=QuietRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds violations of accessibility in a page."""
    packages = install.installed_node_packages(install.NODE / "web")
    return (packages / "node_modules/axe-core/axe.min.js").read_text()
