"""Who may administer: every route against everybody who might ask."""

import pytest

from app.domain.accounts.model import Account
from tests.support.api import PASSWORD, bearer, dump_tables, is_problem, me, sign_up, sql, update_rows
from tests.web.api.admin.conftest import Desk
from tests.web.api.routes import ROUTES, each_route, example, is_for_administrators, takes_body

pytestmark = pytest.mark.usefixtures("bob")
each_admin_route = each_route(is_for_administrators)
each_admin_write = pytest.mark.parametrize(
    ("method", "path", "contract"),
    [
        pytest.param(*route, id=f"{route[0]} {route[1]}")
        for route in ROUTES
        if is_for_administrators(route[2]) and route[0] != "GET"
    ],
)


def call(client, method, path, contract, token=None):
    body = {"json": example(contract)} if takes_body(contract) else {}
    return client.open(path, method=method, headers=bearer(token) if token else None, **body)


@each_admin_route
def test_anonymous_request_is_asked_to_authenticate(client, desk, method, path, contract):
    assert is_problem(call(client, method, path, contract), 401, "unauthenticated")


@each_admin_route
def test_a_user_is_forbidden_and_nothing_changes(app, client, desk, bob, method, path, contract):
    before = dump_tables(app)
    assert is_problem(call(client, method, path, contract, bob.tokens["access_token"]), 403, "forbidden")
    assert dump_tables(app) == before


@each_admin_route
def test_an_administrator_is_let_in(client, desk, method, path, contract):
    answer = call(client, method, path, contract, desk.tokens["access_token"])
    assert answer.status_code in {contract.status, 404}, answer.text
    assert answer.status_code == contract.status or "0000" in path or "777" in path


@each_admin_route
def test_revoked_role_in_a_token_grants_nothing(app, client, desk, ada, method, path, contract):
    fresh = client.post("/api/v1/auth/refresh", headers=bearer(ada.tokens["refresh_token"])).json["access_token"]
    sql(app, "UPDATE accounts SET roles = ''")
    assert is_problem(call(client, method, path, contract, fresh), 403, "forbidden")


@each_admin_route
def test_a_disabled_administrator_has_no_session(app, client, desk, method, path, contract, clock):
    update_rows(app, Account, disabled_at=clock.now())
    assert is_problem(call(client, method, path, contract, desk.tokens["access_token"]), 401, "invalid_token")


@each_admin_route
def test_a_role_that_only_holds_the_word_is_another_one(app, client, bob, method, path, contract):
    sql(app, "UPDATE accounts SET roles = 'administrator superadmin admin2 x-admin'")
    assert is_problem(call(client, method, path, contract, bob.tokens["access_token"]), 403, "forbidden")


@each_admin_write
def test_a_session_grown_stale_may_look_and_not_write(app, client, desk, clock, method, path, contract):
    clock.advance(601)
    before = dump_tables(app)
    answer = call(client, method, path, contract, desk.tokens["access_token"])
    assert is_problem(answer, 403, "reauthentication_required")
    assert dump_tables(app) == before
    assert desk.get("users").status_code == 200


def test_reauthentication_counts_as_recent(client, desk, bob, clock):
    clock.advance(601)
    headers = bearer(desk.tokens["access_token"])
    again = client.post("/api/v1/auth/reauthenticate", json={"password": PASSWORD}, headers=headers)
    assert again.status_code == 204
    assert desk.post(f"users/{bob.id}/disable").status_code == 204


@pytest.mark.usefixtures("each_database")
def test_role_takes_effect_and_ends_at_once(app, desk, bob):
    bobs = Desk(app, bob.tokens)
    assert bobs.get("users").status_code == 403
    assert desk.put(f"users/{bob.id}/roles", roles=["admin"]).status_code == 204
    assert bobs.get("users").status_code == 200
    assert desk.put(f"users/{bob.id}/roles", roles=[]).status_code == 204
    assert bobs.get("users").status_code == 403


def test_session_of_another_account_cannot_be_ended(client, desk, ada, bob):
    [bobs] = desk.get(f"users/{bob.id}/sessions").json["sessions"]
    assert is_problem(desk.delete(f"users/{ada.id}/sessions/{bobs['id']}"), 404, "session_not_found")
    assert me(client, bob.tokens).status_code == 200
    assert desk.delete(f"users/{bob.id}/sessions/{bobs['id']}").status_code == 204
    assert me(client, bob.tokens).status_code == 401


def test_first_account_is_not_an_administrator(client):
    eve = sign_up(client, email="eve@example.com")
    assert me(client, eve).json["roles"] == []
    assert client.get("/api/v1/admin/users", headers=bearer(eve["access_token"])).status_code == 403
