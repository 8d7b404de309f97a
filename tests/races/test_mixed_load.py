"""Many clients who do everything at once on a few rows (R19 of the plan)."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.races.conftest import PASSWORD, Cluster, SignedUp
from tests.support.concurrency import Answer, Call, account, post, together
from tests.support.profile import sized

CLIENTS = sized(48, 128)  # many more than two processes have connections to the database
NEW_PASSWORD = "a new horse battery"
# What the routes say they may answer while every dependency is well: so no 503.
DOCUMENTED = {
    "signup": {201, 409}, "login": {200, 401}, "refresh": {200, 401}, "account": {200, 401}, "logout": {204, 401},
    "forgot-password": {200}, "reset-password": {200, 400},
}  # fmt: skip


class Crowd:
    """A few accounts that everybody uses."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.contested = [cluster.new_email() for _ in range(5)]
        self.shared = [cluster.sign_up() for _ in range(5)]
        self.resets = cluster.reset_tokens(*[racer.email for racer in self.shared])

    def next_call(self) -> Call:
        """Something, at one of the processes."""
        url, racer = random.choice(self.cluster.urls), random.choice(self.shared)
        acts: list[Callable[[], Call]] = [
            lambda: post(url, "/auth/signup", email=self.cluster.new_email(), password=PASSWORD),
            lambda: post(url, "/auth/signup", email=random.choice(self.contested), password=PASSWORD),
            lambda: post(url, "/auth/login", email=racer.email, password=random.choice([PASSWORD, NEW_PASSWORD])),
            lambda: post(url, "/auth/refresh", racer.refresh),
            lambda: account(url, racer.access),
            lambda: post(url, f"/auth/logout?scope={random.choice(['this', 'others', 'all'])}", racer.access),
            lambda: post(url, "/forgot-password", email=racer.email),
            lambda: post(url, "/reset-password", reset_token=random.choice(self.resets), password=NEW_PASSWORD),
        ]
        return random.choice(acts)()

    def act(self, times: int) -> list[tuple[str, Answer]]:
        """Do this and that; who is given new tokens, lets the others use them."""
        done = []
        for _ in range(times):
            call = self.next_call()
            answer = call.send()
            done.append((call.path.split("?")[0].split("/")[-1], answer))
            if answer.status == 200 and "refresh_token" in answer.body:
                email = call.body.get("email") or random.choice(self.shared).email
                who = SignedUp(email, answer.body["access_token"], answer.body["refresh_token"])
                self.shared[random.randrange(len(self.shared))] = who
        return done


@pytest.mark.settings(database_timeout=1)  # as in production by default: the tests' own would hide a 503
def test_a_crowd_on_a_few_rows_never_gets_a_5xx(cluster: Cluster, rounds: int) -> None:
    crowd = Crowd(cluster)
    answers = [each for done in together([lambda: crowd.act(rounds)] * CLIENTS) for each in done]
    assert Counter((name, answer.status) for name, answer in answers if answer.status not in DOCUMENTED[name]) == {}
