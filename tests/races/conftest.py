"""Two processes on each database for each race. They are forks: starting anew would take longer than racing."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from app import create_app, migrate
from app.core.origin import Origin
from config import Settings, load
from tests.conftest import Door, close, lacking
from tests.servers import DATABASES, ROOT, CaughtLetter, Mailbox, NotHere, scratch_database

PASSWORD = "correct horse battery"
ROUNDS = int(os.environ.get("RACE_ROUNDS", "5"))
_numbers = count(1)


class Nest:
    """Starts and kills processes of ours; see tests/races/nest.py."""

    def __init__(self) -> None:
        self._alive: list[int] = []
        self._serving: dict[str, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.races.nest"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def serve(self, settings: Settings, *, ahead: float = 0) -> str:
        """The base URL of a new process whose clock is `ahead` of the others' by some seconds."""
        started = self._order(serve=ahead, settings=settings.model_dump_json())
        self._alive.append(started["pid"])
        url = f"http://127.0.0.1:{started['port']}"
        self._serving[url] = started["pid"]
        return url

    def pid_of(self, url: str) -> int:
        """The id of the process that serves there."""
        return self._serving[url]

    def deliver(self, settings: Settings, *, lease: float = 60) -> int:
        """The id of a new process that delivers letters, each its own for `lease` seconds."""
        pid = self._order(deliver=lease, settings=settings.model_dump_json())["pid"]
        self._alive.append(pid)
        return pid

    def seal(self, settings: Settings) -> int:
        """The id of a new process that seals the audit journal."""
        pid = self._order(seal=True, settings=settings.model_dump_json())["pid"]
        self._alive.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End one at once, as a power cut would."""
        self._order(kill=pid)
        self._alive.remove(pid)

    def kill_all(self) -> None:
        """End every one that still lives."""
        for pid in self._alive.copy():
            self.kill(pid)

    def close(self) -> None:
        """End it, and all that it started."""
        self._process.communicate(timeout=10)

    def _order(self, **order: Any) -> dict[str, int]:
        pipes = self._process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        print(json.dumps(order), file=pipes.stdin, flush=True)
        answer: dict[str, int] = json.loads(pipes.stdout.readline())
        return answer


class SignedUp(NamedTuple):
    """A new account and the tokens it was given."""

    email: str
    access: str
    refresh: str


class House:
    """One database with two processes before it, and the app in this process too."""

    def __init__(self, settings: Settings, mailbox: Mailbox, nest: Nest) -> None:
        self.settings, self.mailbox, self.nest = settings, mailbox, nest
        self.app = create_app(settings)
        migrate(self.app)
        self.auth = Door(self.app)
        self.urls: list[str] = []
        self._engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)

    @contextmanager
    def opened(self) -> Iterator["House"]:
        """With two processes running; afterwards nobody holds a connection, as the server may allow but a hundred."""
        self.urls = [self.nest.serve(self.settings) for _ in range(2)]
        try:
            yield self
        finally:
            self.nest.kill_all()
            close(self.app)

    def ask(self, statement: str, **values: Any) -> Any:
        """The first value that a statement finds; writing ones are committed."""
        with self._engine.begin() as connection:
            found = connection.execute(sa.text(statement), values)
            return found.scalar() if found.returns_rows else found.rowcount

    def new_email(self) -> str:
        """An address that nobody has."""
        return f"racer{next(_numbers)}@example.com"

    def sign_up(self) -> SignedUp:
        """A new account."""
        email = self.new_email()
        tokens = self.auth.registration.sign_up(email, PASSWORD, Origin())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def sign_in(self, email: str) -> SignedUp:
        """One more session of an account."""
        tokens = self.auth.sign_in.with_password(email, PASSWORD, Origin())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def reset_tokens(self, *emails: str) -> list[str]:
        """A reset token for each address, out of a real letter."""
        self.ask("DELETE FROM outbox")
        self.mailbox.clear()
        for email in emails:
            self.auth.password_reset.request(email, Origin())
        while self.auth.mail_delivery.deliver_due():
            pass
        came: dict[str, CaughtLetter] = {letter.recipients[0]: letter for letter in self.mailbox.letters}
        return [came[email].token for email in emails]


@contextmanager
def turn(kind: str) -> Iterator[None]:
    """Alone among all who race on this kind of database: other workers of pytest-xdist wait."""
    with (Path(tempfile.gettempdir()) / f"latchkey-races-{kind}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of one. Without TLS to the MariaDB next door: PyMySQL reads all CA certificates for each connection."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/races.db"
        return
    with scratch_database(kind) as url:
        yield f"{url}{'&' if '?' in url else '?'}ssl_disabled=true" if kind == "mariadb" else url


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], House]]:
    with ExitStack() as stack:
        nest, box = Nest(), Mailbox()
        stack.callback(nest.close)
        box.start()
        stack.callback(box.stop)

        @cache
        def house(kind: str) -> House | NotHere:
            folder = tmp_path_factory.mktemp(kind)
            try:
                url = stack.enter_context(empty_database(kind, folder))
            except NotHere as reason:
                return reason
            settings = load(
                {}, app_env="testing", instance_path=folder, database_url=url, mail_server="127.0.0.1",
                mail_port=box.port, mail_deliverer="off", bcrypt_rounds=4, ratelimit_enabled=False, hash_slots=64,
                database_timeout=10,
            )  # fmt: skip
            return House(settings, box, nest)

        def give(kind: str) -> House:
            found = house(kind)
            return lacking(f"{kind}, {found}") if isinstance(found, NotHere) else found

        yield give


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, houses: Callable[[str], House]) -> Iterator[House]:
    """Two processes and a database, on every database in turn."""
    house = houses(request.param)
    with turn(request.param), house.opened():
        yield house


@pytest.fixture
def rounds() -> int:
    """How long to race: 5, or what RACE_ROUNDS says."""
    return ROUNDS
