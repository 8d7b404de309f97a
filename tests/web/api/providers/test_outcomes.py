"""What a sign-in with a provider ends in: tokens, a second step, a link or an email."""

import jwt
import pytest

from tests.support.api import ANN, dump_tables, is_problem, me, refresh, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.support.lying_provider import OMITTED
from tests.support.provider_visitor import AUTH

NEW = {"sub": "new", "email": "new@example.com"}


@pytest.fixture
def known(visitor):
    """Somebody who signed in with the provider before."""
    assert visitor.redeem(visitor.code(**NEW)).status_code == 200
    return visitor


def test_first_sign_in_opens_an_account_with_the_names(visitor, client):
    tokens = visitor.redeem(visitor.code(**NEW)).json
    account = me(client, tokens).json
    assert (account["email"], account["email_verified"], account["has_password"]) == ("new@example.com", True, False)
    assert (account["first_name"], account["last_name"]) == ("Ann", "Lee")
    assert refresh(client, tokens).status_code == 200


def test_session_says_that_it_is_federated(visitor):
    tokens = visitor.redeem(visitor.code(**NEW)).json
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["amr"], claims["acr"]) == (["fed"], "aal1")


def test_subject_decides_and_not_the_address(known, client):
    first = me(client, known.redeem(known.code(**NEW)).json).json["id"]
    again = known.redeem(known.code(sub="new", email="moved@example.com")).json
    assert me(client, again).json["id"] == first
    other = known.redeem(known.code(sub="other", email="other@example.com")).json
    assert me(client, other).json["id"] != first


def test_subject_of_another_issuer_is_another_person(known, client, lying):
    known.id = "github"
    lying.github_user = {"id": 1, "name": "new"}
    lying.github_emails = [{"email": "hub@example.com", "primary": True, "verified": True}]
    known.start()
    location = known.come_back(iss=f"{lying.url}/login/oauth").headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    assert me(client, known.redeem(code).json).json["email"] == "hub@example.com"


def test_cookies_instead_of_tokens(visitor, client):
    answer = visitor.redeem(visitor.code(**NEW), query="?transport=cookie")
    assert (answer.status_code, answer.json["token_type"]) == (200, "Cookie")
    assert client.get("/api/v1/account").json["email"] == "new@example.com"


def test_second_factor_is_asked_for(visitor, client, clock):
    owner = Owner(client, clock)
    owner.tokens = visitor.redeem(visitor.code(**NEW)).json
    owner.add_app()
    answer = visitor.redeem(visitor.code(**NEW))
    assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required")
    done = owner.second_step(answer.json["second_factor"]["token"])
    claims = jwt.decode(done.json["access_token"], options={"verify_signature": False})
    assert (claims["amr"], claims["acr"]) == (["fed", "otp", "mfa"], "aal2")


def verified_ann(app, client):
    """Ann, who has a password and has confirmed her address."""
    tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    return tokens


def test_account_with_the_address_must_be_linked_first(visitor, app, client):
    verified_ann(app, client)
    before = sql(app, "SELECT count(*) FROM sessions")
    answer = visitor.redeem(visitor.code(sub="x", email="ANN@example.com"))
    assert (answer.status_code, answer.json["code"]) == (409, "identity_link_required")
    assert answer.json["expires_in"] == 600
    assert answer.json["link_token"]
    assert "access_token" not in answer.text
    assert sql(app, "SELECT count(*) FROM sessions") == before


def test_untrusted_address_starts_a_sign_in_by_email(visitor, app, client):
    """The same for an address with an account and for one without: 202, and no session."""
    sign_up(client)
    for email in (ANN["email"], "unknown@example.com"):
        answer = visitor.redeem(visitor.code(sub=email, email=email, email_verified=False))
        assert (answer.status_code, answer.json.keys()) == (202, {"message", "attempt", "link_token", "expires_in"})
    assert sql(app, "SELECT count(*) FROM sessions")[0][0] == 1


def test_identity_without_an_address_opens_no_account(visitor, lying):
    lying.userinfo = {}
    answer = visitor.redeem(visitor.code(sub="x", email=OMITTED))
    assert is_problem(answer, 400, "email_needed")


@pytest.mark.settings(sign_up="closed")
def test_closed_sign_up_is_closed_here_too(visitor):
    assert is_problem(visitor.redeem(visitor.code(**NEW)), 403, "sign_up_closed")


def test_disabled_account_cannot_sign_in(known, app):
    sql(app, "UPDATE accounts SET disabled_at = created_at")
    assert is_problem(known.redeem(known.code(**NEW)), 401, "identity_unusable")


def test_id_token_signs_in_with_the_name_of_the_app(visitor, client, lying):
    nonce = visitor.new_nonce()
    token = lying.id_token(nonce, **NEW, given_name=OMITTED, family_name=OMITTED)
    answer = visitor.send_id_token(token, nonce, first_name="Bob", last_name="Ray")
    account = me(client, answer.json).json
    assert (account["first_name"], account["last_name"]) == ("Bob", "Ray")


def test_no_secret_of_the_flow_is_stored(visitor, app, client, caplog):
    with caplog.at_level("DEBUG"):
        visitor.start()
        cookie = client.get_cookie("latchkey_flow").value
        code = visitor.code(**NEW)
        assert visitor.redeem(code).status_code == 200
    secrets = (
        cookie,
        code,
        visitor.verifier,
        visitor.asked["state"],
        visitor.asked["nonce"],
        "the-code",
        "a secret with",
    )
    stored = str(dump_tables(app)) + caplog.text
    assert "new@example.com" in stored
    assert [secret for secret in secrets if secret in stored] == []


@pytest.mark.settings(ratelimit_enabled=True, ratelimit_credentials="2 per minute")
def test_requests_are_limited(visitor, client):
    for path in ("work/start", "work/callback"):
        statuses = [client.get(f"{AUTH}/providers/{path}").status_code for _ in range(3)]
        assert statuses == [400, 400, 429]
    assert [visitor.redeem("x").status_code for _ in range(3)] == [400, 400, 429]
    assert visitor.send_id_token("x", "x").status_code == 429
