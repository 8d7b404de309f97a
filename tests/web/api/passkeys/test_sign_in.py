"""Sign-in with a passkey, when all is as it should be."""

import pytest

from tests.support.api import bearer, is_problem, log_in, make_admin, me, refresh, sign_up, sql
from tests.support.authenticator import EDDSA, ES256, RS256, Authenticator
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.factors.test_second_step import claims

on_each_database = pytest.mark.usefixtures("each_database")


@on_each_database
@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_passkey_of_each_algorithm_signs_in(client, algorithm):
    holder = PasskeyHolder(client, Authenticator(algorithm)).sign_up()
    answer = holder.sign_in()
    assert answer.status_code == 200
    assert me(client, answer.json).json["email"] == holder.email
    assert (claims(answer.json)["acr"], claims(answer.json)["amr"]) == ("aal2", ["hwk", "user"])
    assert claims(refresh(client, answer.json).json)["acr"] == "aal2"


def test_synced_passkey_is_named_as_such(client):
    holder = PasskeyHolder(client, Authenticator(synced=True)).sign_up()
    assert claims(holder.sign_in().json)["amr"] == ["swk", "user"]
    (listed,) = holder.passkeys()
    assert listed["synced"] is True


def test_passkey_that_gets_backed_up_later_shows_it(client):
    holder = PasskeyHolder(client, Authenticator(synced=True))
    holder.tokens = sign_up(client)
    holder.add_passkey(flags=1 | 4 | 8)
    assert [passkey["synced"] for passkey in holder.passkeys()] == [False]
    assert holder.sign_in().status_code == 200
    assert [passkey["synced"] for passkey in holder.passkeys()] == [True]


@on_each_database
def test_authenticator_without_a_counter_signs_in_again(client):
    holder = PasskeyHolder(client, Authenticator(counts=False)).sign_up()
    assert [holder.sign_in().status_code for _ in range(3)] == [200, 200, 200]


def test_cookie_transport_gives_cookies(holder):
    answer = holder.send(holder.assertion(), "?transport=cookie")
    assert answer.status_code == 200
    assert "access_token" not in answer.json
    assert {header.partition("=")[0] for header in answer.headers.getlist("Set-Cookie")} >= {
        "latchkey_access", "latchkey_refresh",
    }  # fmt: skip


def test_sign_in_by_cookie_from_another_site_is_rejected(holder):
    answer = holder.client.post(
        "/api/v1/auth/passkey?transport=cookie",
        json={"credential": holder.assertion()},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )
    assert is_problem(answer, 403, "csrf_mismatch") or answer.status_code == 403


def test_options_name_no_passkey_and_require_verification(holder):
    options = holder.request_options()
    assert options["allowCredentials"] == []
    assert (options["userVerification"], options["rpId"], options["timeout"]) == ("required", "localhost", 600_000)


@pytest.mark.settings(second_factor="everybody")
def test_passkey_alone_satisfies_the_policy(client):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 201
    assert holder.sign_in().status_code == 200
    assert holder.call("POST", "/account/passkeys/options").status_code == 200


@pytest.mark.settings(second_factor="administrators")
def test_administrator_with_a_passkey_acts_at_level_two(app, holder):
    make_admin(app)
    tokens = holder.sign_in().json
    answer = holder.client.post("/api/v1/admin/keys/rotate", json={}, headers=bearer(tokens["access_token"]))
    assert answer.status_code == 201
    step = log_in(holder.client).json
    assert (step["code"], step["second_factor"]["methods"]) == ("second_factor_required", ["passkey"])


def test_use_is_listed(holder):
    assert holder.passkeys()[0]["last_used_at"] is None
    holder.sign_in()
    assert holder.passkeys()[0]["last_used_at"] is not None


@on_each_database
def test_sign_in_cancels_a_scheduled_deletion(app, holder):
    assert holder.call("DELETE", "/account").status_code == 204
    assert sql(app, "SELECT count(*) FROM accounts WHERE deletes_at IS NOT NULL") == [(1,)]
    assert holder.sign_in().status_code == 200
    assert sql(app, "SELECT count(*) FROM accounts WHERE deletes_at IS NOT NULL") == [(0,)]


def test_password_reset_keeps_the_passkey(holder, auth, mailbox):
    holder.client.post("/api/v1/verify-email", json={"token": newest_token(auth, mailbox, "verify-email")})
    holder.client.post("/api/v1/forgot-password", json={"email": holder.email})
    token = newest_token(auth, mailbox, "reset-password")
    answer = holder.client.post(
        "/api/v1/reset-password", json={"reset_token": token, "password": "a new horse battery"}
    )
    assert answer.status_code == 200
    assert holder.sign_in().status_code == 200


def newest_token(auth, mailbox, page):
    """The token of the newest link to this page."""
    while auth.mail_delivery.deliver_due():
        pass
    words = [word for email in mailbox.messages for word in email.text.split()]
    return next(word for word in reversed(words) if f"/{page}#token=" in word).partition("#token=")[2]
