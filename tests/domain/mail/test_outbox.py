"""The outbox: claims, leases and fencing tokens."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.database import db
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, QUEUED, SENT, QueuedMessage
from app.domain.mail.outbox import LEASE, LeaseLost, Outbox
from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, open_account

pytestmark = pytest.mark.usefixtures("app")
outbox = Outbox(host="example.org")


def claim(clock: SettableClock, limit: int = 10) -> list[QueuedMessage]:
    with UnitOfWork() as work:
        messages = outbox.claim(clock.now(), limit)
        work.commit()
    return messages


def begin(message: QueuedMessage, clock: SettableClock, **how: bool) -> None:
    with UnitOfWork() as work:
        outbox.start_attempt(message, clock.now(), **how)
        work.commit()


def rows() -> list[QueuedMessage]:
    with UnitOfWork():
        return list(db.session.scalars(sa.select(QueuedMessage).order_by(QueuedMessage.id)))


def add(count: int = 1) -> None:
    for number in range(count):
        outbox.enqueue_now("reset_password", f"{number}@example.org", NOON)


def test_message_enqueued_in_a_unit_of_work_is_committed() -> None:
    account = open_account("ada@example.org")
    with UnitOfWork() as work:
        outbox.enqueue(
            "password_changed", now=NOON, address="Ada@example.org", account_id=account.id,
            ip="192.0.2.1", user_agent=None,
        )  # fmt: skip
        work.commit()
    (message,) = rows()
    assert (message.kind, message.account_id, message.state) == ("password_changed", account.id, QUEUED)
    assert (message.address, message.mailbox) == ("Ada@example.org", "ada@example.org")
    assert message.parameters == {"ip": "192.0.2.1", "user_agent": None}
    assert message.message_id.endswith("@example.org>")


def test_message_of_a_failed_unit_of_work_is_never_sent() -> None:
    with UnitOfWork():
        outbox.enqueue("password_changed", now=NOON, address="ada@example.org")
    assert rows() == []


@pytest.mark.parametrize("word", ["token", "link", "password", "code", "secret"])
def test_a_secret_is_refused_as_a_parameter(word: str) -> None:
    with pytest.raises(ValueError, match="must not hold secrets"):
        outbox.enqueue("password_changed", now=NOON, address="ada@example.org", **{word: "x"})


def test_message_added_by_one_statement_is_committed() -> None:
    add()
    (message,) = rows()
    assert (message.address, message.account_id, message.attempts) == ("0@example.org", None, 0)


def test_claimed_message_is_not_claimed_again(clock: SettableClock) -> None:
    add(3)
    assert len(claim(clock, limit=2)) == 2
    assert len(claim(clock)) == 1
    assert claim(clock) == []


def test_message_is_not_due_before_its_time(clock: SettableClock) -> None:
    add()
    (message,) = claim(clock)
    assert outbox.postpone(message, clock.now() + timedelta(seconds=5), "later")
    assert not outbox.has_due(clock.now())
    clock.advance(seconds=5)
    assert outbox.has_due(clock.now())
    assert [again.id for again in claim(clock)] == [message.id]


def test_message_is_claimed_again_after_its_lease_expired(clock: SettableClock) -> None:
    add()
    claim(clock)
    clock.advance(seconds=59)
    assert claim(clock) == []
    clock.advance(seconds=1)
    (message,) = claim(clock)
    assert message.attempts == 0
    begin(message, clock)
    assert rows()[0].attempts == 1


def test_all_attempts_have_the_same_message_id(clock: SettableClock) -> None:
    add()
    (first,) = claim(clock)
    clock.advance(minutes=2)
    (second,) = claim(clock)
    assert first.message_id == second.message_id


def test_a_late_finisher_marks_nothing(clock: SettableClock) -> None:
    add()
    (late,) = claim(clock)
    clock.advance(minutes=2)
    (current,) = claim(clock)
    assert not outbox.finish(late, SENT, clock.now())
    assert not outbox.postpone(late, clock.now(), "too late")
    with pytest.raises(LeaseLost):
        begin(late, clock)
    assert outbox.finish(current, SENT, clock.now())
    assert [message.state for message in rows()] == [SENT]


def test_message_is_finished_once(clock: SettableClock) -> None:
    add()
    (message,) = claim(clock)
    assert outbox.finish(message, DEAD, clock.now(), "x" * 900)
    assert not outbox.finish(message, SENT, clock.now())
    (row,) = rows()
    assert (row.state, row.error, row.finished_at) == (DEAD, "x" * 500, clock.now())


def test_beginning_renews_the_lease(clock: SettableClock) -> None:
    add()
    (message,) = claim(clock)
    clock.advance(seconds=40)
    begin(message, clock)
    clock.advance(seconds=40)
    assert claim(clock) == []
    assert rows()[0].lease_until == NOON + timedelta(seconds=40) + LEASE


def test_parallel_claimers_get_different_messages(app: Flask, clock: SettableClock) -> None:
    add(20)
    start, claimed = threading.Barrier(4), []

    def claim_in_a_thread() -> None:
        with app.app_context():
            start.wait()
            claimed.append([message.id for message in claim(clock, limit=5)])

    threads = [threading.Thread(target=claim_in_a_thread) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [message_id for batch in claimed for message_id in batch]
    assert len(ids) == len(set(ids))
    assert len(ids) + len(claim(clock, limit=20)) == 20


def test_newer_message_to_the_same_address_supersedes(clock: SettableClock) -> None:
    for _ in range(2):
        outbox.enqueue_now("reset_password", "ada@example.org", NOON)
    first, second = claim(clock)
    assert outbox.is_superseded(first)
    assert not outbox.is_superseded(second)
    outbox.finish(second, DEAD, clock.now(), "refused")
    assert not outbox.is_superseded(first)


def test_operators_see_how_many_wait_and_for_how_long(clock: SettableClock) -> None:
    assert outbox.summary(clock.now()).oldest is None
    add(3)
    (message,) = claim(clock, limit=1)
    outbox.finish(message, SENT, clock.now())
    clock.advance(minutes=7)
    waiting = outbox.summary(clock.now())
    assert (waiting.queued, waiting.sent, waiting.dead, waiting.dropped) == (2, 1, 0, 0)
    assert waiting.oldest == timedelta(minutes=7)


def test_purge_deletes_finished_messages_and_never_reuses_an_id(clock: SettableClock) -> None:
    add(2)
    for message in claim(clock, limit=2):
        outbox.finish(message, SENT, clock.now())
    newest = rows()[-1].id
    clock.advance(days=30)
    assert outbox.delete_finished(clock.now(), most=10) == 2
    add()
    assert outbox.delete_finished(clock.now(), most=10) == 0
    assert rows()[0].id > newest


def test_messages_of_an_account_are_deleted_with_it() -> None:
    account = open_account("ada@example.org")
    with UnitOfWork() as work:
        outbox.enqueue("password_changed", now=NOON, address=account.email, account_id=account.id)
        work.commit()
    with UnitOfWork() as work:
        db.session.execute(sa.text("DELETE FROM accounts"))
        work.commit()
    assert rows() == []


def test_a_message_that_was_not_tried_counts_no_attempt(clock: SettableClock) -> None:
    add(2)
    begun, waiting = claim(clock)
    begin(begun, clock)
    for message in (begun, waiting):
        assert outbox.release(message, clock.now(), "no mail server")
    assert [(message.attempts, message.sending_at, message.state) for message in rows()] == [(0, None, QUEUED)] * 2


def test_a_failed_attempt_stays_counted(clock: SettableClock) -> None:
    add()
    (message,) = claim(clock)
    begin(message, clock)
    outbox.postpone(message, clock.now(), "451")
    assert (rows()[0].attempts, rows()[0].sending_at) == (1, None)


def test_a_request_for_another_account_replaces_nothing(clock: SettableClock) -> None:
    ada, bob = open_account("ada@example.org"), open_account("bob@example.org")
    with UnitOfWork() as work:
        for account in (ada, bob):
            outbox.enqueue("email_change_confirm", now=NOON, address="new@example.org", account_id=account.id)
        work.commit()
    first, _ = claim(clock)
    assert not outbox.is_superseded(first)


def test_erasing_a_mailbox_leaves_the_messages_of_accounts(clock: SettableClock) -> None:
    account = open_account("ada@example.org")
    with UnitOfWork() as work:
        outbox.enqueue("email_change_confirm", now=NOON, address="Bob@example.org", account_id=account.id)
        outbox.enqueue("reset_password", now=NOON, address="BOB@example.org")
        outbox.enqueue("account_deleted", now=NOON, address="bob@example.org")
        work.commit()
    with UnitOfWork() as work:
        outbox.delete_mailbox("bob@example.org")
        work.commit()
    assert [message.kind for message in rows()] == ["email_change_confirm", "account_deleted"]
