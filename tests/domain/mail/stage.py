"""What the mail room's tests stand on: a clock that stands still, a bare app, and a mail server that obeys."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from app.core.clock import Clock
from app.core.database import db, init_database
from app.domain.accounts.model import Account
from app.domain.mail.smtp import init_mail

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SENDER = "Latchkey <no-reply@example.org>"


class StillClock(Clock):
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        """`clock.advance(minutes=5)`"""
        self.moment += timedelta(**by)


def database_url(folder: Path) -> str:
    """An empty database."""
    return f"sqlite:///{folder / 'mail.db'}"


@contextmanager
def bare_app(folder: Path) -> Iterator[Flask]:
    """An app with a database and nothing else."""
    app = Flask("stage")
    init_database(app, database_url(folder))
    with app.app_context():
        db.create_all()
        try:
            yield app
        finally:
            db.session.remove()
            db.drop_all()
            for engine in db.engines.values():
                engine.dispose()


def use_post(app: Flask, port: int, *, use_tls: bool = False, use_ssl: bool = False, timeout: float = 10) -> None:
    """Send the app's emails to the server on `port` of this machine."""
    init_mail(
        app, server="localhost" if use_tls or use_ssl else "127.0.0.1", port=port, username="", password="",
        use_tls=use_tls, use_ssl=use_ssl, default_sender=SENDER, timeout=timeout,
    )  # fmt: skip


def open_account(address: str, **more: object) -> Account:
    """An account with this address, committed."""
    account = Account(
        id=f"id-{address}"[:36], email=address, email_canonical=address.lower(), password_hash="-", roles="",
        credentials_version=3, created_at=NOON, updated_at=NOON, **more,
    )  # fmt: skip
    db.session.add(account)
    db.session.commit()
    db.session.remove()
    return account


@dataclass(frozen=True)
class Taken:
    """An email that the server took."""

    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        return "" if part is None else str(part.get_content())


@dataclass
class PostOffice:
    """A real mail server. `refused` answers RCPT for an address, `at_data` takes over DATA for an address or "*"."""

    refused: dict[str, str] = field(default_factory=dict)
    at_data: dict[str, Callable[[SMTP], Awaitable[str]]] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    port: int = 0

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.at_data.get(envelope.rcpt_tos[0]) or self.at_data.get("*")
        if behaviour is not None:
            return await behaviour(server)
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        self.taken.append(Taken(list(envelope.rcpt_tos), message))
        return "250 OK"

    @contextmanager
    def open(self) -> Iterator["PostOffice"]:
        """Listen on `port`, or on any free one."""
        controller = _AnyPort(self, hostname="127.0.0.1", port=self.port, tls_context=self.tls)
        controller.start()
        self.port = controller.port
        try:
            yield self
        finally:
            controller.stop()


class _AnyPort(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # aiosmtpd would knock on port 0
        super()._trigger_server()


def answer(words: str) -> Callable[[SMTP], Awaitable[str]]:
    """At DATA, say this."""

    async def say(_server: SMTP) -> str:
        return words

    return say


async def hang(_server: SMTP) -> str:
    """At DATA, say nothing for longer than anyone waits."""
    await asyncio.sleep(60)
    return "250 OK"


async def drop(server: SMTP) -> str:
    """At DATA, when the email is there, cut the line."""
    assert server.transport is not None
    server.transport.close()
    await asyncio.sleep(0.05)
    return "250 OK"
