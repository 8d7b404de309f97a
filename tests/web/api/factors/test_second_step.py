"""The second step of a sign-in, and the ways around it that do not exist."""

import base64
import json

import pytest

from tests.support.api import NEW, PASSWORD, bearer, is_problem, me, refresh, sign_up, sql
from tests.support.authenticator_app import Owner

on_each_database = pytest.mark.usefixtures("each_database")


def claims(tokens):
    part = tokens["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_right_password_gets_a_token_for_the_second_step(owner):
    answer = owner.first_step()
    assert answer.status_code == 403
    assert answer.json["code"] == "second_factor_required"
    step = answer.json["second_factor"]
    assert (step["expires_in"], step["methods"]) == (300, ["totp", "recovery_code"])
    assert "access_token" not in answer.text


def test_wrong_password_reveals_no_second_factor(owner):
    answer = owner.first_step(password="a wrong password")
    assert is_problem(answer, 401, "invalid_credentials")


@on_each_database
def test_code_finishes_the_sign_in_at_level_two(owner):
    tokens = owner.sign_in()
    assert me(owner.client, tokens).json["has_second_factor"] is True
    assert (claims(tokens)["acr"], claims(tokens)["amr"]) == ("aal2", ["pwd", "otp", "mfa"])
    assert claims(refresh(owner.client, tokens).json)["acr"] == "aal2"


@on_each_database
def test_code_works_once(owner):
    token, code = owner.step_token(), owner.new_code()
    assert owner.second_step(token, code=code).status_code == 200
    assert owner.second_step(token, code=code).json["code"] == "code_invalid"
    assert owner.second_step(code=code).json["code"] == "code_invalid"


def test_code_older_than_the_last_used_one_is_rejected(owner):
    owner.clock.advance(60)
    owner.sign_in(code=owner.app.code())
    assert owner.second_step(code=owner.app.code(-1)).json["code"] == "code_invalid"


def test_code_that_confirmed_the_app_does_not_sign_in(owner):
    assert owner.second_step(code=owner.app.code()).json["code"] == "code_invalid"


@pytest.mark.parametrize(("steps", "status"), [(-2, 400), (-1, 200), (0, 200), (1, 200), (2, 400)])
def test_clock_may_be_one_step_off(owner, steps, status):
    owner.clock.advance(300)
    assert owner.second_step(code=owner.app.code(steps)).status_code == status


def test_clock_that_jumps_back_accepts_no_used_code(owner):
    owner.clock.advance(3_600)
    owner.sign_in(code=owner.app.code())
    owner.clock.reset()
    owner.clock.advance(60)
    assert owner.second_step(code=owner.app.code()).json["code"] == "code_invalid"
    assert owner.second_step(recovery_code=owner.recovery_codes[0]).status_code == 200


def test_code_of_another_account_is_rejected(owner, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    clock.advance(60)
    assert owner.second_step(code=eve.app.code()).json["code"] == "code_invalid"
    assert owner.second_step(eve.step_token(), code=owner.app.code()).json["code"] == "code_invalid"


def test_recovery_code_of_another_account_is_rejected(owner, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    assert owner.second_step(recovery_code=eve.recovery_codes[0]).json["code"] == "code_invalid"


@on_each_database
def test_recovery_code_works_once_however_it_is_typed(owner):
    code = owner.recovery_codes[0]
    assert owner.second_step(recovery_code=code.lower().replace("-", " ").replace("0", "O")).status_code == 200
    assert owner.second_step(recovery_code=code).json["code"] == "code_invalid"
    assert owner.call("GET", "/account/factors").json["recovery_codes_left"] == 9


@pytest.mark.parametrize("code", ["１２３４５６", "12345", "1234567", "abcdef", "      ", "-12345", "١٢٣٤٥٦"])
def test_only_six_ascii_digits_are_a_code(owner, code):
    assert owner.second_step(code=code).json["code"] == "code_invalid"


def test_token_of_the_second_step_expires(owner):
    token = owner.step_token()
    owner.clock.advance(301)
    assert is_problem(owner.second_step(token, code=owner.app.code()), 401, "sign_in_expired")


@on_each_database
def test_token_dies_with_a_change_of_the_password(owner):
    token = owner.step_token()
    assert owner.call("PUT", "/account/password", current_password=PASSWORD, password=NEW).status_code == 204
    assert is_problem(owner.second_step(token), 401, "sign_in_expired")


@pytest.mark.parametrize("column", ["disabled_at", "deletes_at"])
def test_token_dies_with_the_account(app, owner, column):
    token = owner.step_token()
    sql(app, f"UPDATE accounts SET {column} = created_at")
    assert is_problem(owner.second_step(token), 401, "sign_in_expired")


def test_forged_token_and_token_of_another_kind_are_rejected(owner):
    token = owner.step_token()
    for forged in ("x", token[:-2], owner.tokens["access_token"], owner.tokens["refresh_token"]):
        assert is_problem(owner.second_step(forged, code="123456"), 400, "sign_in_token_invalid")


def test_token_of_the_second_step_opens_no_route(owner):
    token = owner.step_token()
    for path in ("/account", "/account/factors"):
        assert owner.call("GET", path, token).status_code == 401
    assert owner.client.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code == 401
    enrol = owner.client.post("/api/v1/auth/second-factor/totp", json={"token": token})
    assert is_problem(enrol, 400, "sign_in_token_invalid")


def test_sign_in_during_enrolment_opens_no_session(app, client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    made = owner.call("POST", "/account/factors/totp", name="Phone")
    assert owner.first_step().status_code == 200  # not in force yet
    assert made.status_code == 201
    assert sql(app, "SELECT second_factor_at FROM accounts") == [(None,)]


def test_exactly_one_code_is_needed(owner):
    token = owner.step_token()
    for body in ({}, {"code": "123456", "recovery_code": owner.recovery_codes[0]}):
        answer = owner.client.post("/api/v1/auth/second-factor", json={"token": token} | body)
        assert answer.json["errors"][0]["code"] == "choose_one"


@on_each_database
def test_sign_in_with_both_factors_cancels_a_scheduled_deletion(app, owner):
    owner.sign_in()
    assert owner.call("DELETE", "/account").status_code == 204
    assert owner.first_step().status_code == 403
    assert sql(app, "SELECT count(*) FROM accounts WHERE deletes_at IS NOT NULL") == [(1,)]
    owner.sign_in()
    assert sql(app, "SELECT count(*) FROM accounts WHERE deletes_at IS NOT NULL") == [(0,)]


@on_each_database
def test_reset_neither_signs_in_nor_removes_the_factor(owner, auth, mailbox):
    owner.client.post("/api/v1/forgot-password", json={"email": owner.email})
    while auth.mail_delivery.deliver_due():
        pass
    text = next(each.text for each in mailbox.messages if "reset-password#token=" in each.text)
    token = text.partition("reset-password#token=")[2].split()[0]
    answer = owner.client.post("/api/v1/reset-password", json={"reset_token": token, "password": NEW})
    assert "access_token" not in answer.text
    again = owner.first_step(password=NEW)
    assert again.json["code"] == "second_factor_required"


@pytest.mark.settings(basic_auth=True)
def test_basic_authentication_is_refused(owner):
    basic = base64.b64encode(f"{owner.email}:{PASSWORD}".encode()).decode()
    answer = owner.client.get("/api/v1/account", headers={"Authorization": f"Basic {basic}"})
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required")


@pytest.mark.settings(trusted_device_days=30, basic_auth=True)
def test_trusted_device_does_not_help_basic_authentication(owner):
    owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie",
        json={"token": owner.step_token(), "code": owner.new_code(), "trust_device": True},
    )
    basic = base64.b64encode(f"{owner.email}:{PASSWORD}".encode()).decode()
    answer = owner.client.get("/api/v1/account", headers={"Authorization": f"Basic {basic}"})
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required")


def test_cookie_transport_sets_cookies_after_the_second_step(owner):
    first = owner.client.post("/api/v1/auth/login?transport=cookie", json={"email": owner.email, "password": PASSWORD})
    assert first.status_code == 403
    assert "Set-Cookie" not in first.headers
    answer = owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie",
        json={"token": first.json["second_factor"]["token"], "code": owner.new_code()},
    )
    assert answer.status_code == 200
    assert {"token_type", "csrf_token", "expires_in"} == answer.json.keys()
    assert owner.client.get("/api/v1/account").status_code == 200


def test_cookie_transport_rejects_a_second_step_of_another_site(owner):
    answer = owner.client.post(
        "/api/v1/auth/second-factor?transport=cookie",
        json={"token": owner.step_token(), "code": owner.new_code()},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert is_problem(answer, 403, "csrf_failed")


@on_each_database
def test_both_steps_are_in_the_audit_log(app, owner):
    owner.second_step(code=owner.app.wrong_code())
    owner.sign_in()
    events = [row[0] for row in sql(app, "SELECT event FROM audit_events ORDER BY id")]
    assert events[-4:] == ["second_factor.required", "second_factor.failed", "second_factor.required", "session.opened"]


@on_each_database
def test_session_opened_before_enrolment_ends(client, clock):
    owner = Owner(client, clock)
    stranger = sign_up(client)
    owner.tokens = owner.first_step().json
    owner.add_app()
    assert me(client, stranger).status_code == 401
    assert owner.call("GET", "/account").status_code == 200


def test_headers_of_the_answer_allow_no_caching(owner):
    assert owner.first_step().headers["Cache-Control"] == "no-store"
    answer = owner.client.get("/api/v1/account/factors", headers=bearer(owner.tokens["access_token"]))
    assert answer.headers["Cache-Control"] == "no-store"
