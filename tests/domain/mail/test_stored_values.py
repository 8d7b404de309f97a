"""The outbox stores no token, no code and no text of an email."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.database import db
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, SENT, QueuedMessage
from app.domain.mail.outbox import Outbox
from app.domain.mail.renderer import EmailRenderer
from app.domain.mail.smtp_errors import MailServerUnavailable, Undeliverable
from tests.domain.mail.test_renderer import NOT_ME, UNDO, VALUES
from tests.support.clock import SettableClock
from tests.support.mail_app import open_account, send_email
from tests.support.smtp import FakeSmtpServer, answer

renderer, outbox = EmailRenderer(), Outbox(host="example.org")
TOKEN, CODE = "eyJ0b2tlbiI6Im9mIHRoaXMgbGV0dGVyIn0", "WDJB-MJHT"
LINK = f"https://id.example.org/verify#token={TOKEN}"
HEARD = answer(f"451 4.3.0 not now: {LINK} {CODE}")
REFUSED = answer(f"554 5.7.1 looks bad: {LINK} {CODE}")
ORIGIN = {
    "ip": "192.0.2.1",
    "user_agent": "Firefox/140",
    "device": "Firefox",
    "new_email": "new@example.org",
    "left": 2,
    "provider": "google",
    "attempt_digest": "q4Hn0sAmPLeTqLink0FjW0rksN0where",
    "may_open_account": 1,
}


def enqueue_one_of_each(clock: SettableClock) -> None:
    """Every kind, to an account and to an address nobody looked up."""
    account = open_account("ada@example.org")
    with UnitOfWork() as work:
        for kind in renderer.kinds():
            outbox.enqueue(kind, now=clock.now(), address=account.email, account_id=account.id, locale="de", **ORIGIN)
            outbox.enqueue(kind, now=clock.now(), address="bob@example.org", **ORIGIN)
        work.commit()


def deliver(clock: SettableClock) -> None:
    with UnitOfWork() as work:
        taken = outbox.claim(clock.now(), 100)
        work.commit()
    for message in taken:
        rendered = renderer.render(
            message.kind, message.locale, message.parameters | VALUES | {"link": LINK, "code": CODE}
        )
        try:
            send_email(message.address or "ada@example.org", rendered, message.message_id)
        except MailServerUnavailable as refused:
            outbox.postpone(message, clock.now(), refused.message)
        except Undeliverable as refused:
            outbox.finish(message, DEAD, clock.now(), str(refused))
        else:
            outbox.finish(message, SENT, clock.now())


def stored() -> str:
    """Every value of every row."""
    with UnitOfWork():
        found = db.session.execute(sa.select(QueuedMessage.__table__)).all()
    return "\n".join(str(value) for row in found for value in row)


@pytest.mark.parametrize("ending", [HEARD, REFUSED, None], ids=["tried again", "refused", "sent"])
def test_no_row_stores_a_token_code_or_email_text(
    app: Flask, smtp_server: FakeSmtpServer, clock: SettableClock, ending: object
) -> None:
    enqueue_one_of_each(clock)
    if ending:
        smtp_server.at_data["*"] = ending  # type: ignore[assignment]
    deliver(clock)
    kept = stored()
    assert kept.count("192.0.2.1") == 2 * len(renderer.kinds())  # the walk sees what is there
    for secret in (TOKEN, CODE, NOT_ME, UNDO, "http", "#token", "Hello", "Guten Tag", "<p"):
        assert secret not in kept
    assert bool(smtp_server.messages) == (ending is None)


def test_the_files_of_the_database_hold_none_either(
    app: Flask, smtp_server: FakeSmtpServer, clock: SettableClock, tmp_path: Path
) -> None:
    enqueue_one_of_each(clock)
    smtp_server.at_data["*"] = HEARD
    deliver(clock)
    smtp_server.at_data.clear()
    deliver(clock)
    assert any(CODE in received.text and TOKEN in received.text for received in smtp_server.messages)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("mail.db*"))
    assert b"bob@example.org" in kept
    assert TOKEN.encode() not in kept
    assert CODE.encode() not in kept
