"""What was ended stays ended, on the other process too (R13 of the plan): a history of requests around each ending."""

import random
import time
from collections.abc import Callable

import pytest

from tests.races.conftest import Cluster, SignedUp
from tests.support.concurrency import Answer, Call, account, post, together

CLIENTS = 8
LATER = 50  # requests begun after each acknowledgement: 200 in each round of the four endings
NEW_PASSWORD = "a new horse battery"


class History:
    """Old credentials used over and over at one process while another one ends their sessions."""

    def __init__(self, url: str, sessions: list[SignedUp]) -> None:
        self.url, self.acknowledged, self.ended = url, float("inf"), False
        self.access = [session.access for session in sessions]
        self.refresh = [session.refresh for session in sessions]
        self.answers: list[Answer] = []

    def call(self) -> Call:
        """One request with a credential of theirs, also one they got by refreshing meanwhile."""
        if random.random() < 0.5:
            return account(self.url, random.choice(self.access))
        return post(self.url, "/auth/refresh", random.choice(self.refresh[-2:]))

    def ask_until_it_is_long_over(self) -> None:
        """Ask on and on, until enough was asked after the acknowledgement."""
        later = 0
        while later * CLIENTS < LATER:
            answer = self.call().send()
            if "refresh_token" in answer.body:
                self.access.append(answer.body["access_token"])
                self.refresh.append(answer.body["refresh_token"])
            self.answers.append(answer)
            later += answer.began > self.acknowledged

    def end(self, ending: Call) -> None:
        """Let the session be ended, and note when that was acknowledged.

        It may be that an older refresh token was used just before, and has ended it as a theft.
        """
        time.sleep(0.02)
        try:
            self.ended = ending.send().status in (200, 204)
        finally:
            self.acknowledged = time.monotonic()

    def race(self, ending: Call) -> "History":
        """All of that at once."""
        acts: list[Callable[[], None]] = [self.ask_until_it_is_long_over] * CLIENTS
        together([lambda: self.end(ending), *acts])
        return self

    @property
    def late(self) -> list[Answer]:
        """Answers to what was begun after the acknowledgement."""
        return [answer for answer in self.answers if answer.began > self.acknowledged]


def ending_of(cluster: Cluster, scope: str) -> tuple[Call, list[SignedUp], list[SignedUp]]:
    """A request that ends sessions, the sessions that it ends, and those that it does not."""
    first = cluster.sign_up()
    second = cluster.sign_in(first.email)
    if scope == "reset":
        (token,) = cluster.reset_tokens(first.email)
        reset = post(cluster.urls[0], "/reset-password", reset_token=token, password=NEW_PASSWORD)
        return reset, [first, second], []
    if scope == "by refresh token":  # which the racing requests use up meanwhile
        return post(cluster.urls[0], "/auth/logout", refresh_token=first.refresh), [first], [second]
    ended = {"this": [first], "others": [second], "all": [first, second]}[scope]
    return (
        post(cluster.urls[0], f"/auth/logout?scope={scope}", first.access),
        ended,
        [session for session in (first, second) if session not in ended],
    )


@pytest.mark.parametrize("scope", ["this", "others", "all", "reset", "by refresh token"])
def test_no_old_credential_is_accepted_after_its_end_was_acknowledged(
    cluster: Cluster, rounds: int, scope: str
) -> None:
    histories: list[History] = []
    while len(histories) < rounds:
        ending, ended, kept = ending_of(cluster, scope)
        history = History(cluster.urls[1], ended).race(ending)
        if not history.ended:
            continue
        histories.append(history)
        assert all(account(cluster.urls[1], session.access).send().status == 200 for session in kept)
    late = [answer for history in histories for answer in history.late]
    assert len(late) >= LATER * rounds
    assert [answer for answer in late if answer.status != 401] == []
