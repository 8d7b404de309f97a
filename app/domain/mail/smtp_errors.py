"""Errors of the mail server, classified by how delivery continues.

A mail server rejects one email (its recipient, its content) or this service (its name, its login, its sender). The
first ends the email. The second has to be corrected by the operator, so the emails wait: see
docs/decisions/0043-rejected-email-or-rejected-service.md.
"""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.core.errors import Unavailable

_ENHANCED = re.compile(rb"\b([245])\.(\d{1,3}\.\d{1,3})\b")
_REJECTS_LOGIN: Final = (530, 534, 535, 538)  # RFC 4954, RFC 3207
_NOT_NOW: Final = (421, 432, 454)  # the server closes the connection, or cannot check logins or encrypt
_TOO_LARGE: Final = 552  # to MAIL FROM with SIZE: about one email (RFC 1870)
# RFC 3463 and the IANA registry of enhanced status codes: 1.7, 1.8 and 7.27 are about the sender's address, 4.5 about
# congestion (Gmail: the daily limit), 7.8 to 7.14 about login and encryption, 7.20 to 7.26 about DKIM, SPF and reverse
# DNS. The last are Exchange's: anonymous, relaying, sending as another.
_ABOUT_US: Final = frozenset(
    b"1.7 1.8 7.27 4.5 7.3 7.8 7.9 7.10 7.11 7.13 7.14 7.20 7.21 7.22 7.23 7.24 7.25 7.26 "
    b"7.54 7.57 7.60 7.64 2.252".split()
)
_ABOUT_RECIPIENT: Final = frozenset(b"1.1 1.2 1.3 1.4 1.5 1.6 1.10 2.0 2.1 2.2 2.3 2.4 3.4".split())
# Servers that send no such code, or only 7.1 (not authorized), say it in words. Postfix rejects names and senders only
# when it knows the recipient.
_WORDS_ABOUT_US = re.compile(
    rb"\brelay|rcpthosts|not authenticated|authentication (is )?required|must issue a starttls"
    rb"|(helo command|sender address|client host) rejected"
    rb"|(sender|from address|sender identity|domain|address) (is )?not verified|not match a verified"
    rb"|not (allowed|authorized|permitted|owned).{0,40}(send|by user)"
    rb"|(daily|hourly|monthly|sending) .{0,20}(quota|limit)",
    re.IGNORECASE | re.DOTALL,
)


class Undeliverable(Exception):
    """The server rejects this email permanently. The text names neither email nor recipient."""


class MailServerUnavailable(Unavailable):
    """This email was not accepted now. A later attempt may succeed. No client sees it: only deliverers send email."""


class ServiceRejected(MailServerUnavailable):
    """The server did not accept this email because of this service. Other emails may be accepted."""


class TemporaryFailure(MailServerUnavailable):
    """The mail server is unreachable or rejects our name, login or sender: no email can be sent."""


# `from None` below: the server's reply may repeat the address or the link, which must not be logged.


@contextmanager
def translate_connect() -> Iterator[None]:
    """Raise `TemporaryFailure` for any failure before the first email."""
    try:
        yield
    except (smtplib.SMTPException, OSError) as failure:
        raise TemporaryFailure(_reason(failure)) from None


@contextmanager
def translate_send() -> Iterator[None]:
    """Raise the error for a rejection by the server; `MailServerUnavailable` for any other failure."""
    try:
        yield
    except smtplib.SMTPSenderRefused as rejected:
        raise _of_sender(rejected.smtp_code, _bytes(rejected.smtp_error)) from None
    except smtplib.SMTPRecipientsRefused as rejected:
        code, words = next(iter(rejected.recipients.values()))
        raise _of_email(code, _bytes(words), "RCPT TO") from None
    except smtplib.SMTPDataError as rejected:
        raise _of_email(rejected.smtp_code, _bytes(rejected.smtp_error), "DATA") from None
    except smtplib.SMTPHeloError as rejected:
        raise TemporaryFailure(_reason(rejected)) from None
    except (smtplib.SMTPException, OSError) as failure:
        raise MailServerUnavailable(_reason(failure)) from None


def _of_sender(code: int, words: bytes) -> Exception:
    # Every email has the same sender, so the next one would get the same answer.
    if code == _TOO_LARGE or _enhanced(words) == b"3.4":
        return Undeliverable(_verdict(code, words))
    return TemporaryFailure(f"{_verdict(code, words)} to MAIL FROM")


def _of_email(code: int, words: bytes, command: str) -> Exception:
    verdict = f"{_verdict(code, words)} to {command}"
    if code in _REJECTS_LOGIN:
        return TemporaryFailure(verdict)
    # Words may be those of a stranger's server, which ours repeats: they hold back this email alone.
    if code in _NOT_NOW or _is_about_us(words):
        return ServiceRejected(verdict)
    return Undeliverable(verdict) if 500 <= code < 600 else MailServerUnavailable(verdict)


def _is_about_us(words: bytes) -> bool:
    enhanced = _enhanced(words)
    if enhanced in _ABOUT_RECIPIENT:
        return False
    return enhanced in _ABOUT_US or _WORDS_ABOUT_US.search(words) is not None


def _enhanced(words: bytes) -> bytes | None:
    found = _ENHANCED.search(words)
    return found[2] if found else None


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode("ascii", "replace")


def _verdict(code: int, words: bytes) -> str:
    enhanced = _ENHANCED.search(words)
    return f"the mail server answered {code}{' ' + enhanced[0].decode() if enhanced else ''}"


def _reason(failure: Exception) -> str:
    if isinstance(failure, smtplib.SMTPAuthenticationError):
        return f"{_verdict(failure.smtp_code, _bytes(failure.smtp_error))} to AUTH"
    if isinstance(failure, smtplib.SMTPResponseException):
        return _verdict(failure.smtp_code, _bytes(failure.smtp_error))
    if isinstance(failure, smtplib.SMTPException):
        return type(failure).__name__
    return f"{type(failure).__name__}: {failure}"
