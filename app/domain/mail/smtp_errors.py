"""What a mail server may say instead of taking an email, sorted by what we do about it."""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import Unavailable

_ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
_NOT_AUTHENTICATED = (530, 534, 535, 538)  # the server wants other credentials from us: no fault of the recipient


class Undeliverable(Exception):
    """This email will never be taken for this recipient. The text names neither."""


class MailServerUnavailable(Unavailable):
    """This email was not taken now; later it may be."""

    code = "mail_unavailable"
    detail = "The mail server does not take emails right now."


class TemporaryFailure(MailServerUnavailable):
    """The mail server cannot be reached or will not have us: no email gets out."""


# `from None` below: the server's words may repeat the address or the link, and must not reach a log.


@contextmanager
def translate_connect() -> Iterator[None]:
    """Whatever goes wrong before the first email is `PostClosed`."""
    try:
        yield
    except (smtplib.SMTPException, OSError) as failure:
        raise TemporaryFailure(_reason(failure)) from None


@contextmanager
def translate_send() -> Iterator[None]:
    """A permanent refusal of recipient or content is `Undeliverable`, all else `PostUnavailable`."""
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
