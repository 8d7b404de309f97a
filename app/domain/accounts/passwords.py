"""Passwords: what we take, how they are kept, how they are checked.

Kept as bcrypt over HMAC-SHA-256 of the password, in the format of passlib's `bcrypt_sha256` version 2, so that neither
bcrypt's 72 bytes nor a NUL byte cuts anything off.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Sequence
from typing import Final

import bcrypt

from app.core.errors import Invalid
from app.domain.accounts.breached_passwords import BreachedPasswords, PasswordBreached
from app.domain.accounts.constant_work import ConstantWork
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.legacy_hashes import is_legacy, matches_legacy
from app.domain.accounts.weak_passwords import PasswordCommon, PasswordObvious, reject_weak

MAX_LENGTH: Final = 1_024
_FORMAT = re.compile(r"\$bcrypt-sha256\$v=2,t=2b,r=(?P<rounds>\d{1,2})\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<digest>.{31})")


class PasswordTooShort(Invalid):
    """Fewer characters than the setting asks for."""

    code = "password_too_short"
    detail = "The password is too short."
    field = "password"


class PasswordTooLong(Invalid):
    """More characters than anyone types; hashing them would be a way to keep us busy."""

    code = "password_too_long"
    detail = f"The password has more than {MAX_LENGTH} characters."
    field = "password"


PASSWORD_ERRORS: Final = (PasswordTooShort, PasswordTooLong, PasswordCommon, PasswordObvious, PasswordBreached)


class Passwords:
    """Makes and checks password hashes in bounded slots. `rounds` is bcrypt's cost: each step doubles the work.

    `service` are the names of the service, which no password may be made of. `allow_common`: any will do.
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
        self._breaches, self._service = breached_passwords, service
        began = time.thread_time()
        self._decoy = _hash(secrets.token_hex(), rounds)
        self._equal_work = ConstantWork(rounds, time.thread_time() - began)

    def accept(self, password: str, email: str) -> None:
        """Raise what is wrong with a new password for the account with this address.

        Any characters are welcome and none are asked for. What counts is the length, and whether it is guessed first.
        """
        length = len(unicodedata.normalize("NFC", password))
        if length < self._min_length:
            raise PasswordTooShort(f"A password needs at least {self._min_length} characters; 15 or more are better.")
        if length > MAX_LENGTH:
            raise PasswordTooLong
        if not self._allow_common:
            reject_weak(password, (email, *self._service))
        self._breaches.reject_breached(password)

    def hash(self, password: str) -> str:
        """The text to keep for `password`. Takes as long as one sign-in; `HashSlotsFull` when too many ask at once."""
        return self._slots.run(lambda: _hash(password, self._rounds))

    def plain_bcrypt(self, password: str) -> str:
        """Bcrypt of the password itself, as other programs check it; for the compatibility API. Under 72 bytes."""
        return self._slots.run(lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._rounds)).decode())

    def matches(self, password: str, kept: str | None) -> bool:
        """Whether `password` is the one behind `kept`. False if the account has none.

        Whatever is kept, it takes the work of one hash at today's cost, within one slot.
        """
        if len(password) > MAX_LENGTH:
            return False
        if kept and is_legacy(kept):
            return self._slots.run(lambda: self._equal_work.of_foreign(lambda: matches_legacy(password, kept)))
        known = kept if kept and _FORMAT.fullmatch(kept) else None
        right = self._slots.run(lambda: self._matches_own(password, known or self._decoy))
        return right and known is not None

    def _matches_own(self, password: str, kept: str) -> bool:
        return self._equal_work.of_own(_rounds_of(kept), lambda: _matches(password, kept))

    def is_outdated(self, kept: str) -> bool:
        """Whether `kept` was made at another cost than today's, or in another format."""
        return _rounds_of(kept) != self._rounds


def _rounds_of(kept: str) -> int:
    form = _FORMAT.fullmatch(kept)
    return int(form["rounds"]) if form else 0


def _hash(password: str, rounds: int) -> str:
    salt = bcrypt.gensalt(rounds)
    text = salt.decode().removeprefix(f"$2b${rounds:02d}$")
    digest = bcrypt.hashpw(_prehash(password, text), salt).decode()[-31:]
    return f"$bcrypt-sha256$v=2,t=2b,r={rounds}${text}${digest}"


def _matches(password: str, kept: str) -> bool:
    form = _FORMAT.fullmatch(kept)
    if form is None:
        return False
    salt = f"$2b${int(form['rounds']):02d}${form['salt']}"
    digest = bcrypt.hashpw(_prehash(password, form["salt"]), salt.encode()).decode()[-31:]
    return hmac.compare_digest(digest, form["digest"])


def _prehash(password: str, salt: str) -> bytes:
    text = unicodedata.normalize("NFC", password).encode()
    return base64.b64encode(hmac.digest(salt.encode(), text, hashlib.sha256))
