"""Two processes on each database for each race. They are forks: starting anew would take longer than racing."""

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
from tests.conftest import Door
from tests.servers import Mailbox, Nest

PASSWORD = "correct horse battery"
ROUNDS = int(os.environ.get("RACE_ROUNDS", "5"))
_numbers = count(1)


class SignedUp(NamedTuple):
    """A new account and the tokens it was given."""

    email: str
    access: str
    refresh: str


class House:
    """One database with two processes before it, and the app in this process too."""

    def __init__(self, settings: Settings, mailbox: Mailbox, nest: Nest, app: Flask) -> None:
        self.settings, self.mailbox, self.nest = settings, mailbox, nest
        self.app, self.auth = app, Door(app)
        self.urls = [nest.serve(settings) for _ in range(2)]
        self._engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)

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
        tokens = self.auth.registration.sign_up(email, PASSWORD, ClientInfo())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def sign_in(self, email: str) -> SignedUp:
        """One more session of an account."""
        tokens = self.auth.sign_in.with_password(email, PASSWORD, ClientInfo())
        return SignedUp(email, tokens.access_token, tokens.refresh_token)

    def reset_tokens(self, *emails: str) -> list[str]:
        """A reset token for each address, out of a real email."""
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
            letter.recipients[0]: word.partition(mark)[2]
            for letter in self.mailbox.letters for word in letter.text.split() if mark in word
        }  # fmt: skip


@pytest.fixture(autouse=True)
def turn(database: str) -> Iterator[None]:
    """Alone among all who race on this kind of database, to the last connection: other workers of pytest-xdist wait."""
    kind = database.partition(":")[0]
    with (Path(tempfile.gettempdir()) / f"latchkey-races-{kind}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def house(each_database: str, settings: Settings, mailbox: Mailbox, nest: Nest, app: Flask) -> House:
    """Two processes and a database, on every database in turn."""
    return House(settings, mailbox, nest, app)


@pytest.fixture
def rounds() -> int:
    """How long to race: 5, or what RACE_ROUNDS says."""
    return ROUNDS
