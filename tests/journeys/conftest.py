"""Each journey is made in one process, and in two on each database server, where every request is the other's turn."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client

from tests.conftest import Schemas
from tests.journeys.life import Person
from tests.servers import Mailbox
from tests.turns import Distant, Turns

ONE_PROCESS, ON_POSTGRESQL, ON_MARIADB = "one process, SQLite", "two processes, PostgreSQL", "two processes, MariaDB"
PLACES = {ONE_PROCESS: "sqlite", ON_POSTGRESQL: "postgresql", ON_MARIADB: "mariadb"}
in_one_process = pytest.mark.parametrize("place", [ONE_PROCESS], indirect=True)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Where the journey leads: each in turn."""
    return request.param


@pytest.fixture
def database(place: str, schemas: Schemas, tmp_path) -> str:
    return schemas.clean(PLACES[place], tmp_path)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, as the mail server: processes start sooner when the settings are the same again."""
    return tmp_path_factory.mktemp("instance")


@pytest.fixture(scope="session")
def office() -> Iterator[Mailbox]:
    office = Mailbox()
    office.start()
    yield office
    office.stop()


@pytest.fixture
def mailbox(office: Mailbox) -> Mailbox:
    office.clear()
    return office


@pytest.fixture
def site(request: pytest.FixtureRequest, place: str, app: Flask) -> Turns:
    """Whom journeys speak to. The app in this process works beside it, as a command of `flask` would."""
    if place == ONE_PROCESS:
        return Turns(app)
    return Turns(*map(Distant, request.getfixturevalue("processes")))


@pytest.fixture
def client(site: Turns) -> Client:
    return Client(site)


@pytest.fixture
def person(site: Turns, auth, mailbox) -> Callable[..., Person]:
    """`person("bob@example.com")` is somebody with a browser and a mailbox."""

    def meet(email: str = "ann@example.com") -> Person:
        return Person(Client(site), auth, mailbox, email)

    return meet


@pytest.fixture
def ann(person) -> Person:
    """Somebody who has signed up and lost no email."""
    ann = person()
    ann.sign_up()
    ann.letters()
    return ann
