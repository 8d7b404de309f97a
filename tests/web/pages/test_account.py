"""The account pages: who gets in, what the forms do, and what they refuse."""

import re

import pyotp
import pytest

from app.domain.audit.journal import EventType
from config import ROOT
from tests.support.api import ANN, NEW, PASSWORD, bearer, log_in, sign_up, sql
from tests.support.passkey_holder import PasskeyHolder

EMAIL = ANN["email"]
PAGES = (
    "",
    "/email",
    "/password",
    "/passkeys",
    "/second-factor",
    "/devices",
    "/identities",
    "/activity",
    "/data",
    "/confirm",
)
FORMS = (
    "", "/verification", "/email", "/email/code", "/password", "/passkeys/1/name", "/passkeys/1/remove",
    "/second-factor", "/second-factor/1/confirm", "/second-factor/1/name", "/second-factor/1/remove",
    "/second-factor/recovery-codes",
    "/devices/00000000-0000-0000-0000-000000000000/end", "/devices/end-others", "/devices/trusted/1/remove",
    "/identities/with/work", "/identities/1/remove", "/data/delete", "/confirm/password", "/confirm/code",
    "/confirm/email", "/confirm/emailed-code",
)  # fmt: skip
SENSITIVE = ("/email", "/password", "/passkeys", "/second-factor", "/identities", "/data", "/data/export")


@pytest.fixture
def ann(client):
    """A browser in which Ann has signed up on the page."""
    answer = client.post("/sign-up", data=ANN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/done")
    return client


def csrf_in(page):
    return re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)[1]


def submit(client, path, page=None, **form):
    """Post the form of a page, with its CSRF token."""
    token = csrf_in(client.get(f"/account{page if page is not None else ''}"))
    return client.post(f"/account{path}", data={"csrf_token": token, **form})


@pytest.mark.parametrize("page", PAGES)
def test_stranger_is_led_to_the_sign_in_page_and_back(client, page):
    answer = client.get(f"/account{page}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?redirect_to=/account{page}")
    client.get(answer.headers["Location"])
    sign_up(client)
    assert client.post("/sign-in", data=ANN).headers["Location"] == "/sign-in/done"
    assert client.get("/sign-in/done").headers["Location"] == f"/account{page}"


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_for_the_owner(ann, page):
    answer = ann.get(f"/account{page}")
    assert (answer.status_code, EMAIL in answer.text) == (200, True)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", FORMS)
def test_forms_need_the_csrf_token_of_the_session(ann, form):
    for given in ({}, {"csrf_token": "0" * 64}, {"csrf_token": "é"}):
        assert ann.post(f"/account{form}", data=given).status_code == 403


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_another_site_are_rejected(ann, form):
    data = {"csrf_token": csrf_in(ann.get("/account"))}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ann.post(f"/account{form}", data=data, headers=headers).status_code == 403


@pytest.mark.parametrize("page", SENSITIVE)
def test_sensitive_pages_ask_to_reauthenticate(ann, clock, page):
    clock.advance(seconds=601)
    answer = ann.get(f"/account{page}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/account/confirm?next=/account{page}")
    wrong = submit(ann, "/confirm/password", "/confirm", next=f"/account{page}", password="wrong")
    assert (wrong.status_code, "Incorrect password" in wrong.text) == (403, True)
    right = submit(ann, "/confirm/password", "/confirm", next=f"/account{page}", password=PASSWORD)
    assert right.headers["Location"] == f"/account{page}"
    assert ann.get(f"/account{page}").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "x"]
)
def test_reauthentication_leads_to_own_pages_only(ann, target):
    answer = submit(ann, "/confirm/password", "/confirm", next=target, password=PASSWORD)
    assert answer.headers["Location"] == "/account"


