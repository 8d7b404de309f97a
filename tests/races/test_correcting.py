"""Races of administrators and cleanup with owners: over one address, and over the verification of an old account."""

from dataclasses import replace
from functools import partial

import pytest

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import Call, send_together, statuses, together
from tests.support.profile import sized

ACCOUNTS = sized(6, 40)
USER = "/api/v1/admin/users"


@pytest.fixture
def admin(cluster: Cluster) -> str:
    """The access token of an administrator."""
    person = cluster.sign_up()
    cluster.ask("UPDATE accounts SET roles = 'admin' WHERE email = :email", email=person.email)
    return person.access


def id_of(cluster: Cluster, email: str) -> str:
    return str(cluster.ask("SELECT id FROM accounts WHERE email_canonical = :email", email=email))


def test_correction_wins_over_a_confirmation_of_the_owner(cluster: Cluster, admin: str, rounds: int) -> None:
    for _ in range(3 * rounds):
        person, wanted, corrected = cluster.sign_up(), cluster.new_email(), cluster.new_email()
        account_id = id_of(cluster, person.email)
        ask = {"email": wanted, "password": PASSWORD}
        assert Call(cluster.urls[0], "PUT", "/api/v1/account/email", person.access, ask).send().status == 202
        token = cluster.links("confirm-email")[wanted]
        confirm = Call(cluster.urls[0], "POST", "/api/v1/account/email/confirm", body={"token": token})
        correct = Call(cluster.urls[1], "PATCH", f"{USER}/{account_id}", admin, {"email": corrected})
        confirmed, done = send_together([confirm, correct])
        assert done.status == 200, done
        assert confirmed.status == 200 or confirmed.body["code"] == "link_used"
        assert id_of(cluster, corrected) == account_id


def test_two_accounts_are_never_corrected_to_one_address(cluster: Cluster, admin: str, rounds: int) -> None:
    for _ in range(rounds):
        ids, wanted = [id_of(cluster, cluster.sign_up().email) for _ in range(4)], cluster.new_email()
        call = Call("", "PATCH", "", admin, {"email": wanted})
        answers = send_together(
            replace(call, base=cluster.urls[n % 2], path=f"{USER}/{account_id}") for n, account_id in enumerate(ids)
        )
        assert statuses(answers) == {200: 1, 409: 3}


@pytest.mark.settings(unverified_account_days=30)
def test_no_account_is_purged_that_was_just_verified(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        emails = [cluster.sign_up().email for _ in range(ACCOUNTS)]
        tokens = cluster.links("verify-email")
        cluster.ask("UPDATE accounts SET unverified_since = '2020-01-01 00:00:00.000000'")
        verify = [
            Call(cluster.urls[n % 2], "POST", "/api/v1/verify-email", body={"token": tokens[email]}).send
            for n, email in enumerate(emails)
        ]
        *answers, purged, also = together([*verify, *[partial(cluster.auth.cleanup.run)] * 2])
        verified = {email for email, answer in zip(emails, answers, strict=True) if answer.status == 200}
        assert {answer.body["code"] for answer in answers if answer.status != 200} <= {"link_used"}
        left = {email for email in emails if cluster.ask("SELECT 1 FROM accounts WHERE email = :email", email=email)}
        assert left == verified
        assert purged["unverified_accounts"] + also["unverified_accounts"] == ACCOUNTS - len(verified)
