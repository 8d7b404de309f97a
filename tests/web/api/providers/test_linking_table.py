"""Which account an identity signs in to: each row of the table in docs/decisions/0054."""

import re

import pytest

from tests.support.api import ANN, PASSWORD, is_problem, log_in, me, sign_up, sql
from tests.support.authenticator_app import Owner
from tests.support.provider_visitor import Visitor
from tests.test_statements import statements
from tests.web.api.providers.test_takeover import identities, link

THERE = {"sub": "ann-there", "email": ANN["email"]}


def sign_in(visitor, **claims):
    return visitor.redeem(visitor.code(**THERE | claims))


def emailed_code(auth, mailbox):
    """The code of the newest sign-in email."""
    while auth.mail_delivery.deliver_due():
        pass
    text = next(message.text for message in reversed(mailbox.messages) if "/sign-in/link#" in message.text)
    return re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", text)[0]


@pytest.fixture
def ann(app, client):
    """Ann's tokens. She has a password, and has confirmed her address."""
    tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    return tokens


def test_known_identity_signs_in_to_its_account(visitor, client, ann):
    code = visitor.code(**THERE, email_verified=False)
    assert link(client, ann, code=code, code_verifier=visitor.verifier).status_code == 201
    answer = sign_in(visitor, email="changed@example.org", email_verified=False)
    assert me(client, answer.json).json["email"] == ANN["email"]


def test_identity_shown_in_a_session_is_linked_to_its_account(visitor, client, ann, auth, mailbox):
    code = visitor.code(sub="another", email="another@example.org")
    linked = link(client, ann, code=code, code_verifier=visitor.verifier)
    assert (linked.status_code, linked.json["email"]) == (201, "another@example.org")
    while auth.mail_delivery.deliver_due():
        pass
    assert mailbox.messages[-1].message["Subject"] == "A new way to sign in was added to your account"


def test_trusted_address_without_an_account_opens_one(visitor, client):
    tokens = sign_in(visitor).json
    account = me(client, tokens).json
    assert (account["email"], account["email_verified"], account["has_password"]) == (ANN["email"], True, False)
    assert len(identities(client, tokens)) == 1


def test_trusted_address_of_an_invited_person_answers_the_invitation(visitor, app, client, auth):
    invited = auth.admin_accounts.invite(None, ANN["email"], roles=["editor"])
    account = me(client, sign_in(visitor).json).json
    assert (account["id"], account["roles"], account["email_verified"]) == (invited.id, ["editor"], True)
    assert sql(app, "SELECT invited_at FROM accounts") == [(None,)]
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'account.claimed'") == [(0,)]


def test_trusted_address_that_was_never_confirmed_claims_the_account(visitor, app, client):
    stranger = app.test_client()
    maker = sign_up(stranger)
    tokens = sign_in(visitor).json
    assert me(stranger, maker).status_code == 401
    assert log_in(stranger).status_code == 401
    assert me(client, tokens).json["email_verified"] is True
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'account.claimed'") == [(1,)]


def test_trusted_address_of_a_confirmed_account_asks_its_owner(visitor, client, ann):
    answer = sign_in(visitor)
    assert answer.json["code"] == "identity_link_required"
    tokens = log_in(client).json
    assert link(client, tokens, link_token=answer.json["link_token"]).status_code == 201
    assert is_problem(link(client, tokens, link_token=answer.json["link_token"]), 400, "link_token_invalid")
    assert me(client, sign_in(visitor).json).json["email"] == ANN["email"]


@pytest.mark.settings(link_by_email="trusted")
def test_operator_may_let_a_trusted_address_link(visitor, client, ann):
    assert me(client, sign_in(visitor).json).json["has_password"] is True
    assert len(identities(client, ann)) == 1


@pytest.mark.parametrize("known", [True, False])
def test_untrusted_address_is_proved_by_the_asking_client(visitor, app, client, auth, mailbox, known):
    if known:
        sign_up(client)
        sql(app, "UPDATE accounts SET email_verified_at = created_at")
    sent = sign_in(visitor, email_verified=False)
    assert sent.status_code == 202
    body = {"attempt": sent.json["attempt"], "code": emailed_code(auth, mailbox)}
    tokens = client.post("/api/v1/auth/email/code", json=body).json
    assert link(client, tokens, link_token=sent.json["link_token"]).status_code == 201
    account = me(client, sign_in(visitor, email_verified=False).json).json
    assert (account["email"], account["has_password"]) == (ANN["email"], known)


