"""Deliverers side by side and a slow mail server: many emails are under way before one of them is known to be sent."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.client_info import ClientInfo
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import QueuedMessage
from app.domain.mail.outbox import Outbox
from app.domain.mail.rate_limit import EmailLimit, TooSoon
from tests.flows.test_email_limit import passes
from tests.races.conftest import Cluster
from tests.support.profile import sized
from tests.support.smtp import FakeSmtpServer

LIMIT = EmailLimit()

MORE = sized(8, 20)


class SlowSmtpServer(FakeSmtpServer):
    """A mail server that takes its time before it says that it has a message."""

    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        said = await super().handle_DATA(*given)
        await asyncio.sleep(0.3)
        return said


@pytest.fixture
def slow_mailbox() -> Iterator[SlowSmtpServer]:
    with SlowSmtpServer().open() as server:
        yield server


def wait_until_one_waits(cluster: Cluster) -> None:
    """Until all was sent or dropped, but for one message that no deliverer holds: it waits for its turn."""
    end = time.monotonic() + 90  # on a busy machine a deliverer may give up, and its lease of a minute must end
    while cluster.ask("SELECT count(*) FROM outbox WHERE state = 'queued'") > 1 or cluster.ask(
        "SELECT count(*) FROM outbox WHERE claim IS NOT NULL"
    ):
        assert time.monotonic() < end, "messages are stuck"
        time.sleep(0.1)


def test_two_deliverers_keep_to_the_limit_with_a_slow_server(cluster: Cluster, slow_mailbox: SlowSmtpServer) -> None:
    email = cluster.sign_up().email
    cluster.ask("DELETE FROM outbox")
    settings = cluster.settings.model_copy(update={"mail_port": slow_mailbox.port})
    pids = [cluster.process_pool.deliver(settings) for _ in range(2)]
    end = time.monotonic() + 30
    while len(slow_mailbox.messages) < LIMIT.burst:
        assert time.monotonic() < end, f"{len(slow_mailbox.messages)} emails came"
        cluster.auth.password_reset.request(email, ClientInfo())
        time.sleep(0.05)
    for _ in range(MORE):
        cluster.auth.password_reset.request(email, ClientInfo())
        time.sleep(0.05)
    wait_until_one_waits(cluster)
    for pid in pids:
        cluster.process_pool.kill(pid)
    assert len(slow_mailbox.messages) == LIMIT.burst
    assert [passes(cluster.auth.password_reset.check, email.token) for email in slow_mailbox.messages].count(True) == 1


def test_of_eight_who_begin_at_once_three_may_send(cluster: Cluster) -> None:
    """They are about one mailbox, for two accounts: each locks two rows, and none may wait for another in a circle."""
    outbox, begun, failed = Outbox(), [], []
    accounts = [cluster.auth.admin_accounts.find(cluster.sign_up().email) for _ in range(2)]
    now = datetime.now(UTC)
    cluster.ask("DELETE FROM outbox")
    with cluster.app.app_context(), UnitOfWork() as work:
        for number in range(8):
            outbox.enqueue(
                "email_change_confirm", now=now, address="new@example.org", account_id=accounts[number % 2].id
            )
        messages = outbox.claim(now)
        work.commit()
    start = threading.Barrier(len(messages))

    def begin(message: QueuedMessage) -> None:
        with cluster.app.app_context():
            start.wait()
            try:
                with UnitOfWork() as work:
                    outbox.start_attempt(message, now, limited=True, also_by_account=True)
                    work.commit()
            except TooSoon:
                return
            except Exception as failure:
                failed.append(failure)
            else:
                begun.append(message.id)

    threads = [threading.Thread(target=begin, args=(message,)) for message in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(begun) == LIMIT.burst
