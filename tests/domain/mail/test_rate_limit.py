"""How many emails of a kind a mailbox gets: what counts, and when the next one may go."""

import random
from datetime import datetime, timedelta

import pytest

from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.mail.model import DEAD, DROPPED, SENT, QueuedMessage
from app.domain.mail.outbox import Outbox
from app.domain.mail.rate_limit import HOUR, EmailLimit, TooSoon
from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, open_account

LIMIT = EmailLimit()

pytestmark = pytest.mark.usefixtures("app")
outbox = Outbox(host="example.org")
ADA, BOB = "ada@example.org", "bob@example.org"


def claimed(clock: SettableClock, address: str = ADA, kind: str = "reset_password", **more: str) -> QueuedMessage:
    with UnitOfWork() as work:
        outbox.enqueue(kind, now=clock.now(), address=address, **more)
        (message,) = outbox.claim(clock.now())
        work.commit()
    return message


def begin(message: QueuedMessage, clock: SettableClock, **how: bool) -> None:
    with UnitOfWork() as work:
        outbox.start_attempt(message, clock.now(), limited=True, **how)
        work.commit()


def send(clock: SettableClock, count: int = 1, state: str = SENT, **more: str) -> None:
    for _ in range(count):
        message = claimed(clock, **more)
        with UnitOfWork() as work:
            outbox.start_attempt(message, clock.now())
            work.commit()
        outbox.finish(message, state, clock.now())


def wait(message: QueuedMessage, clock: SettableClock, **how: bool) -> timedelta:
    """How long the message must wait."""
    try:
        begin(message, clock, **how)
    except TooSoon as early:
        return early.until - clock.now()
    return timedelta()


def test_three_go_at_once_and_then_one_every_twenty_minutes(clock: SettableClock) -> None:
    send(clock, LIMIT.burst - 1)
    assert wait(claimed(clock), clock) == timedelta()
    assert wait(claimed(clock), clock) == LIMIT.interval


def test_three_emails_may_be_sent_again_after_an_hour(clock: SettableClock) -> None:
    send(clock, LIMIT.burst)
    clock.advance(minutes=55)
    send(clock)
    message = claimed(clock)
    assert wait(message, clock) == timedelta(minutes=5)
    clock.advance(minutes=5)
    assert wait(message, clock) == timedelta()


@pytest.mark.parametrize("state", [DEAD, DROPPED])
def test_what_was_not_sent_does_not_count(clock: SettableClock, state: str) -> None:
    send(clock, LIMIT.burst, state)
    assert wait(claimed(clock), clock) == timedelta()


def test_an_attempt_that_failed_does_not_count(clock: SettableClock) -> None:
    for _ in range(LIMIT.burst):
        message = claimed(clock)
        begin(message, clock)
        outbox.postpone(message, clock.now() + HOUR, "451")
    assert wait(claimed(clock), clock) == timedelta()


def test_what_is_being_sent_counts(clock: SettableClock) -> None:
    for _ in range(LIMIT.burst):
        begin(claimed(clock), clock)
    assert wait(claimed(clock), clock) == LIMIT.interval


def test_other_kinds_and_other_mailboxes_do_not_count(clock: SettableClock) -> None:
    send(clock, LIMIT.burst, kind="verify_email")
    send(clock, LIMIT.burst, address=BOB)
    assert wait(claimed(clock), clock) == timedelta()


def test_every_spelling_of_an_address_is_one_mailbox(clock: SettableClock) -> None:
    for address in ("ADA@example.org", "Ada@example.org", ADA):
        send(clock, address=address)
    assert wait(claimed(clock, address="aDA@example.org"), clock) == LIMIT.interval


@pytest.mark.parametrize("text", ["Ann+Tag@EXAMPLE.com", "O'Brien@Bücher.example", "a.B@XN--BCHER-KVA.example"])
def test_lower_case_is_the_canonical_form_of_an_address(text: str) -> None:
    address = parse_address(text)
    assert address.typed.lower() == address.canonical


def test_an_account_that_names_many_mailboxes_is_limited(clock: SettableClock) -> None:
    account = open_account(ADA).id
    for number in range(LIMIT.burst):
        send(clock, address=f"{number}@example.org", account_id=account)
    message = claimed(clock, BOB, account_id=account)
    assert wait(message, clock, also_by_account=True) == LIMIT.interval
    assert wait(message, clock) == timedelta()


def test_limit_allows_five_per_hour_and_waits_twenty_minutes() -> None:
    chance = random.Random(5)
    for _ in range(200):
        sent: list[datetime] = []
        now = NOON
        while now < NOON + 4 * HOUR:
            within = [at for at in reversed(sent) if at > now - HOUR][: LIMIT.burst]
            due = LIMIT.next_allowed_at(within)
            assert due is None or due - now <= LIMIT.interval
            now = max(now, due or now)
            sent.append(now)
            now += timedelta(minutes=chance.choice([0, 0, 1, 19, 20, 21, chance.uniform(0, 70)]))
        for position, first in enumerate(sent[: -LIMIT.most_per_hour]):
            assert sent[position + LIMIT.most_per_hour] - first >= HOUR