def test_untrusted_address_takes_the_same_statements_known_or_not(visitor, app, client):
    sign_up(client)
    sign_in(visitor, sub="warm", email="warm@example.com", email_verified=False)
    found = {}
    for email in (ANN["email"], "unknown@example.com"):
        code = visitor.code(sub=email, email=email, email_verified=False)
        with statements(app, commits=True) as seen:
            answer = visitor.redeem(code)
        found[email] = (answer.status_code, seen)
    assert found[ANN["email"]] == found["unknown@example.com"]


def test_emailed_link_elsewhere_links_no_identity_of_a_stranger(visitor, app, client, ann, auth, mailbox):
    """A stranger begins with Ann's address. Ann presses the button of the email, on her own device."""
    sign_in(visitor, sub="stranger", email_verified=False)
    while auth.mail_delivery.deliver_due():
        pass
    token = re.search(r"/sign-in/link#token=(\S+)", mailbox.messages[-1].text)[1]
    hers = app.test_client().post("/api/v1/auth/email/link", json={"token": token, "other_device": True}).json
    assert identities(client, hers) == []
    assert sign_in(visitor, sub="stranger", email_verified=False).status_code == 202


def test_identity_without_an_address_is_told_what_is_missing(visitor, lying):
    lying.userinfo = {}
    assert is_problem(sign_in(visitor, email="not an address"), 400, "email_needed")


@pytest.mark.settings(email_sign_in="off")
def test_last_identity_stays_where_no_email_signs_in(visitor, client):
    tokens = sign_in(visitor).json
    (only,) = identities(client, tokens)
    path, headers = f"/api/v1/account/identities/{only['id']}", {"Authorization": f"Bearer {tokens['access_token']}"}
    assert is_problem(client.delete(path, headers=headers), 409, "last_way_in")
    set_password = client.put("/api/v1/account/password", json={"password": PASSWORD}, headers=headers)
    assert set_password.status_code == 204
    assert client.delete(path, headers=headers).status_code == 204


def test_alarm_link_removes_identities_of_the_last_week(visitor, client, ann, app, auth, mailbox):
    code = visitor.code(**THERE)
    link(client, ann, code=code, code_verifier=visitor.verifier)
    while auth.mail_delivery.deliver_due():
        pass
    alarm = re.search(r"/not-me#token=(\S+)", mailbox.messages[-1].text)[1]
    assert client.post("/api/v1/not-me", json={"token": alarm}).status_code == 200
    assert sql(app, "SELECT count(*) FROM identities") == [(0,)]


def test_reset_of_a_never_confirmed_account_removes_identities(visitor, app, client, auth, mailbox):
    maker = sign_up(client)
    code = visitor.code(sub="maker", email="maker@example.org")
    assert link(client, maker, code=code, code_verifier=visitor.verifier).status_code == 201
    client.post("/api/v1/forgot-password", json={"email": ANN["email"]})
    while auth.mail_delivery.deliver_due():
        pass
    texts = [message.text for message in mailbox.messages]
    token = next(re.search(r"/reset-password#token=(\S+)", text) for text in texts if "/reset-password#" in text)[1]
    body = {"reset_token": token, "password": "a new horse battery"}
    assert client.post("/api/v1/reset-password", json=body).status_code == 200
    assert sql(app, "SELECT count(*) FROM identities") == [(0,)]


def test_account_has_twenty_identities_at_most(visitor, client, ann, app, lying):
    for number in range(20):
        code = visitor.code(sub=f"n{number}", email=f"n{number}@example.org")
        assert link(client, ann, code=code, code_verifier=visitor.verifier).status_code == 201
    other = Visitor(client, lying)
    code = other.code(sub="n20", email="n20@example.org")
    assert is_problem(link(client, ann, code=code, code_verifier=other.verifier), 409, "too_many_identities")


@pytest.mark.settings(link_by_email="trusted")
def test_identity_is_linked_after_the_second_factor(visitor, app, client, clock):
    owner = Owner(client, clock)
    owner.sign_up().add_app()
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    asked = sign_in(visitor)
    assert (asked.status_code, asked.json["code"]) == (403, "second_factor_required")
    tokens = owner.second_step(asked.json["second_factor"]["token"]).json
    assert identities(client, tokens) == []
    assert link(client, tokens, link_token=asked.json["link_token"]).status_code == 201
    assert link(client, tokens, link_token=asked.json["link_token"]).status_code in (400, 409)
    again = sign_in(visitor)
    assert (again.status_code, "link_token" in again.json) == (403, False)
