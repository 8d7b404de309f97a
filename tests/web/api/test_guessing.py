"""Guessing by HTTP: one count for each account over all paths; owners are never locked out by strangers."""

import base64

import pytest

from tests.support.api import ANN, NEW, bearer, forgot_password, is_problem, log_in, reset, sign_up

pytestmark = pytest.mark.settings(ratelimit_enabled=True)
BURST = 10  # RATELIMIT_GUESSES
WRONG = "wrong horse battery"


class Stranger:
    """Guesses, each time from another address."""

    def __init__(self, app):
        self.client, self.asked = app.test_client(), 0

    def post(self, path, **body):
        self.asked += 1
        return self.client.post(f"/api/v1{path}", json=body, environ_base={"REMOTE_ADDR": f"198.51.100.{self.asked}"})

    def guess(self, email=ANN["email"]):
        return self.post("/auth/login", email=email, password=WRONG).status_code


@pytest.fixture
def stranger(app):
    return Stranger(app)


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@Example.com", "nobody@example.com"])
def test_ten_wrong_passwords_lock_existing_and_unknown_accounts(ann, stranger, email):
    assert [stranger.guess(email) for _ in range(BURST + 1)] == [401] * BURST + [429]
    refused = stranger.post("/auth/login", email=email, password=WRONG)
    assert is_problem(refused, 429, "too_many_requests")
    assert 800 < int(refused.headers["Retry-After"]) <= 900
    assert refused.json["detail"] in (
        "Too many attempts. Try again in 15 minutes.",
        "Too many attempts. Try again in 14 minutes.",
    )


def test_then_even_the_right_password_is_not_looked_at(ann, stranger):
    lock(stranger)
    assert stranger.post("/auth/login", **ANN).status_code == 429


def test_codes_and_passwords_count_together(ann, stranger):
    for number in range(BURST):
        if number % 2:
            stranger.guess()
        else:
            stranger.post("/reset-password", email=ANN["email"], code="BCDF-GHJK", password=NEW)
    assert stranger.guess() == 429
    assert stranger.post("/verify-email", email=ANN["email"], code="BCDF-GHJK").status_code == 429


@pytest.mark.settings(basic_auth=True)
def test_basic_credentials_count_as_well(ann, stranger):
    for number in range(BURST):
        credentials = base64.b64encode(f"{ANN['email']}:{WRONG}".encode()).decode()
        answer = stranger.client.get(
            "/api/v1/account", headers={"Authorization": f"Basic {credentials}"},
            environ_base={"REMOTE_ADDR": f"198.51.100.{number}"},
        )  # fmt: skip
        assert answer.status_code == 401
    assert stranger.guess() == 429


def test_signing_in_to_another_account_gives_no_new_guesses(ann, stranger):
    sign_up(stranger.client, email="mallory@example.com")
    for _ in range(BURST):
        stranger.guess()
        assert stranger.post("/auth/login", email="mallory@example.com", password=ANN["password"]).status_code == 200
    assert stranger.guess() == 429


def lock(stranger):
    """Guess at Ann's account until nothing is looked at any more."""
    while stranger.guess() != 429:
        assert stranger.asked < 100


def test_trusted_browser_logs_in_despite_a_locked_account(client, stranger):
    signed_up = client.post("/api/v1/auth/signup?transport=cookie", json=ANN)
    client.post("/api/v1/auth/logout", headers={"X-CSRF-Token": signed_up.json["csrf_token"]})
    lock(stranger)
    assert client.post("/api/v1/auth/login?transport=cookie", json=ANN).status_code == 200


def test_last_refresh_token_counts_as_a_device_token(client, ann, stranger):
    client.post("/api/v1/auth/logout", headers=bearer(ann["access_token"]))
    lock(stranger)
    assert log_in(client).status_code == 429
    known = bearer(ann["refresh_token"])
    assert client.post("/api/v1/auth/login", json=ANN, headers=known).status_code == 200


def test_device_token_of_another_account_does_not_count(client, stranger):
    client.post("/api/v1/auth/signup?transport=cookie", json=ANN | {"email": "mallory@example.com"})
    sign_up(stranger.client)
    mark = client.get_cookie("latchkey_device").value
    lock(stranger)
    stranger.client.set_cookie("latchkey_device", mark)
    assert stranger.guess() == 429


def test_trusted_device_has_a_bounded_number_of_attempts(client, stranger):
    client.post("/api/v1/auth/signup?transport=cookie", json=ANN)
    stranger.client.set_cookie("latchkey_device", client.get_cookie("latchkey_device").value)
    assert [stranger.guess() for _ in range(BURST + 1)] == [401] * BURST + [429]


def test_authenticated_password_attempts_are_limited(ann, stranger):
    statuses = []
    for number in range(BURST + 1):
        answer = stranger.client.post(
            "/api/v1/auth/reauthenticate", json={"password": WRONG}, headers=bearer(ann["access_token"]),
            environ_base={"REMOTE_ADDR": f"198.51.100.{number}"},
        )  # fmt: skip
        statuses.append(answer.status_code)
    assert statuses == [403] * BURST + [429]
    assert stranger.guess() == 401


def test_password_reset_works_for_a_locked_account(app, client, ann, auth, mailbox, stranger):
    lock(stranger)
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    assert reset(client, mailbox.messages[-1].token).status_code == 200
    lock(stranger)
    assert log_in(app.test_client(), password=NEW).status_code == 429
    assert log_in(client, password=NEW).status_code == 200


def test_one_ip_address_gets_twenty_attempts_per_minute(client, ann):
    answers = []
    for number in range(21):
        email = f"somebody{number}@example.com"
        path = ("/auth/login", "/reset-password")[number % 2]
        body = {"email": email, "password": WRONG} | ({"code": "BCDF-GHJK"} if number % 2 else {})
        answers.append(client.post(f"/api/v1{path}", json=body))
    assert [answer.status_code for answer in answers[-2:]] == [400 if 19 % 2 else 401, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"address";q=20;w=60'
    assert answers[0].headers["RateLimit"].startswith('"address";r=19;t=')
    assert answers[-1].headers["RateLimit"].startswith('"address";r=0;t=')
    assert log_in(client).status_code == 429
    assert client.post("/api/v1/forgot-password", json={"email": ANN["email"]}).status_code == 200


def test_password_reset_ends_the_allowance_of_trusted_devices(app, client, auth, mailbox, stranger):
    signed_up = client.post("/api/v1/auth/signup?transport=cookie", json=ANN)
    before = client.get_cookie("latchkey_device").value
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    assert signed_up.status_code == 201
    assert reset(client, mailbox.messages[-1].token).status_code == 200
    lock(stranger)
    stranger.client.set_cookie("latchkey_device", before)
    assert stranger.guess() == 429
    assert log_in(client, password=NEW).status_code == 200


def test_a_refresh_token_from_before_a_reset_has_none_either(app, client, ann, auth, mailbox, stranger):
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    assert reset(app.test_client(), mailbox.messages[-1].token).status_code == 200
    lock(stranger)
    shown = bearer(ann["refresh_token"])
    answer = client.post("/api/v1/auth/login", json=ANN | {"password": NEW}, headers=shown)
    assert answer.status_code == 429
