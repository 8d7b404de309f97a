"""Open invitations: listed, sent again, revoked, and answered with a password or a passkey."""

import pytest

from tests.support.api import NEW, PASSWORD, bearer, is_problem, log_in, me, sql
from tests.support.passkey_holder import PasskeyHolder
from tests.support.person import Person as Visitor
from tests.web.api.factors.test_second_step import claims as claims_in

EVE = "eve@example.com"
SUBJECT = "You have an account"
ANSWER = "/api/v1/auth/invitation/passkey"
on_each_database = pytest.mark.usefixtures("each_database")


@pytest.fixture
def eve(app, auth, mailbox):
    """Eve, whom Ada may invite."""
    return Visitor(app.test_client(), auth, mailbox, EVE)


def invite(desk, email=EVE, **about):
    answer = desk.post("users", email=email, **about)
    assert answer.status_code == 201, answer.text
    return answer.json


def listed(desk, **query):
    return [user["email"] for user in desk.get("invitations", **query).json["invitations"]]


def answer_with_passkey(holder, token, query="", **changes):
    options = holder.client.post(f"{ANSWER}/options", json={"token": token})
    if options.status_code != 200:
        return options
    credential = holder.authenticator.create(options.json["publicKey"], **changes)
    return holder.client.post(ANSWER + query, json={"token": token, "credential": credential})


@on_each_database
def test_open_invitations_are_listed_newest_first_in_pages(desk, clock):
    for number in range(5):
        invite(desk, f"guest{number}@example.com")
        clock.advance(1)
    newest_first = [f"guest{number}@example.com" for number in range(4, -1, -1)]
    assert listed(desk) == newest_first
    found, after = [], None
    while True:
        page = desk.get("invitations", limit=2, **({"after": after} if after else {})).json
        found += [user["email"] for user in page["invitations"]]
        after = page["next"]
        if after is None:
            break
    assert found == newest_first


def test_invitations_of_the_same_moment_are_each_listed_once(app, desk):
    for number in range(4):
        invite(desk, f"guest{number}@example.com")
    sql(app, "UPDATE accounts SET invited_at = (SELECT max(created_at) FROM accounts) WHERE invited_at IS NOT NULL")
    first = desk.get("invitations", limit=2).json
    second = desk.get("invitations", limit=2, after=first["next"]).json
    emails = [user["email"] for page in (first, second) for user in page["invitations"]]
    assert sorted(emails) == [f"guest{number}@example.com" for number in range(4)]


def test_an_invalid_cursor_is_rejected(desk):
    assert is_problem(desk.get("invitations", after="x"), 400, "invalid_cursor")


def test_an_answer_with_a_password_closes_the_invitation(desk, eve):
    invited = invite(desk)
    assert invited["invited_at"] is not None
    token = eve.link(SUBJECT, "reset-password")
    assert eve.send("reset-password", reset_token=token, password=PASSWORD).status_code == 200
    assert listed(desk) == []
    assert desk.get(f"users/{invited['id']}").json["invited_at"] is None


@on_each_database
def test_a_passkey_answer_signs_in_and_verifies_the_address(app, desk, eve):
    invited = invite(desk, roles=["editor"], first_name="Eve")
    token = eve.link(SUBJECT, "reset-password")
    holder = PasskeyHolder(eve.client, email=EVE)
    answer = answer_with_passkey(holder, token)
    assert answer.status_code == 200, answer.text
    account = me(eve.client, answer.json).json
    assert (account["id"], account["email_verified"], account["has_password"]) == (invited["id"], True, False)
    assert (account["roles"], claims_in(answer.json)["acr"]) == (["editor"], "aal2")
    assert holder.sign_in().status_code == 200
    assert listed(desk) == []
    events = [event["event"] for event in desk.get("audit", account=invited["id"]).json["events"]]
    assert events[-4:] == ["session.opened", "email.verified", "passkey.added", "account.invited"]


def test_a_passkey_answer_can_set_cookies(desk, eve):
    invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    answer = answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token, "?transport=cookie")
    assert answer.json.keys() == {"token_type", "expires_in", "csrf_token"}
    assert eve.client.get("/api/v1/account").json["email"] == EVE


