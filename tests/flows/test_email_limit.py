"""The limit of emails to one mailbox: a stranger who asks all the time never leaves the owner without a way back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.core.client_info import ClientInfo
from app.core.errors import ServiceError
from app.domain.mail.rate_limit import HOUR, EmailLimit
from tests.support.clock import SettableClock
from tests.support.profile import long, sized
from tests.support.smtp import FakeSmtpServer

LIMIT = EmailLimit()

OWNER = "ann@example.com"
PASSWORD = "correct horse battery"
MINUTE = timedelta(minutes=1)
WALK = sized(85, 125)  # minutes: an hour and more, or two hours and the end of the second
OWNER_ASKS = {1, 3, 17, 31, 44, 58, 59, 71, 89, 102, 118}  # the minutes at which the owner asks, too
RESET = "Choose a new password"
pytestmark = long


class Walk:
    """Two hours in which a stranger asks every five minutes, and the owner now and then."""

    def __init__(self, auth: Any, clock: SettableClock, mailbox: FakeSmtpServer, subject: str) -> None:
        self._auth, self._clock, self._mailbox, self._subject = auth, clock, mailbox, subject
        self.asked: list[datetime] = []
        self.sent: list[datetime] = []
        self.without_link: list[int] = []

    def go(self, ask: Callable[[], None], works: Callable[[str], None] | None = None) -> "Walk":
        """At each minute: ask, deliver, and note whether the newest link works."""
        for minute in range(WALK):
            if minute % 5 == 0 or minute in OWNER_ASKS:
                ask()
                self.asked.append(self._clock.now())
            self._deliver()
            if works and not passes(works, self._emails()[-1].token):
                self.without_link.append(minute)
            self._clock.advance(minutes=1)
        return self

    def most_in_an_hour(self) -> int:
        """The largest number of emails within any sixty minutes."""
        return max(len([at for at in self.sent if start <= at < start + HOUR]) for start in self.sent)

    def longest_wait(self) -> timedelta:
        """The longest time between a request and the next email."""
        answered = [when for when in self.asked if when <= self.sent[-1]]
        return max(min(at for at in self.sent if at >= when) - when for when in answered)

    def _deliver(self) -> None:
        before = len(self._emails())
        while self._auth.mail_delivery.deliver_due():
            pass
        self.sent += [self._clock.now()] * (len(self._emails()) - before)

    def _emails(self) -> list[Any]:
        return [email for email in self._mailbox.messages if self._subject in email.subject]


def passes(check: Callable[[str], None], token: str) -> bool:
    try:
        check(token)
    except ServiceError:
        return False
    return True


@pytest.fixture
def walk(app: Flask, auth: Any, clock: SettableClock, mailbox: FakeSmtpServer) -> Callable[[str], Walk]:
    clock.hold()
    auth.registration.sign_up(OWNER, PASSWORD, ClientInfo())
    return lambda subject: Walk(auth, clock, mailbox, subject)


@pytest.fixture
def flooded(app: Flask, auth: Any, clock: SettableClock, mailbox: FakeSmtpServer) -> Any:
    """An owner's session, when a stranger has asked for more resets than there are emails for now."""
    clock.hold()
    auth.registration.sign_up(OWNER, PASSWORD, ClientInfo())
    tokens = auth.sign_in.with_password(OWNER, PASSWORD, ClientInfo(user_agent="Another/1.0"))
    for _ in range(2 * LIMIT.burst):
        auth.password_reset.request(OWNER, ClientInfo())
        deliver(auth)
    assert resets(mailbox) == LIMIT.burst
    return auth.sessions.authenticate(tokens.access_token)


def deliver(auth: Any) -> None:
    while auth.mail_delivery.deliver_due():
        pass


def resets(mailbox: FakeSmtpServer) -> int:
    return len([email for email in mailbox.messages if email.subject == RESET])


def link(mailbox: FakeSmtpServer, page: str) -> str:
    """The token of the newest link to this page."""
    words = [word for email in mailbox.messages for word in email.text.split()]
    return [word for word in words if f"/{page}#token=" in word][-1].partition("#token=")[2]


