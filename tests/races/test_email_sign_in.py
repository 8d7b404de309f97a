"""One emailed sign-in used many times at once, and against what ends it: one session, or none."""

import re
from collections.abc import Callable

import pytest

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import Call, post, send_together, statuses, together
from tests.support.profile import sized

CLIENTS = sized(16, 60)
SESSIONS = (
    "SELECT count(*) FROM sessions JOIN accounts ON accounts.id = account_id"
    " WHERE email = :email AND revoked_at IS NULL AND auth_methods = 'email'"
)
CONFIRM = "UPDATE accounts SET email_verified_at = created_at WHERE email = :email"


class Asked:
    """Somebody who asked for a sign-in email, and got it."""

    def __init__(self, cluster: Cluster, email: str) -> None:
        self.email, self._cluster = email, cluster
        self.attempt = post(cluster.urls[0], "/auth/email", email=email).send().body["attempt"]
        cluster.mailbox.clear()
        while cluster.auth.mail_delivery.deliver_due():
            pass
        messages = [m for m in cluster.mailbox.messages if email in m.recipients and "/sign-in/link#" in m.text]
        link, code = r"#token=(\S+)", r"\b([A-Z]{4}-[A-Z]{4})\b"
        self.token, self.code = (next(iter(re.finditer(part, messages[-1].text)))[1] for part in (link, code))

    def by_link(self, url: str) -> Call:
        """The press of the button of the link."""
        return Call(url, "POST", "/api/v1/auth/email/link", body={"token": self.token, "attempt": self.attempt})

    def by_code(self, url: str) -> Call:
        """The code."""
        return post(url, "/auth/email/code", attempt=self.attempt, code=self.code)

    def sessions(self) -> int:
        """How many live sessions the email has opened."""
        return int(self._cluster.ask(SESSIONS, email=self.email))


def confirmed(cluster: Cluster) -> str:
    """The address of a new account, which is confirmed."""
    email = cluster.sign_up().email
    cluster.ask(CONFIRM, email=email)
    return email


@pytest.mark.parametrize("claims", [False, True], ids=["confirmed", "never confirmed"])
def test_one_of_many_uses_of_an_emailed_sign_in_wins(cluster: Cluster, rounds: int, claims: bool) -> None:
    for _ in range(max(1, rounds // 2)):
        asked = Asked(cluster, cluster.sign_up().email if claims else confirmed(cluster))
        calls = [(asked.by_link if turn % 4 < 2 else asked.by_code)(cluster.urls[turn % 2]) for turn in range(CLIENTS)]
        answers = send_together(calls)
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}
        assert asked.sessions() == 1


@pytest.mark.settings(email_sign_in="open")
def test_many_uses_for_an_unknown_address_open_one_account(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(1, rounds // 2)):
        asked = Asked(cluster, cluster.new_email())
        answers = send_together(asked.by_link(cluster.urls[turn % 2]) for turn in range(CLIENTS))
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}
        assert cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=asked.email) == 1
        assert asked.sessions() == 1


@pytest.mark.settings(email_sign_in="open")
def test_sign_up_at_the_same_moment_shares_no_account(cluster: Cluster, rounds: int) -> None:
    """A stranger signs up with the address while its owner presses the button: the stranger ends without access."""
    for _ in range(max(2, rounds)):
        asked = Asked(cluster, cluster.new_email())
        sign_up = post(cluster.urls[1], "/auth/signup", email=asked.email, password=PASSWORD)
        _, stranger = send_together([asked.by_link(cluster.urls[0]), sign_up])
        if asked.sessions() == 0:  # the sign-up came between the look and the write: pressed again, it works
            assert asked.by_link(cluster.urls[0]).send().status == 200
        assert cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=asked.email) == 1
        assert stranger.status in (201, 409)
        if stranger.status == 201:
            access = stranger.body["access_token"]
            assert Call(cluster.urls[0], "GET", "/api/v1/account", access).send().status == 401
        login = post(cluster.urls[0], "/auth/login", email=asked.email, password=PASSWORD)
        assert login.send().status == 401


def reset(cluster: Cluster, email: str) -> Callable[[str], Call]:
    """The use of a reset link."""
    token = cluster.reset_tokens(email)[0]
    return lambda url: Call(
        url, "POST", "/api/v1/reset-password", body={"reset_token": token, "password": "a new horse battery"}
    )


def disable(cluster: Cluster, email: str) -> Callable[[str], Call]:
    """An administrator who disables the account."""
    admin = cluster.sign_up()
    cluster.ask("UPDATE accounts SET roles = 'admin' WHERE email = :email", email=admin.email)
    user_id = cluster.ask("SELECT id FROM accounts WHERE email = :email", email=email)
    return lambda url: Call(url, "POST", f"/api/v1/admin/users/{user_id}/disable", admin.access)


def alarm(cluster: Cluster, email: str) -> Callable[[str], Call]:
    """The link "this was not me" of the email about a new device."""
    reset_link = reset(cluster, email)(cluster.urls[0])
    assert reset_link.send().status == 200
    token = cluster.links("not-me")[email]
    return lambda url: Call(url, "POST", "/api/v1/not-me", body={"token": token})


@pytest.mark.parametrize("end", [reset, disable, alarm])
def test_end_of_all_sessions_leaves_none_by_email(
    cluster: Cluster, rounds: int, end: Callable[[Cluster, str], Callable[[str], Call]]
) -> None:
    for _ in range(max(2, rounds)):
        email = confirmed(cluster)
        ending, asked = end(cluster, email), Asked(cluster, email)
        answers = send_together([asked.by_link(cluster.urls[0]), ending(cluster.urls[1])])
        assert answers[1].status in (200, 204)
        assert answers[0].status in (200, 400)
        assert asked.sessions() == 0
        assert asked.by_link(cluster.urls[0]).send().status == 400


def test_newer_email_at_the_same_moment_leaves_one_that_works(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(2, rounds)):
        first = Asked(cluster, confirmed(cluster))
        attempt = post(cluster.urls[1], "/auth/email", email=first.email).send().body["attempt"]
        cluster.mailbox.clear()
        pressed, _ = together([first.by_link(cluster.urls[0]).send, cluster.auth.mail_delivery.deliver_due])
        while cluster.auth.mail_delivery.deliver_due():
            pass
        assert pressed.status in (200, 400)
        assert first.by_link(cluster.urls[0]).send().status == 400
        text = next(email.text for email in cluster.mailbox.messages if "/sign-in/link#" in email.text)
        code = re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", text)[0]
        assert post(cluster.urls[0], "/auth/email/code", attempt=attempt, code=code).send().status == 200


def test_claim_on_two_ways_at_once_leaves_one_owner(cluster: Cluster, rounds: int) -> None:
    """The owner of the mailbox presses "I did not create this account", and the button of a sign-in email."""
    for _ in range(max(2, rounds)):
        maker = cluster.sign_up()
        claim = cluster.links("verify-email")[maker.email]
        asked = Asked(cluster, maker.email)
        claiming = Call(cluster.urls[1], "POST", "/api/v1/verify-email/claim", body={"token": claim})
        answers = send_together([asked.by_link(cluster.urls[0]), claiming])
        assert all(answer.status in (200, 400) for answer in answers)
        assert 200 in {answer.status for answer in answers}
        assert Call(cluster.urls[0], "GET", "/api/v1/account", maker.access).send().status == 401
        assert post(cluster.urls[0], "/auth/login", email=maker.email, password=PASSWORD).send().status == 401
