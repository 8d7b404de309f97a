"""The part of the walk that uses second factors and passkeys."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from app.core.clock import Clock
from app.flows.steps.require_second_factor import ENROLMENT
from tests.support.api import PASSWORD, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.support.passkey_holder import PasskeyHolder

Note = Callable[[str, str, TestResponse], TestResponse]


class NotedClient:
    """A test client that notes each of its requests."""

    def __init__(self, app: Flask, note: Note) -> None:
        self._client, self._note = app.test_client(), note

    def open(self, path: str, *, method: str, **sent: Any) -> TestResponse:
        return self._note(method, path, self._client.open(path, method=method, **sent))

    def get(self, path: str, **sent: Any) -> TestResponse:
        return self.open(path, method="GET", **sent)

    def post(self, path: str, **sent: Any) -> TestResponse:
        return self.open(path, method="POST", **sent)


def walk_factors(app: Flask, note: Note, tokens_of_emails: Callable[[str], str]) -> None:
    """Set up, use and remove second factors. Needs TRUSTED_DEVICE_DAYS."""
    owner = Owner(NotedClient(app, note), Clock(), "owner@example.com").sign_up()
    undo = tokens_of_emails("undo-second-factor")
    _use_the_app(app, owner)
    for path in ("/account/factors", "/account/trusted-devices"):
        assert owner.call("GET", path).status_code == 200
    owner.call("PATCH", f"/account/factors/{owner.factor_id}", name="Tablet")
    owner.call("POST", "/auth/reauthenticate", code=_code(app, owner))
    owner.call("POST", "/auth/reauthenticate", recovery_code=owner.recovery_codes[1])
    assert owner.call("POST", "/account/factors/recovery-codes").status_code == 200
    (device,) = owner.call("GET", "/account/trusted-devices").json["trusted_devices"]
    owner.call("DELETE", f"/account/trusted-devices/{device['id']}")
    owner.call("DELETE", "/account/trusted-devices")
    owner.client.post("/api/v1/account/factors/undo", json={"token": undo})
    again = owner.client.post("/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD})
    owner.tokens = again.json
    owner.add_app()
    assert owner.call("DELETE", f"/account/factors/{owner.factor_id}").status_code == 204


def _use_the_app(app: Flask, owner: Owner) -> None:
    step = owner.step_token()
    owner.second_step(step, code=owner.app.wrong_code())
    trusted = owner.second_step(step, code=_code(app, owner), trust_device=True).json["trusted_device_token"]
    assert owner.first_step(trusted_device_token=trusted).status_code == 200
    owner.sign_in(recovery_code=owner.recovery_codes[0])


def _code(app: Flask, owner: Owner) -> str:
    """A code that was not used: the walk has no time to wait for the next one."""
    sql(app, "UPDATE totp_factors SET last_step = 0 WHERE id = :id", id=owner.factor_id)
    return owner.app.code()


def walk_enrolment(app: Flask, note: Note) -> None:
    """Set up a second factor during a sign-in, with the token that a policy would give."""
    client = NotedClient(app, note)
    sign_up(client, email="must@example.com")
    ((account_id,),) = sql(app, "SELECT id FROM accounts WHERE email_canonical = 'must@example.com'")
    links, expires_at = app.extensions["latchkey"].factors.links, Clock().now() + timedelta(minutes=5)
    token = links.sign(f"{ENROLMENT}.pwd", account_id=account_id, state=0, expires_at=expires_at)
    made = client.post("/api/v1/auth/second-factor/totp", json={"token": token}).json
    confirmation = {"token": token, "id": made["id"], "code": pyotp.TOTP(made["secret"]).now()}
    done = client.post("/api/v1/auth/second-factor/totp/confirm", json=confirmation)
    assert done.status_code == 200, done.text


def walk_passkeys(app: Flask, note: Note) -> None:
    """Sign up and in with a passkey, add another one, rename and remove them."""
    holder = PasskeyHolder(NotedClient(app, note), email="holder@example.com").sign_up()
    assert holder.sign_in().status_code == 200
    holder.sign_in(user_handle=b"of another account")
    assert holder.reauthenticate().status_code == 204
    (passkey,) = holder.passkeys()
    assert holder.call("PATCH", f"/account/passkeys/{passkey['id']}", name="Laptop").status_code == 204
    assert holder.call("DELETE", f"/account/passkeys/{passkey['id']}").status_code == 204
    holder.sign_in()
    other = PasskeyHolder(NotedClient(app, note), email="other@example.com")
    assert other.sign_up_without_password().status_code == 201
