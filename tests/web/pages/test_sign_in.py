"""The sign-in pages reject what another site's page or another browser started."""

import re

import pyotp
import pytest

from tests.support.api import ANN, PASSWORD, sign_up
from tests.support.authenticator_app import Owner

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def sent_link(auth, mailbox):
    while auth.mail_delivery.deliver_due():
        pass
    return re.search(r"/sign-in/link#token=(\S+)", mailbox.messages[-1].text)[1]


@pytest.mark.parametrize("path", ["", "/email", "/code", "/second-step", "/identity", "/out", "/link"])
def test_forms_of_other_sites_are_rejected(client, path):
    form = {"email": ANN["email"], "password": PASSWORD, "code": "WDJB-MJHT", "token": "x", "act": "confirm"}
    answer = client.post(f"/sign-in{path}", data=form, headers=CROSS_SITE)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_form_without_an_origin_is_rejected(client):
    sign_up(client)
    answer = client.post("/sign-in", data=ANN, headers={"Origin": "null"})
    assert answer.status_code == 403
    assert client.get("/sign-in").headers["Referrer-Policy"] == "same-origin"


def test_password_sets_the_cookies_and_leads_to_the_account(client):
    sign_up(client)
    answer = client.post("/sign-in", data=ANN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/done")
    assert ANN["email"] in client.get("/sign-in/done").text
    assert client.post("/sign-in/out").status_code == 303
    assert client.get("/sign-in/done").headers["Location"] == "/sign-in"


def test_too_long_input_is_said_at_its_field(client):
    answer = client.post("/sign-in", data={"email": "a" * 300, "password": PASSWORD})
    assert (answer.status_code, "at most 254" in answer.text) == (400, True)
    answer = client.post("/sign-in", data={"email": ANN["email"], "password": "p" * 2_000})
    assert (answer.status_code, "at most 1,024" in answer.text) == (400, True)


@pytest.mark.parametrize("code", ["", "WDJB-MJHT", "not a code", "x" * 5_000])
def test_code_without_the_browser_that_asked_is_rejected(client, code):
    answer = client.post("/sign-in/code", data={"code": code})
    assert answer.status_code == 400
    assert "access" not in str(answer.headers.getlist("Set-Cookie"))


def test_link_of_a_scanner_changes_nothing(client, auth, mailbox):
    sign_up(client)
    client.post("/sign-in/email", data={"email": ANN["email"]})
    token = sent_link(auth, mailbox)
    for _ in range(10):
        assert client.get("/sign-in/link").status_code == 200
        assert client.head("/sign-in/link").status_code == 200
        assert "Sign in as ann@example.com?" in client.post("/sign-in/link", data={"token": token}).text
    answer = client.post("/sign-in/link", data={"token": token, "act": "confirm"})
    assert answer.headers["Location"] == "/sign-in/done"
    answer = client.post("/sign-in/link", data={"token": token, "act": "confirm"})
    assert (answer.status_code, "already used" in answer.text) == (400, True)


def test_link_for_another_purpose_is_rejected(client, auth, mailbox):
    sign_up(client)
    while auth.mail_delivery.deliver_due():
        pass
    token = re.search(r"#token=(\S+)", mailbox.messages[-1].text)[1]
    for form in ({"token": token}, {"token": token, "act": "confirm"}, {"token": "x" * 3_000}):
        answer = client.post("/sign-in/link", data=form)
        assert (answer.status_code, "does not work" in answer.text) == (400, True)


@pytest.mark.settings(email_sign_in="off")
def test_no_page_offers_what_is_switched_off(client):
    assert "Email me a link" not in client.get("/sign-in").text
    assert client.post("/sign-in/email", data={"email": ANN["email"]}).status_code == 403


def test_second_step_is_asked_for_after_an_emailed_link(client, clock, auth, mailbox):
    owner = Owner(client, clock)
    owner.tokens = client.post("/api/v1/auth/signup", json=ANN).json
    owner.add_app()
    browser = client.application.test_client()
    browser.post("/sign-in/email", data={"email": ANN["email"]})
    while auth.mail_delivery.deliver_due():
        pass
    links = [re.search(r"/sign-in/link#token=(\S+)", message.text) for message in mailbox.messages]
    token = next(link[1] for link in reversed(links) if link)
    # The address was never confirmed, and this browser is not known: the account is claimed, and its factor is void.
    answer = browser.post("/sign-in/link", data={"token": token, "act": "confirm"})
    assert answer.headers["Location"] == "/sign-in/done"


@pytest.mark.settings(second_factor="everybody")
def test_required_factor_is_set_up_before_the_session(client):
    client.post("/api/v1/auth/signup", json=ANN)
    answer = client.post("/sign-in", data=ANN)
    assert (answer.status_code, "Set up a second factor" in answer.text) == (200, True)
    secret = re.search(r'class="secret">([A-Z2-7]+)<', answer.text)[1]
    action = re.search(r'action="(/sign-in/enrolment/\d+)"', answer.text)[1]
    token = re.search(r'name="token" value="([^"]+)"', answer.text)[1]
    wrong = client.post(action, data={"token": token, "code": "000000"})
    assert (wrong.status_code, "Set-Cookie" in wrong.headers, action in wrong.text) == (400, False, True)
    done = client.post(action, data={"token": token, "code": pyotp.TOTP(secret).now()})
    assert done.status_code == 200
    assert len(re.findall(r"<li><code>[A-Z0-9-]{29}</code>", done.text)) == 10
    assert client.get("/api/v1/account").json["has_second_factor"]


def test_provider_that_does_not_exist_is_not_found(client):
    assert client.get("/sign-in/with/nobody").status_code == 404


def test_answer_of_a_provider_needs_the_browser_that_asked(client):
    for query in ("", "?code=x&state=y", "?error=access_denied"):
        answer = client.get(f"/sign-in/with{query}")
        assert (answer.status_code, "not started in this browser" in answer.text) == (400, True)
