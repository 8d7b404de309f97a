"""Password hashes of other houses, so that accounts can move in: each is replaced by ours at the next sign-in."""

import re
from typing import Final

import bcrypt
from werkzeug.security import check_password_hash

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_WERKZEUG = re.compile(r"(pbkdf2:sha(1|256|512):\d+|scrypt:\d+:\d+:\d+)\$[^$]+\$[0-9a-f]+")
_BCRYPT_MAX_BYTES: Final = 72  # bytes; where these hashes were made, whatever stood behind them did not count


def is_legacy(kept: str) -> bool:
    """Whether this is plain bcrypt, or Werkzeug's PBKDF2 or scrypt."""
    return bool(_BCRYPT.fullmatch(kept) or _WERKZEUG.fullmatch(kept))


def matches_legacy(password: str, kept: str) -> bool:
    """Whether `password` is the one behind a hash for which `is_legacy` is true."""
    try:
        if _BCRYPT.fullmatch(kept):
            return bcrypt.checkpw(password.encode()[:_BCRYPT_MAX_BYTES], kept.encode())
        return check_password_hash(kept, password)
    except (ValueError, OverflowError):  # it looks like a hash and is none
        return False
