"""Sign-up with a passkey and no password."""

import pytest

from app.core.base64url import decode
from tests.support.api import ANN, is_problem, log_in, me, sign_up, sql
from tests.support.authenticator import UP
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.factors.test_second_step import claims
from tests.web.api.passkeys.test_sign_in import newest_token

on_each_database = pytest.mark.usefixtures("each_database")
must_verify = pytest.mark.settings(require_verified_email=True)
SIGN_UP = "/api/v1/auth/passkey/sign-up"


@pytest.fixture
def newcomer(client):
    """Ann, who has no account yet."""
    return PasskeyHolder(client)


@on_each_database
def test_sign_up_opens_an_account_and_a_session(newcomer):
    answer = newcomer.sign_up_without_password()
    assert answer.status_code == 201
    account = me(newcomer.client, answer.json).json
    assert (account["email"], claims(answer.json)["acr"]) == (newcomer.email, "aal2")
    assert newcomer.authenticator.newest.user_handle.hex() == account["id"].replace("-", "")
    assert newcomer.sign_in().status_code == 200
    assert log_in(newcomer.client).json["code"] == "invalid_credentials"


def test_address_gets_an_email_to_confirm(newcomer, auth, mailbox):
    newcomer.sign_up_without_password()
    token = newest_token(auth, mailbox, "verify-email")
    assert newcomer.client.post("/api/v1/verify-email", json={"token": token}).status_code == 200
    assert newcomer.sign_in().status_code == 200


def test_options_show_the_name(newcomer):
    answer = newcomer.client.post(f"{SIGN_UP}/options", json={"email": "Ann@Example.com", "display_name": "Ann"})
    user = answer.json["publicKey"]["user"]
    assert (user["name"], user["displayName"]) == ("Ann@example.com", "Ann")


def test_options_are_alike_for_new_and_taken_addresses(newcomer):
    def shape():
        options = newcomer.sign_up_options()
        assert (len(decode(options["challenge"])), len(decode(options["user"].pop("id")))) == (36, 16)
        options.pop("challenge")
        return options

    new = shape()
    sign_up(newcomer.client)
    assert shape() == new


@on_each_database
def test_taken_address_is_rejected(app, newcomer):
    sign_up(newcomer.client)
    assert is_problem(newcomer.sign_up_without_password(), 409, "email_taken")
    assert sql(app, "SELECT count(*) FROM passkeys") == [(0,)]


def test_sign_up_works_once(newcomer):
    credential = newcomer.authenticator.create(newcomer.sign_up_options())
    body = {"email": newcomer.email, "credential": credential}
    assert newcomer.client.post(SIGN_UP, json=body).status_code == 201
    assert newcomer.client.post(SIGN_UP, json=body).json["code"] == "email_taken"


def test_options_are_for_one_address(newcomer):
    credential = newcomer.authenticator.create(newcomer.sign_up_options())
    answer = newcomer.client.post(SIGN_UP, json={"email": "bob@example.com", "credential": credential})
    assert is_problem(answer, 400, "passkey_invalid")


def test_another_spelling_of_the_address_is_the_same(newcomer):
    credential = newcomer.authenticator.create(newcomer.sign_up_options())
    answer = newcomer.client.post(SIGN_UP, json={"email": "ANN@Example.COM", "credential": credential})
    assert answer.status_code == 201


@on_each_database
def test_passkey_of_another_account_opens_none(app, newcomer):
    bob = PasskeyHolder(app.test_client(), email="bob@example.com").sign_up()
    mine = bob.authenticator.newest
    answer = newcomer.sign_up_without_password(key=mine.key, credential_id=mine.id)
    assert is_problem(answer, 409, "passkey_exists")
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]


@pytest.mark.parametrize("changes", [{"flags": UP}, {"origin": "https://evil.example"}, {"type": "webauthn.get"}])
def test_wrong_registration_opens_no_account(app, newcomer, changes):
    assert is_problem(newcomer.sign_up_without_password(**changes), 400, "passkey_invalid")
    assert sql(app, "SELECT count(*) FROM accounts") == [(0,)]


@pytest.mark.parametrize("email", ["nonsense", "ann@", "a" * 300])
def test_invalid_address_gets_no_options(newcomer, email):
    assert is_problem(newcomer.client.post(f"{SIGN_UP}/options", json={"email": email}), 400, "invalid_email")


@must_verify
@on_each_database
def test_new_and_taken_addresses_get_the_same_answer(app, newcomer, auth, mailbox):
    new = newcomer.sign_up_without_password()
    again = newcomer.sign_up_without_password()
    assert (new.status_code, new.data) == (again.status_code, again.data) == (202, new.data)
    assert sql(app, "SELECT count(*) FROM passkeys") == [(1,)]
    while auth.mail_delivery.deliver_due():
        pass
    assert sorted(email.subject for email in mailbox.messages) == [
        "Welcome! Please confirm your address", "You already have an account",
    ]  # fmt: skip


@must_verify
def test_known_passkey_gets_the_same_answer_for_both(app, newcomer):
    """An error about the passkey would tell that the address is free."""
    newcomer.sign_up_without_password()
    mine = newcomer.authenticator.newest
    answers = set()
    for email in (ANN["email"], "free@example.com"):
        newcomer.email = email
        answers.add(newcomer.sign_up_without_password(key=mine.key, credential_id=mine.id).data)
    assert len(answers) == 1
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]


@must_verify
@on_each_database
def test_confirmed_address_signs_in_with_the_passkey(newcomer, auth, mailbox):
    newcomer.sign_up_without_password()
    assert newcomer.sign_in().json["code"] == "passkey_unusable"
    token = newest_token(auth, mailbox, "verify-email")
    assert newcomer.client.post("/api/v1/verify-email", json={"token": token}).status_code == 200
    assert newcomer.sign_in().status_code == 200
