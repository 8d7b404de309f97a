"""Delivery: from the outbox to a real mail server, through everything that can go wrong."""

import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from flask import Flask
from prometheus_client import Counter

from app.core.database import db
from app.core.errors import Unavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.chain import Chain
from app.domain.audit.journal import Journal
from app.domain.email_actions.store import EmailActionStore
from app.domain.email_actions.undos import UndoStore
from app.domain.email_sign_ins.store import EmailSignInStore
from app.domain.mail.model import DEAD, DROPPED, QUEUED, SENT, QueuedMessage
from app.domain.mail.outbox import Outbox
from app.domain.mail.renderer import EmailRenderer
from app.domain.mail.smtp import SmtpTransport
from app.domain.mail.smtp_errors import TemporaryFailure
from app.domain.tokens.codes import Codes
from app.domain.tokens.links import Links
from app.flows.mail_delivery import MailDelivery
from app.flows.steps.carry_sign_in import CarrySignIn
from app.flows.steps.compose_email import ComposeEmail
from app.flows.steps.email_settings import EmailSettings
from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, bare_app, open_account, use_smtp
from tests.support.servers import ROOT
from tests.support.smtp import FakeSmtpServer, answer, drop, hang

ADA, BOB = "ada@example.org", "bob@example.org"
outbox = Outbox(host="example.org")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(at=NOON)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with bare_app(tmp_path) as app:
        yield app


@pytest.fixture
def smtp_server(app: Flask) -> Iterator[FakeSmtpServer]:
    with FakeSmtpServer().open() as smtp_server:
        use_smtp(app, smtp_server.port)
        yield smtp_server


@pytest.fixture
def links(clock: SettableClock) -> Links:
    return Links("a secret for the tests, long enough", clock)


@pytest.fixture
def delivery(app: Flask, clock: SettableClock, links: Links) -> MailDelivery:
    email_settings = EmailSettings(
        public_url="https://id.example.org",
        sign_in_url="https://app.example.org",
        reset_password_url="https://app.example.org/choose#token={token}",
        verify_email_url="https://app.example.org/verify#token={token}",
        sign_in_link_url="https://app.example.org/sign-in#token={token}",
        reset_link_lifetime=timedelta(minutes=30),
        verify_link_lifetime=timedelta(days=1),
        invitation_lifetime=timedelta(days=1),
        sign_in_link_lifetime=timedelta(minutes=30),
    )
    codes = Codes("a secret for the tests, long enough")
    journal = Journal(
        Chain(("a secret for the tests, long enough",)), Counter("events", "-", ("event",), registry=None)
    )
    prepare = ComposeEmail(
        UnitOfWork(),
        clock,
        AccountStore(),
        EmailActionStore(),
        UndoStore(),
        outbox,
        journal,
        links,
        codes,
        CarrySignIn(UnitOfWork(), EmailSignInStore(), links, codes, email_settings),
        email_settings,
    )
    return MailDelivery(
        work=UnitOfWork(), clock=clock, outbox=outbox, compose=prepare, renderer=EmailRenderer(),
        transport=SmtpTransport(), jitter=random.SystemRandom(),
    )  # fmt: skip


def forgot(address: str) -> None:
    outbox.enqueue_now("reset_password", address, NOON)


def notice(address: str, kind: str = "password_changed") -> None:
    """Owe an email to a new account."""
    account = open_account(address)
    with UnitOfWork() as work:
        outbox.enqueue(kind, now=NOON, address=account.email, account_id=account.id)
        work.commit()


def rows() -> list[QueuedMessage]:
    with UnitOfWork():
        return list(db.session.scalars(sa.select(QueuedMessage).order_by(QueuedMessage.id)))


def states() -> list[str]:
    return [message.state for message in rows()]