def test_expired_access_cookie_is_refreshed_by_the_page(ann, clock, app):
    before = ann.get_cookie("latchkey_refresh").value
    ann.delete_cookie("latchkey_access")  # as the browser does when it has expired
    assert ann.get("/account").status_code == 200
    assert ann.get_cookie("latchkey_refresh").value != before
    ann.set_cookie("latchkey_refresh", before)  # the answer got lost
    ann.delete_cookie("latchkey_access")
    clock.advance(minutes=20)
    saved = submit(ann, "", first_name="Ann")
    assert saved.headers["Location"] == "/account?done=saved"
    assert sql(app, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == [(1,)]


def test_ended_session_is_led_to_the_sign_in_page(ann, client):
    token = log_in(client.application.test_client()).json["access_token"]
    client.application.test_client().post("/api/v1/auth/logout?scope=all", headers=bearer(token))
    assert ann.get("/account").headers["Location"] == "/sign-in?redirect_to=/account"


def test_profile_is_saved(ann):
    answer = submit(ann, "", first_name=" Ann ", last_name="", locale="de")
    assert answer.headers["Location"] == "/account?done=saved"
    account = ann.get("/api/v1/account").json
    assert (account["first_name"], account["last_name"], account["locale"]) == ("Ann", None, "de")
    for wrong in ({"first_name": "x" * 101}, {"first_name": "a\nb"}, {"locale": "tlh"}):
        assert submit(ann, "", **wrong).status_code == 400
    assert ann.get("/api/v1/account").json["first_name"] == "Ann"


def test_email_address_is_changed_by_a_code(ann, auth, mailbox):
    assert "taken" not in submit(ann, "/email", "/email", email="new@example.com").headers["Location"]
    auth.mail_delivery.deliver_due()
    [message] = [each for each in mailbox.messages if each.recipients == ["new@example.com"]]
    code = re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", message.text)[0]
    wrong = submit(ann, "/email/code", "/email/code", code="AAAA-AAAA")
    assert (wrong.status_code, "This code is wrong" in wrong.text) == (400, True)
    assert (
        submit(ann, "/email/code", "/email/code", code=code.lower()).headers["Location"]
        == "/account?done=email_changed"
    )
    assert ann.get("/api/v1/account").json["email"] == "new@example.com"
    assert submit(ann, "/email", "/email", email="no address").status_code == 400


def test_password_is_changed_and_others_are_signed_out(ann, client):
    other = log_in(client.application.test_client()).json["access_token"]
    short = submit(ann, "/password", "/password", password="short")
    assert (short.status_code, "at least 8 characters" in short.text) == (400, True)
    assert (
        submit(ann, "/password", "/password", password=NEW).headers["Location"]
        == "/account/password?done=password_changed"
    )
    assert client.application.test_client().get("/api/v1/account", headers=bearer(other)).status_code == 401
    assert ann.get("/account").status_code == 200
    log_in(client.application.test_client(), password=NEW)


def test_authenticator_app_is_added_used_and_removed(ann, clock):
    page = submit(ann, "/second-factor", "/second-factor")
    secret, number = (
        re.search(r'class="secret">(\w+)<', page.text)[1],
        re.search(r"second-factor/(\d+)/confirm", page.text)[1],
    )
    app = pyotp.TOTP(secret)
    wrong = submit(ann, f"/second-factor/{number}/confirm", code="000000")
    assert (wrong.status_code, "This code is wrong" in wrong.text) == (400, True)
    codes = submit(ann, f"/second-factor/{number}/confirm", code=app.at(clock.now()))
    assert len(set(re.findall(r"<li><code>([A-Z0-9-]+)</code>", codes.text))) == 10
    submit(ann, f"/second-factor/{number}/name", name="My phone")
    assert "My phone" in ann.get("/account/second-factor").text
    clock.advance(minutes=11)
    asked = ann.get("/account/second-factor").headers["Location"]
    assert 'name="password"' not in ann.get(asked).text
    submit(ann, "/confirm/code", "/confirm", code=app.at(clock.now()))
    fresh = submit(ann, "/second-factor/recovery-codes")
    assert len(re.findall(r"<li><code>", fresh.text)) == 10
    assert submit(ann, f"/second-factor/{number}/remove").headers["Location"] == "/account/second-factor?done=removed"
    assert not ann.get("/api/v1/account").json["has_second_factor"]


def test_other_devices_are_signed_out(ann, client):
    others = [log_in(client.application.test_client()).json["access_token"] for _ in range(3)]
    ended = re.search(r"/account/devices/([0-9a-f-]{36})/end", ann.get("/account/devices").text)[1]
    assert submit(ann, f"/devices/{ended}/end").headers["Location"] == "/account/devices?done=signed_out"
    assert submit(ann, f"/devices/{ended}/end").status_code == 404
    stranger = client.application.test_client()
    assert sorted(stranger.get("/api/v1/account", headers=bearer(each)).status_code for each in others) == [
        200,
        200,
        401,
    ]
    submit(ann, "/devices/end-others")
    assert {stranger.get("/api/v1/account", headers=bearer(each)).status_code for each in others} == {401}
    assert ann.get("/account").status_code == 200


def test_passkey_of_the_account_is_listed_renamed_and_removed(ann, client):
    holder = PasskeyHolder(client.application.test_client())
    holder.tokens = log_in(holder.client).json
    holder.add_passkey()
    page = ann.get("/account/passkeys")
    number = re.search(r"/account/passkeys/(\d+)/remove", page.text)[1]
    submit(ann, f"/passkeys/{number}/name", name="Desk")
    assert "Desk" in ann.get("/account/passkeys").text
    assert submit(ann, f"/passkeys/{number}/remove").headers["Location"] == "/account/passkeys?done=removed"
    assert submit(ann, f"/passkeys/{number}/remove").status_code == 404


def test_data_is_downloaded(ann):
    answer = ann.get("/account/data/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="account.json"'
    assert answer.json["account"]["email"] == EMAIL


def test_account_is_deleted_after_typing_its_address(ann):
    refused = submit(ann, "/data/delete", "/data", email="other@example.com")
    assert (refused.status_code, ann.get("/account").status_code) == (400, 200)
    done = submit(ann, "/data/delete", "/data", email=EMAIL.upper())
    assert (done.status_code, "will be deleted" in done.text) == (200, True)
    assert ann.get("/account").status_code == 303


def test_activity_is_listed_by_names(ann):
    log_in(ann.application.test_client())
    text = ann.get("/account/activity").text
    assert "Account created" in text
    assert "Signed in" in text
    assert ann.get("/account/activity?after=nonsense").headers["Location"] == "/account/activity"


def test_event_names_are_those_of_the_journal():
    named = set(
        re.findall(r'"([a-z_]+\.[a-z_]+)": _\(', (ROOT / "app/web/templates/account/event_names.html").read_text())
    )
    operators = {"mail.retried", "key.rotated", "key.retired", "key.reencrypted"}
    assert named == {event.value for event in EventType} - operators


@pytest.mark.settings(require_verified_email=True)
def test_sign_up_answers_alike_where_addresses_are_confirmed(client, app):
    texts = [client.post("/sign-up", data=ANN).text for _ in range(2)]
    assert texts[0] == texts[1]
    assert "Check your mailbox" in texts[0]
    assert client.get_cookie("latchkey_access") is None


@pytest.mark.settings(sign_up="invited")
def test_closed_sign_up_says_so(client):
    assert "by invitation only" in client.get("/sign-up").text
    assert client.post("/sign-up", data=ANN).status_code == 403


def test_taken_address_and_bad_password_are_told_at_their_fields(client):
    sign_up(client)
    taken = client.application.test_client().post("/sign-up", data=ANN)
    assert (taken.status_code, "already exists" in taken.text) == (409, True)
    common = client.post("/sign-up", data={"email": "b@example.com", "password": "password1"})
    assert (common.status_code, 'id="password-error"' in common.text) == (400, True)
