"""/api/v1/admin/users: what each route does to an account."""

import jwt
import pytest

from tests.support.api import bearer, is_problem, log_in, make_admin, me, refresh, sign_up, sql
from tests.support.person import Person as Visitor

EVE = {"email": "Eve@Example.com", "first_name": "Eve", "last_name": "Moss", "locale": "de", "roles": ["editor"]}
MEMBERS = {
    "id", "email", "email_verified", "first_name", "last_name", "locale", "roles", "state", "has_password",
    "has_second_factor", "permissions", "claims", "invited_at",
    "disabled_at", "deletes_at", "created_at", "updated_at",
}  # fmt: skip
TOO_LONG_TOGETHER = ["x" * 31 + str(number) for number in range(10)]


def shown(desk, person):
    return desk.get(f"users/{person.id}").json


def test_an_account_is_shown_whole_and_without_its_hash(desk, bob):
    user = shown(desk, bob)
    assert user.keys() == MEMBERS
    assert (user["email"], user["state"], user["has_password"]) == ("bob@example.com", "active", True)


@pytest.mark.usefixtures("each_database")
def test_invited_person_sets_a_password_by_email(app, auth, mailbox, desk):
    answer = desk.post("users", **EVE)
    assert answer.status_code == 201
    invited = answer.json
    assert (invited["email"], invited["roles"], invited["has_password"]) == ("Eve@example.com", ["editor"], False)
    eve = Visitor(app.test_client(), auth, mailbox, "eve@example.com")
    assert eve.sign_in().status_code == 401
    token = eve.link("Sie haben ein Konto bei Latchkey", "reset-password")
    assert eve.send("reset-password", reset_token=token, password="correct horse battery").status_code == 200
    assert eve.sign_in().status_code == 200
    account = eve.ask("GET", "account").json
    assert (account["first_name"], account["email_verified"], account["roles"]) == ("Eve", True, ["editor"])
    assert eve.send("reset-password", reset_token=token, password="another horse battery").json["code"] == "link_used"


def test_expired_invitation_is_replaced_by_a_new_email(app, auth, mailbox, desk, clock):
    desk.post("users", email="eve@example.com")
    eve = Visitor(app.test_client(), auth, mailbox, "eve@example.com")
    token = eve.link("You have an account", "reset-password")
    assert "24 hours" in eve.newest("You have an account")
    clock.advance(days=1, seconds=1)
    late = eve.send("reset-password", reset_token=token, password="correct horse battery")
    assert late.json["code"] == "link_expired"
    eve.send("forgot-password", email=eve.email)
    assert eve.choose_new_password().status_code == 200


def test_newer_email_supersedes_the_invitation(app, auth, mailbox, desk):
    invited = desk.post("users", email="eve@example.com").json
    eve = Visitor(app.test_client(), auth, mailbox, "eve@example.com")
    old = eve.link("You have an account", "reset-password")
    desk.post(f"users/{invited['id']}/reset")
    assert eve.choose_new_password().status_code == 200
    late = eve.send("reset-password", reset_token=old, password="another horse battery")
    assert late.json["code"] == "link_used"


def test_a_taken_address_is_a_conflict(desk, bob):
    assert is_problem(desk.post("users", email="BOB@example.com"), 409, "email_taken")


def test_administrator_cannot_set_a_password(desk, bob):
    assert is_problem(desk.post("users", email="eve@example.com", password="hunter2 hunter2"), 400, "invalid_input")
    assert is_problem(desk.put(f"users/{bob.id}/roles", roles=[], password="x"), 400, "invalid_input")


@pytest.mark.usefixtures("each_database")
def test_disabling_ends_sessions_and_rejects_logins(client, desk, bob):
    assert desk.post(f"users/{bob.id}/disable").status_code == 204
    assert me(client, bob.tokens).status_code == 401
    assert refresh(client, bob.tokens).status_code == 401
    assert is_problem(log_in(client, email=bob.email), 401, "invalid_credentials")
    assert shown(desk, bob)["state"] == "disabled"
    assert desk.get(f"users/{bob.id}/sessions").json == {"sessions": []}


def test_enabling_lets_its_owner_in_again_by_a_new_session(client, desk, bob):
    desk.post(f"users/{bob.id}/disable")
    assert desk.post(f"users/{bob.id}/enable").status_code == 204
    assert log_in(client, email=bob.email).status_code == 200
    assert me(client, bob.tokens).status_code == 401


def test_a_link_sent_before_does_not_outlive_the_disabling(app, auth, mailbox, desk, bob):
    visitor = Visitor(app.test_client(), auth, mailbox, bob.email)
    visitor.send("forgot-password", email=bob.email)
    token = visitor.link("Choose a new password", "reset-password")
    desk.post(f"users/{bob.id}/disable")
    desk.post(f"users/{bob.id}/enable")
    assert visitor.send("reset-password", reset_token=token, password="x" * 20).json["code"] == "link_used"


