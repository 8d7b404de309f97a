"""Whose account is it? An address alone takes over no account, and an account made beforehand takes over no person."""

import threading

import pytest

from app.flows.steps.read_identity import LinkTokenInvalid
from tests.support.api import ANN, NEW, PASSWORD, bearer, is_problem, log_in, me, refresh, sign_up, sql
from tests.support.passkey_holder import PasskeyHolder
from tests.support.provider_visitor import Visitor

PATH = "/api/v1/account/identities"
ANN_THERE = {"sub": "ann-there", "email": ANN["email"]}


def sign_in(visitor, **claims):
    return visitor.redeem(visitor.code(**ANN_THERE | claims))


def link(client, tokens, **proof):
    return client.post(PATH, json=proof, headers=bearer(tokens["access_token"]))


def identities(client, tokens):
    return client.get(PATH, headers=bearer(tokens["access_token"])).json["identities"]


@pytest.fixture
def stranger(app):
    """The browser of somebody else, without Ann's cookies."""
    return app.test_client()


@pytest.fixture
def ann(app, client):
    """Ann's tokens. She has a password, and has confirmed her address."""
    tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at")
    return tokens


def test_account_made_beforehand_is_claimed_by_its_address_owner(visitor, stranger, app):
    maker = PasskeyHolder(stranger).sign_up()
    claimed = sign_in(visitor)
    assert claimed.status_code == 200
    account = me(visitor.client, claimed.json).json
    assert (account["email_verified"], account["has_password"]) == (True, False)
    assert me(stranger, maker.tokens).status_code == 401
    assert refresh(stranger, maker.tokens).status_code == 401
    assert log_in(stranger).status_code == 401
    assert maker.sign_in().status_code == 401
    assert sql(app, "SELECT count(*) FROM accounts") == [(1,)]
    assert sign_in(visitor).status_code == 200


def test_identity_linked_beforehand_is_removed_by_the_claim(visitor, stranger, lying):
    """The maker signs up with Ann's address, and links an identity of their own before Ann comes."""
    tokens = sign_up(stranger)
    maker = Visitor(stranger, lying)
    code = maker.code(sub="maker", email="maker@example.com")
    assert link(stranger, tokens, code=code, code_verifier=maker.verifier).status_code == 201
    assert sign_in(visitor).status_code == 200
    again = maker.redeem(maker.code(sub="maker", email="maker@example.com"))
    assert me(stranger, again.json).json["email"] == "maker@example.com"  # an account of their own


@pytest.mark.parametrize("email", ["ANN@example.com", "Ann@EXAMPLE.COM", "ann@EXAMPLE.com"])
def test_spelling_of_an_address_takes_over_no_account(visitor, ann, email):
    answer = sign_in(visitor, email=email)
    assert (answer.status_code, answer.json["code"]) == (409, "identity_link_required")


@pytest.mark.parametrize(
    "email", ["ann@exаmple.com", "ａnn@example.com", "ann+x@example.com", "ann@example.com.evil.org"]
)
def test_similar_address_takes_over_no_account(visitor, ann, client, email):
    answer = sign_in(visitor, email=email)
    if answer.status_code == 200:
        assert me(client, answer.json).json["id"] != me(client, ann).json["id"]
    assert answer.status_code in (200, 400, 409)


def test_untrusted_address_takes_over_no_account(visitor, ann, client):
    assert sign_in(visitor, email_verified=False).status_code == 202
    assert identities(client, ann) == []


def test_link_token_links_after_a_sign_in(visitor, ann, client):
    token = sign_in(visitor).json["link_token"]
    answer = link(client, log_in(client).json, link_token=token)
    assert (answer.status_code, answer.json["provider"]) == (201, "work")
    again = sign_in(visitor)
    assert me(client, again.json).json["id"] == me(client, ann).json["id"]


def test_link_token_works_once_and_for_ten_minutes(visitor, ann, client, auth, clock):
    token = sign_in(visitor).json["link_token"]
    assert link(client, ann, link_token=token).status_code == 201
    assert is_problem(link(client, ann, link_token=token), 400, "link_token_invalid")
    other = sign_in(visitor, sub="other").json["link_token"]
    clock.advance(minutes=10, seconds=1)
    with pytest.raises(LinkTokenInvalid):
        auth.provider_sign_in.read_identity.by_link_token(other)


@pytest.mark.parametrize("token", ["x", "A" * 300, "code", "cookie"])
def test_other_tokens_link_nothing(visitor, ann, client, token):
    code = visitor.code(**ANN_THERE)
    visitor.start()
    token = {"code": code, "cookie": client.get_cookie("latchkey_flow").value}.get(token, token)
    assert is_problem(link(client, ann, link_token=token), 400, "link_token_invalid")
    assert identities(client, ann) == []