def wait_until(reached: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within twenty seconds")


@contextmanager
def mortal_server(dies: str) -> Iterator[int]:
    """The port of a mail server in a process of its own, which ends when it has taken some messages, or before."""
    command = [sys.executable, "-m", "tests.domain.mail.dying_smtp_server", dies]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def token_in(text: str) -> str:
    return text.partition("#token=")[2].split()[0]


# What is delivered, and to whom


def test_reset_email_is_sent_to_the_address_as_typed(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    open_account("Ada@example.org")
    forgot("ada@example.org")
    assert delivery.deliver_due() == 1
    assert [received.recipients for received in smtp_server.messages] == [["Ada@example.org"]]
    assert states() == [SENT]


def test_link_names_the_account_and_the_message(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, links: Links
) -> None:
    account = open_account(ADA)
    forgot(ADA)
    delivery.deliver_due()
    (message,) = rows()
    assert "https://app.example.org/choose#token=" in smtp_server.messages[0].text
    assert links.open("reset-password", token_in(smtp_server.messages[0].text)) == (account.id, message.id)


def test_its_link_lives_from_the_moment_it_is_sent(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock, links: Links
) -> None:
    open_account(ADA)
    forgot(ADA)
    clock.advance(hours=5)
    delivery.deliver_due()
    clock.advance(minutes=29)
    assert links.open("reset-password", token_in(smtp_server.messages[0].text))


def test_no_row_holds_a_token(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    open_account(ADA)
    smtp_server.at_data["*"] = answer("451 later")
    forgot(ADA)
    delivery.deliver_due()
    with UnitOfWork():
        values = " ".join(map(str, db.session.execute(sa.text("SELECT * FROM outbox")).one()))
    assert "token" not in values
    assert "http" not in values


def test_unknown_address_gets_no_message(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    forgot("nobody@example.org")
    delivery.deliver_due()
    assert (states(), smtp_server.messages) == ([DROPPED], [])


def test_disabled_account_gets_no_reset_email(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    open_account(ADA, disabled_at=NOON)
    forgot(ADA)
    delivery.deliver_due()
    assert (states(), smtp_server.messages) == ([DROPPED], [])


def test_only_the_newest_reset_email_is_sent(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    open_account(ADA)
    for _ in range(3):
        forgot(ADA)
    delivery.deliver_due()
    assert states() == [DROPPED, DROPPED, SENT]
    assert len(smtp_server.messages) == 1


def test_superseded_reset_email_is_dropped(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock
) -> None:
    open_account(ADA)
    smtp_server.at_data["*"] = answer("451 later")
    forgot(ADA)
    delivery.deliver_due()
    smtp_server.at_data.clear()
    forgot(ADA)
    delivery.deliver_due()
    clock.advance(minutes=1)
    delivery.deliver_due()
    assert states() == [DROPPED, SENT]
    assert len(smtp_server.messages) == 1


def test_notice_is_sent_to_the_account_with_client_info(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    account = open_account("Ada@example.org")
    with UnitOfWork() as work:
        outbox.enqueue(
            "password_changed", now=NOON, address=account.email, account_id=account.id, ip="192.0.2.7", user_agent=None
        )
        work.commit()
    delivery.deliver_due()
    assert smtp_server.messages[0].recipients == ["Ada@example.org"]
    assert "192.0.2.7" in smtp_server.messages[0].text
    assert "https://id.example.org/reset-password/request" in smtp_server.messages[0].text


# What can go wrong


def test_rejected_recipient_is_parked_and_delays_no_other(delivery: MailDelivery, smtp_server: FakeSmtpServer) -> None:
    smtp_server.refused[ADA] = "550 5.1.1 no such mailbox"
    notice(ADA)
    notice(BOB)
    delivery.deliver_due()
    assert states() == [DEAD, SENT]
    assert rows()[0].error == "the mail server answered 550 5.1.1 to RCPT TO"


@pytest.mark.parametrize("misbehaviour", [answer("451 4.3.0 later"), hang, drop])
def test_temporary_failure_is_retried_and_delays_no_other(
    delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer, clock: SettableClock, misbehaviour: object
) -> None:
    app.config["MAIL_TIMEOUT"] = 1
    smtp_server.at_data[ADA] = misbehaviour  # type: ignore[assignment]
    notice(ADA)
    notice(BOB)
    delivery.deliver_due()
    assert states() == [QUEUED, SENT]
    smtp_server.at_data.clear()
    assert delivery.deliver_due() == 0
    clock.advance(seconds=6)
    assert delivery.deliver_due() == 1
    assert states() == [SENT, SENT]


def test_a_second_attempt_carries_the_same_message_id(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock
) -> None:
    notice(ADA)
    with patch.object(Outbox, "finish", side_effect=Unavailable), pytest.raises(Unavailable):
        delivery.deliver_due()  # sent, and the database is gone before that is written down
    clock.advance(minutes=1)
    delivery.deliver_due()
    first, second = smtp_server.messages
    assert first.message["Message-ID"] == second.message["Message-ID"] == rows()[0].message_id
    assert states() == [SENT]


def test_outage_counts_no_attempt(delivery: MailDelivery, app: Flask, clock: SettableClock) -> None:
    smtp_server = FakeSmtpServer()
    with smtp_server.open():
        use_smtp(app, smtp_server.port)
    for address in (ADA, BOB):
        notice(address)
    for _ in range(5):
        with pytest.raises(TemporaryFailure):
            delivery.deliver_due()
        clock.advance(minutes=2)
    assert [(message.state, message.attempts) for message in rows()] == [(QUEUED, 0), (QUEUED, 0)]
    with smtp_server.open():
        assert delivery.deliver_due() == 2
    assert states() == [SENT, SENT]


def test_outage_within_a_batch_returns_the_rest(
    delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer
) -> None:
    async def drop_and_close(server: object) -> str:
        app.extensions["mail"].port = 1  # where nobody listens
        return await drop(server)  # type: ignore[arg-type]

    smtp_server.at_data[ADA] = drop_and_close
    for address in (ADA, BOB, "eve@example.org"):
        notice(address)
    with pytest.raises(TemporaryFailure):
        delivery.deliver_due()
    assert [(message.state, message.attempts) for message in rows()] == [(QUEUED, 1), (QUEUED, 0), (QUEUED, 0)]
    app.extensions["mail"].port = smtp_server.port
    assert delivery.deliver_due() == 2


@pytest.mark.parametrize(
    ("dies", "attempts"), [("after 1", [1, 0, 0, 0]), ("at 2", [1, 1, 0, 0])], ids=["between two", "at the second"]
)
def test_a_batch_cut_short_counts_no_attempt_for_the_rest(
    delivery: MailDelivery, app: Flask, dies: str, attempts: list[int]
) -> None:
    for number in range(4):
        notice(f"{number}@example.org")
    with mortal_server(dies) as port:
        use_smtp(app, port, timeout=5)
        with pytest.raises(TemporaryFailure):
            delivery.deliver_due()
    assert states() == [SENT, QUEUED, QUEUED, QUEUED]
    assert [message.attempts for message in rows()] == attempts
    with FakeSmtpServer().open() as smtp_server:
        use_smtp(app, smtp_server.port)
        delivery.deliver_due()
        assert len(smtp_server.messages) == attempts.count(0)


def test_message_is_given_up_after_three_days_with_the_reason(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock
) -> None:
    smtp_server.at_data["*"] = answer("451 4.3.0 later")
    notice(ADA)
    for expected in (QUEUED, QUEUED, QUEUED, DEAD):
        delivery.deliver_due()
        assert states() == [expected]
        clock.advance(days=1)
    assert rows()[0].error == "given up: the mail server answered 451 4.3.0 to DATA"


def reject_login(server: FakeSmtpServer, app: Flask) -> None:
    app.extensions["mail"].username, app.extensions["mail"].password = "latchkey", "wrong"


def reject_sender(server: FakeSmtpServer, app: Flask) -> None:
    server.at_mail_from = "550 5.7.1 sender not verified"


def reject_helo_name(server: FakeSmtpServer, app: Flask) -> None:
    server.at_ehlo = "550 5.7.1 bad name"


@pytest.mark.parametrize("reject", [reject_login, reject_sender, reject_helo_name])
def test_no_message_dies_while_the_server_rejects_this_service(
    delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer, clock: SettableClock, reject: object
) -> None:
    reject(smtp_server, app)  # type: ignore[operator]
    for address in (ADA, BOB):
        notice(address)
    for _ in range(3):
        with pytest.raises(TemporaryFailure):
            delivery.deliver_due()
        clock.advance(days=2)
    assert [(message.state, message.attempts) for message in rows()] == [(QUEUED, 0), (QUEUED, 0)]
    assert str(rows()[0].error).startswith("delivery fails: ")
    assert outbox.is_failing()
    smtp_server.clear()
    app.extensions["mail"].username = None
    assert delivery.deliver_due() == 2
    assert states() == [SENT, SENT]
    assert not outbox.is_failing()


def test_rejected_relaying_is_retried_and_delays_no_other(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    smtp_server.refused[ADA] = f"554 5.7.1 <{ADA}>: Relay access denied"
    notice(ADA)
    notice(BOB)
    delivery.deliver_due()
    assert states() == [QUEUED, SENT]
    assert outbox.is_failing()
    assert "(password_changed) waits: the mail server answered 554 5.7.1 to RCPT TO" in caplog.text
    assert ADA not in caplog.text
    smtp_server.clear()
    clock.advance(seconds=6)
    delivery.deliver_due()
    assert states() == [SENT, SENT]
    assert not outbox.is_failing()


def test_unrenderable_message_delays_no_other_and_logs_no_value(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    notice(ADA, kind="no_such_message")
    notice(BOB)
    delivery.deliver_due()
    assert states() == [QUEUED, SENT]
    assert rows()[0].error == "unexpected KeyError"
    assert "KeyError" in caplog.text


def test_the_log_holds_no_address_and_no_link(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    smtp_server.refused[BOB] = f"550 {BOB} is unknown"
    open_account(ADA)
    forgot(ADA)
    notice(BOB)
    with patch("app.domain.mail.renderer.EmailRenderer.render", side_effect=ValueError(f"{ADA} https://x/#token=abc")):
        delivery.deliver_due()
    clock.advance(minutes=1)
    delivery.deliver_due()
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("app."))
    assert "ValueError" in ours
    assert not any(word in ours for word in ("@", "token=", "https"))


def test_message_whose_lease_moved_is_not_sent_twice(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock
) -> None:
    notice(ADA)
    claim = Outbox.claim

    def claim_then_freeze(self: Outbox, *args: object) -> list[QueuedMessage]:
        messages = claim(self, *args)  # type: ignore[arg-type]
        clock.advance(minutes=5)
        claim(self, clock.now())  # somebody else takes them over
        return [QueuedMessage(id=messages[0].id, claim="stale", lease_until=NOON, **_rest(messages[0]))]

    with patch.object(Outbox, "claim", claim_then_freeze):
        delivery.deliver_due()
    assert (smtp_server.messages, states()) == ([], [QUEUED])


def _rest(message: QueuedMessage) -> dict[str, object]:
    return {
        "kind": message.kind, "account_id": message.account_id, "message_id": message.message_id, "parameters": {},
        "address": message.address, "mailbox": message.mailbox, "attempts": 0,
    }  # fmt: skip


def test_no_transaction_is_open_while_the_server_is_talked_to(
    delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer
) -> None:
    written = []

    async def write_meanwhile(_server: object) -> str:
        def write() -> None:
            with app.app_context():
                outbox.enqueue_now("reset_password", BOB, NOON + timedelta(days=1))
            written.append(True)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(8)
        return "250 OK"

    smtp_server.at_data["*"] = write_meanwhile
    open_account(ADA)
    forgot(ADA)
    delivery.deliver_due()
    assert (written, states()) == ([True], [SENT, QUEUED])


# Round after round


def test_two_deliverers_send_each_message_once(delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer) -> None:
    for number in range(24):
        notice(f"{number}@example.org")
    deliverers = [delivery.start(app.app_context) for _ in range(2)]
    wait_until(lambda: len(smtp_server.messages) >= 24)
    for deliverer in deliverers:
        deliverer.stop()
    assert sorted(received.recipients[0] for received in smtp_server.messages) == sorted(
        f"{number}@example.org" for number in range(24)
    )
    assert states() == [SENT] * 24


def test_the_thread_survives_an_outage_of_the_database(
    delivery: MailDelivery, app: Flask, smtp_server: FakeSmtpServer
) -> None:
    notice(ADA)
    outage, stop = [Unavailable(), RuntimeError(), Unavailable()], threading.Event()
    has_due = Outbox.has_due

    def fail_first(self: Outbox, now: object) -> bool:
        if outage:
            raise outage.pop()
        return has_due(self, now)  # type: ignore[arg-type]

    with patch.object(Outbox, "has_due", fail_first):
        thread = threading.Thread(target=delivery.run, args=(stop, 0.01, app.app_context))
        thread.start()
        wait_until(lambda: len(smtp_server.messages) == 1)
        stop.set()
        thread.join()
    assert states() == [SENT]


def test_stopped_deliverer_returns_its_unsent_messages(
    delivery: MailDelivery, smtp_server: FakeSmtpServer, clock: SettableClock
) -> None:
    stop = threading.Event()

    async def stop_now(_server: object) -> str:
        stop.set()
        return "250 OK"

    smtp_server.at_data[ADA] = stop_now
    notice(ADA)
    notice(BOB)
    delivery.run(stop, 0.01)
    assert states() == [SENT, QUEUED]
    assert outbox.has_due(clock.now())
