"""Passwords: which are accepted, how they are stored, how they are checked.

Stored as bcrypt over HMAC-SHA-256 of the password, in the format of passlib's `bcrypt_sha256` version 2, so that
neither bcrypt's limit of 72 bytes nor a NUL byte cuts a password off.
"""

import base64
import hashlib
import hmac
import re
import secrets
import string
import time
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import bcrypt

from app.core.errors import Invalid
from app.domain.accounts.breached_passwords import BreachedPasswords, PasswordBreached
from app.domain.accounts.constant_work import ConstantWork
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.legacy_hashes import is_legacy, matches_legacy
from app.domain.accounts.weak_passwords import PasswordCommon, PasswordObvious, reject_weak

MAX_LENGTH: Final = 1_024
SAMPLED_ROUNDS: Final = 8
_ALPHABET: Final = "./" + string.ascii_letters + string.digits  # of bcrypt's base64
_FORMAT = re.compile(r"\$bcrypt-sha256\$v=2,t=2b,r=(?P<rounds>\d{1,2})\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<digest>.{31})")


class PasswordTooShort(Invalid):
    """Fewer characters than PASSWORD_MIN_LENGTH."""

    code = "password_too_short"
    detail = "The password is too short. Choose a longer one."
    field = "password"


class PasswordTooLong(Invalid):
    """More than `MAX_LENGTH` characters, which would make hashing a way to waste CPU time."""

    code = "password_too_long"
    detail = f"The password is too long. Use at most {MAX_LENGTH} characters."
    field = "password"


PASSWORD_ERRORS: Final = (PasswordTooShort, PasswordTooLong, PasswordCommon, PasswordObvious, PasswordBreached)


class Passwords:
    """Makes and checks password hashes in hash slots. `rounds` is the cost of bcrypt: each step doubles the work.

    `service` are the names of the service, to which a password must not be too similar. `allow_common` turns the
    checks for common and similar passwords off.
    """

    def __init__(
        self,
        *,
        rounds: int,
        min_length: int,
        slots: HashSlots,
        breached_passwords: BreachedPasswords,
        service: Sequence[str] = (),
        allow_common: bool = False,
    ) -> None:
        self._allow_common = allow_common
        self._rounds, self._min_length, self._slots = rounds, min_length, slots
        self._breached_passwords, self._service = breached_passwords, service
        self._decoy, seconds = _decoy(rounds)
        self._constant_work = ConstantWork(rounds, seconds)

    def accept(self, password: str, email: str) -> None:
        """Check a new password of the account with this email address. Raises one of `PASSWORD_ERRORS`.

        All characters are allowed and none is required (NIST SP 800-63B). What counts is the length, and whether the
        password is common, breached, or similar to the address or the name of the service.
        """
        length = len(unicodedata.normalize("NFC", password))
        if length < self._min_length:
            raise PasswordTooShort(f"A password needs at least {self._min_length} characters; 15 or more are better.")
        if length > MAX_LENGTH:
            raise PasswordTooLong
        if not self._allow_common:
            reject_weak(password, (email, *self._service))
        self._breached_passwords.reject_breached(password)

    def hash(self, password: str) -> str:
        """The hash to store for `password`. Raises `HashSlotsFull`."""
        return self._slots.run(lambda: _hash(password, self._rounds))

    def plain_bcrypt(self, password: str) -> str:
        """Plain bcrypt of a password of up to 72 bytes, which other programs can check; for the compatibility API."""
        return self._slots.run(lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._rounds)).decode())

    def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` fits the stored hash; False if the account has none. Raises `HashSlotsFull`.

        It always does the work of one hash at the current cost, in one slot, also without a stored hash.
        """
        if len(password) > MAX_LENGTH:
            return False
        if stored and is_legacy(stored):
            return self._slots.run(lambda: self._constant_work.of_foreign(lambda: matches_legacy(password, stored)))
        known = stored if stored and _FORMAT.fullmatch(stored) else None
        fits = self._slots.run(lambda: self._matches_own(password, known or self._decoy))
        return fits and known is not None

    def _matches_own(self, password: str, stored: str) -> bool:
        return self._constant_work.of_own(_rounds_of(stored), lambda: _matches(password, stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made at another cost than the current one, or in another format."""
        return _rounds_of(stored) != self._rounds


@cache
def _decoy(rounds: int) -> tuple[str, float]:
    """A hash that no password fits, and the CPU time of checking it. Workers have it from their parent process.

    Its digest is random, and the time is that of a lower cost, multiplied: a hash at the usual cost takes a fifth of
    the time of a start.
    """
    sampled = min(rounds, SAMPLED_ROUNDS)
    seconds = min(_seconds_of_hash(sampled) for _ in range(2)) * 2 ** (rounds - sampled)
    salt = bcrypt.gensalt(rounds).decode()[-22:]
    digest = "".join(secrets.choice(_ALPHABET) for _ in range(31))
    return f"$bcrypt-sha256$v=2,t=2b,r={rounds}${salt}${digest}", seconds


def _seconds_of_hash(rounds: int) -> float:
    started = time.thread_time()
    _hash(secrets.token_hex(), rounds)
    return time.thread_time() - started


def _rounds_of(stored: str) -> int:
    form = _FORMAT.fullmatch(stored)
    return int(form["rounds"]) if form else 0


def _hash(password: str, rounds: int) -> str:
    salt = bcrypt.gensalt(rounds)
    text = salt.decode().removeprefix(f"$2b${rounds:02d}$")
    digest = bcrypt.hashpw(_prehash(password, text), salt).decode()[-31:]
    return f"$bcrypt-sha256$v=2,t=2b,r={rounds}${text}${digest}"


def _matches(password: str, stored: str) -> bool:
    form = _FORMAT.fullmatch(stored)
    if form is None:
        return False
    salt = f"$2b${int(form['rounds']):02d}${form['salt']}"
    digest = bcrypt.hashpw(_prehash(password, form["salt"]), salt.encode()).decode()[-31:]
    return hmac.compare_digest(digest, form["digest"])


def _prehash(password: str, salt: str) -> bytes:
    text = unicodedata.normalize("NFC", password).encode()
    return base64.b64encode(hmac.digest(salt.encode(), text, hashlib.sha256))