def test_link_token_is_not_a_code(visitor, ann):
    token = sign_in(visitor).json["link_token"]
    assert is_problem(visitor.redeem(token), 400, "provider_code_invalid")


def test_identity_of_another_person_cannot_be_linked(visitor, ann, client):
    assert sign_in(visitor, sub="bob", email="bob@example.com").status_code == 200
    code = visitor.code(sub="bob", email="bob@example.com")
    assert is_problem(link(client, ann, code=code, code_verifier=visitor.verifier), 409, "identity_taken")


def test_code_of_another_app_links_nothing(visitor, ann, client):
    """The attacker's code, planted into Ann's app, would link the attacker's identity to Ann's account."""
    code = visitor.code(sub="attacker")
    answer = link(client, ann, code=code, code_verifier="v" * 43)
    assert is_problem(answer, 400, "provider_code_invalid")


def test_linking_needs_a_recent_sign_in(visitor, ann, client, clock):
    clock.advance(minutes=11)
    tokens = refresh(client, ann).json
    now = int(clock.now().timestamp())
    code = visitor.code(sub="attacker", iat=now, exp=now + 60)
    answer = link(client, tokens, code=code, code_verifier=visitor.verifier)
    assert is_problem(answer, 403, "reauthentication_required")


@pytest.mark.settings(email_sign_in="off")
def test_last_way_in_stays(visitor, client):
    tokens = sign_in(visitor).json
    (only,) = identities(client, tokens)
    answer = client.delete(f"{PATH}/{only['id']}", headers=bearer(tokens["access_token"]))
    assert is_problem(answer, 409, "last_way_in")
    assert sign_in(visitor).status_code == 200


def test_unlinked_identity_signs_in_no_longer(visitor, ann, client):
    token = sign_in(visitor).json["link_token"]
    linked = link(client, ann, link_token=token).json
    assert client.delete(f"{PATH}/{linked['id']}", headers=bearer(ann["access_token"])).status_code == 204
    assert sign_in(visitor).json["code"] == "identity_link_required"


def test_identity_of_another_account_cannot_be_unlinked(visitor, ann, client):
    tokens = sign_in(visitor, sub="bob", email="bob@example.com").json
    (theirs,) = identities(client, tokens)
    answer = client.delete(f"{PATH}/{theirs['id']}", headers=bearer(ann["access_token"]))
    assert is_problem(answer, 404, "identity_not_found")


def test_password_reset_keeps_the_identity(visitor, ann, client, auth, mailbox):
    link(client, ann, link_token=sign_in(visitor).json["link_token"])
    client.post("/api/v1/forgot-password", json={"email": ANN["email"]})
    while auth.mail_delivery.deliver_due():
        pass
    words = [word for email in mailbox.messages for word in email.text.split() if "/reset-password#token=" in word]
    body = {"reset_token": words[-1].partition("#token=")[2], "password": NEW}
    assert client.post("/api/v1/reset-password", json=body).status_code == 200
    assert log_in(client, password=PASSWORD).status_code == 401
    assert sign_in(visitor).status_code == 200


def at_once(app, acts):
    """The answers to all acts, each with a client of its own, begun at the same moment."""
    answers, start = [], threading.Barrier(len(acts))

    def run(act):
        client = app.test_client()
        start.wait()
        answers.append(act(client))

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_parallel_first_sign_ins_open_one_account(each_app, visitor):
    codes = [visitor.code(**ANN_THERE) for _ in range(6)]
    acts = [
        lambda client, code=code: Visitor(client, visitor.provider).redeem(code, visitor.verifier) for code in codes
    ]
    answers = at_once(each_app, acts)
    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    assert 200 in {answer.status_code for answer in answers}
    assert sql(each_app, "SELECT count(*) FROM accounts") == [(1,)]
    assert sql(each_app, "SELECT count(*) FROM identities") == [(1,)]


def test_parallel_links_give_the_identity_to_one_account(each_app, visitor, client):
    people = [sign_up(client, email=f"person{number}@example.com") for number in range(4)]
    codes = [visitor.code(sub="shared", email_verified=False) for _ in people]
    acts = [
        lambda client, tokens=tokens, code=code: link(client, tokens, code=code, code_verifier=visitor.verifier)
        for tokens, code in zip(people, codes, strict=True)
    ]
    statuses = sorted(answer.status_code for answer in at_once(each_app, acts))
    assert statuses == [201, 409, 409, 409]
    assert sql(each_app, "SELECT count(*) FROM identities") == [(1,)]