@pytest.mark.usefixtures("each_database")
def test_roles_apply_at_once_and_in_the_next_token(client, desk, bob):
    assert desk.put(f"users/{bob.id}/roles", roles=["writer", "editor", "writer"]).status_code == 204
    assert me(client, bob.tokens).json["roles"] == ["editor", "writer"]
    token = refresh(client, bob.tokens).json["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["roles"] == ["editor", "writer"]


@pytest.mark.parametrize(
    "roles", [["Admin"], ["1st"], [""], ["a b"], ["ädmin"], ["x\n"], ["admin "], ["x"] * 11, TOO_LONG_TOGETHER]
)
def test_unknown_role_is_rejected(desk, bob, roles):
    answer = desk.put(f"users/{bob.id}/roles", roles=roles)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"].startswith("roles")
    assert shown(desk, bob)["roles"] == []


def test_admin_reset_sends_an_email_and_ends_no_session(client, auth, mailbox, desk, bob):
    assert desk.post(f"users/{bob.id}/reset").status_code == 204
    visitor = Visitor(client, auth, mailbox, bob.email)
    assert me(client, bob.tokens).status_code == 200
    assert visitor.choose_new_password().status_code == 200
    assert me(client, bob.tokens).status_code == 401


def test_a_reset_of_a_disabled_account_says_why_not(desk, bob):
    desk.post(f"users/{bob.id}/disable")
    assert is_problem(desk.post(f"users/{bob.id}/reset"), 409, "account_disabled")


@pytest.mark.usefixtures("each_database")
def test_deleting_leaves_its_owner_the_grace_to_come_back(app, client, auth, desk, bob, clock):
    assert desk.delete(f"users/{bob.id}").status_code == 204
    assert me(client, bob.tokens).status_code == 401
    deletes_at = shown(desk, bob)["deletes_at"]
    assert shown(desk, bob)["state"] == "deleting"
    clock.advance(60)
    assert desk.delete(f"users/{bob.id}").status_code == 204
    assert shown(desk, bob)["deletes_at"] == deletes_at
    clock.advance(days=7)
    assert auth.cleanup.run()["accounts"] == 1
    assert sql(app, "SELECT count(*) FROM accounts WHERE email = 'bob@example.com'") == [(0,)]


def test_who_is_deleted_and_disabled_cannot_come_back(client, desk, bob):
    desk.delete(f"users/{bob.id}")
    desk.post(f"users/{bob.id}/disable")
    assert log_in(client, email=bob.email).status_code == 401
    assert shown(desk, bob)["state"] == "deleting"


@pytest.mark.settings(deletion_grace_days=0)
def test_without_a_grace_a_deleted_account_is_gone_at_once(desk, bob):
    assert desk.delete(f"users/{bob.id}").status_code == 204
    assert is_problem(desk.get(f"users/{bob.id}"), 404, "account_not_found")


def test_all_sessions_of_an_account_are_ended_at_once(client, desk, bob):
    second = log_in(client, email=bob.email).json
    assert desk.delete(f"users/{bob.id}/sessions").status_code == 204
    assert [me(client, tokens).status_code for tokens in (bob.tokens, second)] == [401, 401]


@pytest.mark.parametrize(("method", "path"), [("POST", "disable"), ("DELETE", ""), ("PUT", "roles")])
def test_the_last_administrator_stays(desk, ada, method, path):
    body = {"roles": ["editor"]} if path == "roles" else {}
    answer = desk.call(method, f"users/{ada.id}/{path}".rstrip("/"), **body)
    assert is_problem(answer, 409, "last_admin")
    assert shown(desk, ada)["roles"] == ["admin"]


def test_the_last_administrator_cannot_leave_and_another_one_can(app, client, desk, ada, bob):
    leave = {"json": {"password": "correct horse battery"}, "headers": bearer(ada.tokens["access_token"])}
    assert is_problem(client.delete("/api/v1/account", **leave), 409, "last_admin")
    make_admin(app, bob.email)
    assert client.delete("/api/v1/account", **leave).status_code == 204


@pytest.mark.parametrize("state", ["disabled_at", "deletes_at"])
def test_disabled_administrator_does_not_count_as_another(app, desk, ada, bob, state):
    make_admin(app, bob.email)
    sql(app, f"UPDATE accounts SET {state} = '2040-01-01 00:00:00' WHERE email = 'bob@example.com'")
    assert is_problem(desk.post(f"users/{ada.id}/disable"), 409, "last_admin")
    assert desk.put(f"users/{bob.id}/roles", roles=[]).status_code == 204


def test_an_ordinary_account_is_not_held_up_by_that(client, desk, bob):
    eve = sign_up(client, email="eve@example.com")
    leave = {"json": {"password": "correct horse battery"}, "headers": bearer(eve["access_token"])}
    assert client.delete("/api/v1/account", **leave).status_code == 204
    assert desk.post(f"users/{bob.id}/disable").status_code == 204
