"""An invitation is answered or revoked: of all that arrives at the same moment, exactly one request wins."""

import random
from collections import Counter
from dataclasses import replace

from tests.races.conftest import PASSWORD, Cluster
from tests.races.test_disabling_and_deleting import administrator, scatter, who_is_in, with_link
from tests.support.authenticator import Authenticator
from tests.support.concurrency import Call, post, send_together, statuses
from tests.support.profile import sized

CLIENTS = sized(8, 32)
ANSWER = "/auth/invitation/passkey"


class Guest:
    """An invited person with the link of the email."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.email = cluster, cluster.new_email()
        self.account_id = cluster.auth.admin_accounts.invite(None, self.email).id
        self.token = cluster.links("reset-password")[self.email]

    def with_passkey(self, base: str) -> Call:
        """A request that answers with a new passkey."""
        options = self.cluster.auth.invitation_answer.passkey_options(self.token)
        body = {"token": self.token, "credential": Authenticator().create(options)}
        return Call(base, "POST", f"/api/v1{ANSWER}", body=body)

    def options(self, base: str) -> Call:
        """A request for the options of a passkey."""
        return with_link(base, f"{ANSWER}/options", self.token)

    def with_password(self, base: str) -> Call:
        """A request that answers with a password."""
        return post(base, "/reset-password", reset_token=self.token, password=PASSWORD)

    def revocation(self, base: str, access: str) -> Call:
        """A request of an administrator that revokes the invitation."""
        return Call(base, "DELETE", f"/api/v1/admin/users/{self.account_id}/invitation", access)

    def count(self, table: str, column: str = "account_id") -> int:
        """How many rows of a table belong to the account."""
        return int(self.cluster.ask(f"SELECT count(*) FROM {table} WHERE {column} = :id", id=self.account_id))


def test_an_answer_or_the_revocation_wins_never_both(cluster: Cluster, rounds: int) -> None:
    chance, admin, won = random.Random(53), administrator(cluster), Counter[str]()
    for number in range(6 * rounds):
        guest = Guest(cluster)
        here, there = chance.sample(cluster.urls, 2)
        answer = guest.with_passkey(here) if number % 2 else guest.with_password(here)
        answered, revoked = scatter(chance, [answer, guest.revocation(there, admin.access)])
        outcome = (answered.status, revoked.status)
        assert outcome in {(200, 409), (400, 204)}, (answered, revoked)
        won["answer" if answered.status == 200 else "revocation"] += 1
        assert guest.count("accounts", "id") == (answered.status == 200)
        if answered.status == 200:
            assert revoked.body["code"] == "invitation_answered"
            assert cluster.ask("SELECT invited_at FROM accounts WHERE id = :id", id=guest.account_id) is None
        else:
            assert answered.body["code"] == "link_used"
            assert guest.count("passkeys") == guest.count("sessions") == 0
            assert who_is_in(cluster, [answered]) == []
    assert sum(won.values()) == 6 * rounds


def test_one_answer_of_many_wins(cluster: Cluster, rounds: int) -> None:
    """With passwords and passkeys, each of which is another."""
    for _ in range(rounds):
        guest = Guest(cluster)
        calls = [guest.with_passkey(cluster.urls[n % 2]) for n in range(CLIENTS // 2)]
        calls += [guest.with_password(cluster.urls[n % 2]) for n in range(CLIENTS // 2)]
        answers = send_together(calls)
        assert statuses(answers) == {200: 1, 400: len(calls) - 1}
        assert {answer.body["code"] for answer in answers if answer.status == 400} == {"link_used"}
        by_passkey = any(answer.status == 200 for answer in answers[: CLIENTS // 2])
        assert (guest.count("passkeys"), guest.count("sessions")) == ((1, 1) if by_passkey else (0, 0))


def test_parallel_sign_ins_to_an_invited_account_all_work(cluster: Cluster, rounds: int) -> None:
    """The mark is left where a process of an earlier version has set the password."""
    for _ in range(rounds):
        person = cluster.sign_up()
        cluster.ask("UPDATE accounts SET invited_at = created_at WHERE email = :email", email=person.email)
        calls = [
            post(cluster.urls[n % 2], "/auth/login", email=person.email, password=PASSWORD) for n in range(CLIENTS)
        ]  # fmt: skip
        assert statuses(send_together(calls)) == {200: CLIENTS}
        assert cluster.ask("SELECT invited_at FROM accounts WHERE email = :email", email=person.email) is None


def test_one_revocation_of_many_wins(cluster: Cluster, rounds: int) -> None:
    admin = administrator(cluster)
    for _ in range(rounds):
        guest = Guest(cluster)
        call = guest.revocation(cluster.urls[0], admin.access)
        answers = send_together([replace(call, base=cluster.urls[n % 2]) for n in range(CLIENTS)])
        assert statuses(answers) == {204: 1, 404: CLIENTS - 1}
        revoked = "SELECT count(*) FROM audit_events WHERE event = 'account.invitation_revoked' AND account_id = :id"
        assert cluster.ask(revoked, id=guest.account_id) == 1


def test_sending_again_during_an_answer_leaves_one_link_at_most(cluster: Cluster, rounds: int) -> None:
    chance, admin = random.Random(54), administrator(cluster)
    for _ in range(3 * rounds):
        guest = Guest(cluster)
        again = Call(cluster.urls[0], "POST", f"/api/v1/admin/users/{guest.account_id}/invitation", admin.access)
        answered, sent = scatter(chance, [guest.with_passkey(cluster.urls[1]), again])
        assert (answered.status, sent.status) in {(200, 409), (400, 204), (200, 204)}, (answered, sent)
        cluster.mailbox.clear()
        if answered.status == 200:
            assert guest.with_password(cluster.urls[0]).send().body["code"] == "link_used"
        else:
            assert guest.options(cluster.urls[0]).send().body["code"] == "link_used"
            assert guest.email in cluster.links("reset-password")
