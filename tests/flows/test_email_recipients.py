"""Whom an email goes to: who had the account when it was caused, whatever happens before it is sent."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.client_info import ClientInfo
from app.core.database import db
from app.domain.tokens.jwt_tokens import InvalidToken

OWNER, THIEF = "Ann@example.com", "thief@example.org"
PASSWORD, CHANGED = "correct horse battery", "a new horse battery"


@pytest.fixture
def ann(each_app: Flask, auth: Any, clock: Any) -> Any:
    """A session of an account whose emails so far were delivered."""
    clock.hold()
    tokens = auth.registration.sign_up(OWNER, PASSWORD, ClientInfo(user_agent="Known/1.0"))
    deliver(auth)
    return tokens


def deliver(auth: Any) -> None:
    while auth.mail_delivery.deliver_due():
        pass


def move(auth: Any) -> None:
    """The thief's part: the account has another address from now on."""
    assert auth.compat.change_email(auth.admin_accounts.find(OWNER), THIEF, ClientInfo())


def came(mailbox: Any) -> set[tuple[str, str]]:
    return {(email.recipients[0], email.subject) for email in mailbox.messages}


def test_notices_go_to_who_had_the_account_at_the_time(ann, auth, mailbox) -> None:
    stolen = auth.sign_in.with_password(OWNER, PASSWORD, ClientInfo(user_agent="Stranger/1.0"))
    auth.sessions.refresh(auth.sessions.refresh(stolen.refresh_token, ClientInfo()).refresh_token, ClientInfo())
    with pytest.raises(InvalidToken):
        auth.sessions.refresh(stolen.refresh_token, ClientInfo())
    identity = auth.sessions.authenticate(auth.sessions.refresh(ann.refresh_token, ClientInfo()).access_token)
    auth.password_change.change(identity, PASSWORD, CHANGED, ClientInfo())
    mailbox.clear()
    move(auth)
    deliver(auth)
    assert came(mailbox) == {
        (OWNER, "A new device signed in to your account"), (OWNER, "Your session was used from two places"),
        (OWNER, "Your password was changed"),
    }  # fmt: skip


def test_deletion_email_goes_to_the_owner_at_the_time(ann, auth, mailbox) -> None:
    auth.account_deletion.request(auth.sessions.authenticate(ann.access_token), PASSWORD, ClientInfo())
    mailbox.clear()
    move(auth)
    deliver(auth)
    assert {to for to, _ in came(mailbox)} == {OWNER}


def test_link_is_not_sent_to_a_former_owner(each_app, auth, mailbox) -> None:
    auth.registration.sign_up(OWNER, PASSWORD, ClientInfo())
    auth.password_reset.request(OWNER, ClientInfo())
    auth.admin_accounts.invite(None, "bob@example.com")
    assert auth.compat.change_email(auth.admin_accounts.find("bob@example.com"), "bob@example.org", ClientInfo())
    move(auth)
    deliver(auth)
    assert came(mailbox) == set()
    assert {item.state for item in auth.mail_queue.recent()} == {"dropped"}


def test_email_is_sent_to_the_address_as_typed(ann, auth, mailbox) -> None:
    mailbox.clear()
    auth.password_reset.request("ANN@EXAMPLE.COM", ClientInfo())
    deliver(auth)
    assert came(mailbox) == {(OWNER, "Choose a new password")}


def test_messages_of_the_version_before_go_to_the_account(ann, each_app, auth, mailbox) -> None:
    """While an upgrade goes on, its processes still write rows without an address."""

    identity = auth.sessions.authenticate(ann.access_token)
    auth.password_change.change(identity, PASSWORD, CHANGED, ClientInfo())
    auth.password_reset.request(OWNER, ClientInfo())
    with each_app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE outbox SET mailbox = NULL"))
        connection.execute(sa.text("UPDATE outbox SET address = NULL WHERE kind = 'password_changed'"))
    mailbox.clear()
    deliver(auth)
    assert {to for to, _ in came(mailbox)} == {OWNER}
    assert len(mailbox.messages) == 2
