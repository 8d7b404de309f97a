"""Three deliverers on one outbox, and power cuts in the middle of their work (R5 and R7 of the plan, in small)."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from config import Settings
from tests.races.conftest import PASSWORD, House
from tests.races.crowd import post
from tests.servers import Mailbox

DELIVERERS = 3


class SlowMailbox(Mailbox):
    """A mail server that has the email some time before it says so: the moment at which a copy can come about."""

    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        said = await super().handle_DATA(*given)
        await asyncio.sleep(0.02)
        return said


@pytest.fixture
def slow_mailbox() -> Iterator[SlowMailbox]:
    box = SlowMailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture
def slowly(house: House, slow_mailbox: SlowMailbox) -> Settings:
    """Those of the house, but emails go to the slow mail server."""
    return house.settings.model_copy(update={"mail_port": slow_mailbox.port})


def owe(house: House, count: int) -> set[str]:
    """Emails that were promised by an answer, and whom to."""
    emails = {house.sign_up().email for _ in range(count)}
    house.ask("DELETE FROM outbox")
    for email in emails:
        assert post(random.choice(house.urls), "/forgot-password", email=email).send().status == 200
    return emails


def wait_until_none_is_owed(house: House, seconds: float) -> None:
    end = time.monotonic() + seconds
    while house.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"):
        assert time.monotonic() < end, "emails are stuck"
        time.sleep(0.1)


def received(box: Mailbox) -> dict[str, set[str]]:
    """The Message-IDs that each recipient saw."""
    seen: dict[str, set[str]] = {}
    for letter in box.letters:
        seen.setdefault(letter.recipients[0], set()).add(str(letter.message["Message-ID"]))
    return seen


def test_deliverers_side_by_side_send_each_letter_once(
    house: House, slowly: Settings, slow_mailbox: SlowMailbox, rounds: int
) -> None:
    emails = owe(house, 6 * rounds)
    pids = [house.nest.deliver(slowly) for _ in range(DELIVERERS)]
    wait_until_none_is_owed(house, seconds=20 + 2 * rounds)
    for pid in pids:
        house.nest.kill(pid)
    assert sorted(letter.recipients[0] for letter in slow_mailbox.letters) == sorted(emails)
    assert house.ask("SELECT max(attempts) FROM outbox") == 1, "they were in each other's way"


def test_letters_outlive_deliverers_that_are_killed_at_random_moments(
    house: House, slowly: Settings, slow_mailbox: SlowMailbox, rounds: int
) -> None:
    kills, emails = rounds, owe(house, 14 * rounds)
    pids = [house.nest.deliver(slowly, lease=3) for _ in range(DELIVERERS)]
    for turn in range(kills):
        slow_mailbox.wait_for(1 + 12 * turn, seconds=20)  # in the middle of the work, also on a slow machine
        time.sleep(random.uniform(0, 0.1))
        house.nest.kill(pids.pop(random.randrange(DELIVERERS)))
        pids.append(house.nest.deliver(slowly, lease=3))
    wait_until_none_is_owed(house, seconds=20 + 2 * rounds)
    for pid in pids:
        house.nest.kill(pid)
    seen = received(slow_mailbox)
    assert seen.keys() == emails
    assert {len(ids) for ids in seen.values()} == {1}
    assert len(slow_mailbox.letters) - len(emails) <= kills
    assert house.ask("SELECT count(*) FROM outbox WHERE kind = 'reset_password' AND state <> 'sent'") == 0
    assert house.ask("SELECT max(attempts) FROM outbox") > 1, "nobody was killed with an email in hand"


def test_every_copy_of_a_letter_carries_a_link_that_works(
    house: House, slowly: Settings, slow_mailbox: SlowMailbox
) -> None:
    (email,) = owe(house, 1)
    pid = house.nest.deliver(slowly)
    slow_mailbox.wait_for(1)
    house.nest.kill(pid)  # most likely before it has noted that the email is sent
    house.ask("UPDATE outbox SET state = 'queued', finished_at = NULL, claim = NULL, lease_until = NULL")
    pid = house.nest.deliver(slowly)
    slow_mailbox.wait_for(2)
    house.nest.kill(pid)
    for letter in slow_mailbox.letters:
        house.auth.password_reset.check(letter.token)
    assert post(house.urls[0], "/reset-password", reset_token=letter.token, password=PASSWORD).send().status == 200
    assert house.ask("SELECT count(*) FROM accounts WHERE email = :email AND credentials_version = 1", email=email) == 1