def test_the_newest_reset_link_works_at_every_moment(each_database, walk, auth) -> None:
    found = walk(RESET).go(lambda: auth.password_reset.request(OWNER, ClientInfo()), auth.password_reset.check)
    assert found.without_link == []
    assert found.most_in_an_hour() == LIMIT.most_per_hour
    assert found.longest_wait() <= LIMIT.interval


def lifetime(seconds: int) -> Any:
    return pytest.param(seconds, marks=pytest.mark.settings(reset_link_expires=seconds))


@pytest.mark.parametrize("seconds", [lifetime(300), lifetime(7_200)])
def test_new_link_arrives_within_twenty_minutes(walk, auth, seconds: int) -> None:
    found = walk(RESET).go(lambda: auth.password_reset.request(OWNER, ClientInfo()), auth.password_reset.check)
    assert (found.most_in_an_hour(), found.longest_wait() <= LIMIT.interval) == (LIMIT.most_per_hour, True)
    assert (found.without_link == []) == (seconds >= LIMIT.interval.total_seconds())


def test_the_newest_verification_link_works_at_every_moment(walk, auth) -> None:
    found = walk("confirm your address").go(
        lambda: auth.email_verification.resend(OWNER, ClientInfo()), auth.email_verification.check
    )
    assert found.without_link == []
    assert found.most_in_an_hour() == LIMIT.most_per_hour
    assert found.longest_wait() <= LIMIT.interval


def test_each_request_for_a_new_address_is_answered(walk, auth) -> None:
    tokens = auth.sign_in.with_password(OWNER, PASSWORD, ClientInfo())
    identity = auth.sessions.authenticate(tokens.access_token)
    found = walk("confirm your new address").go(
        lambda: auth.email_change.request(identity, "new@example.org", PASSWORD, ClientInfo())
    )
    assert found.most_in_an_hour() == LIMIT.most_per_hour
    assert found.longest_wait() <= LIMIT.interval


@pytest.mark.settings(require_verified_email=True)
def test_an_owner_hears_of_repeated_sign_ups(walk, auth) -> None:
    found = walk("already have an account").go(lambda: auth.registration.sign_up(OWNER, PASSWORD, ClientInfo()))
    assert found.most_in_an_hour() == LIMIT.most_per_hour
    assert found.longest_wait() <= LIMIT.interval


def test_however_many_ask_one_message_waits(flooded, app, auth) -> None:
    for _ in range(5):
        auth.password_reset.request(OWNER, ClientInfo())
        deliver(auth)
    assert auth.mail_queue.summary().queued == 1


def test_no_reset_email_comes_after_the_reset(flooded, auth, clock, mailbox) -> None:
    clock.advance(minutes=1)
    auth.password_reset.complete(link(mailbox, "reset-password"), "a new horse battery", ClientInfo())
    clock.advance(minutes=20)
    deliver(auth)
    assert resets(mailbox) == LIMIT.burst


def test_a_thief_who_changes_the_password_stops_no_reset_email(flooded, auth, clock, mailbox) -> None:
    clock.advance(minutes=1)
    auth.password_change.change(flooded, PASSWORD, "a stolen horse battery", ClientInfo())
    clock.advance(minutes=19)
    deliver(auth)
    assert resets(mailbox) == LIMIT.burst + 1


def test_securing_an_account_ignores_the_email_limit(flooded, auth, mailbox) -> None:
    auth.account_recovery.secure(link(mailbox, "not-me"), ClientInfo())
    auth.password_reset.request(OWNER, ClientInfo())  # the stranger again, before anything is delivered
    deliver(auth)
    assert resets(mailbox) == LIMIT.burst + 1
    auth.password_reset.check(link(mailbox, "reset-password"))


def test_who_undoes_a_change_waits_for_no_limit(flooded, auth, mailbox) -> None:
    auth.email_change.request(flooded, "thief@example.org", PASSWORD, ClientInfo())
    deliver(auth)
    auth.email_change.confirm(link(mailbox, "confirm-email"), ClientInfo())
    deliver(auth)
    auth.email_change.undo(link(mailbox, "undo-email-change"), ClientInfo())
    auth.password_reset.request(OWNER, ClientInfo())
    deliver(auth)
    assert resets(mailbox) == LIMIT.burst + 1
    auth.password_reset.check(link(mailbox, "reset-password"))
