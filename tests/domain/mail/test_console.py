"""The development mail console."""

import socket
from collections.abc import Iterator

import pytest
from flask import Flask

from app.domain.mail import console as room
from app.domain.mail.console import MailConsole
from app.domain.mail.renderer import RenderedEmail
from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, send_email, use_smtp

LINK = "http://localhost:8000/reset-password#token=" + "abc." * 60


@pytest.fixture
def console(app: Flask, clock: SettableClock) -> Iterator[MailConsole]:
    console = MailConsole("localhost", 0, clock)
    assert console.start()
    use_smtp(app, console.port)
    yield console
    console.stop()


def send(subject: str = "Choose a new password") -> None:
    send_email("ada@example.org", RenderedEmail(subject, f"Hello,\n\n{LINK}\n", f"<a href='{LINK}'>x</a>"), "<1@x>")


@pytest.mark.usefixtures("console")
def test_printed_message_has_its_link_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    send("Grüße")
    printed = capsys.readouterr().out
    assert "Email to ada@example.org: Grüße" in printed
    assert LINK in printed.split("\n")


def test_received_messages_are_listed_newest_first(console: MailConsole) -> None:
    send("first")
    send("second")
    second, first = console.messages()
    assert (first.subject, second.subject) == ("first", "second")
    assert (first.to, first.received_at) == ("ada@example.org", NOON)
    assert LINK in first.text
    assert LINK in first.html


def test_message_is_found_by_its_id(console: MailConsole) -> None:
    send()
    (message,) = console.messages()
    assert console.message(message.id) == message
    assert console.message("999") is None


def test_a_port_taken_by_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GREETING_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        console = MailConsole(port=somebody.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            console.start()
    assert not console.is_running


def test_a_second_console_leaves_the_first_alone(console: MailConsole) -> None:
    second = MailConsole("127.0.0.1", console.port)
    assert (second.start(), second.is_running, console.is_running) == (False, False, True)
    send()
    assert len(console.messages()) == 1


def test_the_port_is_free_again_after_a_stop(clock: SettableClock) -> None:
    first = MailConsole("127.0.0.1", 0, clock)
    first.start()
    first.stop()
    second = MailConsole("127.0.0.1", first.port, clock)
    assert second.start()
    second.stop()


def test_only_the_newest_are_kept(clock: SettableClock, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_MESSAGES", 3)
    console = MailConsole("127.0.0.1", 0, clock)
    console.start()
    use_smtp(app, console.port)
    for number in range(5):
        send(str(number))
    console.stop()
    assert [message.subject for message in console.messages()] == ["4", "3", "2"]
