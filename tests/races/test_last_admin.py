"""However administrators remove one another, and themselves, one is left."""

import random
from collections.abc import Callable

from app.domain.accounts.administrators import LastAdmin
from tests.races.conftest import PASSWORD, Cluster, SignedUp
from tests.support.concurrency import Answer, Call, send_together, together

ADMINISTER = "SELECT count(*) FROM accounts WHERE roles = 'admin' AND disabled_at IS NULL AND deletes_at IS NULL"
RESTORE = "UPDATE accounts SET roles = 'admin', disabled_at = NULL, deletes_at = NULL WHERE id = :id"
DUE = "UPDATE accounts SET deletes_at = '2020-01-01 00:00:00' WHERE id = :id"
FORGET = "UPDATE accounts SET roles = ''"
REFUSED = {401, 403, 409}  # signed out or no longer an administrator meanwhile; or the last one


class Team:
    """A few administrators, made anew for each round, at two processes."""

    def __init__(self, cluster: Cluster, size: int) -> None:
        cluster.ask(FORGET)
        self.cluster, self.people = cluster, [cluster.sign_up() for _ in range(size)]
        self.ids = [cluster.ask("SELECT id FROM accounts WHERE email = :e", e=one.email) for one in self.people]

    def gather(self) -> None:
        """All of them administrators again, and signed in."""
        for account_id in self.ids:
            self.cluster.ask(RESTORE, id=account_id)
        self.people = [self.cluster.sign_in(one.email) for one in self.people]

    def removal(self, way: str, by: int, of: int) -> Call:
        """A request by which one removes another, or itself."""
        path, url, token = f"/api/v1/admin/users/{self.ids[of]}", self.cluster.urls[by % 2], self.people[by].access
        return {
            "disable": Call(url, "POST", f"{path}/disable", token),
            "delete": Call(url, "DELETE", path, token),
            "demote": Call(url, "PUT", f"{path}/roles", token, {"roles": ["editor"]}),
            "leave": Call(url, "DELETE", "/api/v1/account", self.people[of].access, {"password": PASSWORD}),
        }[way]

    @property
    def left(self) -> int:
        """How many administer."""
        return int(self.cluster.ask(ADMINISTER))


def is_as_expected(answer: Answer) -> bool:
    return answer.status == 204 or (answer.status in REFUSED and answer.body["code"] != "internal_error")


def test_two_administrators_who_remove_each_other_leave_one(cluster: Cluster, rounds: int) -> None:
    chance, team = random.Random(7), Team(cluster, 2)
    for _ in range(20 * rounds):
        team.gather()
        ways = [chance.choice(["disable", "delete", "demote", "leave"]) for _ in range(2)]
        answers = send_together([team.removal(ways[0], by=0, of=1), team.removal(ways[1], by=1, of=0)])
        assert all(map(is_as_expected, answers)), answers
        assert team.left == 1, (ways, answers)


def test_administrators_who_all_leave_at_once_leave_one(cluster: Cluster, rounds: int) -> None:
    chance, team = random.Random(8), Team(cluster, 4)
    for _ in range(2 * rounds):
        team.gather()
        ways = [chance.choice(["disable", "delete", "demote", "leave"]) for _ in range(4)]
        answers = send_together([team.removal(way, by=n, of=n) for n, way in enumerate(ways)])
        assert sorted(answer.status for answer in answers) == [204, 204, 204, 409], (ways, answers)
        assert team.left == 1


def test_threads_of_one_process_leave_one_too(cluster: Cluster, rounds: int) -> None:
    team, flow = Team(cluster, 3), cluster.auth.admin_accounts
    for turn in range(4 * rounds):
        team.gather()
        ways: list[Callable[[str], None]] = [
            lambda one: flow.disable(None, one), lambda one: flow.delete(None, one),
            lambda one: flow.revoke(None, one, "admin"), lambda one: flow.set_roles(None, one, []),
        ]  # fmt: skip
        results = together([
            lambda way=ways[(turn + n) % 4], one=one: attempt(way, one) for n, one in enumerate(team.ids)
        ])  # fmt: skip
        assert sorted(results) == [False, True, True]
        assert team.left == 1


def attempt(way: Callable[[str], None], account_id: str) -> bool:
    """Whether it was done, or refused for want of another administrator."""
    try:
        way(account_id)
    except LastAdmin:
        return False
    return True


def test_administrator_due_for_deletion_does_not_count_as_another(cluster: Cluster, rounds: int) -> None:
    for _ in range(rounds):
        team = Team(cluster, 2)
        team.gather()
        cluster.ask(DUE, id=team.ids[1])
        erase: Callable[[], object] = lambda: cluster.auth.cleanup.run()["accounts"]  # noqa: E731
        outcome = together([erase, team.removal("disable", by=0, of=0).connect().send])
        assert outcome[0] == 1
        assert outcome[1].status == 409  # type: ignore[attr-defined]
        assert team.left == 1


def test_cancelled_deletion_and_parallel_removal_leave_one_administrator(cluster: Cluster, rounds: int) -> None:
    team = Team(cluster, 2)
    for _ in range(2 * rounds):
        team.gather()
        assert team.removal("delete", by=0, of=1).send().status == 204
        back, gone = together([
            lambda: cluster.sign_in(team.people[1].email), team.removal("demote", by=0, of=0).connect().send
        ])  # fmt: skip
        assert isinstance(back, SignedUp)
        assert gone.status in (204, 409)
        assert team.left >= 1
