"""Sensitive actions ask for recent authentication at the level that the account has."""

import pytest

from app.web.guards import REAUTHENTICATION_ERRORS
from tests.support.api import NEW, PASSWORD, bearer, is_problem, refresh, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.web.api.factors.test_second_step import claims
from tests.web.api.routes import ROUTES, example

SENSITIVE = [
    pytest.param(method, path, contract, id=f"{method} {path}")
    for method, path, contract in ROUTES
    if REAUTHENTICATION_ERRORS[1] in contract.errors
]
LEVEL_ONE = "UPDATE sessions SET level = 1, auth_methods = 'pwd'"
LONG_AGO = "UPDATE sessions SET authenticated_at = '2020-01-01 00:00:00.000000'"


def reauthenticate(owner, **proof):
    return owner.call("POST", "/auth/reauthenticate", **proof)


def test_the_sensitive_routes_are_these():
    assert {param.id for param in SENSITIVE} >= {
        "DELETE /api/v1/account",
        "PUT /api/v1/account/email",
        "PUT /api/v1/account/password",
        "POST /api/v1/account/factors/totp",
        "POST /api/v1/account/factors/recovery-codes",
        "POST /api/v1/admin/keys/rotate",
    }


@pytest.mark.parametrize(("method", "path", "contract"), SENSITIVE)
def test_session_at_level_one_is_asked_for_the_second_factor(app, owner, method, path, contract):
    sql(app, LEVEL_ONE)
    sql(app, "UPDATE accounts SET roles = 'admin'")
    body = (example(contract) | {"current_password": PASSWORD}) if contract.takes else None
    body = {name: value for name, value in (body or {}).items() if name in contract.takes.model_fields} or None
    answer = owner.client.open(path, method=method, json=body, headers=bearer(owner.tokens["access_token"]))
    assert (answer.status_code, answer.json["code"]) == (403, "stronger_sign_in_required")
    assert answer.json["acr"] == "aal2"


@pytest.mark.usefixtures("each_database")
def test_code_raises_the_session_to_level_two(app, owner):
    sql(app, LEVEL_ONE)
    assert is_problem(reauthenticate(owner, code=owner.app.wrong_code()), 400, "code_invalid")
    code = owner.new_code()
    assert reauthenticate(owner, code=code).status_code == 204
    assert reauthenticate(owner, code=code).json["code"] == "code_invalid"
    assert (claims(refresh(owner.client, owner.tokens).json)["amr"]) == ["pwd", "otp", "mfa"]
    assert owner.call("POST", "/account/factors/recovery-codes").status_code == 200


def test_recovery_code_reauthenticates_once(app, owner):
    sql(app, LONG_AGO)
    code = owner.recovery_codes[0]
    assert owner.call("DELETE", "/account").json["code"] == "reauthentication_required"
    assert reauthenticate(owner, recovery_code=code).status_code == 204
    assert reauthenticate(owner, recovery_code=code).json["code"] == "code_invalid"
    assert owner.call("POST", "/account/factors/recovery-codes").status_code == 200


def test_password_alone_reauthenticates_no_account_with_a_factor(app, owner):
    sql(app, LONG_AGO)
    answer = reauthenticate(owner, password=PASSWORD)
    assert (answer.status_code, answer.json["code"]) == (403, "stronger_sign_in_required")
    answer = owner.call("PUT", "/account/password", current_password=PASSWORD, password=NEW)
    assert is_problem(answer, 403, "reauthentication_required")


def test_wrong_password_is_named_although_the_level_is_enough(owner):
    answer = owner.call("PUT", "/account/password", current_password="a wrong one", password=NEW)
    assert is_problem(answer, 403, "wrong_password")


def test_code_without_a_second_factor_is_wrong(client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    assert reauthenticate(owner, code="123456").json["code"] == "code_invalid"


def test_exactly_one_proof_is_needed(owner):
    for proof in ({}, {"password": PASSWORD, "code": "123456"}):
        answer = owner.client.post(
            "/api/v1/auth/reauthenticate", json=proof, headers=bearer(owner.tokens["access_token"])
        )
        assert answer.json["errors"][0]["code"] == "choose_one"
