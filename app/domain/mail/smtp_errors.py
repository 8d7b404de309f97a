"""Errors of the mail server, classified by how delivery continues."""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import Unavailable

_ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
_NOT_AUTHENTICATED = (530, 534, 535, 538)  # our credentials are wrong, not the recipient


class Undeliverable(Exception):
    """The server rejects this email permanently. The text names neither email nor recipient."""


class MailServerUnavailable(Unavailable):
    """This email was not accepted now. A later attempt may succeed. No client sees it: only deliverers send email."""


class TemporaryFailure(MailServerUnavailable):
    """The mail server is unreachable or rejects our login: no email can be sent."""


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
    """Raise `Undeliverable` for a permanent rejection, and `MailServerUnavailable` for any other failure."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        raise _sorted(*next(iter(refused.recipients.values()))) from None
    except smtplib.SMTPDataError as refused:
        raise _sorted(refused.smtp_code, refused.smtp_error) from None
    except (smtplib.SMTPException, OSError) as failure:
        raise MailServerUnavailable(_reason(failure)) from None


def _sorted(code: int, words: bytes | str) -> Exception:
    permanent = 500 <= code < 600 and code not in _NOT_AUTHENTICATED
    return Undeliverable(_verdict(code, words)) if permanent else MailServerUnavailable(_verdict(code, words))


def _verdict(code: int, words: bytes | str) -> str:
    enhanced = _ENHANCED.search(words if isinstance(words, bytes) else words.encode("ascii", "replace"))
    return f"the mail server answered {code}{' ' + enhanced[0].decode() if enhanced else ''}"


def _reason(failure: Exception) -> str:
    if isinstance(failure, smtplib.SMTPResponseException):
        return _verdict(failure.smtp_code, failure.smtp_error)
    if isinstance(failure, smtplib.SMTPException):
        return type(failure).__name__
    return f"{type(failure).__name__}: {failure}"
