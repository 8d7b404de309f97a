"""Second factors under parallel requests to two processes: each code counts once, and no pair of flows opens a gap."""

import time

import pyotp
import pytest

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import Answer, Call, account, send_together
from tests.support.profile import sized

CROWD = sized(20, 100)
NEW_PASSWORD = "a new horse battery"


class Person:
    """The owner of an account with an authenticator app."""

    def __init__(self, cluster: Cluster, *, enrolled: bool = True) -> None:
        self.cluster, self.signed_up = cluster, cluster.sign_up()
        self.email, self.access = self.signed_up.email, self.signed_up.access
        made = self.at(0, "/account/factors/totp", self.access).send().body
        self.factor_id, self.totp = made["id"], pyotp.TOTP(made["secret"])
        self.recovery_codes: list[str] = []
        if enrolled:
            answer = self.confirmation(0).send()
            assert answer.status == 200, answer.body
            self.recovery_codes = answer.body["recovery_codes"]
            cluster.ask("UPDATE totp_factors SET last_step = 0")  # so that this test need not wait for the next code

    def at(self, process: int, path: str, access: str | None = None, **body: object) -> Call:
        """A POST to one of the two processes."""
        return at(self.cluster, process, path, access, **body)

    def confirmation(self, process: int) -> Call:
        return self.at(process, f"/account/factors/totp/{self.factor_id}/confirm", self.access, code=self.code())

    def code(self) -> str:
        """The code now; waits if it is about to change."""
        left = 30 - time.time() % 30
        if left < 5:
            time.sleep(left)
        return self.totp.now()

    def first_step(self, process: int = 0) -> Call:
        return self.at(process, "/auth/login", email=self.email, password=PASSWORD)

    def step_token(self) -> str:
        return str(self.first_step().send().body["second_factor"]["token"])

    def second_steps(self, count: int, **proof: str) -> list[Call]:
        """So many identical second steps, at both processes."""
        token = self.step_token()
        return [self.at(process, "/auth/second-factor", token=token, **proof) for process in range(count)]

    def removal(self, process: int = 0) -> Call:
        path = f"/api/v1/account/factors/{self.factor_id}"
        return Call(self.cluster.urls[process], "DELETE", path, self.access)

    def renaming(self) -> Call:
        path = f"/api/v1/account/factors/{self.factor_id}"
        return Call(self.cluster.urls[0], "PATCH", path, self.access, {"name": "Tablet"})

    def new_codes(self) -> Call:
        return self.at(0, "/account/factors/recovery-codes", self.access)

    def count(self, table: str) -> int:
        found = self.cluster.ask(
            f"SELECT count(*) FROM {table} WHERE account_id = (SELECT id FROM accounts WHERE email = :email)",
            email=self.email,
        )
        return int(found)

    def has_second_factor(self) -> bool:
        asked = "SELECT count(*) FROM accounts WHERE email = :email AND second_factor_at IS NOT NULL"
        return bool(self.cluster.ask(asked, email=self.email))


def at(cluster: Cluster, process: int, path: str, access: str | None = None, **body: object) -> Call:
    return Call(cluster.urls[process % 2], "POST", f"/api/v1{path}", access, body)


def statuses(answers: list[Answer]) -> list[int]:
    assert all(answer.as_documented for answer in answers), [answer.body for answer in answers if answer.status >= 500]
    return sorted(answer.status for answer in answers)


def alive(cluster: Cluster, answer: Answer) -> bool:
    """Whether the session of these tokens still lives, at the other process."""
    return account(cluster.urls[1], answer.body["access_token"]).send().status == 200


