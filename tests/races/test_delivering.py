"""Three deliverers on one outbox, and power cuts in the middle of their work (R5 and R7 of the plan, in small)."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from config import Settings
from tests.races.conftest import PASSWORD, Cluster
from tests.support.concurrency import post
from tests.support.profile import LONG, sized
from tests.support.smtp import FakeSmtpServer

DELIVERERS = 3


class SlowSmtpServer(FakeSmtpServer):
    """A mail server that has the email some time before it says so: the moment at which a copy can come about."""

    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        said = await super().handle_DATA(*given)
        await asyncio.sleep(0.02)
        return said


@pytest.fixture
def slow_mailbox() -> Iterator[SlowSmtpServer]:
    with SlowSmtpServer().open() as server:
        yield server


@pytest.fixture
def slowly(cluster: Cluster, slow_mailbox: SlowSmtpServer) -> Settings:
    """Those of the cluster, but emails go to the slow mail server."""
    return cluster.settings.model_copy(update={"mail_port": slow_mailbox.port})


def owe(cluster: Cluster, count: int) -> set[str]:
    """Letters that were promised by an answer, and whom to."""
    emails = {cluster.sign_up().email for _ in range(count)}
    cluster.ask("DELETE FROM outbox")
    for email in emails:
        assert post(random.choice(cluster.urls), "/forgot-password", email=email).send().status == 200
    return emails


def wait_until_none_is_owed(cluster: Cluster, seconds: float) -> None:
    end = time.monotonic() + seconds
    while cluster.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"):
        assert time.monotonic() < end, "emails are stuck"
        time.sleep(0.1)


def received(box: FakeSmtpServer) -> dict[str, set[str]]:
    """The Message-IDs that each recipient saw."""
    seen: dict[str, set[str]] = {}
    for email in box.messages:
        seen.setdefault(email.recipients[0], set()).add(str(email.message["Message-ID"]))
    return seen


def test_parallel_deliverers_send_each_message_once(
    cluster: Cluster, slowly: Settings, slow_mailbox: SlowSmtpServer, rounds: int
) -> None:
    emails = owe(cluster, 6 * rounds)
    pids = [cluster.process_pool.deliver(slowly) for _ in range(DELIVERERS)]
    wait_until_none_is_owed(cluster, seconds=20 + 2 * rounds)
    for pid in pids:
        cluster.process_pool.kill(pid)
    assert sorted(email.recipients[0] for email in slow_mailbox.messages) == sorted(emails)
    assert cluster.ask("SELECT max(attempts) FROM outbox") == 1, "they were in each other's way"


def test_messages_survive_deliverers_killed_at_random_moments(
    cluster: Cluster, slowly: Settings, slow_mailbox: SlowSmtpServer, rounds: int
) -> None:
    kills = sized(2, max(3, rounds))
    emails = owe(cluster, 14 * kills)
    pids = [cluster.process_pool.deliver(slowly, lease=3) for _ in range(DELIVERERS)]
    for turn in range(kills):
        slow_mailbox.wait_for(1 + 12 * turn, seconds=20)  # in the middle of the work, also on a slow machine
        time.sleep(random.uniform(0, 0.1))
        cluster.process_pool.kill(pids.pop(random.randrange(DELIVERERS)))
        pids.append(cluster.process_pool.deliver(slowly, lease=3))
    wait_until_none_is_owed(cluster, seconds=20 + 2 * kills)
    for pid in pids:
        cluster.process_pool.kill(pid)
    seen = received(slow_mailbox)
    assert seen.keys() == emails
    assert {len(ids) for ids in seen.values()} == {1}
    assert len(slow_mailbox.messages) - len(emails) <= kills
    assert cluster.ask("SELECT count(*) FROM outbox WHERE kind = 'reset_password' AND state <> 'sent'") == 0
    if LONG:  # with two kills it may be that none hits a process that is sending
        assert cluster.ask("SELECT max(attempts) FROM outbox") > 1, "no process was killed while it was sending"


def test_every_copy_of_a_message_has_a_working_link(
    cluster: Cluster, slowly: Settings, slow_mailbox: SlowSmtpServer
) -> None:
    (email,) = owe(cluster, 1)
    pid = cluster.process_pool.deliver(slowly)
    slow_mailbox.wait_for(1)
    cluster.process_pool.kill(pid)  # most likely before it has noted that the email is sent
    cluster.ask("UPDATE outbox SET state = 'queued', finished_at = NULL, claim = NULL, lease_until = NULL")
    pid = cluster.process_pool.deliver(slowly)
    slow_mailbox.wait_for(2)
    cluster.process_pool.kill(pid)
    for copy in slow_mailbox.messages:
        cluster.auth.password_reset.check(copy.token)
    assert post(cluster.urls[0], "/reset-password", reset_token=copy.token, password=PASSWORD).send().status == 200
    assert (
        cluster.ask("SELECT count(*) FROM accounts WHERE email = :email AND credentials_version = 1", email=email) == 1
    )
