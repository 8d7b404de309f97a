"""Sending by SMTP, also to servers that fail."""

import datetime
import smtplib
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

from app.domain.mail.renderer import RenderedEmail
from app.domain.mail.smtp import SmtpTransport
from app.domain.mail.smtp_errors import MailServerUnavailable, ServiceRejected, TemporaryFailure, Undeliverable
from tests.support.mail_app import send_email, use_smtp
from tests.support.smtp import FakeSmtpServer, answer, drop, hang

ADA, BOB = "ada@example.org", "Bob.B@example.org"
LETTER = RenderedEmail("Grüße", "the link: https://id.example.org/#token=abc\n", "<p>the link</p>")
ID = "<1@example.org>"
post = SmtpTransport()


def test_message_arrives_with_both_parts_and_its_headers(smtp_server: FakeSmtpServer) -> None:
    send_email(BOB, LETTER, ID)
    (received,) = smtp_server.messages
    assert received.recipients == [BOB]
    assert received.message["To"] == BOB
    assert received.message["Subject"] == "Grüße"
    assert received.message["Message-ID"] == ID
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message["From"] == "Latchkey <no-reply@example.org>"
    assert "token=abc" in received.text
    assert "<p>" in received.html


def test_messages_are_sent_when_the_app_is_testing(smtp_server: FakeSmtpServer, app: Flask) -> None:
    app.config["TESTING"] = True
    use_smtp(app, smtp_server.port)
    send_email(ADA, LETTER, ID)
    assert len(smtp_server.messages) == 1


def test_smtp_dialogue_is_not_printed(
    smtp_server: FakeSmtpServer, app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    app.debug = True
    use_smtp(app, smtp_server.port)
    send_email(ADA, LETTER, ID)
    assert capfd.readouterr() == ("", "")


def test_a_batch_shares_one_connection(smtp_server: FakeSmtpServer) -> None:
    with post.open() as post_round:
        for _ in range(3):
            post_round.send(ADA, LETTER, ID)
    assert (len(smtp_server.messages), smtp_server.connections) == (3, 1)


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?attacker=40evil.test=3e=00?=foo@example.org",
        "ada@example.org\r\nRCPT TO:<evil@example.org>",
        "ada@example.org, evil@example.org",
        "Ada <ada@example.org>",
        '"ada, evil"@example.org',
        "jos\u00e9@example.org",
        "ada@fa\u00df.example",
        "ada",
        "",
    ],
)
def test_an_address_that_a_mailer_could_read_otherwise_gets_nothing(smtp_server: FakeSmtpServer, address: str) -> None:
    with pytest.raises(Undeliverable):
        send_email(address, LETTER, ID)
    assert smtp_server.messages == []


@pytest.mark.parametrize("address", ["o'brien@example.org", "a+b=c%d!e@sub.example.org", "x@xn--fa-hia.example"])
def test_an_unusual_address_arrives_as_it_is(smtp_server: FakeSmtpServer, address: str) -> None:
    send_email(address, LETTER, ID)
    assert smtp_server.messages[0].recipients == [address]


def test_rejected_recipient_does_not_stop_the_next_message(smtp_server: FakeSmtpServer) -> None:
    smtp_server.refused[BOB] = f"550 5.1.1 no {BOB} here"
    with post.open() as post_round:
        with pytest.raises(Undeliverable) as refused:
            post_round.send(BOB, LETTER, ID)
        post_round.send(ADA, LETTER, ID)
    assert str(refused.value) == "the mail server answered 550 5.1.1 to RCPT TO"
    assert [received.recipients for received in smtp_server.messages] == [[ADA]]


def test_rejected_content_is_undeliverable_and_not_quoted(smtp_server: FakeSmtpServer) -> None:
    smtp_server.at_data["*"] = answer("554 5.7.1 bad https://id.example.org/#token=abc")
    with pytest.raises(Undeliverable) as refused:
        send_email(ADA, LETTER, ID)
    assert "token" not in str(refused.value)


@pytest.mark.parametrize("words", ["451 4.3.0 later", "421 closing"])
def test_a_content_refused_for_now_may_be_taken_later(smtp_server: FakeSmtpServer, words: str) -> None:
    smtp_server.at_data["*"] = answer(words)
    with pytest.raises(MailServerUnavailable):
        send_email(ADA, LETTER, ID)


@pytest.mark.parametrize("words", ["450 4.2.0 greylisted", "530 5.7.0 sign in first"])
def test_a_recipient_refused_for_now_may_be_taken_later(smtp_server: FakeSmtpServer, words: str) -> None:
    smtp_server.refused[ADA] = words
    with pytest.raises(MailServerUnavailable):
        send_email(ADA, LETTER, ID)


