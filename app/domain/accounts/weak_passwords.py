"""Weak passwords: the common ones, and those similar to the email address or the name of the service."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from app.core.errors import Invalid

# The 30,000 most used, where ASVS 6.2.4 asks for 3,000: those of zxcvbn 4.5.0 (MIT licence), one per line. As a single
# text they take 240 KB, and a search takes 70 µs. Importing the package takes 14 MB.
COMMON: Final = "\n" + Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8")
MIN_WORD: Final = 3  # shorter parts of an address, such as "de", occur in too many words
MIN_OTHER_CHARACTERS: Final = 4  # letters that must remain when the known words are removed
_LETTERS = re.compile(r"[^\W\d_]+")


class PasswordCommon(Invalid):
    """The password is one of the most used ones."""

    code = "password_common"
    detail = "This password is too common. Choose a few unrelated words."
    field = "password"


class PasswordObvious(Invalid):
    """The password consists of the email address or the name of the service, and digits or a few letters."""

    code = "password_obvious"
    detail = "The password is too similar to your email address or the service name. Choose a few unrelated words."
    field = "password"


def reject_weak(password: str, known: Iterable[str]) -> None:
    """Raises `PasswordCommon`, or `PasswordObvious` given the `known` texts: address and service (ASVS 6.2.11)."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    if "\n" not in folded and f"\n{folded}\n" in COMMON:
        raise PasswordCommon
    letters = "".join(_LETTERS.findall(folded))
    rest = letters
    for word in sorted(set(_words(known)), key=len, reverse=True):
        rest = rest.replace(word, "")
    if rest != letters and len(rest) < MIN_OTHER_CHARACTERS:
        raise PasswordObvious


def _words(known: Iterable[str]) -> Iterator[str]:
    for text in known:
        parts = _LETTERS.findall(text.casefold())
        yield from (word for word in (*parts, "".join(parts)) if len(word) >= MIN_WORD)
