"""The link and the code sign in once, the client that asked, while nothing has changed since."""

import pytest

from tests.support.api import ANN, NEW, is_problem, log_in, make_admin, me, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.web.api.email_sign_in.conftest import Asker, own


@pytest.mark.parametrize("way", ["by_link", "by_code"])
def test_each_signs_in_once_and_uses_up_the_other(asker, ann, way):
    asker.ask()
    signed_in = getattr(asker, way)()
    assert me(asker.client, signed_in.json).json["email"] == ANN["email"]
    assert is_problem(asker.by_link(), 400, "link_used")
    assert is_problem(asker.by_code(), 400, "code_invalid")


def test_session_says_that_it_is_by_email(asker, ann, app):
    asker.ask()
    assert asker.by_code().status_code == 200
    assert sql(app, "SELECT auth_methods, level FROM sessions ORDER BY created_at DESC LIMIT 1") == [("email", 1)]


@pytest.mark.parametrize("way", ["by_link", "by_code"])
def test_cookies_instead_of_tokens(app, auth, mailbox, ann, way):
    browser = Asker(app.test_client(), auth, mailbox)
    browser.ask()
    answer = getattr(browser, way)("?transport=cookie")
    assert answer.json["token_type"] == "Cookie"
    assert browser.client.get("/api/v1/account").json["email"] == ANN["email"]


@pytest.mark.parametrize("way", ["by_link", "by_code"])
def test_another_site_cannot_sign_a_browser_in(asker, ann, way):
    asker.ask()
    client = asker.client
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert is_problem(getattr(asker, way)("?transport=cookie"), 403, "csrf_failed")


