"""A reset against its own copies (R1), against refreshes and sign-ins under way (P20)."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace

from app.core.client_info import ClientInfo
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.breached_passwords import BreachedPasswords
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.passwords import Passwords
from app.flows.steps.check_password import InvalidCredentials
from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import Answer, account, later, post, send_together, statuses, together
from tests.support.profile import sized

CLIENTS = sized(24, 100)
NEW_PASSWORD = "a new horse battery"


def test_parallel_uses_of_a_reset_link_set_one_password(cluster: Cluster, rounds: int) -> None:
    emails = [cluster.sign_up().email for _ in range(max(1, rounds - 2))]
    for email, token in zip(emails, cluster.reset_tokens(*emails), strict=True):
        answers = send_together(
            post(cluster.urls[n % 2], "/reset-password", reset_token=token, password=f"the password of {n}")
            for n in range(CLIENTS)
        )
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}
        assert {answer.body["code"] for answer in answers if answer.status == 400} == {"link_used"}
        winner = next(n for n, answer in enumerate(answers) if answer.status == 200)
        tried = [0, CLIENTS - 1, winner]
        logins = [
            post(cluster.urls[n % 2], "/auth/login", email=email, password=f"the password of {n}").send() for n in tried
        ]
        assert [login.status for login in logins] == [200 if n == winner else 401 for n in tried]


def interleave(cluster: Cluster, email: str, refresh: str, reset_token: str, chance: random.Random) -> list[Answer]:
    """A reset in the middle of sign-ins and refreshes: what those were answered, once all is over."""
    here, there = chance.sample(cluster.urls, 2)
    reset = post(here, "/reset-password", reset_token=reset_token, password=NEW_PASSWORD)
    old = [post(chance.choice(cluster.urls), "/auth/login", email=email, password=PASSWORD) for _ in range(3)]
    old += [post(chance.choice([here, there]), "/auth/refresh", refresh) for _ in range(2)]
    acts = [later(chance.uniform(0, 0.02), call) for call in old]
    done, *answers = together([later(chance.uniform(0.002, 0.015), reset), *acts])
    assert done.status == 200, done
    assert {answer.status for answer in answers} <= {200, 401}
    return answers


def test_nothing_issued_for_the_old_password_survives_a_reset(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(cluster.settings.database_url)
    racers = [cluster.sign_up() for _ in range(10 * rounds)]
    tokens = cluster.reset_tokens(*[racer.email for racer in racers])
    survivors, issued = [], 0
    for racer, token in zip(racers, tokens, strict=True):
        answers = interleave(cluster, racer.email, racer.refresh, token, chance)
        pairs = [answer.body for answer in answers if answer.status == 200]
        issued += len(pairs)
        kept = {racer.access, *(pair["access_token"] for pair in pairs)}
        checks = [account(chance.choice(cluster.urls), access) for access in kept]
        kept = {racer.refresh, *(pair["refresh_token"] for pair in pairs)}
        checks += [post(chance.choice(cluster.urls), "/auth/refresh", refresh) for refresh in kept]
        survivors += [answer for answer in send_together(checks) if answer.status != 401]
    assert not survivors
    assert issued > rounds, "there was no race: nobody got in before the reset"


class SlowWork(UnitOfWork):
    """A unit of work that halts before its commit until it is told to go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def commit(self) -> None:
        self.reached.set()
        self.go_on.wait(10)
        super().commit()


def in_background(cluster: Cluster, act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """A thread that does `act`, and the list that its result or refusal will be in."""
    results: list[object] = []

    def run() -> None:
        with cluster.app.app_context():
            try:
                results.append(act())
            except Exception as refusal:
                results.append(refusal)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_session_committed_during_a_reset_is_revoked(cluster: Cluster) -> None:
    email = cluster.sign_up().email
    (token,) = cluster.reset_tokens(email)
    work, flows = SlowWork(), cluster.app.extensions["latchkey"]
    complete_sign_in = replace(flows.sign_in.complete_sign_in, work=work)
    sign_in = replace(flows.sign_in, complete_sign_in=complete_sign_in)
    slow, tokens = in_background(cluster, lambda: sign_in.with_password(email, PASSWORD, ClientInfo()))
    assert work.reached.wait(10)
    reset, done = in_background(cluster, lambda: flows.password_reset.complete(token, NEW_PASSWORD, ClientInfo()))
    reset.join(0.3)  # it waits for the account's row
    work.go_on.set()
    slow.join()
    reset.join()
    assert [type(result) for result in done] == [str]  # the account's id: it was not refused
    assert account(cluster.urls[1], tokens[0].access_token).send().status == 401  # type: ignore[attr-defined]
    assert post(cluster.urls[1], "/auth/refresh", tokens[0].refresh_token).send().status == 401  # type: ignore[attr-defined]


def test_login_during_a_committing_reset_rejects_the_old_password(cluster: Cluster) -> None:
    email = cluster.sign_up().email
    (token,) = cluster.reset_tokens(email)
    work, flows = SlowWork(), cluster.app.extensions["latchkey"]
    replace_password = replace(flows.password_reset.replace_password, work=work)
    reset_flow = replace(flows.password_reset, replace_password=replace_password)
    reset, done = in_background(cluster, lambda: reset_flow.complete(token, NEW_PASSWORD, ClientInfo()))
    assert work.reached.wait(10)
    slow, refused = in_background(cluster, lambda: flows.sign_in.with_password(email, PASSWORD, ClientInfo()))
    slow.join(0.3)
    work.go_on.set()
    reset.join()
    slow.join()
    assert [type(result) for result in done] == [str]  # the account's id: it was not refused
    assert [type(refusal) for refusal in refused] == [InvalidCredentials]


def test_parallel_logins_that_renew_an_outdated_hash_succeed(cluster: Cluster, rounds: int) -> None:
    outdated = Passwords(rounds=5, min_length=1, slots=HashSlots(1, 1), breached_passwords=BreachedPasswords("")).hash(
        PASSWORD
    )
    for _ in range(max(1, rounds // 2)):
        email = cluster.sign_up().email
        cluster.ask("UPDATE accounts SET password_hash = :old WHERE email = :email", old=outdated, email=email)
        answers = send_together(
            post(cluster.urls[n % 2], "/auth/login", email=email, password=PASSWORD) for n in range(16)
        )
        assert statuses(answers) == {200: 16}
        assert "r=4" in cluster.ask("SELECT password_hash FROM accounts WHERE email = :email", email=email)
