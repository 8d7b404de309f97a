"""Passkeys: one challenge, one response and one registration work once, whatever arrives at the same moment."""

import random
from dataclasses import replace
from typing import Any

import pytest

from app.core.client_info import ClientInfo
from tests.races.conftest import Cluster, SignedUp
from tests.races.test_disabling_and_deleting import administrator, disabling, who_is_in
from tests.support.authenticator import Authenticator
from tests.support.concurrency import Call, later, post, send_together, statuses, together
from tests.support.profile import sized

CLIENTS = sized(24, 100)
NEW_PASSWORD = "a new horse battery"
PASSKEYS = "/api/v1/account/passkeys"


class Racer:
    """An account with passkeys, as the processes see it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.authenticator = cluster, Authenticator()
        self.account: SignedUp = cluster.sign_up()

    def urls(self, count: int) -> list[str]:
        """So many URLs, of each process in turn."""
        return [self.cluster.urls[n % 2] for n in range(count)]

    def registration(self, options: dict[str, Any] | None = None, **changes: Any) -> Call:
        """A request that adds a passkey."""
        credential = self.authenticator.create(options or self.creation_options(), **changes)
        return Call(self.cluster.urls[0], "POST", PASSKEYS, self.account.access, {"credential": credential})

    def creation_options(self) -> dict[str, Any]:
        """How to add a passkey."""
        call = Call(self.cluster.urls[0], "POST", f"{PASSKEYS}/options", self.account.access)
        return dict(call.send().body["publicKey"])

    def with_passkey(self) -> "Racer":
        """The same, with one passkey more."""
        assert self.registration().send().status == 201
        return self

    def sign_in(self, base: str, options: dict[str, Any] | None = None) -> Call:
        """A request that signs in with the newest passkey."""
        options = options or self.cluster.auth.passkey_sign_in.options(None)
        return post(base, "/auth/passkey", credential=self.authenticator.get(options))

    def passkey_ids(self) -> list[int]:
        """The ids of the passkeys."""
        listed = Call(self.cluster.urls[1], "GET", PASSKEYS, self.account.access).send()
        return [passkey["id"] for passkey in listed.body["passkeys"]]

    def removal(self, base: str, passkey_id: int) -> Call:
        """A request that removes a passkey."""
        return Call(base, "DELETE", f"{PASSKEYS}/{passkey_id}", self.account.access)


def sign_up_with_passkey(cluster: Cluster, email: str) -> Call:
    """A request that opens an account with a passkey."""
    credential = Authenticator().create(cluster.auth.passkey_sign_up.options(email, None))
    return post(cluster.urls[0], "/auth/passkey/sign-up", email=email, credential=credential)


def test_one_response_of_many_copies_signs_in(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        racer = Racer(cluster).with_passkey()
        call = racer.sign_in(cluster.urls[0])
        answers = send_together([replace(call, base=url) for url in racer.urls(CLIENTS)])
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}
        assert {answer.body["code"] for answer in answers if answer.status == 400} == {"challenge_used"}


def test_one_challenge_opens_one_session(cluster: Cluster, rounds: int) -> None:
    """Each response is signed by itself; only the challenge is the same."""
    for _ in range(rounds):
        racer = Racer(cluster).with_passkey()
        racer.authenticator.counts = False
        options = cluster.auth.passkey_sign_in.options(None)
        answers = send_together([racer.sign_in(url, options) for url in racer.urls(CLIENTS)])
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}


def test_parallel_sign_ins_of_one_passkey_all_work(cluster: Cluster, rounds: int) -> None:
    """Only without a counter: those of parallel requests may arrive in any order."""
    racer = Racer(cluster).with_passkey()
    racer.authenticator.counts = False
    answers = send_together([racer.sign_in(url) for url in racer.urls(sized(8, 32))])
    assert set(statuses(answers)) == {200}


def test_counter_decides_between_a_passkey_and_its_copy(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        racer = Racer(cluster).with_passkey()
        racer.authenticator.newest.counter = 6
        calls = []
        for url in cluster.urls * (CLIENTS // 2):
            racer.authenticator.newest.counter -= 1 if racer.authenticator.newest.counter == 7 else 0
            calls.append(racer.sign_in(url))  # all say 7
        answers = send_together(calls)
        assert statuses(answers) == {200: 1, 403: len(calls) - 1}
        suspected = cluster.ask("SELECT count(*) FROM audit_events WHERE event = 'passkey.copy_suspected'")
        assert suspected >= len(calls) - 1


def test_one_credential_is_registered_once(cluster: Cluster, rounds: int) -> None:
    """By many sessions of many accounts, each with options of its own."""
    for _ in range(rounds):
        first = Racer(cluster)
        made = first.registration()
        mine = first.authenticator.newest
        others = [Racer(cluster) for _ in range(sized(5, 15))]
        same = [other.registration(key=mine.key, credential_id=mine.id) for other in others]
        calls = [replace(call, base=cluster.urls[n % 2]) for n, call in enumerate([made, *same])]
        assert statuses(send_together(calls)) == {201: 1, 409: len(same)}


def test_one_registration_challenge_adds_one_passkey(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        racer = Racer(cluster)
        options = racer.creation_options()
        calls = [replace(racer.registration(options), base=cluster.urls[n % 2]) for n in range(CLIENTS)]
        answers = send_together(calls)
        assert statuses(answers) == {201: 1, 400: CLIENTS - 1}
        assert len(racer.passkey_ids()) == 1


def test_parallel_registrations_stay_below_the_limit(cluster: Cluster) -> None:
    racer = Racer(cluster)
    calls = [replace(racer.registration(), base=cluster.urls[n % 2]) for n in range(26)]
    assert statuses(send_together(calls)) == {201: 20, 409: 6}
    assert len(racer.passkey_ids()) == 20


def test_one_sign_up_challenge_opens_one_account(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        email, authenticator = cluster.new_email(), Authenticator()
        options = cluster.auth.passkey_sign_up.options(email, None)
        calls = [
            post(cluster.urls[n % 2], "/auth/passkey/sign-up", email=email, credential=authenticator.create(options))
            for n in range(CLIENTS)
        ]
        assert statuses(send_together(calls)) == {201: 1, 409: CLIENTS - 1}
        assert cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=email) == 1


def test_one_of_the_last_two_passkeys_stays(cluster: Cluster, rounds: int) -> None:
    for _ in range(3 * rounds):
        racer = Racer(cluster).with_passkey().with_passkey()
        cluster.ask("UPDATE accounts SET password_hash = NULL WHERE email = :email", email=racer.account.email)
        calls = [racer.removal(url, each) for url, each in zip(cluster.urls, racer.passkey_ids(), strict=True)]
        assert statuses(send_together(calls)) == {204: 1, 409: 1}
        assert len(racer.passkey_ids()) == 1


def test_no_session_outlives_its_removed_passkey(cluster: Cluster, rounds: int) -> None:
    chance = random.Random(41)
    for _ in range(3 * rounds):
        racer = Racer(cluster).with_passkey()
        (passkey_id,) = racer.passkey_ids()
        calls = [racer.removal(chance.choice(cluster.urls), passkey_id)]
        calls += [racer.sign_in(url) for url in racer.urls(3)]
        removed, *answers = together([later(chance.uniform(0, 0.02), call) for call in calls])
        assert removed.status == 204
        assert {answer.status for answer in answers} <= {200, 401, 403}  # 403: counters that arrive out of order
        assert not who_is_in(cluster, answers)


def test_no_session_outlives_the_disabling_of_its_account(cluster: Cluster, rounds: int) -> None:
    chance, admin = random.Random(42), administrator(cluster)
    for _ in range(3 * rounds):
        racer = Racer(cluster).with_passkey()
        racer.authenticator.counts = False
        calls = [disabling(cluster, chance.choice(cluster.urls), admin, racer.account.email)]
        calls += [racer.sign_in(url) for url in racer.urls(3)]
        gone, *answers = together([later(chance.uniform(0, 0.02), call) for call in calls])
        assert gone.status == 204
        assert {answer.status for answer in answers} <= {200, 401}
        assert not who_is_in(cluster, answers)


def test_sign_in_during_a_password_reset_works(cluster: Cluster, rounds: int) -> None:
    """A reset keeps the passkeys of a verified account. It ends the sessions before it, and none after it."""
    chance = random.Random(43)
    racers = [Racer(cluster).with_passkey() for _ in range(3 * rounds)]
    cluster.ask("UPDATE accounts SET email_verified_at = created_at")
    links = cluster.reset_tokens(*[racer.account.email for racer in racers])
    for racer, link in zip(racers, links, strict=True):
        racer.authenticator.counts = False
        calls = [post(chance.choice(cluster.urls), "/reset-password", reset_token=link, password=NEW_PASSWORD)]
        calls += [racer.sign_in(url) for url in racer.urls(3)]
        done, *answers = together([later(chance.uniform(0, 0.02), call) for call in calls])
        assert done.status == 200
        assert {answer.status for answer in answers} == {200}
        assert racer.sign_in(cluster.urls[0]).send().status == 200


def test_planted_passkey_does_not_survive_a_reset(cluster: Cluster, rounds: int) -> None:
    """The address was never verified, so the account may be a stranger's, who adds a passkey at the last moment."""
    chance = random.Random(44)
    strangers = [Racer(cluster).with_passkey() for _ in range(3 * rounds)]
    links = cluster.reset_tokens(*[stranger.account.email for stranger in strangers])
    for stranger, link in zip(strangers, links, strict=True):
        reset = post(chance.choice(cluster.urls), "/reset-password", reset_token=link, password=NEW_PASSWORD)
        calls = [reset, stranger.registration(), stranger.sign_in(cluster.urls[1])]
        done, *_ = together([later(chance.uniform(0, 0.02), call) for call in calls])
        assert done.status == 200
        count = "SELECT count(*) FROM passkeys JOIN accounts ON accounts.id = account_id WHERE email = :email"
        assert cluster.ask(count, email=stranger.account.email) == 0


@pytest.mark.settings(deletion_grace_days=0)
def test_no_error_while_the_account_is_purged(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        racer = Racer(cluster).with_passkey()
        leave = Call(cluster.urls[0], "DELETE", "/api/v1/account", racer.account.access)
        answers = send_together([racer.sign_in(cluster.urls[1]), leave, racer.registration()])
        assert all(answer.status < 500 for answer in answers), statuses(answers)


def test_client_in_this_process_and_others_agree(cluster: Cluster) -> None:
    """Challenges are signed, so any process accepts those of another one."""
    racer = Racer(cluster).with_passkey()
    credential = racer.authenticator.get(cluster.auth.passkey_sign_in.options(None))
    tokens = cluster.auth.passkey_sign_in.sign_in(credential, ClientInfo())
    assert tokens.access_token
    assert post(cluster.urls[1], "/auth/passkey", credential=credential).send().body["code"] == "challenge_used"
