"""Trusted devices: sign-in does not ask there for the second factor, and everything else does."""

import pytest

from tests.support.api import NEW, PASSWORD, is_problem, me, sql
from tests.support.authenticator_app import Owner

pytestmark = pytest.mark.settings(trusted_device_days=30)
on_each_database = pytest.mark.usefixtures("each_database")


@pytest.fixture
def trusted(owner):
    """The token of a device that Ann trusts."""
    answer = owner.second_step(code=owner.new_code(), trust_device=True)
    owner.tokens = answer.json
    return answer.json["trusted_device_token"]


def skip(owner, token):
    """Sign in on a device with this token."""
    return owner.first_step(trusted_device_token=token)


@on_each_database
def test_trusted_device_skips_the_question_and_stays_at_level_one(owner, trusted):
    tokens = skip(owner, trusted).json
    assert me(owner.client, tokens).status_code == 200
    answer = owner.call("POST", "/account/factors/recovery-codes", tokens["access_token"])
    assert answer.json["code"] == "stronger_sign_in_required"
    assert answer.json["acr"] == "aal2"


def test_wrong_password_on_a_trusted_device_is_refused(owner, trusted):
    assert owner.first_step(trusted_device_token=trusted, password="a wrong one").status_code == 401


@pytest.mark.settings(trusted_device_days=0)
def test_no_device_is_trusted_unless_the_operator_allows_it(owner):
    assert "trusted_device_token" not in owner.second_step(code=owner.new_code(), trust_device=True).json


def test_device_is_not_trusted_unasked(app, owner):
    assert "trusted_device_token" not in owner.sign_in()
    assert sql(app, "SELECT count(*) FROM trusted_devices") == [(0,)]


def test_trust_ends_after_its_days(owner, trusted):
    owner.clock.advance(days=30, seconds=1)
    assert skip(owner, trusted).status_code == 403


def test_token_of_another_account_is_worth_nothing(owner, trusted, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    assert skip(eve, trusted).status_code == 403


def test_device_token_of_known_devices_is_not_enough(owner):
    answer = owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie", json={"token": owner.step_token(), "code": owner.new_code()}
    )
    assert answer.status_code == 200
    assert owner.client.get_cookie("latchkey_device") is not None
    assert owner.first_step().status_code == 403


def test_cookie_of_a_trusted_device_skips_the_question(owner):
    owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie",
        json={"token": owner.step_token(), "code": owner.new_code(), "trust_device": True},
    )
    assert owner.client.get_cookie("latchkey_trusted_device").http_only
    assert owner.first_step().status_code == 200


@on_each_database
def test_devices_are_listed_and_removed_one_by_one(owner, trusted):
    second = owner.second_step(code=owner.new_code(), trust_device=True).json["trusted_device_token"]
    listed = owner.call("GET", "/account/trusted-devices").json["trusted_devices"]
    assert len(listed) == 2
    assert owner.call("DELETE", f"/account/trusted-devices/{listed[0]['id']}").status_code == 204
    assert (skip(owner, second).status_code, skip(owner, trusted).status_code) == (403, 200)
    assert owner.call("DELETE", "/account/trusted-devices").status_code == 204
    assert skip(owner, trusted).status_code == 403


def test_device_of_another_account_cannot_be_removed(owner, trusted, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    (device,) = owner.call("GET", "/account/trusted-devices").json["trusted_devices"]
    answer = eve.call("DELETE", f"/account/trusted-devices/{device['id']}")
    assert is_problem(answer, 404, "trusted_device_not_found")
    assert skip(owner, trusted).status_code == 200


def test_password_change_elsewhere_ends_the_trust(owner, trusted):
    owner.call("PUT", "/account/password", current_password=PASSWORD, password=NEW)
    assert owner.first_step(trusted_device_token=trusted, password=NEW).status_code == 403


def test_password_change_on_the_trusted_device_keeps_it(owner):
    owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie",
        json={"token": owner.step_token(), "code": owner.new_code(), "trust_device": True},
    )
    csrf = owner.client.get_cookie("latchkey_csrf").value
    answer = owner.client.put(
        "/api/v1/account/password", json={"current_password": PASSWORD, "password": NEW}, headers={"X-CSRF-Token": csrf}
    )
    assert answer.status_code == 204, answer.text
    assert owner.first_step(password=NEW).status_code == 200


def test_reset_ends_the_trust(owner, trusted, auth, mailbox):
    owner.client.post("/api/v1/forgot-password", json={"email": owner.email})
    while auth.mail_delivery.deliver_due():
        pass
    text = next(each.text for each in mailbox.messages if "/reset-password#token=" in each.text)
    token = text.partition("/reset-password#token=")[2].split()[0]
    owner.client.post("/api/v1/reset-password", json={"reset_token": token, "password": NEW})
    assert owner.first_step(trusted_device_token=trusted, password=NEW).status_code == 403


def test_removing_a_factor_ends_the_trust(owner, trusted):
    removed = owner.factor_id
    owner.add_app("Tablet")
    assert owner.call("DELETE", f"/account/factors/{removed}").status_code == 204
    assert skip(owner, trusted).status_code == 403


def test_trusted_devices_are_in_the_export(owner, trusted):
    exported = owner.call("GET", "/account/export")
    assert exported.json["trusted_devices"][0]["ip"] == "127.0.0.1"
    assert trusted not in exported.text
