"""Time-based one-time passwords (RFC 6238): six digits, 30 seconds, SHA-1, as every authenticator app has them."""

import re
from datetime import datetime
from typing import Final

import pyotp

PERIOD: Final = 30  # seconds
DRIFT: Final = 1  # steps that a clock may be behind or ahead
# Only ASCII digits: pyotp would take full-width ones too, and one code would have many texts.
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """A random secret of 160 bits in base32."""
    return pyotp.random_base32(32)


def uri_of(secret: str, *, account: str, service: str) -> str:
    """The otpauth:// URI that authenticator apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=service)


def matching_step(code: str, secret: str, now: datetime) -> int | None:
    """The time step for which the code is right, at most `DRIFT` steps from now; None for a wrong code.

    The caller accepts each step once.
    """
    if not _CODE.fullmatch(code):
        return None
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // PERIOD
    steps = range(current - DRIFT, current + DRIFT + 1)
    # All are compared, so that the time tells nothing about which one matched.
    matching = [step for step in steps if pyotp.utils.strings_equal(code, totp.generate_otp(step))]
    return matching[-1] if matching else None
