"""The export: every message is in it, and nothing tells whether somebody else's address has an account."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core.client_info import ClientInfo
from app.core.errors import ServiceError

PASSWORD = "correct horse battery"
TAKEN, FREE = "taken@example.org", "free@example.org"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class Asker:
    """Somebody who asks for a change to an address, and looks at all that the service shows about it."""

    def __init__(self, auth: Any, email: str, wanted: str) -> None:
        self._auth, self.email, self.wanted = auth, email, wanted
        tokens = auth.registration.sign_up(email, PASSWORD, ClientInfo())
        self.identity = auth.sessions.authenticate(tokens.access_token)

    def ask(self) -> None:
        self._auth.email_change.request(self.identity, self.wanted, PASSWORD, ClientInfo())

    def guess(self) -> None:
        with pytest.raises(ServiceError, match="code"):
            self._auth.email_change.confirm_with_code(self.identity, "BBBB-BBBB", ClientInfo())

    def sees(self) -> dict[str, Any]:
        """Export, activity and account, in words that do not say who it is."""
        shown = {
            "export": self._auth.export.of(self.identity.owner),
            "activity": self._auth.activity.page(self.identity, 50).items,
            "account": self._auth.admin_accounts.find(self.email),
        }
        words = UUID.sub("an id", json.dumps(shown, default=repr).replace(self.wanted, "the address"))
        words = re.sub("password_hash='[^']*'", "", words)
        seen: dict[str, Any] = json.loads(words.replace(self.email, "me"))
        return seen


@pytest.fixture
def askers(each_app: Flask, auth: Any, clock: Any) -> list[Asker]:
    """Two who do the same: one wants an address that is taken, the other one that is free."""
    clock.hold()
    auth.registration.sign_up(TAKEN, PASSWORD, ClientInfo())
    found = [Asker(auth, "ann@example.com", TAKEN), Asker(auth, "eve@example.com", FREE)]
    deliver(auth)
    return found


def deliver(auth: Any) -> None:
    while auth.mail_delivery.deliver_due():
        pass


def messages(auth: Any, email: str) -> list[dict[str, Any]]:
    exported: list[dict[str, Any]] = auth.export.of(auth.admin_accounts.find(email))["outbox"]
    return exported


def test_export_does_not_reveal_a_taken_address(askers, auth, clock) -> None:
    def same() -> None:
        taken, free = (asker.sees() for asker in askers)
        assert taken == free

    for asker in askers:
        asker.ask()
    same()
    clock.advance(minutes=1)
    deliver(auth)
    same()
    for _ in range(4):  # more than are sent at once
        for asker in askers:
            asker.ask()
            asker.ask()
        clock.advance(minutes=1)
        deliver(auth)
        same()
    for asker in askers:
        asker.guess()
    same()
    clock.advance(hours=2)
    deliver(auth)
    same()
    clock.advance(days=1)
    same()


def test_export_does_not_reveal_that_another_account_was_deleted(askers, auth, clock) -> None:
    for asker in askers:
        asker.ask()
    deliver(auth)
    tokens = auth.sign_in.with_password(TAKEN, PASSWORD, ClientInfo())
    auth.account_deletion.request(auth.sessions.authenticate(tokens.access_token), PASSWORD, ClientInfo())
    clock.advance(days=8)
    auth.cleanup.run()
    taken, free = (asker.sees() for asker in askers)
    assert taken == free


def test_operators_see_the_same_of_both(askers, auth) -> None:
    for asker in askers:
        asker.ask()
    deliver(auth)
    found = [item for item in auth.mail_queue.recent() if item.kind == "email_change_confirm"]
    assert len({(item.state, item.attempts, item.error, item.finished_at) for item in found}) == 1


def test_messages_to_the_address_alone_are_in_the_export(each_app, auth, clock) -> None:
    auth.registration.sign_up("Ann@example.com", PASSWORD, ClientInfo())
    deliver(auth)
    auth.password_reset.request("ANN@EXAMPLE.COM", ClientInfo(languages=("de",)))
    assert [item["kind"] for item in messages(auth, "ann@example.com")] == ["verify_email", "reset_password"]
    deliver(auth)
    newest = messages(auth, "ann@example.com")[-1]
    assert (newest["kind"], newest["state"], newest["locale"]) == ("reset_password", "sent", "de")


def test_messages_from_before_the_account_are_not_about_it(each_app, auth, clock) -> None:
    auth.password_reset.request("ann@example.com", ClientInfo())
    clock.advance(minutes=1)
    auth.registration.sign_up("ann@example.com", PASSWORD, ClientInfo())
    assert [item["kind"] for item in messages(auth, "ann@example.com")] == ["verify_email"]


def test_messages_stay_with_the_account_that_moves_away(askers, auth, mailbox, clock) -> None:
    eve = askers[1]
    auth.password_reset.request(eve.email, ClientInfo())
    eve.ask()
    deliver(auth)
    token = next(email.token for email in mailbox.messages if "/confirm-email#" in email.text)
    auth.email_change.confirm(token, ClientInfo())
    deliver(auth)
    clock.advance(hours=73)  # until then the address is kept for Eve, who can take it back
    auth.registration.sign_up(eve.email, PASSWORD, ClientInfo())  # somebody else, with Eve's address of before
    assert "reset_password" in [item["kind"] for item in messages(auth, FREE)]
    assert [item["kind"] for item in messages(auth, eve.email)] == ["verify_email"]


def test_erasing_takes_the_messages_to_a_former_address_along(askers, auth, mailbox, clock, each_app) -> None:
    eve = askers[1]
    auth.password_reset.request(eve.email, ClientInfo())
    eve.ask()
    deliver(auth)
    token = next(email.token for email in mailbox.messages if "/confirm-email#" in email.text)
    auth.email_change.confirm(token, ClientInfo())
    deliver(auth)
    tokens = auth.sign_in.with_password(FREE, PASSWORD, ClientInfo())
    auth.account_deletion.request(auth.sessions.authenticate(tokens.access_token), PASSWORD, ClientInfo())
    deliver(auth)
    clock.advance(timedelta(days=8).total_seconds())
    auth.cleanup.run()
    farewells = ("account_deleted", "moved_account_deleted")
    left = [item.address for item in auth.mail_queue.recent() if item.kind not in farewells]
    assert "e…@example.com" not in left
    assert "f…@example.org" not in left
