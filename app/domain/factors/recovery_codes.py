"""Recovery codes: they replace the authenticator app once each, also after SECRET_KEY has changed."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core import base64url
from app.core.data_subject import DataSubject
from app.core.database import db, execute_one, fetch_all, fetch_one, table_of
from app.domain.factors.model import RecoveryCode

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
LENGTH: Final = 24  # 120 bits, so that a plain hash at rest is enough (ASVS 6.5.2)
GROUP: Final = 4
PER_SET: Final = 10
_READ_AS: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})
_codes = table_of(RecoveryCode)
_left = sa.select(sa.func.count()).select_from(_codes).where(_codes.c.account_id == sa.bindparam("account_id"))


class RecoveryCodes:
    """Creates, counts and uses the recovery codes of accounts. Only their digests are stored."""

    def replace(self, account_id: str, now: datetime) -> list[str]:
        """A new set of codes; those before no longer work. Within a unit of work that has locked the account."""
        self.delete(account_id)
        codes = [_new_code() for _ in range(PER_SET)]
        rows = [{"digest": _digest(code), "account_id": account_id, "created_at": now} for code in codes]
        db.session.execute(sa.insert(_codes), rows)
        return codes

    def use(self, account_id: str, code: str) -> bool:
        """Use one code; False if the account has no such code. Within a unit of work.

        One DELETE and its row count decide between parallel requests.
        """
        this = (_codes.c.digest == _digest(code), _codes.c.account_id == account_id)
        return execute_one(sa.delete(_codes).where(*this))

    def has(self, account_id: str, code: str) -> bool:
        """Whether the account has this code. Reads outside transactions; `use` decides."""
        this = (_codes.c.digest == _digest(code), _codes.c.account_id == account_id)
        return fetch_one(sa.select(_codes.c.digest).where(*this), {}) is not None

    def left(self, account_id: str) -> int:
        """How many codes are unused. Reads outside transactions."""
        row = fetch_one(_left, {"account_id": account_id})
        return int(row[0]) if row else 0

    def left_in_transaction(self, account_id: str) -> int:
        """The same, within a unit of work."""
        return int(db.session.scalar(_left, {"account_id": account_id}) or 0)

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """When each unused code was created, for the data export. The codes themselves are not stored."""
        found = sa.select(_codes.c.created_at).where(_codes.c.account_id == account.id)
        return [{"created_at": row[0]} for row in fetch_all(found)]

    def delete(self, account_id: str) -> None:
        """Delete all codes of the account. Within a unit of work."""
        db.session.execute(sa.delete(_codes).where(_codes.c.account_id == account_id))


def _new_code() -> str:
    text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(text[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def _digest(code: str) -> str:
    """Case, dashes, spaces and characters that look alike make no difference."""
    typed = code.upper().translate(_READ_AS)
    plain = "".join(character for character in typed if character in ALPHABET)
    return base64url.encode(hashlib.sha256(plain.encode()).digest())
