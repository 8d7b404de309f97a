"""SECOND_FACTOR: who must have a second factor, and what a sign-in without one leads to."""

import pytest

from tests.support.api import ANN, is_problem, log_in, make_admin, me, sign_up, sql
from tests.support.authenticator_app import AuthenticatorApp, Owner

everybody = pytest.mark.settings(second_factor="everybody")
administrators = pytest.mark.settings(second_factor="administrators")
STEP = "/api/v1/auth/second-factor"


def enrolment(answer):
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_enrolment_required"), answer.text
    assert answer.json["second_factor"]["methods"] == ["totp"]
    return answer.json["second_factor"]["token"]


def finish(client, clock, token):
    made = client.post(f"{STEP}/totp", json={"token": token, "name": "Phone"})
    assert made.status_code == 201, made.text
    code = AuthenticatorApp(made.json["secret"], clock).code()
    return client.post(f"{STEP}/totp/confirm", json={"token": token, "id": made.json["id"], "code": code})


@everybody
@pytest.mark.usefixtures("each_database")
def test_sign_up_leads_to_enrolment_and_then_to_tokens(app, client, clock):
    token = enrolment(client.post("/api/v1/auth/signup", json=ANN))
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]
    assert sql(app, "SELECT count(*) FROM sessions") == [(0,)]
    answer = finish(client, clock, token)
    assert answer.status_code == 200
    assert len(answer.json["recovery_codes"]) == 10
    assert me(client, answer.json).json["has_second_factor"] is True
    assert log_in(client).json["code"] == "second_factor_required"


@everybody
def test_sign_up_sends_its_email_all_the_same(app, client):
    enrolment(client.post("/api/v1/auth/signup", json=ANN))
    assert sql(app, "SELECT kind FROM outbox") == [("verify_email",)]
    assert sql(app, "SELECT event FROM audit_events") == [("account.created",)]


@everybody
def test_enrolment_token_opens_nothing_else(client):
    token = enrolment(client.post("/api/v1/auth/signup", json=ANN))
    assert is_problem(client.post(STEP, json={"token": token, "code": "123456"}), 400, "sign_in_token_invalid")
    for path in ("/account", "/account/factors", "/account/sessions"):
        answer = client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


@everybody
def test_enrolment_token_works_once(client, clock):
    token = enrolment(client.post("/api/v1/auth/signup", json=ANN))
    assert finish(client, clock, token).status_code == 200
    assert is_problem(client.post(f"{STEP}/totp", json={"token": token}), 401, "sign_in_expired")


@everybody
def test_enrolment_token_expires(client, clock):
    token = enrolment(client.post("/api/v1/auth/signup", json=ANN))
    clock.advance(301)
    assert is_problem(client.post(f"{STEP}/totp", json={"token": token}), 401, "sign_in_expired")


@everybody
@pytest.mark.settings(basic_auth=True)
def test_basic_authentication_without_a_factor_is_refused(client):
    enrolment(client.post("/api/v1/auth/signup", json=ANN))
    answer = client.get("/api/v1/account", auth=(ANN["email"], ANN["password"]))
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_enrolment_required")


@everybody
def test_last_factor_cannot_be_removed(app, client, clock):
    token = enrolment(client.post("/api/v1/auth/signup", json=ANN))
    owner = Owner(client, clock)
    owner.tokens, owner.recovery_codes = finish(client, clock, token).json, []
    ((factor_id,),) = sql(app, "SELECT id FROM totp_factors")
    assert is_problem(owner.call("DELETE", f"/account/factors/{factor_id}"), 409, "last_factor")
    owner.add_app("Tablet")
    assert owner.call("DELETE", f"/account/factors/{factor_id}").status_code == 204


@administrators
def test_only_administrators_must_have_one(app, client):
    sign_up(client)
    assert log_in(client).status_code == 200
    make_admin(app)
    enrolment(log_in(client))


@administrators
def test_administrator_without_a_factor_cannot_write(app, client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    make_admin(app)
    assert owner.call("GET", "/admin/users").status_code == 200
    answer = owner.call("POST", "/admin/users", email="eve@example.com")
    assert (answer.status_code, answer.json["code"]) == (403, "stronger_sign_in_required")
    owner.add_app()
    assert owner.call("POST", "/admin/users", email="eve@example.com").status_code == 201


def test_administrators_remove_the_factors_of_another(app, owner, clock, auth, mailbox):
    admin = Owner(owner.client, clock, "admin@example.com")
    admin.tokens = sign_up(owner.client, email=admin.email)
    make_admin(app, admin.email)
    ((user_id,),) = sql(app, "SELECT id FROM accounts WHERE email = :email", email=owner.email)
    assert admin.call("DELETE", f"/admin/users/{user_id}/factors").status_code == 204
    assert owner.call("GET", "/account").status_code == 401
    assert log_in(owner.client).status_code == 200
    while auth.mail_delivery.deliver_due():
        pass
    assert any("An administrator removed all authenticator apps" in " ".join(each.text.split())
               for each in mailbox.messages)  # fmt: skip
    event = sql(app, "SELECT event, actor_id, account_id FROM audit_events ORDER BY id DESC LIMIT 2")
    assert ("factor.removed", user_id) in [(name, account) for name, _, account in event]


def test_others_cannot_remove_the_factors_of_an_account(app, owner, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    ((user_id,),) = sql(app, "SELECT id FROM accounts WHERE email = :email", email=owner.email)
    assert is_problem(eve.call("DELETE", f"/admin/users/{user_id}/factors"), 403, "forbidden")
    assert owner.first_step().json["code"] == "second_factor_required"
