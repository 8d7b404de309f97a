"""The part of the walk that is about second factors, trusted devices and passkeys."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask

from app.current import auth_of
from tests.support.api import PASSWORD, sign_up
from tests.support.authenticator_app import AuthenticatorApp, Owner
from tests.support.clock import SettableClock
from tests.support.passkey_holder import PasskeyHolder
from tests.support.smtp import FakeSmtpServer


@dataclass
class FactorsWalk:
    """Calls the routes of second factors and passkeys."""

    app: Flask
    auth: Any
    mailbox: FakeSmtpServer
    clock: SettableClock

    def all(self) -> None:
        """The whole of this part."""
        self._undo()
        self._app_during_sign_in()
        self._passkeys()
        self._authenticator_app()  # last, because it moves the clock

    def _authenticator_app(self) -> None:
        owner = Owner(self.app.test_client(), self.clock, "owner@example.com").sign_up()
        _ok(owner.call("GET", "/account/factors"))
        _ok(owner.call("PATCH", f"/account/factors/{owner.factor_id}", name="Tablet"))
        owner.second_step(code=owner.app.wrong_code())
        owner.sign_in(code=owner.new_code(), trust_device=True)
        owner.sign_in(recovery_code=owner.recovery_codes[0])
        devices = _ok(owner.call("GET", "/account/trusted-devices")).json["trusted_devices"]
        _ok(owner.call("DELETE", f"/account/trusted-devices/{devices[0]['id']}"))
        _ok(owner.call("DELETE", "/account/trusted-devices"))
        _ok(owner.call("POST", "/account/factors/recovery-codes", code=owner.new_code()))
        _ok(owner.call("DELETE", f"/account/factors/{owner.factor_id}", code=owner.new_code()))

    def _undo(self) -> None:
        other = Owner(self.app.test_client(), self.clock, "other@example.com").sign_up()
        while self.auth.mail_delivery.deliver_due():
            pass
        words = " ".join(email.text for email in self.mailbox.messages if "other@" in email.recipients[0]).split()
        link = next(word for word in words if "/undo-second-factor#token=" in word)
        _ok(other.client.post("/api/v1/account/factors/undo", json={"token": link.partition("#token=")[2]}))

    def _app_during_sign_in(self) -> None:
        client = self.app.test_client()
        sign_up(client, email="late@example.com")
        with self.app.app_context():
            factors = auth_of(self.app).factors
            account = factors.accounts.by_email("late@example.com")
            # The token that the policy would give.
            token = factors.links.sign(
                "second-factor-enrolment.pwd",
                account_id=account.id, state=account.credentials_version,
                expires_at=self.clock.now() + timedelta(minutes=5),
            )  # fmt: skip
        made = _ok(client.post("/api/v1/auth/second-factor/totp", json={"token": token})).json
        code = AuthenticatorApp(made["secret"], self.clock).code()
        body = {"token": token, "id": made["id"], "code": code}
        _ok(client.post("/api/v1/auth/second-factor/totp/confirm", json=body))

    def _passkeys(self) -> None:
        holder = PasskeyHolder(self.app.test_client(), email="holder@example.com").sign_up()
        _ok(holder.sign_in())
        _ok(holder.reauthenticate())
        passkey = holder.passkeys()[0]["id"]
        _ok(holder.call("PATCH", f"/account/passkeys/{passkey}", name="Laptop"))
        _ok(holder.call("POST", "/auth/reauthenticate", password=PASSWORD))
        _ok(holder.call("DELETE", f"/account/passkeys/{passkey}"))
        _ok(PasskeyHolder(self.app.test_client(), email="keyed@example.com").sign_up_without_password())


def _ok(answer: Any) -> Any:
    assert answer.status_code < 400, answer.text
    return answer
