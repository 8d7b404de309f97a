"""Stores identities. The unique index decides which of two parallel requests links one."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core import base64url
from app.core.data_subject import DataSubject
from app.core.database import db, execute_one, fetch_all, fetch_one, table_of, translate_errors
from app.core.errors import Conflict, NotFound
from app.domain.identities.model import LinkedIdentity

ID_BITS: Final = 52  # so that the number is exact in JavaScript
MAX_IDENTITIES: Final = 20  # of one account
EXPORTED: Final = ("id", "provider", "issuer", "subject", "email", "created_at", "last_used_at")
_identities = table_of(LinkedIdentity)
_LINKED: Final = (*(_identities.c[name] for name in EXPORTED), _identities.c.account_id)
_by_digest = sa.select(*_LINKED).where(_identities.c.digest == sa.bindparam("digest"))
_of_account = sa.select(*_LINKED).where(_identities.c.account_id == sa.bindparam("account_id"))


class IdentityTaken(Conflict):
    """The identity is linked to an account already."""

    code = "identity_taken"
    detail = "This sign-in is linked to an account already. Sign in with it, or unlink it there first."


class NoSuchIdentity(NotFound):
    """The account has no identity with this id."""

    code = "identity_not_found"
    detail = "Identity not found."


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """An identity as read at one moment. The fields are in the order of `_LINKED`."""

    id: int
    provider: str
    issuer: str
    subject: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None
    account_id: str


class IdentityStore:
    """Links, finds and unlinks identities."""

    def find(self, issuer: str, subject: str) -> StoredIdentity | None:
        """The identity of this person at this provider. Reads outside transactions."""
        row = fetch_one(_by_digest, {"digest": _digest(issuer, subject)})
        return StoredIdentity(*row) if row else None

    def link(
        self, account_id: str, provider: str, issuer: str, subject: str, email: str | None, now: datetime
    ) -> StoredIdentity:
        """Link an identity to the account. Raises `IdentityTaken`. Within a unit of work."""
        row: dict[str, Any] = {
            "id": secrets.randbits(ID_BITS),
            "digest": _digest(issuer, subject),
            "provider": provider,
            "issuer": issuer,
            "subject": subject,
            "email": email,
            "created_at": now,
            "last_used_at": None,
            "account_id": account_id,
        }
        try:
            with translate_errors():
                db.session.execute(sa.insert(_identities).values(row))
        except sa.exc.IntegrityError:
            raise IdentityTaken from None
        return StoredIdentity(*(row[column.key] for column in _LINKED))

    def use(self, identity_id: int, email: str | None, now: datetime) -> bool:
        """Record a use; False if the identity was unlinked meanwhile. Within a unit of work."""
        values = {"last_used_at": now, "email": email}
        return execute_one(sa.update(_identities).where(_identities.c.id == identity_id).values(values))

    def of_account(self, account_id: str) -> list[StoredIdentity]:
        """The identities of the account, the oldest first. Reads outside transactions."""
        ordered = _of_account.order_by(_identities.c.created_at, _identities.c.id)
        return [StoredIdentity(*row) for row in fetch_all(ordered, {"account_id": account_id})]

    def has_any(self, account_id: str) -> bool:
        """Whether the account has an identity. Reads outside transactions."""
        return fetch_one(_of_account.limit(1), {"account_id": account_id}) is not None

    def count(self, account_id: str) -> int:
        """How many identities the account has. Within a unit of work that has locked the account."""
        of_account = _identities.c.account_id == account_id
        return int(db.session.scalar(sa.select(sa.func.count()).select_from(_identities).where(of_account)) or 0)

    def remove(self, account_id: str, identity_id: int) -> StoredIdentity:
        """Unlink an identity of the account; what it was. Raises `NoSuchIdentity`.

        Within a unit of work that has locked the account.
        """
        this = (_identities.c.id == identity_id, _identities.c.account_id == account_id)
        row = db.session.execute(sa.select(*_LINKED).where(*this)).first()
        if row is None or not execute_one(sa.delete(_identities).where(*this)):
            raise NoSuchIdentity
        return StoredIdentity(*row)

    def remove_all(self, account_id: str, *, since: datetime | None = None) -> None:
        """Unlink all identities of the account, or those linked since a moment.

        Within a unit of work that has locked the account.
        """
        statement = sa.delete(_identities).where(_identities.c.account_id == account_id)
        db.session.execute(statement.where(_identities.c.created_at >= since) if since else statement)

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's identities, for the data export."""
        found = sa.select(*(_identities.c[name] for name in EXPORTED)).where(_identities.c.account_id == account.id)
        rows = fetch_all(found.order_by(_identities.c.created_at, _identities.c.id))
        return [dict(zip(EXPORTED, row, strict=True)) for row in rows]


def _digest(issuer: str, subject: str) -> str:
    # The length of the issuer, so that no other pair gives the same text.
    return base64url.encode(hashlib.sha256(f"{len(issuer)}:{issuer}{subject}".encode()).digest())