def test_link_says_whose_it_is_and_who_asked(asker, ann):
    asker.ask(**{"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    found = asker.check().json
    assert (found["email"], found["device"], found["same_device"]) == (ANN["email"], "Firefox on Windows", True)
    assert asker.check(attempt=None).json["same_device"] is False
    assert asker.check(attempt="somebody-elses").json["same_device"] is False


@pytest.mark.parametrize("attempt", [None, "somebody-elses"])
def test_link_of_another_client_needs_the_choice_of_its_user(asker, ann, attempt):
    asker.ask()
    assert is_problem(asker.by_link(attempt=attempt), 403, "requested_elsewhere")
    assert asker.by_link(attempt=attempt, other_device=True).status_code == 200


def test_code_is_worth_nothing_to_another_client(asker, ann, app, auth, mailbox):
    asker.ask()
    other = Asker(app.test_client(), auth, mailbox)
    other.ask("somebody@example.com")
    assert is_problem(other.by_code(code=asker.code), 400, "code_invalid")
    assert is_problem(other.by_code(code=asker.code, attempt="none"), 400, "code_invalid")
    assert asker.by_code().status_code == 200


def test_five_wrong_codes_end_the_code_and_not_the_link(asker, ann):
    asker.ask()
    for _ in range(5):
        assert is_problem(asker.by_code(code="BCDF-GHJK"), 400, "code_invalid")
    assert is_problem(asker.by_code(), 400, "code_invalid")
    assert asker.by_link().status_code == 200


def test_code_expires_after_ten_minutes_and_link_after_thirty(asker, ann, clock):
    asker.ask()
    clock.advance(minutes=10)
    assert is_problem(asker.by_code(), 400, "code_invalid")
    assert asker.check().status_code == 200
    clock.advance(minutes=20)
    assert is_problem(asker.check(), 400, "link_expired")
    assert is_problem(asker.by_link(), 400, "link_expired")


def test_only_the_newest_email_works(asker, ann, app, auth, mailbox):
    asker.ask()
    newer = Asker(app.test_client(use_cookies=False), auth, mailbox)
    newer.ask()
    assert is_problem(asker.by_link(), 400, "link_used")
    assert is_problem(asker.by_code(), 400, "code_invalid")
    assert newer.by_code().status_code == 200


def test_links_of_other_purposes_do_not_sign_in(asker, client, mailbox):
    sign_up(client)
    asker.ask()
    token = next(m.text for m in mailbox.messages if "/verify-email#" in m.text).partition("#token=")[2].split()[0]
    assert is_problem(asker.by_link(token=token), 400, "link_invalid")
    assert is_problem(client.post("/api/v1/verify-email", json={"token": asker.token}), 400, "link_invalid")
    reset = {"reset_token": asker.token, "password": NEW}
    assert is_problem(client.post("/api/v1/reset-password", json=reset), 400, "link_invalid")


def change_password(app, client, ann):
    body = {"current_password": ANN["password"], "password": "a new horse battery"}
    assert own(client, ann, "PUT", "/account/password", **body).status_code == 204


def change_email(app, client, ann):
    sql(app, "UPDATE accounts SET email = 'new@example.com', email_canonical = 'new@example.com'")


def disable(app, client, ann):
    sql(app, "UPDATE accounts SET disabled_at = created_at")


def delete(app, client, ann):
    sql(app, "DELETE FROM accounts")


@pytest.mark.parametrize("change", [change_password, change_email, disable, delete])
def test_change_of_the_account_ends_the_link_and_the_code(asker, app, client, ann, change):
    asker.ask()
    change(app, client, ann)
    assert is_problem(asker.by_link(), 400, "link_used")
    assert is_problem(asker.by_code(), 400, "code_invalid")


def test_sign_in_cancels_a_scheduled_deletion(asker, client, ann):
    own(client, ann, "DELETE", "/account", password=ANN["password"])
    asker.ask()
    assert me(asker.client, asker.by_code().json).status_code == 200


def test_second_factor_is_still_asked_for(asker, app, client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    owner.add_app()
    asker.ask()
    answer = asker.by_link()
    assert answer.json["code"] == "second_factor_required"
    assert is_problem(asker.by_link(), 400, "link_used")
    step = answer.json["second_factor"]["token"]
    finished = asker.client.post("/api/v1/auth/second-factor", json={"token": step, "code": owner.new_code()})
    assert finished.status_code == 200
    assert sql(app, "SELECT auth_methods, level FROM sessions ORDER BY created_at DESC LIMIT 1") == [
        ("email otp mfa", 2)
    ]


@pytest.mark.settings(second_factor="everybody")
def test_required_factor_is_set_up_after_an_emailed_code(asker, app, client):
    client.post("/api/v1/auth/signup", json=ANN)
    asker.ask()
    assert asker.by_code().json["code"] == "second_factor_enrolment_required"
    assert is_problem(asker.by_code(), 400, "code_invalid")
    assert sql(app, "SELECT password_hash, email_verified_at IS NOT NULL FROM accounts") == [(None, 1)]  # claimed


def test_session_is_reauthenticated_by_an_emailed_code(asker, client, ann, clock):
    clock.advance(minutes=11)
    tokens = client.post("/api/v1/auth/refresh", json={"refresh_token": ann["refresh_token"]}).json
    assert own(client, tokens, "POST", "/account/passkeys/options").json["code"] == "reauthentication_required"
    asker.ask()
    body = {"email_code": asker.code, "attempt": asker.attempt}
    assert own(client, tokens, "POST", "/auth/reauthenticate", **body).status_code == 204
    assert own(client, tokens, "POST", "/account/passkeys/options").status_code == 200
    assert own(client, tokens, "POST", "/auth/reauthenticate", **body).json["code"] == "code_invalid"


def test_code_for_another_address_does_not_reauthenticate(asker, app, client, ann):
    bob = sign_up(client, email="bob@example.com")
    make_admin(app)
    asker.ask("bob@example.com")
    body = {"email_code": asker.code, "attempt": asker.attempt}
    assert own(client, ann, "POST", "/auth/reauthenticate", **body).json["code"] == "code_invalid"
    assert own(client, bob, "POST", "/auth/reauthenticate", **body).status_code == 204


def test_emailed_code_is_not_enough_with_a_second_factor(asker, app, client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    owner.add_app()
    asker.ask()
    body = {"email_code": asker.code, "attempt": asker.attempt}
    answer = own(client, owner.tokens, "POST", "/auth/reauthenticate", **body)
    assert answer.json["code"] == "stronger_sign_in_required"


@pytest.mark.parametrize(
    "body",
    [{"email_code": "WDJB-MJHT"}, {"attempt": "x"}, {"email_code": "WDJB-MJHT", "code": "123456", "attempt": "x"}],
)
def test_half_a_proof_is_rejected(client, ann, body):
    assert own(client, ann, "POST", "/auth/reauthenticate", **body).status_code == 400


def test_wrong_codes_are_in_the_activity_of_the_owner(asker, client, ann):
    asker.ask()
    asker.by_code(code="BCDF-GHJK")
    events = own(client, ann, "GET", "/account/activity").json["events"]
    assert "code.failed" in [event["event"] for event in events]


def test_email_is_in_the_language_of_the_client(asker, ann, mailbox):
    asker.ask(**{"Accept-Language": "de"})
    assert mailbox.messages[-1].message["Subject"] == "Ihr Link zum Anmelden"


def test_password_still_signs_in(asker, client, ann):
    asker.ask()
    assert asker.by_code().status_code == 200
    assert log_in(client).status_code == 200
