"""A passkey as the second step of a sign-in, and to authenticate again."""

import pytest

from tests.support.api import bearer, is_problem, log_in, refresh
from tests.support.authenticator import UP, Credential, Key
from tests.support.authenticator_app import Owner
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.factors.test_second_step import claims

on_each_database = pytest.mark.usefixtures("each_database")
STEP = "/api/v1/auth/second-factor"


@pytest.fixture
def owner(client, clock):
    """Ann with an authenticator app and a passkey."""
    owner = Owner(client, clock).sign_up()
    owner.holder = PasskeyHolder(client, tokens=owner.tokens)
    assert owner.holder.call("POST", "/auth/reauthenticate", code=owner.new_code()).status_code == 204
    assert owner.holder.add_passkey().status_code == 201
    return owner


def finish(owner, credential, token, **more):
    return owner.client.post(STEP, json={"token": token, "passkey": credential} | more)


@on_each_database
def test_passkey_finishes_the_second_step(owner):
    answer = owner.first_step().json["second_factor"]
    assert answer["methods"] == ["totp", "passkey", "recovery_code"]
    options = owner.holder.request_options(token=answer["token"])
    assert [each["id"] for each in options["allowCredentials"]] == [owner.holder.passkeys()[0]["credential_id"]]
    credential = owner.holder.authenticator.get(options, omit_user_handle=True)
    tokens = finish(owner, credential, answer["token"])
    assert tokens.status_code == 200
    assert (claims(tokens.json)["acr"], claims(tokens.json)["amr"]) == ("aal2", ["pwd", "hwk", "user", "mfa"])
    assert is_problem(finish(owner, credential, answer["token"]), 400, "challenge_used")


@pytest.mark.settings(trusted_device_days=30)
def test_passkey_may_trust_the_device(owner):
    token = owner.step_token()
    credential = owner.holder.authenticator.get(owner.holder.request_options(token=token))
    trusted = finish(owner, credential, token, trust_device=True).json["trusted_device_token"]
    assert owner.first_step(trusted_device_token=trusted).status_code == 200


def test_passkey_signs_in_without_the_app(owner):
    assert owner.holder.sign_in().status_code == 200


def test_challenge_to_sign_in_does_not_finish_the_second_step(owner):
    assert is_problem(finish(owner, owner.holder.assertion(), owner.step_token()), 400, "passkey_invalid")


def test_challenge_of_the_second_step_does_not_sign_in(owner):
    options = owner.holder.request_options(token=owner.step_token())
    assert is_problem(owner.holder.send(owner.holder.authenticator.get(options)), 400, "passkey_invalid")


def test_passkey_of_another_account_does_not_finish(owner, other):
    token = owner.step_token()
    credential = other.authenticator.get(owner.holder.request_options(token=token))
    assert is_problem(finish(owner, credential, token), 401, "passkey_unknown")


def test_challenge_of_another_account_does_not_finish(owner, app, clock):
    bob = Owner(app.test_client(), clock, email="bob@example.com").sign_up()
    bob.holder = PasskeyHolder(bob.client, email=bob.email, tokens=bob.tokens)
    assert bob.holder.add_passkey().status_code == 201
    credential = owner.holder.authenticator.get(bob.holder.request_options(token=bob.step_token()))
    assert is_problem(finish(owner, credential, owner.step_token()), 400, "passkey_invalid")


def test_unverified_user_does_not_finish(owner):
    token = owner.step_token()
    credential = owner.holder.authenticator.get(owner.holder.request_options(token=token), flags=UP)
    assert is_problem(finish(owner, credential, token), 400, "passkey_invalid")


@pytest.mark.parametrize("token", ["nonsense", ""])
def test_options_need_a_real_token(owner, token):
    answer = owner.client.post("/api/v1/auth/passkey/options", json={"token": token})
    assert answer.status_code == 400


def test_expired_sign_in_gets_no_options(owner, clock):
    token = owner.step_token()
    clock.advance(minutes=5)
    answer = owner.client.post("/api/v1/auth/passkey/options", json={"token": token})
    assert is_problem(answer, 401, "sign_in_expired")


@pytest.mark.parametrize("body", [{}, {"code": "123456", "passkey": None, "recovery_code": "x" * 24}])
def test_exactly_one_method_is_sent(owner, body):
    answer = owner.client.post(STEP, json={"token": owner.step_token()} | body)
    assert is_problem(answer, 400, "invalid_input")


@on_each_database
def test_passkey_raises_a_session_to_level_two(app, holder):
    holder.tokens = log_in(holder.client).json
    assert claims(holder.tokens)["acr"] == "aal1"
    credential = holder.authenticator.get(holder.reauthentication_options())
    assert holder.reauthenticate(credential).status_code == 204
    renewed = claims(refresh(holder.client, holder.tokens).json)
    assert (renewed["acr"], renewed["amr"]) == ("aal2", ["pwd", "hwk", "user", "mfa"])
    assert holder.reauthenticate(credential).json["code"] == "challenge_used"


def test_foreign_passkey_does_not_reauthenticate(holder, other):
    credential = other.authenticator.get(holder.reauthentication_options())
    assert is_problem(holder.reauthenticate(credential), 400, "passkey_invalid")


def test_unknown_passkey_does_not_reauthenticate(holder):
    unknown = Credential("localhost", holder.authenticator.newest.user_handle, Key())
    credential = holder.authenticator.get(holder.reauthentication_options(), credential=unknown)
    assert is_problem(holder.reauthenticate(credential), 400, "passkey_invalid")


def test_account_without_a_password_can_delete_itself(client, clock):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 201
    clock.advance(minutes=11)
    answer = client.delete("/api/v1/account", headers=bearer(holder.tokens["access_token"]))
    assert answer.json["code"] == "reauthentication_required"
    assert holder.reauthenticate().status_code == 204
    assert holder.call("DELETE", "/account").status_code == 204


def test_account_without_a_password_can_choose_one(client):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 201
    assert log_in(client).json["code"] == "invalid_credentials"
    assert holder.call("PUT", "/account/password", password="a new horse battery").status_code == 204
    assert log_in(client, password="a new horse battery").status_code == 200
