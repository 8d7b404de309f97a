"""Who gets an email, who gets an account, and who loses access when the owner of a mailbox comes."""

import pytest

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import parse_address
from tests.support.api import ANN, is_problem, log_in, me, refresh, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.email_sign_in.conftest import Asker, own

UNKNOWN = "unknown@example.com"


def test_unknown_address_gets_the_same_answer_and_no_email(asker, ann):
    known, unknown = asker.ask(), asker.ask(UNKNOWN)
    assert known.json.keys() == unknown.json.keys()
    assert (known.json["message"], len(known.json["attempt"])) == (
        unknown.json["message"],
        len(unknown.json["attempt"]),
    )
    assert asker.emails() == 1
    assert is_problem(asker.by_code(code="BCDF-GHJK"), 400, "code_invalid")


@pytest.mark.settings(email_sign_in="off")
@pytest.mark.parametrize("email", [ANN["email"], UNKNOWN])
def test_switched_off_it_sends_nothing(client, email):
    assert is_problem(client.post("/api/v1/auth/email", json={"email": email}), 403, "email_sign_in_off")


@pytest.mark.settings(email_sign_in="open")
@pytest.mark.parametrize("way", ["by_link", "by_code"])
def test_unknown_address_opens_a_confirmed_account(asker, app, way):
    asker.ask(UNKNOWN)
    account = me(asker.client, getattr(asker, way)().json).json
    assert (account["email"], account["email_verified"], account["has_password"]) == (UNKNOWN, True, False)
    assert is_problem(asker.by_link(), 400, "link_used")
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]


@pytest.mark.settings(email_sign_in="open", require_verified_email=True)
def test_opened_account_needs_no_second_confirmation(asker):
    asker.ask(UNKNOWN)
    assert asker.by_code().status_code == 200


@pytest.mark.settings(email_sign_in="open", sign_up="invited")
def test_closed_sign_up_sends_no_email_to_strangers(asker):
    asker.ask(UNKNOWN)
    assert asker.emails() == 0


@pytest.mark.settings(email_sign_in="open")
def test_account_without_a_password_can_do_everything(asker):
    asker.ask(UNKNOWN)
    tokens = asker.by_code().json
    assert own(asker.client, tokens, "PUT", "/account/password", password="a new horse battery").status_code == 204
    assert log_in(asker.client, email=UNKNOWN, password="a new horse battery").status_code == 200


@pytest.mark.settings(email_sign_in="open")
def test_account_opened_after_the_email_was_sent_is_claimed(asker, client):
    asker.ask(UNKNOWN)
    maker = sign_up(client, email=UNKNOWN)
    tokens = asker.by_code().json
    assert me(client, maker).status_code == 401
    assert me(asker.client, tokens).json["has_password"] is False


def test_invited_person_signs_in_and_keeps_everything(asker, app, auth):
    account = auth.admin_accounts.invite(None, ANN["email"], roles=["editor"])
    asker.ask()
    found = me(asker.client, asker.by_code().json).json
    assert (found["id"], found["roles"], found["email_verified"]) == (account.id, ["editor"], True)
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'account.claimed'") == [(0,)]
    assert sql(app, "SELECT invited_at FROM accounts") == [(None,)]


def test_first_sign_in_claims_the_account_of_a_stranger(asker, app, client, mailbox, auth):
    holder = PasskeyHolder(client).sign_up()
    maker = holder.tokens
    asker.ask()
    tokens = asker.by_link().json
    assert me(client, maker).status_code == 401
    assert refresh(client, maker).status_code == 401
    assert log_in(client).status_code == 401
    assert holder.sign_in().status_code == 401
    account = me(asker.client, tokens).json
    assert (account["email_verified"], account["has_password"]) == (True, False)
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'account.claimed'") == [(1,)]
    while auth.mail_delivery.deliver_due():
        pass
    assert "The account with your address is now yours alone" in [m.message["Subject"] for m in mailbox.messages]


def test_claim_removes_factors_identities_and_trusted_devices(asker, app, client, clock):
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    owner.add_app()
    step = app.extensions["latchkey"].identities
    account_id = me(client, owner.tokens).json["id"]
    with app.app_context(), step.work as work:
        step.identities.link(account_id, "work", "https://id.example.com", "maker", None, clock.now())
        work.commit()
    asker.ask()
    assert asker.by_code().status_code == 200  # no second factor is asked for: it was the maker's
    for table in ("totp_factors", "recovery_codes", "identities", "trusted_devices", "passkeys"):
        assert sql(app, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_app_that_signed_up_shows_its_device_token(asker, app, client):
    tokens = sign_up(client)
    asker.ask()
    headers = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    body = {"attempt": asker.attempt, "code": asker.code}
    answer = asker.client.post("/api/v1/auth/email/code", json=body, headers=headers)
    assert me(client, answer.json).json["has_password"] is True
    assert log_in(client).status_code == 200


@pytest.mark.settings(email_sign_in="open", sign_up="closed")
def test_code_opens_no_account_once_sign_up_is_closed(asker, app, auth):
    """The email was sent by a process that still had SIGN_UP=open."""
    step = app.extensions["latchkey"].email_sign_in.request_sign_in_email
    with app.app_context():
        requested = step(parse_address(UNKNOWN), ClientInfo(), may_open_account=True)
    asker.attempt = requested.attempt
    asker.read()
    assert is_problem(asker.by_code(), 403, "sign_up_closed")
    assert sql(app, "SELECT count(*) FROM accounts") == [(0,)]


def test_browser_that_signed_up_keeps_its_account(app, auth, mailbox):
    browser = app.test_client()
    browser.post("/api/v1/auth/signup?transport=cookie", json=ANN)
    same = Asker(browser, auth, mailbox)
    same.ask()
    assert same.by_code("?transport=cookie").status_code == 200
    account = browser.get("/api/v1/account").json
    assert (account["email_verified"], account["has_password"]) == (True, True)
    assert log_in(app.test_client()).status_code == 200


def test_link_survives_a_break_after_the_claim(asker, app, client):
    sign_up(client)
    asker.ask()
    flow = app.extensions["latchkey"].email_sign_in
    step = flow.complete_email_sign_in
    with app.app_context():
        account = step.accounts.by_email(ANN["email"])
        pending = flow.find_sign_in.by_link(asker.token)
        assert pending.credentials_version == account.credentials_version
        assert step.prove_mailbox(account, ClientInfo()).credentials_version == account.credentials_version + 1
    assert asker.by_link().status_code == 200


def test_requests_for_one_mailbox_are_limited(asker, ann):
    for _ in range(6):
        asker.ask()
    assert asker.emails() == 3


def test_data_export_names_the_pending_sign_in(asker, client, ann):
    asker.ask()
    exported = own(client, ann, "GET", "/account/export").json
    assert [row["mailbox"] for row in exported["email_sign_ins"]] == [ANN["email"]]
    assert asker.code not in str(exported)


def test_cleanup_deletes_what_has_expired(asker, app, ann, clock, auth):
    asker.ask()
    clock.advance(minutes=31)
    assert auth.cleanup.run()["email_sign_ins"] == 1
    assert sql(app, "SELECT count(*) FROM email_sign_ins") == [(0,)]