# What real servers answer because of the sender, the name or the login: Postfix, Exim, Exchange, SES, SendGrid, Gmail.
ABOUT_US = [
    ("RCPT", "554 5.7.1 <ada@example.org>: Relay access denied"),
    ("RCPT", "550 relay not permitted"),
    ("RCPT", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
    ("RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
    ("RCPT", "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"),
    ("RCPT", "553 5.7.1 <a@example.org>: Sender address rejected: not owned by user ann"),
    ("RCPT", "550 5.1.8 <a@example.org>: Sender address rejected: Domain not found"),
    ("RCPT", "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied"),
    ("DATA", "554 Message rejected: Email address is not verified."),
    ("DATA", "550 The from address does not match a verified Sender Identity."),
    ("DATA", "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ("DATA", "550 5.4.5 Daily user sending limit exceeded."),
    ("DATA", "550 5.7.26 This mail is unauthenticated, SPF did not pass"),
    ("DATA", "421 4.7.0 Try again later, closing connection"),
]
ABOUT_THE_EMAIL = [
    ("RCPT", "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown in relay recipient table"),
    ("RCPT", "550 no such user"),
    ("RCPT", "552 5.2.2 The mailbox is over its daily quota"),
    ("RCPT", "550 5.7.1 Delivery not authorized"),
    ("DATA", "554 5.7.1 Spam message rejected"),
    ("DATA", "552 5.3.4 Message too big"),
    ("MAIL", "552 5.3.4 Message size exceeds fixed limit"),
]


def answer_at(server: FakeSmtpServer, command: str, words: str) -> None:
    if command == "MAIL":
        server.at_mail_from = words
    elif command == "RCPT":
        server.refused[ADA] = words
    else:
        server.at_data[ADA] = answer(words)


@pytest.mark.parametrize(("command", "words"), ABOUT_US)
def test_email_waits_if_the_server_rejects_this_service(smtp_server: FakeSmtpServer, command: str, words: str) -> None:
    answer_at(smtp_server, command, words)
    with post.open() as post_round:
        with pytest.raises(ServiceRejected) as rejected:
            post_round.send(ADA, LETTER, ID)
        post_round.send(BOB, LETTER, ID)  # a stranger's server may have chosen the words
    assert ADA not in str(rejected.value)


@pytest.mark.parametrize(("command", "words"), ABOUT_THE_EMAIL)
def test_rejected_recipient_or_content_ends_the_email(smtp_server: FakeSmtpServer, command: str, words: str) -> None:
    answer_at(smtp_server, command, words)
    with pytest.raises(Undeliverable):
        send_email(ADA, LETTER, ID)


@pytest.mark.parametrize(
    "words",
    ["550 5.7.1 sender not verified", "530 5.7.0 Must issue a STARTTLS", "452 4.2.1 quota", "421 4.3.2 closing"],
)
def test_rejected_sender_stops_the_batch(smtp_server: FakeSmtpServer, words: str) -> None:
    smtp_server.at_mail_from = words
    with pytest.raises(TemporaryFailure, match=f"answered {words[:9]} to MAIL FROM"):
        send_email(ADA, LETTER, ID)


def test_rejected_helo_name_stops_the_batch(smtp_server: FakeSmtpServer) -> None:
    smtp_server.at_ehlo = "550 5.7.1 bad name"
    with pytest.raises(TemporaryFailure, match=r"answered 550 5\.7\.1"):
        send_email(ADA, LETTER, ID)


@pytest.mark.parametrize("misbehaviour", [hang, drop])
def test_hanging_server_does_not_stop_the_next_message(
    smtp_server: FakeSmtpServer, app: Flask, misbehaviour: object
) -> None:
    app.config["MAIL_TIMEOUT"] = 1
    smtp_server.at_data[ADA] = misbehaviour  # type: ignore[assignment]
    with post.open() as post_round:
        with pytest.raises(MailServerUnavailable):
            post_round.send(ADA, LETTER, ID)
        post_round.send(BOB, LETTER, ID)
    assert [received.recipients for received in smtp_server.messages] == [[BOB]]


def test_refused_connection_stops_the_batch(app: Flask) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, not listening
        use_smtp(app, bound.getsockname()[1])
        with pytest.raises(TemporaryFailure):
            send_email(ADA, LETTER, ID)


def test_silent_mail_server_times_out(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_smtp(app, silent.getsockname()[1], timeout=0.2)
        with pytest.raises(TemporaryFailure):
            send_email(ADA, LETTER, ID)


def test_server_without_starttls_gets_no_message(smtp_server: FakeSmtpServer, app: Flask) -> None:
    use_smtp(app, smtp_server.port, use_tls=True)
    with pytest.raises(TemporaryFailure):
        send_email(ADA, LETTER, ID)


def test_starttls_with_an_untrusted_certificate_is_rejected(app: Flask, tmp_path: Path) -> None:
    with FakeSmtpServer(tls=self_signed(tmp_path)).open() as impostor:
        use_smtp(app, impostor.port, use_tls=True)
        with pytest.raises(TemporaryFailure, match="SSLCertVerificationError"):
            send_email(ADA, LETTER, ID)
    assert impostor.messages == []


def test_starttls_with_a_certificate_we_trust_is_used(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeSmtpServer(tls=self_signed(tmp_path)).open() as smtp_server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
        use_smtp(app, smtp_server.port, use_tls=True)
        send_email(ADA, LETTER, ID)
    assert len(smtp_server.messages) == 1


def test_rejected_credentials_stop_the_batch(smtp_server: FakeSmtpServer, app: Flask) -> None:
    app.extensions["mail"].username, app.extensions["mail"].password = "latchkey", "wrong"
    with pytest.raises(TemporaryFailure) as closed:
        send_email(ADA, LETTER, ID)
    assert isinstance(closed.value.__context__, smtplib.SMTPException)


def self_signed(folder: Path) -> ssl.SSLContext:
    """What a server for "localhost" needs that vouches for itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context
