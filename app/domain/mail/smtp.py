"""Sending by SMTP: Flask-Mail with verified certificates, a timeout and one recipient per email."""

import re
import smtplib
import ssl
from contextlib import suppress
from email.mime.base import MIMEBase
from email.policy import SMTP
from typing import Self

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message, sanitize_address

from app.domain.mail.renderer import RenderedEmail
from app.domain.mail.sender import Sender
from app.domain.mail.smtp_errors import Undeliverable, translate_connect, translate_send

_PLAIN = re.compile(r'[^\x00-\x20\x7f-\U0010ffff@"\\()<>,;:\[\]]+@[A-Za-z0-9.-]+')


class SmtpSession(Connection):
    """A connection of Flask-Mail that verifies certificates, has a timeout, and ignores errors on closing."""

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        """Connect, encrypt, greet and log in as configured. The socket is closed if that fails."""
        mail, port, config = self.mail, self.mail.port or 0, current_app.config
        name, timeout = config["MAIL_HELO_NAME"], config["MAIL_TIMEOUT"]
        host: smtplib.SMTP
        if mail.use_ssl:
            context = ssl.create_default_context()
            host = smtplib.SMTP_SSL(mail.server, port, name, timeout=timeout, context=context)
        else:
            host = smtplib.SMTP(mail.server, port, name, timeout=timeout)
        try:
            if mail.use_tls:
                host.starttls(context=ssl.create_default_context())
            host.ehlo_or_helo_if_needed()
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def is_alive(self) -> bool:
        """Whether the server still responds."""
        try:
            return self.host is not None and self.host.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def __exit__(self, *_: object) -> None:
        if self.host is not None:
            with suppress(smtplib.SMTPException, OSError):
                self.host.quit()
            self.host.close()


class UnfoldedMessage(Message):
    """A message whose headers are sent as they were encoded.

    Python would fold long ones again, and so add a space within an encoded name or drop the quotes of a quoted one.
    """

    def _message(self) -> MIMEBase:
        message = super()._message()
        message.policy = SMTP.clone(refold_source="none")
        return message


class ContextMail(Mail):
    """Flask-Mail with `SmtpSession` connections."""

    def connect(self) -> SmtpSession:
        """A connection, opened by `with`."""
        return SmtpSession(current_app.extensions["mail"])


def init_mail(
    app: Flask,
    *,
    server: str,
    port: int,
    username: str,
    password: str,
    use_tls: bool,
    use_ssl: bool,
    sender: Sender,
    helo_name: str,
    timeout: float,
) -> ContextMail:
    """Configure Flask-Mail. Emails are really sent, in tests too.

    `helo_name`: what EHLO says. Without it smtplib would look up the name of this machine, which often has none.
    `timeout` is in seconds.
    """
    app.config.update(
        MAIL_SERVER=server,
        MAIL_PORT=port,
        MAIL_USERNAME=username or None,
        MAIL_PASSWORD=password or None,
        MAIL_USE_TLS=use_tls,
        MAIL_USE_SSL=use_ssl,
        MAIL_DEFAULT_SENDER=sender.header(),
        MAIL_ENVELOPE_SENDER=sender.address,
        MAIL_HELO_NAME=helo_name,
        MAIL_TIMEOUT=timeout,
        MAIL_SUPPRESS_SEND=False,
        MAIL_DEBUG=False,  # would print the SMTP dialogue with its links
    )
    return ContextMail(app)


class SmtpConnection:
    """One connection for a batch of emails. After a failure or a disconnect the next email uses a new one."""

    def __init__(self, mail: ContextMail) -> None:
        self._mail = mail
        self._connection: SmtpSession | None = None

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, address: str, email: RenderedEmail, message_id: str) -> None:
        """Send one email to this address only.

        Raises `Undeliverable` if the server rejects it permanently, `MailServerUnavailable` if only this email failed
        temporarily, and `TemporaryFailure` if no email can be sent.
        """
        message = _message(address, email, message_id)
        connection = self._connected()
        try:
            with translate_send():
                connection.send(message, current_app.config["MAIL_ENVELOPE_SENDER"])
        except BaseException:
            self._close()
            raise

    def _connected(self) -> SmtpSession:
        # If the server disconnected after the last email, the next one must not lose an attempt.
        if self._connection is not None and not self._connection.is_alive():
            self._close()
        if self._connection is None:
            connection = self._mail.connect()
            with translate_connect():
                connection.__enter__()
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.__exit__()


class SmtpTransport:
    """Opens connections to the configured mail server. Needs an app context."""

    def __init__(self) -> None:
        self._mail = ContextMail()

    def open(self) -> SmtpConnection:
        """A connection for a batch of emails. Entering it raises `TemporaryFailure` if the server is unavailable."""
        return SmtpConnection(self._mail)


def _message(address: str, email: RenderedEmail, message_id: str) -> Message:
    # Flask-Mail parses and encodes the address. If the result differs, as with an encoded word or a second address, the
    # link would go to another recipient.
    if "=?" in address or not _PLAIN.fullmatch(address) or sanitize_address(address) != address:
        raise Undeliverable("invalid recipient address")
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    message = UnfoldedMessage(email.subject, [address], body=email.text, html=email.html, extra_headers=headers)
    message.msgId = message_id
    if message.send_to != {address} or message.has_bad_headers():
        raise Undeliverable("the envelope would have other recipients")
    return message