def test_one_code_opens_exactly_one_session(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        person = Person(cluster)
        answers = send_together(person.second_steps(CROWD, code=person.code()))
        assert statuses(answers) == [200] + [400] * (CROWD - 1)


def test_one_recovery_code_opens_exactly_one_session(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        person = Person(cluster)
        answers = send_together(person.second_steps(CROWD, recovery_code=person.recovery_codes[3]))
        assert statuses(answers) == [200] + [400] * (CROWD - 1)
        assert person.count("recovery_codes") == 9


def test_parallel_confirmations_give_one_set_of_codes(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        person = Person(cluster, enrolled=False)
        code = person.code()
        path = f"/account/factors/totp/{person.factor_id}/confirm"
        answers = send_together(person.at(n, path, person.access, code=code) for n in range(8))
        assert [answer.status for answer in answers].count(200) == 1, statuses(answers)
        assert person.count("recovery_codes") == 10
        assert person.has_second_factor()


def test_sign_in_during_enrolment_leaves_no_session_without_the_factor(cluster: Cluster, rounds: int) -> None:
    for _ in range(2 * rounds):
        person = Person(cluster, enrolled=False)
        logins = [person.first_step(n) for n in range(6)]
        *answers, enrolled = send_together([*logins, person.confirmation(1)])
        assert enrolled.status == 200
        for answer in answers:
            assert answer.status in (200, 401, 403), answer.body
            assert answer.status != 200 or not alive(cluster, answer)


def test_second_step_during_a_removal_opens_at_most_one(cluster: Cluster, rounds: int) -> None:
    for _ in range(2 * rounds):
        person = Person(cluster)
        steps = person.second_steps(4, code=person.code())
        *answers, removed = send_together([*steps, person.removal(1)])
        assert removed.status == 204, removed.body
        assert [answer.status for answer in answers].count(200) <= 1
        assert all(answer.status in (200, 400, 401) for answer in answers), statuses(answers)
        assert not person.has_second_factor()
        assert (person.count("totp_factors"), person.count("recovery_codes")) == (0, 0)


def test_second_step_during_a_reset_leaves_no_session(cluster: Cluster, rounds: int) -> None:
    for _ in range(2 * rounds):
        person = Person(cluster)
        (token,) = cluster.reset_tokens(person.email)
        steps = person.second_steps(4, code=person.code())
        reset = person.at(1, "/reset-password", reset_token=token, password=NEW_PASSWORD)
        *answers, done = send_together([*steps, reset])
        assert done.status == 200, done.body
        assert not any(answer.status == 200 and alive(cluster, answer) for answer in answers)
        assert person.has_second_factor()


def test_second_step_during_a_disabling_leaves_no_session(cluster: Cluster, rounds: int) -> None:
    admin = cluster.sign_up()
    cluster.ask("UPDATE accounts SET roles = 'admin' WHERE email = :email", email=admin.email)
    for _ in range(rounds):
        person = Person(cluster)
        steps = person.second_steps(4, code=person.code())
        user_id = cluster.ask("SELECT id FROM accounts WHERE email = :email", email=person.email)
        *answers, disabled = send_together([*steps, person.at(1, f"/admin/users/{user_id}/disable", admin.access)])
        assert disabled.status == 204, disabled.body
        assert not any(answer.status == 200 and alive(cluster, answer) for answer in answers)


def test_recovery_code_during_renewal_works_at_most_once(cluster: Cluster, rounds: int) -> None:
    for _ in range(2 * rounds):
        person = Person(cluster)
        steps = person.second_steps(4, recovery_code=person.recovery_codes[0])
        *answers, renewed = send_together([*steps, person.at(1, "/account/factors/recovery-codes", person.access)])
        assert renewed.status == 200
        assert [answer.status for answer in answers].count(200) <= 1, statuses(answers)
        assert person.count("recovery_codes") == 10


def test_two_removals_of_two_factors_leave_none(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        person = Person(cluster)
        first = person.removal(0)
        made = person.at(0, "/account/factors/totp", person.access).send().body
        person.factor_id, person.totp = made["id"], pyotp.TOTP(made["secret"])
        assert person.confirmation(0).send().status == 200
        assert statuses(send_together([first, person.removal(1)])) == [204, 204]
        assert not person.has_second_factor()
        assert person.count("recovery_codes") == 0


@pytest.mark.settings(second_factor="everybody")
def test_two_removals_leave_the_factor_that_is_required(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        cluster.ask("DELETE FROM outbox")
        email = cluster.new_email()
        token = at(cluster, 0, "/auth/signup", email=email, password=PASSWORD).send().body["second_factor"]["token"]
        made = at(cluster, 0, "/auth/second-factor/totp", token=token).send().body
        confirm = {"token": token, "id": made["id"], "code": pyotp.TOTP(made["secret"]).now()}
        access = at(cluster, 0, "/auth/second-factor/totp/confirm", **confirm).send().body["access_token"]
        second = at(cluster, 0, "/account/factors/totp", access).send().body
        code = pyotp.TOTP(second["secret"]).now()
        path = f"/account/factors/totp/{second['id']}/confirm"
        assert at(cluster, 0, path, access, code=code).send().status == 200
        removals = [
            Call(cluster.urls[n], "DELETE", f"/api/v1/account/factors/{factor['id']}", access)
            for n, factor in enumerate((made, second))
        ]
        assert statuses(send_together(removals)) == [204, 409]
        found = "SELECT count(*) FROM totp_factors WHERE account_id = (SELECT id FROM accounts WHERE email = :email)"
        assert cluster.ask(found, email=email) == 1
