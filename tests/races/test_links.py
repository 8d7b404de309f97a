"""A hundred uses of one link, of each kind, from two processes at once: one wins (R2 of the plan)."""

import pytest

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import Call, post, send_together, statuses
from tests.support.profile import sized

CLIENTS = sized(24, 100)
USES = {  # the word in the link, the route that takes its token
    "verify-email": "/api/v1/verify-email",
    "confirm-email": "/api/v1/account/email/confirm",
    "undo-email-change": "/api/v1/account/email/undo",
    "not-me": "/api/v1/not-me",
}
TRIES = (
    "SELECT attempts FROM email_actions JOIN accounts ON accounts.id = account_id"
    " WHERE email = :email AND message_id > 0"
)


def use(url: str, kind: str, token: str) -> Call:
    """The request that uses a link of this kind."""
    return Call(url, "POST", USES[kind], body={"token": token})


def newest_link(cluster: Cluster, page: str) -> str:
    """The token of the newest link to a page of ours that came by mail."""
    while cluster.auth.mail_delivery.deliver_due():
        pass
    words = [word for email in cluster.mailbox.messages for word in email.text.split()]
    return next(word for word in reversed(words) if f"/{page}#token=" in word).partition("#token=")[2]


def link(cluster: Cluster, kind: str) -> str:
    """A link of this kind, to a new account."""
    person = cluster.sign_up()
    if kind == "verify-email":
        return newest_link(cluster, kind)
    body = {"email": cluster.new_email(), "password": PASSWORD}
    assert Call(cluster.urls[0], "PUT", "/api/v1/account/email", person.access, body).send().status == 202
    if kind == "undo-email-change":
        assert use(cluster.urls[1], "confirm-email", newest_link(cluster, "confirm-email")).send().status == 200
    return newest_link(cluster, kind)


@pytest.mark.parametrize("kind", USES)
def test_of_many_uses_of_one_link_exactly_one_wins(cluster: Cluster, rounds: int, kind: str) -> None:
    for _ in range(max(1, rounds // 5)):
        token = link(cluster, kind)
        answers = send_together(use(cluster.urls[turn % 2], kind, token) for turn in range(CLIENTS))
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}
        assert {answer.body["code"] for answer in answers if answer.status == 400} == {"link_used"}


@pytest.mark.parametrize("codes", ["right", "wrong"])
def test_parallel_guesses_at_one_code_count_five_tries(cluster: Cluster, codes: str) -> None:
    email = cluster.sign_up().email
    cluster.reset_tokens(email)
    words = cluster.mailbox.messages[-1].text.split()
    right = next(word for word in words if len(word) == 9 and word[4] == "-")
    code = right if codes == "right" else "BCDF-GHJK"
    guess = {"email": email, "code": code, "password": "a new horse battery"}
    answers = send_together(post(cluster.urls[turn % 2], "/reset-password", **guess) for turn in range(CLIENTS))
    won = 1 if codes == "right" else 0
    assert (statuses(answers).get(200, 0), statuses(answers)[400]) == (won, CLIENTS - won)
    assert {answer.body["code"] for answer in answers if answer.status == 400} == {"code_invalid"}
    if codes == "wrong":  # the crowd may have left some of the five tries
        for _ in range(5):
            assert post(cluster.urls[0], "/reset-password", **guess).send().status == 400
    assert cluster.ask(TRIES, email=email) == (None if won else 5)
