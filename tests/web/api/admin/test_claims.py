"""Claims and permissions of an account: set, shown, and in the next access token."""

import pytest

from app.domain.accounts.claims import MAX_BYTES
from app.domain.accounts.permissions import MAX_BYTES as MAX_PERMISSIONS
from app.domain.tokens.jwt_tokens import MAX_LENGTH
from tests.support.api import bearer, is_problem, log_in, me, refresh, sql
from tests.web.api.factors.test_second_step import claims as claims_in

TEAM = {"plan": "team", "seats": 5, "nested": {"tags": ["a", "ü"]}}
ROLES = ["r" * 24 + str(number) for number in range(9)] + ["s" * 21]  # as long as roles can be
# As many permissions as fit, in the roles with the longest names.
WORDS = [f"permission.{number:04}" for number in range((MAX_PERMISSIONS - 1) // 18)]
MANY = f"{ROLES[0]}={' '.join(WORDS)}"
PROXY_BUFFER = 8 * 1_024  # of response headers, as docs/operations.md says
COOKIE_BYTES = 4_096  # of name, value and `=`: what every browser accepts (RFC 6265bis, 5.6)


def largest_claims():
    """As many bytes as fit, and more in any other encoding than UTF-8."""
    return {"x": "é" * ((MAX_BYTES - 8) // 2)}


def put(desk, bob, claims):
    return desk.put(f"users/{bob.id}/claims", claims=claims)


@pytest.mark.usefixtures("each_database")
def test_claims_are_shown_and_are_in_the_next_token(client, desk, bob):
    assert me(client, bob.tokens).json["claims"] == {}
    assert put(desk, bob, TEAM).status_code == 204
    assert me(client, bob.tokens).json["claims"] == TEAM
    assert desk.get(f"users/{bob.id}").json["claims"] == TEAM
    assert "claims" not in claims_in(bob.tokens)
    assert claims_in(refresh(client, bob.tokens).json)["claims"] == TEAM
    assert claims_in(log_in(client, email=bob.email).json)["claims"] == TEAM


def test_an_empty_object_removes_the_claims(app, client, desk, bob):
    put(desk, bob, TEAM)
    assert put(desk, bob, {}).status_code == 204
    assert me(client, bob.tokens).json["claims"] == {}
    assert "claims" not in claims_in(log_in(client, email=bob.email).json)
    assert sql(app, "SELECT count(*) FROM accounts WHERE claims IS NOT NULL") == [(0,)]


@pytest.mark.parametrize(
    "claims", [[], "x", 5, None, {"a": {"b": {"c": {"d": {}}}}}, {"a": "x" * MAX_BYTES}, {"a\0": 1}]
)
def test_invalid_claims_are_rejected(client, desk, bob, claims):
    answer = put(desk, bob, claims)
    assert is_problem(answer, 400, "invalid_claims")
    assert answer.json["errors"][0]["field"] == "claims"
    assert me(client, bob.tokens).json["claims"] == {}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 30, "-9007199254740992"])
def test_numbers_that_a_token_cannot_keep_are_rejected(desk, bob, number):
    answer = desk.client.put(
        f"/api/v1/admin/users/{bob.id}/claims",
        data=f'{{"claims": {{"n": {number}}}}}',
        headers=bearer(desk.tokens["access_token"]) | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400, answer.text


def test_very_deep_claims_are_rejected(desk, bob):
    answer = desk.client.put(
        f"/api/v1/admin/users/{bob.id}/claims",
        data='{"claims":' + '{"a":' * 5_000 + "1" + "}" * 5_001,
        headers=bearer(desk.tokens["access_token"]) | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_event_names_the_keys_and_not_the_values(desk, ada, bob):
    put(desk, bob, TEAM)
    put(desk, bob, TEAM)  # changes nothing
    [event] = desk.get("audit", event="account.claims_changed").json["events"]
    assert (event["actor_id"], event["account_id"]) == (ada.id, bob.id)
    assert event["details"] == {"claims": "nested plan seats"}


def test_export_contains_the_claims(client, desk, bob):
    put(desk, bob, TEAM)
    exported = client.get("/api/v1/account/export", headers=bearer(bob.tokens["access_token"])).json
    assert exported["account"]["claims"] == TEAM


@pytest.mark.settings(role_permissions="editor=articles.write articles.read; viewer=articles.read")
def test_permissions_follow_the_roles(client, desk, bob):
    assert me(client, bob.tokens).json["permissions"] == claims_in(bob.tokens)["permissions"] == []
    desk.put(f"users/{bob.id}/roles", roles=["editor", "viewer"])
    both = ["articles.read", "articles.write"]
    assert me(client, bob.tokens).json["permissions"] == both
    assert desk.get(f"users/{bob.id}").json["permissions"] == both
    assert [user["permissions"] for user in desk.get("users").json["users"]] == [both, []]
    assert claims_in(refresh(client, bob.tokens).json)["permissions"] == both


def test_without_the_setting_tokens_have_no_permissions(client, desk, bob):
    desk.put(f"users/{bob.id}/roles", roles=["editor"])
    assert "permissions" not in claims_in(refresh(client, bob.tokens).json)
    assert me(client, bob.tokens).json["permissions"] == []


@pytest.mark.settings(
    role_permissions=MANY, public_url="https://accounts.example.com/auth", jwt_audience="https://api.example.com"
)
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_largest_token_fits_a_header_and_a_cookie(app, auth, clock, desk, bob, algorithm):
    """The most roles, permissions and claims at once, signed with a key of each kind."""
    auth.key_rotation.rotate(algorithm=algorithm, soon=True)
    clock.advance(15)
    claims = largest_claims()
    assert desk.put(f"users/{bob.id}/roles", roles=ROLES).status_code == 204
    assert put(desk, bob, claims).status_code == 204
    browser = app.test_client()
    answer = browser.post(
        "/auth/api/v1/auth/login?transport=cookie",
        json={"email": bob.email, "password": "correct horse battery"},
        base_url="https://accounts.example.com",
    )
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.headers.getlist("Set-Cookie") if "latchkey_access=" in line]
    name, _, token = lines[0].partition(";")[0].partition("=")
    assert len(name) + 1 + len(token) <= COOKIE_BYTES
    assert len(token) <= MAX_LENGTH
    assert sum(len(f"{field}: {value}\r\n") for field, value in answer.headers) < PROXY_BUFFER
    whole = claims_in({"access_token": token})
    assert (whole["claims"], whole["permissions"], whole["roles"]) == (claims, sorted(WORDS), sorted(ROLES))
    assert me(app.test_client(), {"access_token": token}).json["claims"] == claims
