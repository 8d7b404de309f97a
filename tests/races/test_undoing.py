"""An owner takes the account back while a thief does everything to keep it: the earliest address decides."""

import random
from functools import partial

import pytest

from app.core.client_info import ClientInfo
from tests.races.conftest import PASSWORD, Cluster, SignedUp
from tests.races.test_disabling_and_deleting import scatter, with_link
from tests.support.concurrency import Call, account, post, together

UNDO, CONFIRM = "/account/email/undo", "/account/email/confirm"
ADDRESS = "SELECT email FROM accounts WHERE id = :id"
UNDOS = "SELECT count(*) FROM email_actions WHERE account_id = :id AND purpose = 'undo-email-change'"
DELETES_AT = "SELECT deletes_at FROM accounts WHERE email = :email"
NEW_DEVICES = "SELECT count(*) FROM outbox WHERE kind = 'new_device' AND account_id = :id"


def account_id(cluster: Cluster, email: str) -> str:
    return str(cluster.ask("SELECT id FROM accounts WHERE email = :email", email=email))


def ask_for(cluster: Cluster, racer: SignedUp, address: str) -> str:
    """The token of the link that confirms a change to this address."""
    body = {"email": address}
    assert Call(cluster.urls[0], "PUT", "/api/v1/account/email", racer.access, body).send().status == 202
    return cluster.links("confirm-email")[address]


def move(cluster: Cluster, racer: SignedUp, address: str) -> str:
    """Change the address; the undo link that came to the old one."""
    old = account(cluster.urls[0], racer.access).send().body["email"]
    token = ask_for(cluster, racer, address)
    assert with_link(cluster.urls[1], CONFIRM, token).send().status == 200
    return cluster.links("undo-email-change")[old]


def test_earliest_undo_wins_against_all_that_a_thief_does(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(21)
    for _ in range(3 * rounds):
        racer = cluster.sign_up()
        one = account_id(cluster, racer.email)
        owner, thief = (move(cluster, racer, f"{name}-{racer.email}") for name in ("thief", "second"))
        third = ask_for(cluster, racer, f"third-{racer.email}")
        here, there = chance.sample(cluster.urls, 2)
        calls = [
            with_link(here, UNDO, owner),
            with_link(there, UNDO, thief),
            with_link(there, CONFIRM, third),
            Call(here, "DELETE", "/api/v1/account", racer.access, {"password": PASSWORD}),
        ]
        undone, *others = scatter(chance, calls)
        assert undone.status == 200, undone
        assert {answer.status for answer in others} <= {200, 204, 400, 401, 403}, others
        assert (cluster.ask(ADDRESS, id=one), cluster.ask(UNDOS, id=one)) == (racer.email, 0)
        tokens = (owner, thief, *cluster.links("undo-email-change").values())
        late = [with_link(here, UNDO, token).send() for token in tokens]
        assert {answer.body["code"] for answer in late} == {"link_used"}
        assert account(there, racer.access).send().status == 401


def not_me_link(cluster: Cluster, racer: SignedUp) -> str:
    """The token of the link "this was not me" in the email about a changed password."""
    body = {"password": PASSWORD, "current_password": PASSWORD}
    assert Call(cluster.urls[0], "PUT", "/api/v1/account/password", racer.access, body).send().status == 204
    return cluster.links("not-me")[racer.email]


@pytest.mark.settings(deletion_grace_days=0)
def test_deletion_without_password_never_follows_not_me(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(22)
    for _ in range(6 * rounds):
        racer = cluster.sign_up()
        token = not_me_link(cluster, racer)
        here, there = chance.sample(cluster.urls, 2)
        calls = [
            Call(here, "DELETE", "/api/v1/account", racer.access),
            with_link(there, "/not-me", token),
            post(here, "/auth/reauthenticate", racer.access, password=PASSWORD),
        ]
        deleted, secured, again = scatter(chance, calls)
        assert again.status in (204, 401, 403), again
        assert (deleted.status, secured.status) in ((401, 200), (204, 200), (204, 400)), (deleted, secured)
        still_there = cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=racer.email)
        assert still_there == (secured.status == 200)
        assert account(there, racer.access).send().status == 401


def test_not_me_always_cancels_a_deletion_without_password(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(23)
    for _ in range(6 * rounds):
        racer = cluster.sign_up()
        token = not_me_link(cluster, racer)
        here, there = chance.sample(cluster.urls, 2)
        calls = [Call(here, "DELETE", "/api/v1/account", racer.access), with_link(there, "/not-me", token)]
        deleted, secured = scatter(chance, calls)
        assert (deleted.status in (204, 401), secured.status) == (True, 200)
        assert cluster.ask(DELETES_AT, email=racer.email) is None


def test_parallel_sign_ins_of_a_new_device_are_reported(cluster: Cluster, rounds: int) -> None:
    for _ in range(2 * rounds):
        racer = cluster.sign_up()
        found = cluster.auth.compat.by_email(racer.email)
        here = ClientInfo("127.0.0.1", None)
        logins = [post(url, "/auth/login", email=racer.email, password=PASSWORD).connect().send for url in cluster.urls]
        opened = together([*logins, *[partial(cluster.auth.compat.sign_in, found, here)] * 2])
        assert [opened[0].status, opened[1].status, *map(bool, opened[2:])] == [200, 200, True, True]
        assert 1 <= cluster.ask(NEW_DEVICES, id=found.id) <= len(opened)
        cluster.auth.compat.sign_in(found, here)
        known = cluster.ask(NEW_DEVICES, id=found.id)
        cluster.auth.compat.sign_in(found, here)
        assert cluster.ask(NEW_DEVICES, id=found.id) == known <= len(opened)
