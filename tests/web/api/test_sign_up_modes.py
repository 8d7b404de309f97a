"""SIGN_UP and SIGN_UP_ANSWER: who may get an account, and what a sign-up answers."""

import pytest

from app.domain.accounts.emails import parse_address
from app.domain.accounts.passwords import Passwords
from tests.support.api import ANN, PASSWORD, is_problem, log_in, sql
from tests.support.passkey_holder import PasskeyHolder

SIGNUP = "/api/v1/auth/signup"
PASSKEY = "/api/v1/auth/passkey/sign-up"


@pytest.fixture
def taken(auth):
    """An address that has an account."""
    return auth.admin_accounts.create_with_password("taken@example.com", PASSWORD).email


@pytest.fixture(params=[pytest.param(mode, marks=pytest.mark.settings(sign_up=mode)) for mode in ("invited", "closed")])
def mode(request):
    """SIGN_UP."""
    return request.param


@pytest.mark.usefixtures("mode")
def test_strangers_get_the_same_403_for_every_address(app, client, auth, taken):
    holder = PasskeyHolder(client)
    options = auth.passkey_sign_up.make_passkey_options
    bodies = []
    for email in ("new@example.com", taken):
        answer = client.post(SIGNUP, json={"email": email, "password": PASSWORD})
        assert is_problem(answer, 403, "sign_up_closed")
        asked = client.post(f"{PASSKEY}/options", json={"email": email})
        assert is_problem(asked, 403, "sign_up_closed")
        with app.app_context():
            made = holder.authenticator.create(options.to_sign_up(parse_address(email), None))
        late = client.post(PASSKEY, json={"email": email, "credential": made})
        assert is_problem(late, 403, "sign_up_closed")
        bodies.append([each.json for each in (answer, asked, late)])
    assert bodies[0] == bodies[1]
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]
    assert sql(app, "SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.usefixtures("mode")
def test_a_closed_sign_up_costs_no_hash(client, monkeypatch):
    hashed = []
    monkeypatch.setattr(Passwords, "hash", lambda *_: hashed.append(1))
    assert client.post(SIGNUP, json=ANN).status_code == 403
    assert hashed == []


def test_home_page_and_documentation_say_that_sign_up_is_closed(client, mode):
    said = {"invited": "by invitation only", "closed": "takes no new accounts"}[mode]
    assert said in client.get("/").text
    assert said in client.get("/openapi.json").json["info"]["description"]


def test_an_open_service_says_nothing_about_sign_up(client):
    assert "new accounts" not in client.get("/").text + client.get("/openapi.json").json["info"]["description"]


@pytest.mark.usefixtures("mode")
def test_people_with_an_account_sign_in(client, taken):
    assert log_in(client, email=taken).status_code == 200


@pytest.mark.settings(sign_up_answer="generic")
def test_generic_answers_are_the_same_for_new_and_taken_addresses(client, auth, mailbox, taken):
    new = client.post(SIGNUP, json=ANN)
    known = client.post(SIGNUP, json=ANN | {"email": taken})
    assert (new.status_code, new.json) == (known.status_code, known.json)
    assert new.status_code == 202
    assert "Set-Cookie" not in new.headers
    while auth.mail_delivery.deliver_due():
        pass
    subjects = {message.recipients[0]: message.subject for message in mailbox.messages}
    assert subjects.keys() == {ANN["email"], taken}
    assert subjects[ANN["email"]] != subjects[taken]


@pytest.mark.settings(sign_up_answer="generic")
def test_generic_answers_need_no_verified_address_to_sign_in(client):
    assert client.post(SIGNUP, json=ANN).status_code == 202
    assert log_in(client).status_code == 200


@pytest.mark.settings(sign_up_answer="generic")
def test_generic_answers_hash_the_password_for_taken_addresses_too(client, taken, monkeypatch):
    hash_, hashed = Passwords.hash, []
    monkeypatch.setattr(Passwords, "hash", lambda self, password: hashed.append(1) or hash_(self, password))
    for email in ("new@example.com", taken):
        assert client.post(SIGNUP, json={"email": email, "password": PASSWORD}).status_code == 202
    assert len(hashed) == 2


@pytest.mark.settings(sign_up_answer="generic")
def test_generic_answers_hold_for_passkeys(client, taken):
    answers = []
    for email in ("new@example.com", taken):
        holder = PasskeyHolder(client, email=email)
        answers.append(holder.sign_up_without_password())
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json == answers[1].json
