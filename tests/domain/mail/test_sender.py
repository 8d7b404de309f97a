"""Who emails are from: the name and the address, in the header and in the envelope, at a real SMTP server."""

from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from flask import Flask

from app.domain.mail.renderer import RenderedEmail
from app.domain.mail.sender import Sender, helo_name_of, parse_helo_name, parse_sender
from tests.support.mail_app import send_email, use_smtp
from tests.support.smtp import FakeSmtpServer

LETTER = RenderedEmail("Hello", "a text\n", "<p>a text</p>")
SENDERS = {
    "Demo, Inc. <no-reply@demo.example.com>": ("Demo, Inc.", "no-reply@demo.example.com"),
    '"Demo, Inc." <no-reply@demo.example.com>': ("Demo, Inc.", "no-reply@demo.example.com"),
    '"Ann \\"A\\" Lee" <ann@example.com>': ('Ann "A" Lee', "ann@example.com"),
    'Ann "A" Lee <ann@example.com>': ('Ann "A" Lee', "ann@example.com"),
    '"me@home" <ann@example.com>': ("me@home", "ann@example.com"),
    "Demo: (Team); [1] <a@example.com>": ("Demo: (Team); [1]", "a@example.com"),
    "Grüße & Küsse, GmbH <a@bücher.example>": ("Grüße & Küsse, GmbH", "a@xn--bcher-kva.example"),
    "株式会社デモンストレーション・カスタマーサポートセンター <a@example.jp>": (
        "株式会社デモンストレーション・カスタマーサポートセンター",
        "a@example.jp",
    ),
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@example.com>": ("Grüße", "a@example.com"),
    "no-reply@localhost": ("", "no-reply@localhost"),
    "<no-reply@example.com>": ("", "no-reply@example.com"),
    f"{'A long name, ' * 15}Inc. <a@example.com>": (f"{'A long name, ' * 15}Inc.", "a@example.com"),
}
NOT_SENDERS = [
    "", "Demo", "Demo <>", "Demo, Inc.", "A <a@example.com>, B <b@example.com>", "a@example.com, b@example.com",
    "a@example.com b@example.com", "A a@example.com", "x@example.com <a@example.com>", "A <a@example..com>",
    "A <a@-example.com>", "A <a@exa_mple.com>", "A <a@b@example.com>", "A <jos\u00e9@example.com>", "A <@example.com>",
    "A <a@>", f"A <{'a' * 65}@example.com>", f"A <a@{'a' * 64}.com>", f"{'A' * 201} <a@example.com>",
    "A\r\nBcc: b@example.com <a@example.com>", "A <a@example.com>\n", "A <a@exam\x00ple.com>",
    "\u202eA <a@example.com>",
    "A <=?utf-8?q?b=40example.org?=@example.com>",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SENDERS.items())
def test_header_has_the_name_and_the_envelope_the_address(
    smtp_server: FakeSmtpServer, app: Flask, text: str, expected: tuple[str, str]
) -> None:
    use_smtp(app, smtp_server.port, sender=parse_sender(text))
    send_email("ada@example.org", LETTER, "<1@example.org>")
    (received,) = smtp_server.messages
    # By the older parser: that of `EmailMessage` puts a space between the parts of a long encoded name.
    ((name, address),) = getaddresses([dict(received.message.raw_items())["From"]])
    assert (str(make_header(decode_header(name))), address) == expected
    assert received.sender == expected[1]


@pytest.mark.parametrize("text", NOT_SENDERS)
def test_other_texts_are_rejected_as_sender(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|control|name"):
        parse_sender(text)


def test_sender_is_read_back_as_it_is_written() -> None:
    assert parse_sender(Sender("Demo, Inc.", "a@example.com").header()) == Sender("Demo, Inc.", "a@example.com")


def test_server_is_greeted_with_the_configured_name(smtp_server: FakeSmtpServer) -> None:
    send_email("ada@example.org", LETTER, "<1@example.org>")
    assert smtp_server.helo_name == "id.example.org"


@pytest.mark.parametrize("text", ["mail.example.com", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_helo_name_is_a_host_or_an_address_literal(text: str) -> None:
    assert parse_helo_name(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a_b", "-a.example", "[a]", "[2001:db8::1]", "a\r\nMAIL FROM:<x>", "a."])
def test_other_texts_are_rejected_as_helo_name(text: str) -> None:
    with pytest.raises(ValueError, match="must be a host name"):
        parse_helo_name(text)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("id.example.com", "id.example.com"),
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a_b", "localhost"),
    ],
)
def test_every_public_host_has_a_helo_name(host: str, name: str) -> None:
    assert helo_name_of(host) == parse_helo_name(name)
