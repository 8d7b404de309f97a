"""One address, many who want it (R2 of the plan)."""

from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import post, send_together, statuses
from tests.support.profile import sized

CLIENTS = sized(24, 100)


def spellings(name: str) -> list[str]:
    """Ten ways to write one address."""
    local, domain = name, "büro.example.com"
    ascii_domain = "xn--bro-hoa.example.com"
    return [
        f"{local}@{domain}", f"{local.upper()}@{domain}", f"{local.title()}@{domain}", f"{local}@{domain.upper()}",
        f"{local}@{ascii_domain}", f"{local.upper()}@{ascii_domain.upper()}", f" {local}@{domain}",
        f"{local}@{domain} ", f"{local[0].upper()}{local[1:]}@{ascii_domain}", f"{local}@bu\u0308ro.example.com",
    ]  # fmt: skip


def test_parallel_signups_for_one_address_open_one_account(cluster: Cluster, rounds: int) -> None:
    for turn in range(max(1, rounds - 3)):
        names = spellings(f"{cluster.new_email().split('@')[0]}x{turn}")
        before = cluster.ask("SELECT count(*) FROM accounts")
        answers = send_together(
            post(cluster.urls[n % 2], "/auth/signup", email=names[n // 2 % 10], password=PASSWORD)
            for n in range(CLIENTS)
        )
        assert statuses(answers) == {201: 1, 409: CLIENTS - 1}
        assert len({str(answer.body) for answer in answers if answer.status == 409}) == 1
        assert cluster.ask("SELECT count(*) FROM accounts") == before + 1
