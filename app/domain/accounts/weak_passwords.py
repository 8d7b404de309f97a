"""Passwords that somebody else would try first: the common ones, and those made of what is known of their owner."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.core.errors import Invalid

COMMON: Final = frozenset(FREQUENCY_LISTS["passwords"])  # the 30,000 most used, where ASVS 6.2.4 asks for 3,000
MIN_WORD: Final = 3  # shorter parts of an address, such as "de", are in too many words
MIN_OTHER_CHARACTERS: Final = 4  # emails that must be left when what is known is taken away
_LETTERS = re.compile(r"[^\W\d_]+")


class PasswordCommon(Invalid):
    """One of the passwords that everybody uses."""

    code = "password_common"
    detail = "Many people use this password, so it is guessed first. A few unrelated words make a good one."
    field = "password"


class PasswordObvious(Invalid):
    """Nothing but the address or the name of the service, with digits around it."""

    code = "password_obvious"
    detail = "This password is made of your address or of our name. A few unrelated words make a good one."
    field = "password"


def reject_weak(password: str, known: Iterable[str]) -> None:
    """Raise what is weak about a password, given what an attacker knows: the address, the service (ASVS 6.2.11)."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    if folded in COMMON:
        raise PasswordCommon
    messages = "".join(_LETTERS.findall(folded))
    rest = messages
    for word in sorted(set(_words(known)), key=len, reverse=True):
        rest = rest.replace(word, "")
    if rest != messages and len(rest) < MIN_OTHER_CHARACTERS:
        raise PasswordObvious


def _words(known: Iterable[str]) -> Iterator[str]:
    for text in known:
        parts = _LETTERS.findall(text.casefold())
        yield from (word for word in (*parts, "".join(parts)) if len(word) >= MIN_WORD)
