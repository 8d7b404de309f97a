"""A bare app with a database and a mail transport, for tests of the mail packages alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from app.core.database import db, init_database
from app.domain.accounts.model import Account
from app.domain.mail.renderer import RenderedEmail
from app.domain.mail.sender import Sender
from app.domain.mail.smtp import SmtpTransport, init_mail

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SENDER = Sender("Latchkey", "no-reply@example.org")


@contextmanager
def bare_app(folder: Path) -> Iterator[Flask]:
    """An app with a database and nothing else."""
    app = Flask("bare")
    init_database(app, f"sqlite:///{folder / 'mail.db'}")
    with app.app_context():
        db.create_all()
        try:
            yield app
        finally:
            db.session.remove()
            db.drop_all()
            for engine in db.engines.values():
                engine.dispose()


def use_smtp(
    app: Flask, port: int, *, use_tls: bool = False, use_ssl: bool = False, timeout: float = 10, sender: Sender = SENDER
) -> None:
    """Send the app's messages to the server on `port` of this machine."""
    init_mail(
        app, server="localhost" if use_tls or use_ssl else "127.0.0.1", port=port, username="", password="",
        use_tls=use_tls, use_ssl=use_ssl, sender=sender, helo_name="id.example.org", timeout=timeout,
    )  # fmt: skip


def send_email(address: str, email: RenderedEmail, message_id: str) -> None:
    """Send one email on a connection of its own."""
    with SmtpTransport().open() as connection:
        connection.send(address, email, message_id)


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