def test_an_answered_link_works_neither_way_again(desk, eve):
    invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    assert answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token).status_code == 200
    assert is_problem(answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token), 400, "link_used")
    assert eve.send("reset-password", reset_token=token, password=NEW).json["code"] == "link_used"


def test_a_reset_link_adds_no_passkey_to_a_used_account(app, auth, mailbox, desk, bob):
    visitor = Visitor(app.test_client(), auth, mailbox, bob.email)
    visitor.send("forgot-password", email=bob.email)
    token = visitor.link("Choose a new password", "reset-password")
    holder = PasskeyHolder(visitor.client, email=bob.email)
    assert is_problem(answer_with_passkey(holder, token), 400, "link_used")
    assert visitor.send("reset-password", reset_token=token, password=NEW).status_code == 200


def test_a_link_asked_for_by_the_invited_person_answers_too(desk, eve):
    invite(desk)
    eve.send("forgot-password", email=EVE)
    token = eve.link("Choose a new password", "reset-password")
    assert answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token).status_code == 200


def test_challenge_of_one_invitation_fails_for_another(app, auth, mailbox, desk, eve):
    invite(desk)
    mine = eve.link(SUBJECT, "reset-password")
    invite(desk, "bea@example.com")
    others = Visitor(app.test_client(), auth, mailbox, "bea@example.com").link(SUBJECT, "reset-password")
    holder = PasskeyHolder(eve.client, email=EVE)
    options = eve.client.post(f"{ANSWER}/options", json={"token": mine}).json["publicKey"]
    body = {"token": others, "credential": holder.authenticator.create(options)}
    assert is_problem(eve.client.post(ANSWER, json=body), 400, "passkey_invalid")
    assert set(listed(desk)) == {EVE, "bea@example.com"}


def test_a_failed_passkey_answer_leaves_the_link_working(desk, eve, bob):
    """A passkey that another account has: nothing is stored."""
    invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    holder = PasskeyHolder(eve.client, email=EVE)
    taken = PasskeyHolder(eve.client, email=bob.email, tokens=bob.tokens)
    assert taken.add_passkey().status_code == 201
    key = taken.authenticator.newest
    answer = answer_with_passkey(holder, token, key=key.key, credential_id=key.id)
    assert is_problem(answer, 409, "passkey_exists")
    assert listed(desk) == [EVE]
    assert answer_with_passkey(holder, token).status_code == 200


@pytest.mark.parametrize("path", [ANSWER, f"{ANSWER}/options"])
def test_a_forged_link_is_rejected(client, path):
    credential = PasskeyHolder(client).authenticator.create(PasskeyHolder(client).sign_up_options())
    body = {"token": "forged"} | ({"credential": credential} if path == ANSWER else {})
    assert is_problem(client.post(path, json=body), 400, "link_invalid")


def test_the_answer_of_a_disabled_account_is_rejected(desk, eve):
    invited = invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    options = eve.client.post(f"{ANSWER}/options", json={"token": token}).json["publicKey"]
    desk.post(f"users/{invited['id']}/disable")
    holder = PasskeyHolder(eve.client, email=EVE)
    body = {"token": token, "credential": holder.authenticator.create(options)}
    assert is_problem(eve.client.post(ANSWER, json=body), 400, "link_used")
    assert is_problem(desk.post(f"users/{invited['id']}/invitation"), 409, "account_disabled")


@on_each_database
def test_sending_again_replaces_the_link(desk, eve, clock):
    invited = invite(desk)
    old = eve.link(SUBJECT, "reset-password")
    assert desk.post(f"users/{invited['id']}/invitation").status_code == 204
    assert eve.send("reset-password", reset_token=old, password=PASSWORD).json["code"] == "link_used"
    new = eve.link(SUBJECT, "reset-password")
    assert new != old
    assert eve.send("reset-password", reset_token=new, password=PASSWORD).status_code == 200
    assert is_problem(desk.post(f"users/{invited['id']}/invitation"), 409, "invitation_answered")


