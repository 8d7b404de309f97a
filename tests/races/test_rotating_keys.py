"""Keys that follow one another while everybody goes on (R15 of the plan): no valid token is refused."""

import time
from datetime import timedelta

import pytest

from app.flows import key_rotation
from tests.races.conftest import Cluster
from tests.support.concurrency import Answer, account, post, statuses, together
from tests.support.profile import sized

CLIENTS = 6
LEAD = 2.0  # seconds until a key signs: longer than an unknown name goes without being looked up


def go_on(cluster: Cluster, number: int, until: float) -> list[Answer]:
    """Sign in once, then ask and refresh in turn, each time at the other process."""
    tokens = cluster.sign_up()
    access, refresh, answers = tokens.access, tokens.refresh, []
    while time.monotonic() < until:
        here, there = cluster.urls[number % 2], cluster.urls[(number + 1) % 2]
        answers.append(account(here, access).send())
        answers.append(renewed := post(there, "/auth/refresh", refresh).send())
        access, refresh = renewed.body["access_token"], renewed.body["refresh_token"]
        number += 1
    return answers


def test_under_load_a_new_key_refuses_no_valid_token(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_rotation, "MIN_LEAD", timedelta(seconds=LEAD))
    until = time.monotonic() + LEAD * sized(1.5, 2)
    kids: list[str] = []

    def rotate() -> list[Answer]:
        for algorithm in ("EdDSA", "ES256"):
            kids.append(cluster.auth.key_rotation.rotate(algorithm=algorithm, soon=True)[0])
            time.sleep(LEAD / 4)
        return []

    acts = [lambda number=number: go_on(cluster, number, until) for number in range(CLIENTS)]
    answers = [answer for found in together([rotate, *acts]) for answer in found]
    assert statuses(answers) == {200: len(answers)}
    assert len(answers) > 10 * CLIENTS
    assert {key.kid: signs for key, signs in cluster.auth.key_rotation.all()}[kids[-1]], "the new key does not sign yet"
