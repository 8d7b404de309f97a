"""Two tabs, two processes, one refresh token (R3 of the plan)."""

from collections.abc import Callable

import pytest

from app.core.client_info import ClientInfo
from app.domain.tokens.jwt_tokens import InvalidToken
from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import account, post, send_together, statuses, together
from tests.support.profile import sized

CLIENTS = sized(24, 64)
STATE = "SELECT generation FROM sessions JOIN accounts ON accounts.id = account_id WHERE email = :email"
ROWS = "SELECT count(*) FROM sessions"
IS_REVOKED = (
    "SELECT revoked_at IS NOT NULL FROM sessions JOIN accounts ON accounts.id = account_id WHERE email = :email"
)
REUSES = (
    "SELECT count(*) FROM audit_events JOIN accounts ON accounts.id = account_id"
    " WHERE email = :email AND event = 'session.token_reused'"
)
PASS_GRACE = "UPDATE sessions SET rotated_at = '2026-01-01 00:00:00.000000'"


def race(cluster: Cluster, urls: list[str], email: str, token: str) -> str:
    """Refresh once from everywhere at once; gives the one successor."""
    before, rows = cluster.ask(STATE, email=email), cluster.ask(ROWS)
    answers = send_together(post(urls[turn % 2], "/auth/refresh", token) for turn in range(CLIENTS))
    assert statuses(answers) == {200: CLIENTS}
    successors = {answer.body["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert cluster.ask(STATE, email=email) == before + 1
    assert cluster.ask(ROWS) == rows
    alive = [account(urls[turn % 2], answers[-turn].body["access_token"]) for turn in range(4)]
    assert statuses(send_together(alive)) == {200: 4}
    return successors.pop()


def test_parallel_refreshes_of_one_token_all_get_the_same_successor(cluster: Cluster, rounds: int) -> None:
    email, _, token = cluster.sign_up()
    for _ in range(max(2, rounds)):
        token = race(cluster, cluster.urls, email, token)


def test_parallel_refreshes_tolerate_a_clock_half_a_minute_ahead(cluster: Cluster, rounds: int) -> None:
    pytest.importorskip("time_machine", reason="no time-machine: pip install -r tests/requirements.txt")
    urls = [cluster.urls[0], cluster.process_pool.serve(cluster.settings, ahead=30)]
    for first in urls:  # whoever opens the session, the other one goes on with it
        email = cluster.new_email()
        opened = post(first, "/auth/signup", email=email, password=PASSWORD).send().body
        assert {account(url, opened["access_token"]).send().status for url in urls} == {200}
        token = opened["refresh_token"]
        for _ in range(max(1, rounds // 3)):
            token = race(cluster, urls, email, token)


def test_threads_of_one_process_get_the_same_successor_too(cluster: Cluster, rounds: int) -> None:
    email, _, token = cluster.sign_up()
    for generation in range(1, max(1, rounds // 2) + 1):
        pairs = together([lambda token=token: cluster.auth.sessions.refresh(token, ClientInfo())] * CLIENTS)
        assert len({pair.refresh_token for pair in pairs}) == 1
        assert cluster.ask(STATE, email=email) == generation
        token = pairs[0].refresh_token


def test_parallel_late_retries_all_get_the_same_successor(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(2, rounds)):
        email, _, token = cluster.sign_up()
        lost = post(cluster.urls[0], "/auth/refresh", token).send().body["refresh_token"]
        cluster.ask(PASS_GRACE)
        assert race(cluster, cluster.urls, email, token) != lost


@pytest.mark.parametrize("racers", ["processes", "threads"])
def test_late_retry_and_its_successor_never_both_go_on(cluster: Cluster, rounds: int, racers: str) -> None:
    for _ in range(max(3, rounds)):
        email, _, parent = cluster.sign_up()
        lost = cluster.auth.sessions.refresh(parent, ClientInfo()).refresh_token
        cluster.ask(PASS_GRACE)
        both = [(cluster.urls[turn // 2 % 2], (parent, lost)[turn % 2]) for turn in range(12)]
        if racers == "processes":
            answers = send_together(post(url, "/auth/refresh", token) for url, token in both)
            assert set(statuses(answers)) <= {200, 401}
            given = [answer.body["refresh_token"] for answer in answers if answer.status == 200]
        else:
            given = [token for token in together([refresh(cluster, token) for _, token in both]) if token]
        assert given
        assert (cluster.ask(IS_REVOKED, email=email), cluster.ask(REUSES, email=email)) == (True, 1)
        tries = send_together(post(cluster.urls[0], "/auth/refresh", token) for token in set(given))
        assert statuses(tries) == {401: len(tries)}


def refresh(cluster: Cluster, token: str) -> Callable[[], str | None]:
    """A refresh in this process; gives the successor, or None if the token is rejected."""

    def act() -> str | None:
        try:
            return cluster.auth.sessions.refresh(token, ClientInfo()).refresh_token
        except InvalidToken:
            return None

    return act