@pytest.mark.settings(invitation_link_expires=7 * 86_400)
def test_the_link_lives_as_long_as_the_setting_says(desk, eve, clock):
    invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    assert "7 days" in eve.newest(SUBJECT)
    clock.advance(days=6, hours=23)
    assert eve.send("reset-password", reset_token=token, password=PASSWORD).status_code == 200


@on_each_database
def test_revoking_removes_the_account_and_its_link(app, desk, eve):
    invited = invite(desk)
    token = eve.link(SUBJECT, "reset-password")
    assert desk.delete(f"users/{invited['id']}/invitation").status_code == 204
    assert is_problem(desk.get(f"users/{invited['id']}"), 404, "account_not_found")
    assert is_problem(desk.delete(f"users/{invited['id']}/invitation"), 404, "account_not_found")
    assert eve.send("reset-password", reset_token=token, password=PASSWORD).json["code"] == "link_used"
    assert is_problem(answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token), 400, "link_used")
    assert sql(app, "SELECT count(*) FROM outbox WHERE address = :email", email=EVE) == [(0,)]
    assert invite(desk)["id"] != invited["id"]


def test_invitation_revoked_before_sending_sends_no_email(desk, eve, auth, mailbox):
    invited = invite(desk)
    assert desk.delete(f"users/{invited['id']}/invitation").status_code == 204
    while auth.mail_delivery.deliver_due():
        pass
    assert [message for message in mailbox.messages if SUBJECT in message.text] == []


def test_an_account_that_was_never_invited_cannot_be_revoked(client, desk, bob):
    assert is_problem(desk.delete(f"users/{bob.id}/invitation"), 409, "invitation_answered")
    assert is_problem(desk.post(f"users/{bob.id}/invitation"), 409, "invitation_answered")
    assert me(client, bob.tokens).status_code == 200


def test_an_answered_invitation_cannot_be_revoked(desk, eve):
    invited = invite(desk)
    answer = answer_with_passkey(PasskeyHolder(eve.client, email=EVE), eve.link(SUBJECT, "reset-password"))
    assert is_problem(desk.delete(f"users/{invited['id']}/invitation"), 409, "invitation_answered")
    assert me(eve.client, answer.json).status_code == 200


def test_a_password_set_by_an_earlier_version_is_an_answer(app, desk, eve):
    """That version does not know the mark, so it stays."""
    invited = invite(desk)
    sql(app, "UPDATE accounts SET password_hash = 'x' WHERE id = :id", id=invited["id"])
    assert listed(desk) == []
    assert is_problem(desk.delete(f"users/{invited['id']}/invitation"), 409, "invitation_answered")


def test_an_account_that_is_being_deleted_is_not_listed(desk):
    invited = invite(desk)
    desk.delete(f"users/{invited['id']}")
    assert listed(desk) == []
    assert is_problem(desk.post(f"users/{invited['id']}/invitation"), 409, "invitation_answered")


def test_an_invited_administrator_does_not_count_before_the_answer(desk, ada, eve):
    invite(desk, roles=["admin"])
    assert is_problem(desk.put(f"users/{ada.id}/roles", roles=[]), 409, "last_admin")
    token = eve.link(SUBJECT, "reset-password")
    assert eve.send("reset-password", reset_token=token, password=PASSWORD).status_code == 200
    assert desk.put(f"users/{ada.id}/roles", roles=[]).status_code == 204


@pytest.mark.settings(sign_up="closed")
def test_closed_service_sends_no_invitation_by_http(app, auth, mailbox, eve):
    with app.app_context():
        ada = auth.admin_accounts.create_with_password("ada@example.com", PASSWORD, ["admin"])
        invited = auth.admin_accounts.invite(None, EVE)
    tokens = log_in(app.test_client(), email=ada.email).json
    headers = bearer(tokens["access_token"])
    client = app.test_client()
    answer = client.post("/api/v1/admin/users", json={"email": "bea@example.com"}, headers=headers)
    assert is_problem(answer, 409, "invitations_closed")
    again = client.post(f"/api/v1/admin/users/{invited.id}/invitation", headers=headers)
    assert is_problem(again, 409, "invitations_closed")
    token = eve.link(SUBJECT, "reset-password")  # of the operator
    assert answer_with_passkey(PasskeyHolder(eve.client, email=EVE), token).status_code == 200
