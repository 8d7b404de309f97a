"""Flows that let somebody in, against flows that close the account: whichever comes first, nobody stays in."""

import random

import pytest

from tests.races.conftest import PASSWORD, Cluster, SignedUp
from tests.support.concurrency import Answer, Call, account, later, post, send_together, together

NEW_PASSWORD = "a new horse battery"
BURST = pytest.mark.settings(deletion_grace_days=0)


def administrator(cluster: Cluster) -> SignedUp:
    """An administrator, beside whom there is another one."""
    racers = [cluster.sign_up() for _ in range(2)]
    for racer in racers:
        cluster.ask("UPDATE accounts SET roles = 'admin' WHERE email = :email", email=racer.email)
    return cluster.sign_in(racers[0].email)


def disabling(cluster: Cluster, base: str, admin: SignedUp, email: str) -> Call:
    """A request that disables the account with this address."""
    account_id = cluster.ask("SELECT id FROM accounts WHERE email = :email", email=email)
    return Call(base, "POST", f"/api/v1/admin/users/{account_id}/disable", admin.access)


def leaving(base: str, racer: SignedUp) -> Call:
    """A request that deletes the racer's account."""
    return Call(base, "DELETE", "/api/v1/account", racer.access, {"password": PASSWORD})


def with_link(base: str, path: str, link: str) -> Call:
    """A request that uses the token of a link."""
    return Call(base, "POST", f"/api/v1{path}", body={"token": link})


def scatter(chance: random.Random, calls: list[Call], spread: float = 0.012) -> list[Answer]:
    """The answers to all calls, each sent within `spread` seconds."""
    return together([later(chance.uniform(0, spread), call) for call in calls])


def who_is_in(cluster: Cluster, answers: list[Answer]) -> list[Answer]:
    """Which of the access and refresh tokens that were handed out still let somebody in."""
    pairs = [answer.body for answer in answers if answer.status == 200 and "access_token" in answer.body]
    checks = [account(cluster.urls[0], pair["access_token"]) for pair in pairs]
    checks += [post(cluster.urls[1], "/auth/refresh", pair["refresh_token"]) for pair in pairs]
    return [answer for answer in send_together(checks) if answer.status != 401] if checks else []


def test_reset_or_login_during_disabling_leaves_no_session(cluster: Cluster, rounds: int) -> None:
    chance, admin = random.Random(11), administrator(cluster)
    racers = [cluster.sign_up() for _ in range(3 * rounds)]
    links = cluster.reset_tokens(*[racer.email for racer in racers])
    for racer, link in zip(racers, links, strict=True):
        here, there = chance.sample(cluster.urls, 2)
        calls = [
            disabling(cluster, here, admin, racer.email),
            post(there, "/reset-password", reset_token=link, password=NEW_PASSWORD),
            post(here, "/auth/login", email=racer.email, password=PASSWORD),
            post(there, "/auth/refresh", racer.refresh),
        ]
        gone, reset, *others = scatter(chance, calls)
        assert gone.status == 204
        assert reset.status in (200, 400), reset
        assert not who_is_in(cluster, others)
        for password in (PASSWORD, NEW_PASSWORD):
            assert post(here, "/auth/login", email=racer.email, password=password).send().status == 401
        assert account(there, racer.access).send().status == 401


def test_a_sign_in_during_deletion_cancels_it_or_is_refused(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(12)
    for _ in range(3 * rounds):
        racer = cluster.sign_up()
        sign_ins = [
            post(cluster.urls[n % 2], "/auth/login", email=racer.email, password=PASSWORD) for n in range(3)
        ]  # fmt: skip
        gone, *answers = scatter(chance, [leaving(chance.choice(cluster.urls), racer), *sign_ins])
        assert gone.status == 204
        assert {answer.status for answer in answers} <= {200, 401}
        if cluster.ask("SELECT deletes_at FROM accounts WHERE email = :email", email=racer.email) is not None:
            assert not who_is_in(cluster, answers)


@BURST
def test_a_sign_in_during_deletion_at_once_leaves_no_session(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(13)
    for _ in range(2 * rounds):
        racer = cluster.sign_up()
        sign_ins = [
            post(cluster.urls[n % 2], "/auth/login", email=racer.email, password=PASSWORD) for n in range(2)
        ]  # fmt: skip
        gone, *answers = scatter(chance, [leaving(cluster.urls[0], racer), *sign_ins])
        assert gone.status == 204
        assert {answer.status for answer in answers} <= {200, 401}
        if cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=racer.email) == 0:
            assert not who_is_in(cluster, answers)


def undo_links(cluster: Cluster, racers: list[SignedUp]) -> list[str]:
    """Move each account to another address; the undo links that came to the old ones."""
    for racer in racers:
        new = Call(cluster.urls[0], "PUT", "/api/v1/account/email", racer.access, {"email": f"thief-{racer.email}"})
        assert new.send().status == 202
    confirmations = cluster.links("confirm-email")
    for racer in racers:
        token = confirmations[f"thief-{racer.email}"]
        assert with_link(cluster.urls[0], "/account/email/confirm", token).send().status == 200
    undone = cluster.links("undo-email-change")
    return [undone[racer.email] for racer in racers]


def test_an_undo_during_deletion_and_disabling_always_works(cluster: Cluster, rounds: int) -> None:
    chance, admin = random.Random(14), administrator(cluster)
    racers = [cluster.sign_up() for _ in range(2 * rounds)]
    for number, (racer, link) in enumerate(zip(racers, undo_links(cluster, racers), strict=True)):
        here, there = chance.sample(cluster.urls, 2)
        moved = f"thief-{racer.email}"
        rival = (
            leaving(there, racer) if number % 2 else disabling(cluster, there, admin, moved)
        )  # fmt: skip
        change = Call(here, "PUT", "/api/v1/account/password", racer.access, {"password": NEW_PASSWORD})
        undone, *others = scatter(chance, [with_link(here, "/account/email/undo", link), rival, change])
        assert undone.status == 200, undone
        # 403 when the password was changed before the deletion that gave the old one.
        assert {answer.status for answer in others} <= {204, 401, 403}, others
        state = cluster.ask("SELECT deletes_at FROM accounts WHERE email = :email", email=racer.email)
        signed_in = post(here, "/auth/login", email=racer.email, password=NEW_PASSWORD).send()
        assert (state is None or others[0].status == 204, signed_in.status) == (True, 401)


def test_undo_and_signup_never_share_the_old_address(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(15)
    racers = [cluster.sign_up() for _ in range(2 * rounds)]
    for racer, link in zip(racers, undo_links(cluster, racers), strict=True):
        here, there = chance.sample(cluster.urls, 2)
        sign_up = post(there, "/auth/signup", email=racer.email, password=PASSWORD)
        undone, taken = scatter(chance, [with_link(here, "/account/email/undo", link), sign_up])
        assert (undone.status, taken.status) == (200, 409)


def test_a_claim_and_a_confirmation_of_one_link_are_one(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(16)
    racers = [cluster.sign_up() for _ in range(2 * rounds)]
    links = cluster.links("verify-email")
    for racer in racers:
        here, there = chance.sample(cluster.urls, 2)
        calls = [
            with_link(base, path, links[racer.email])
            for base, path in ((here, "/verify-email"), (there, "/verify-email/claim"))
        ]
        confirmed, claimed = scatter(chance, calls)
        assert sorted((confirmed.status, claimed.status)) == [200, 400]
        signed_in = post(here, "/auth/login", email=racer.email, password=PASSWORD).send()
        assert signed_in.status == (200 if confirmed.status == 200 else 401)
