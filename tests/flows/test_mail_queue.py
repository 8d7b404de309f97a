"""The operator's view of the emails that we owe."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app.core.clock import Clock
from app.core.errors import Conflict, NotFound
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, QUEUED, SENT
from app.domain.mail.outbox import Outbox
from app.flows.mail_queue import MailQueue
from tests.support.clock import SettableClock

outbox = Outbox(host="example.org")


@pytest.fixture
def queue(app: Flask, clock: SettableClock) -> Iterator[MailQueue]:
    clock.hold()
    with app.app_context():
        yield app.extensions["latchkey"].mail_queue


def message(clock: Clock, state: str) -> int:
    """The id of an email that has come this far."""
    outbox.enqueue_now("reset_password", "ada@example.org", clock.now())
    if state != QUEUED:
        with UnitOfWork() as work:
            (taken,) = outbox.claim(clock.now())
            work.commit()
        outbox.finish(taken, state, clock.now(), "the mail server answered 550")
    return outbox.recent(limit=1)[0].id


@pytest.mark.usefixtures("each_database")
def test_messages_are_listed_shown_and_counted(queue: MailQueue, clock: SettableClock) -> None:
    dead = message(clock, DEAD)
    message(clock, QUEUED)
    clock.advance(minutes=3)
    assert [found.state for found in queue.recent()] == [QUEUED, DEAD]
    assert [found.id for found in queue.recent(DEAD, 5)] == [dead]
    assert queue.show(dead).address == "a…@example.org"
    waiting = queue.summary()
    assert (waiting.queued, waiting.dead, waiting.oldest) == (1, 1, timedelta(minutes=3))


@pytest.mark.usefixtures("each_database")
def test_dead_message_is_retried_now(queue: MailQueue, clock: SettableClock) -> None:
    dead = message(clock, DEAD)
    clock.advance(days=1)
    queue.retry(dead)
    assert queue.show(dead).due_at == clock.now()
    assert queue.show(dead).state == QUEUED


@pytest.mark.parametrize(("state", "said"), [(SENT, "is sent"), (QUEUED, "is due already")])
def test_message_that_needs_no_retry_says_why(queue: MailQueue, clock: SettableClock, state: str, said: str) -> None:
    with pytest.raises(Conflict, match=said):
        queue.retry(message(clock, state))


def test_unknown_message_is_not_found(queue: MailQueue) -> None:
    with pytest.raises(NotFound):
        queue.show(7)
    with pytest.raises(NotFound):
        queue.retry(7)


@pytest.mark.usefixtures("each_database")
def test_all_dead_messages_are_retried_at_once(queue: MailQueue, clock: SettableClock) -> None:
    for state in (DEAD, DEAD, SENT):
        message(clock, state)
    assert queue.retry_dead() == 2
    assert queue.summary().dead == 0
