"""Password hashes made by other software, for imported accounts. Each is replaced at the next sign-in."""

import re
from typing import Final

import bcrypt
from werkzeug.security import check_password_hash

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_WERKZEUG = re.compile(r"(pbkdf2:sha(1|256|512):\d+|scrypt:\d+:\d+:\d+)\$[^$]+\$[0-9a-f]+")
_BCRYPT_MAX_BYTES: Final = 72  # bcrypt ignores what follows, so the software that made these hashes did too


def is_legacy(stored: str) -> bool:
    """Whether the hash is plain bcrypt, or PBKDF2 or scrypt in the format of Werkzeug."""
    return bool(_BCRYPT.fullmatch(stored) or _WERKZEUG.fullmatch(stored))


def matches_legacy(password: str, stored: str) -> bool:
    """Whether `password` fits a hash for which `is_legacy` is true."""
    try:
        if _BCRYPT.fullmatch(stored):
            return bcrypt.checkpw(password.encode()[:_BCRYPT_MAX_BYTES], stored.encode())
        return check_password_hash(stored, password)
    except (ValueError, OverflowError):  # the format fits, the values do not
        return False
