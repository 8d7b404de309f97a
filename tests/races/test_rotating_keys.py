"""Keys that follow one another while everybody goes on (R15 of the plan): no valid token is refused."""

import threading
import time
from datetime import timedelta

import pytest

from app.flows import key_rotation
from tests.races.conftest import Cluster
from tests.support.concurrency import Answer, account, post, statuses, together
from tests.support.profile import sized

CLIENTS = 6
LEAD = 2.0  # seconds until a key signs: longer than an unknown name goes without being looked up


def go_on(cluster: Cluster, number: int, ended: threading.Event) -> list[Answer]:
    """Sign in once, then ask and refresh in turn, each time at the other process."""
    tokens = cluster.sign_up()
    access, refresh, answers = tokens.access, tokens.refresh, []
    while not ended.is_set():
        here, there = cluster.urls[number % 2], cluster.urls[(number + 1) % 2]
        answers.append(account(here, access).send())
        answers.append(renewed := post(there, "/auth/refresh", refresh).send())
        access, refresh = renewed.body["access_token"], renewed.body["refresh_token"]
        number += 1
    return answers


def test_under_load_a_new_key_refuses_no_valid_token(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation, "MIN_LEAD", timedelta(seconds=LEAD))
    ended = threading.Event()
    kids: list[str] = []

    def signs(kid: str) -> bool:
        return {key.kid: signing for key, signing in cluster.auth.key_rotation.all()}[kid]

    def rotate() -> list[Answer]:
        try:
            for algorithm in ("EdDSA", "ES256") * sized(1, 2):
                kids.append(cluster.auth.key_rotation.rotate(algorithm=algorithm, soon=True)[0])
                time.sleep(LEAD / 4)
            end = time.monotonic() + 30
            while not signs(kids[-1]) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(LEAD / 4)  # in which it signs
        finally:
            ended.set()
        return []

    acts = [lambda number=number: go_on(cluster, number, ended) for number in range(CLIENTS)]
    answers = [answer for found in together([rotate, *acts]) for answer in found]
    assert statuses(answers) == {200: len(answers)}
    assert len(answers) > 10 * CLIENTS
    assert signs(kids[-1]), "the new key does not sign yet"
