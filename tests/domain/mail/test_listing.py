"""The outbox for operators: what is listed, and what can be retried."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.core.database import db
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.listing import masked
from app.domain.mail.model import DEAD, DROPPED, QUEUED, SENT, QueuedMessage
from app.domain.mail.outbox import Outbox
from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, open_account

pytestmark = pytest.mark.usefixtures("app")
outbox = Outbox(host="example.org")
ADA, BOB = "ada@example.org", "bob@example.org"


def rows() -> list[QueuedMessage]:
    with UnitOfWork():
        return list(db.session.scalars(sa.select(QueuedMessage).order_by(QueuedMessage.id)))


def retry(message_id: int, clock: SettableClock) -> bool:
    with UnitOfWork() as work:
        tried = outbox.retry(message_id, clock.now())
        work.commit()
    return tried


def retry_dead(clock: SettableClock) -> int:
    with UnitOfWork() as work:
        tried = outbox.retry_dead(clock.now())
        work.commit()
    return tried


def claim(clock: SettableClock) -> list[QueuedMessage]:
    with UnitOfWork() as work:
        messages = outbox.claim(clock.now(), 100)
        work.commit()
    return messages


def begin(message: QueuedMessage, clock: SettableClock) -> None:
    with UnitOfWork() as work:
        outbox.start_attempt(message, clock.now())
        work.commit()


def add(clock: SettableClock, address: str = ADA, kind: str = "reset_password", **more: str) -> None:
    with UnitOfWork() as work:
        outbox.enqueue(kind, now=clock.now(), address=address, **more)
        work.commit()


def finished(clock: SettableClock, state: str, count: int = 1, **more: str) -> QueuedMessage:
    """The newest of so many messages that ended like this."""
    for _ in range(count):
        add(clock, **more)
    for message in claim(clock):
        begin(message, clock)
        outbox.finish(message, state, clock.now(), None if state == SENT else "the mail server answered 550")
    return rows()[-1]


def another(clock: SettableClock, **more: str) -> QueuedMessage:
    """A message that is about to be sent."""
    add(clock, **more)
    (message,) = claim(clock)
    return message


# The list


def test_messages_are_listed_newest_first_with_masked_addresses(clock: SettableClock) -> None:
    finished(clock, DEAD)
    clock.advance(minutes=1)
    add(clock, BOB, kind="verify_email")
    new, old = outbox.recent()
    assert (new.kind, new.state, new.attempts, new.address, new.finished_at) == (
        "verify_email", QUEUED, 0, "b…@example.org", None,
    )  # fmt: skip
    assert (old.state, old.attempts, old.error) == (DEAD, 1, "the mail server answered 550")
    assert (old.created_at, old.due_at, old.finished_at) == (NOON, NOON, NOON)
    assert new.message_id.endswith("@example.org>")


def test_the_list_can_be_of_one_state_and_short(clock: SettableClock) -> None:
    finished(clock, DEAD, 3)
    add(clock)
    assert [message.state for message in outbox.recent(QUEUED)] == [QUEUED]
    assert len(outbox.recent(DEAD)) == 3
    assert [message.id for message in outbox.recent(limit=2)] == [rows()[3].id, rows()[2].id]


def test_message_is_found_or_none(clock: SettableClock) -> None:
    account = open_account(ADA)
    with UnitOfWork() as work:
        outbox.enqueue("new_device", now=NOON, address=ADA, account_id=account.id, ip="192.0.2.1")
        work.commit()
    shown = outbox.show(rows()[0].id)
    assert shown is not None
    assert (shown.account_id, shown.address) == (account.id, "a…@example.org")
    assert "192.0.2.1" not in repr(shown)
    assert outbox.show(99) is None


@pytest.mark.parametrize(
    ("address", "shown"),
    [(ADA, "a…@example.org"), ("a@b.test", "a…@b.test"), ("x@y@z.test", "x…@z.test"), ("nonsense", "…"), (None, None)],
)
def test_masked_address_shows_one_character_and_the_domain(address: str | None, shown: str | None) -> None:
    assert masked(address) == shown


# Another attempt


def test_requeued_message_keeps_its_attempts(clock: SettableClock) -> None:
    dead = finished(clock, DEAD)
    clock.advance(days=4)
    assert retry(dead.id, clock)
    (row,) = rows()
    assert (row.state, row.due_at, row.attempts, row.finished_at) == (QUEUED, clock.now(), 1, None)
    (message,) = claim(clock)
    begin(message, clock)
    assert rows()[0].attempts == 2


def test_waiting_message_becomes_due_now(clock: SettableClock) -> None:
    message = another(clock)
    outbox.postpone(message, clock.now() + timedelta(hours=1), "451")
    assert not outbox.has_due(clock.now())
    assert retry(message.id, clock)
    assert outbox.has_due(clock.now())


def test_dead_message_is_requeued_once(clock: SettableClock) -> None:
    dead = finished(clock, DEAD)
    assert [retry(dead.id, clock) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("state", [SENT, DROPPED])
def test_what_was_sent_or_dropped_stays_so(clock: SettableClock, state: str) -> None:
    message = finished(clock, state)
    assert not retry(message.id, clock)
    assert rows()[0].state == state


def test_leased_message_is_not_requeued(clock: SettableClock) -> None:
    message = another(clock)
    assert not retry(message.id, clock)
    assert outbox.finish(message, SENT, clock.now())


def test_unknown_message_is_not_requeued(clock: SettableClock) -> None:
    assert not retry(99, clock)


def test_all_dead_messages_can_be_requeued(clock: SettableClock) -> None:
    finished(clock, DEAD, 3)
    finished(clock, SENT)
    assert retry_dead(clock) == 3
    assert sorted(row.state for row in rows()) == [QUEUED] * 3 + [SENT]
    assert retry_dead(clock) == 0
