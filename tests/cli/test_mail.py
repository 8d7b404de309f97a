"""flask mail: the state of emails, and retrying failed ones."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from click.testing import Result
from flask import Flask

from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, SENT
from app.domain.mail.outbox import Outbox
from tests.support.api import sql

outbox = Outbox(host="example.org")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["mail", *words])


def add(app: Flask, state: str | None = None, kind: str = "reset_password", address: str = "ann@example.com") -> str:
    """The id of an email in this state."""
    with app.app_context():
        outbox.enqueue_now(kind, address, NOON)
        if state:
            with UnitOfWork() as work:
                (message,) = outbox.claim(NOON)
                outbox.start_attempt(message, NOON)
                work.commit()
            outbox.finish(message, state, NOON, None if state == SENT else "the mail server answered 550 5.1.1")
        return str(outbox.recent(limit=1)[0].id)


@pytest.mark.usefixtures("each_database")
def test_messages_are_listed_newest_first_one_per_line(app: Flask) -> None:
    dead = add(app, DEAD)
    queued = add(app, address="bob@example.com")
    result = run(app, "list")
    first, second = result.stdout.splitlines()
    assert first.split() == f"{queued} reset_password queued 0x 2026-03-01 12:00:00 UTC b…@example.com".split()
    assert second.split()[:4] == [dead, "reset_password", "dead", "1x"]
    assert second.endswith("a…@example.com  the mail server answered 550 5.1.1")
    assert "1 queued, the oldest for " in result.stderr
    assert result.stderr.endswith("; 0 sent, 1 dead, 0 dropped\n")


def test_the_list_can_be_of_one_state_and_short(app: Flask) -> None:
    add(app, SENT)
    dead = [add(app, DEAD) for _ in range(2)]
    listed = run(app, "list", "--state", "dead").stdout.splitlines()
    assert [line.split()[0] for line in listed] == dead[::-1]
    assert len(run(app, "list", "--limit", "1").stdout.splitlines()) == 1


def test_no_command_shows_a_whole_address(app: Flask) -> None:
    message = add(app)
    for words in (["list"], ["show", message], ["retry", message]):
        assert "ann@example.com" not in run(app, *words).output


def test_message_is_shown_with_its_message_id(app: Flask) -> None:
    result = run(app, "show", add(app, DEAD))
    shown = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert (shown["state"], shown["error"]) == ("dead", "the mail server answered 550 5.1.1")
    assert (shown["queued"], shown["due"]) == ("2026-03-01 12:00:00 UTC", "-")
    assert shown["message-id"].endswith("@example.org>")
    assert result.exit_code == 0


@pytest.mark.parametrize("words", [("show", "7"), ("retry", "7")])
def test_unknown_message_exits_with_status_1(app: Flask, words: tuple[str, ...]) -> None:
    result = run(app, *words)
    assert (result.exit_code, result.stderr) == (1, "Error: There is no email with this id.\n")


def test_dead_message_is_retried_once(app: Flask) -> None:
    message = add(app, DEAD)
    assert run(app, "retry", message).exit_code == 0
    assert "queued" in run(app, "show", message).stdout
    again = run(app, "retry", message)
    assert again.exit_code == 1
    assert f"Message {message} is due already" in again.stderr


def test_another_attempt_is_journalled_as_the_operators(app: Flask) -> None:
    run(app, "retry", add(app, DEAD))
    run(app, "retry", "--all-dead")
    add(app, DEAD)
    run(app, "retry", "--all-dead")
    assert sql(app, "SELECT event, actor_id FROM audit_events") == [("mail.retried", "operator")] * 2


def test_all_dead_messages_are_retried_at_once(app: Flask) -> None:
    for state in (DEAD, DEAD, SENT):
        add(app, state)
    assert run(app, "retry", "--all-dead").stdout == "2 due now\n"
    assert run(app, "retry", "--all-dead").stdout == "0 due now\n"


@pytest.mark.parametrize("words", ["retry", "retry 7 --all-dead", "show x", "list --state lost", "list --limit 0"])
def test_a_command_that_makes_no_sense_ends_with_2(app: Flask, words: str) -> None:
    assert run(app, *words.split()).exit_code == 2


@pytest.mark.settings(database_url="sqlite:////nowhere/latchkey.db")
@pytest.mark.parametrize("words", [("list",), ("show", "7"), ("retry", "7"), ("retry", "--all-dead")])
def test_without_a_database_a_command_ends_with_75(app: Flask, words: tuple[str, ...]) -> None:
    result = run(app, *words)
    assert (result.exit_code, result.stdout) == (75, "")
    assert "The database is temporarily unavailable" in result.stderr


def test_the_deliverer_works_until_it_is_told_to_stop(app: Flask, handlers: None) -> None:
    message = add(app, address="nobody@example.com")
    ended = threading.Event()

    def stop_when_delivered() -> None:
        with app.app_context():
            while not ended.wait(0.02) and outbox.summary(NOON).queued:
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop_when_delivered)
    watcher.start()
    result = run(app, "deliver")
    ended.set()
    watcher.join()
    assert result.exit_code == 0
    assert "dropped" in run(app, "show", message).stdout


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers of the test run afterwards."""
    kept = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    yield
    for name, handler in kept.items():
        signal.signal(name, handler)


def test_every_command_says_what_it_does(app: Flask) -> None:
    for command in ("list", "show", "retry", "deliver"):
        assert len(run(app, command, "--help").output) > 100
