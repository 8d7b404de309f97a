"""Two processes on each database for each race. They are forks: a new start would take longer than the race."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.client_info import ClientInfo
from config import Settings
from tests.conftest import AuthInContext
from tests.support.process_pool import ProcessPool
from tests.support.profile import long, sized
from tests.support.servers import given_database
from tests.support.smtp import FakeSmtpServer

PASSWORD = "correct horse battery"
ROUNDS = int(os.environ.get("RACE_ROUNDS", sized(1, 5)))
_numbers = count(1)


class SignedUp(NamedTuple):
    """A new account and the tokens it was given."""

    email: str
    access: str
    refresh: str


class Cluster:
    """Two processes on one database, and the app in this process too."""

    def __init__(self, settings: Settings, mailbox: FakeSmtpServer, process_pool: ProcessPool, app: Flask) -> None:
        self.settings, self.mailbox, self.process_pool = settings, mailbox, process_pool
        self.app, self.auth = app, AuthInContext(app)
        self.urls = [process_pool.serve(settings) for _ in range(2)]
        self._engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)

    def ask(self, statement: str, **values: Any) -> Any:
        """The first value that a statement finds, or the number of rows that it changed, committed."""
        with self._engine.begin() as connection:
            found = connection.execute(sa.text(statement), values)
            return found.scalar() if found.returns_rows else found.rowcount

    def new_email(self) -> str:
        """A new email address."""
        return f"racer{next(_numbers)}@example.com"

    def sign_up(self) -> SignedUp:
        """A new account."""
        email = self.new_email()
        tokens = self.auth.registration.sign_up(email, PASSWORD, ClientInfo())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def sign_in(self, email: str) -> SignedUp:
        """One more session of an account."""
        tokens = self.auth.sign_in.with_password(email, PASSWORD, ClientInfo())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def reset_tokens(self, *emails: str) -> list[str]:
        """A reset token for each address, from a real email."""
        self.ask("DELETE FROM outbox")
        for email in emails:
            self.auth.password_reset.request(email, ClientInfo())
        came = self.links("reset-password")
        return [came[email] for email in emails]

    def links(self, page: str) -> dict[str, str]:
        """Deliver what is queued; the newest token for this page that came to each address."""
        self.mailbox.clear()
        while self.auth.mail_delivery.deliver_due():
            pass
        mark = f"/{page}#token="
        return {
            email.recipients[0]: word.partition(mark)[2]
            for email in self.mailbox.messages for word in email.text.split() if mark in word
        }  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rounds and the clients of every race differ between the profiles."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(long)


@pytest.fixture(autouse=True)
def exclusive(database: str) -> Iterator[None]:
    """Run alone among the races on a server that other workers use too, down to its last connection."""
    kind = sa.make_url(database).get_backend_name().replace("mysql", "mariadb")
    if kind == "sqlite" or not given_database(kind):
        yield
        return
    with (Path(tempfile.gettempdir()) / f"latchkey-races-{kind}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def cluster(
    each_database: str, settings: Settings, mailbox: FakeSmtpServer, process_pool: ProcessPool, app: Flask
) -> Cluster:
    """Two processes and a database, on every database in turn."""
    return Cluster(settings, mailbox, process_pool, app)


@pytest.fixture
def rounds() -> int:
    """How often to race: once, 5 times in the long profile, or what RACE_ROUNDS says."""
    return ROUNDS
