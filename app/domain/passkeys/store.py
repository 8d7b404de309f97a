"""Stores passkeys. The counter is compared and raised by one conditional UPDATE."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core import base64url
from app.core.data_subject import DataSubject
from app.core.database import db, execute, execute_one, fetch_all, fetch_one, table_of, translate_errors
from app.core.errors import Conflict, NotFound
from app.domain.passkeys.model import Passkey
from app.domain.passkeys.verification import NewPasskey, PasskeyUse

ID_BITS: Final = 52  # so that the number is exact in JavaScript
EXPORTED: Final = ("id", "name", "credential_id", "transports", "aaguid", "backed_up", "created_at", "last_used_at")
_passkeys = table_of(Passkey)
_columns = (
    _passkeys.c.id,
    _passkeys.c.account_id,
    _passkeys.c.credential_id,
    _passkeys.c.public_key,
    _passkeys.c.name,
    _passkeys.c.transports,
    _passkeys.c.backup_eligible,
    _passkeys.c.backed_up,
    _passkeys.c.created_at,
    _passkeys.c.last_used_at,
)
_of_account = sa.select(*_columns).where(_passkeys.c.account_id == sa.bindparam("account_id"))
_any = sa.select(_passkeys.c.id).where(_passkeys.c.account_id == sa.bindparam("account_id")).limit(1)
_by_digest = sa.select(*_columns).where(_passkeys.c.digest == sa.bindparam("digest"))


class NoSuchPasskey(NotFound):
    """The account has no passkey with this id."""

    code = "passkey_not_found"
    detail = "Passkey not found."


class PasskeyExists(Conflict):
    """The passkey is registered already, for this account or another one."""

    code = "passkey_exists"
    detail = "This passkey is already registered. Sign in with it, or create another one."


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    """A passkey as read at one moment. `transports` are words; `credential_id` and `public_key` are base64url."""

    id: int
    account_id: str
    credential_id: str
    public_key: str
    name: str | None
    transports: str
    backup_eligible: bool
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None


class PasskeyStore:
    """Adds, finds, uses and removes the passkeys of accounts."""

    def add(self, account_id: str, new: NewPasskey, name: str | None, now: datetime) -> StoredPasskey:
        """Store a passkey. Raises `PasskeyExists`; the unique index decides a race. Within a unit of work."""
        passkey_id = secrets.randbits(ID_BITS)
        row = {
            "id": passkey_id,
            "account_id": account_id,
            "digest": _digest(new.credential_id),
            "credential_id": new.credential_id,
            "public_key": new.public_key,
            "sign_count": new.sign_count,
            "name": name,
            "transports": new.transports,
            "aaguid": new.aaguid,
            "backup_eligible": new.backup_eligible,
            "backed_up": new.backed_up,
            "created_at": now,
        }
        try:
            with translate_errors():
                db.session.execute(sa.insert(_passkeys).values(row))
        except sa.exc.IntegrityError:
            raise PasskeyExists from None
        return StoredPasskey(*(row.get(column.key) for column in _columns))  # type: ignore[arg-type]

    def find(self, credential_id: str) -> StoredPasskey | None:
        """The passkey with this credential id, of any account. Reads outside transactions."""
        row = fetch_one(_by_digest, {"digest": _digest(credential_id)})
        return StoredPasskey(*row) if row else None

    def of_account(self, account_id: str) -> list[StoredPasskey]:
        """The passkeys of the account, the oldest first. Reads outside transactions."""
        ordered = _of_account.order_by(_passkeys.c.created_at, _passkeys.c.id)
        return [StoredPasskey(*row) for row in fetch_all(ordered, {"account_id": account_id})]

    def has_any(self, account_id: str) -> bool:
        """Whether the account has a passkey. Reads outside transactions."""
        return fetch_one(_any, {"account_id": account_id}) is not None

    def count(self, account_id: str) -> int:
        """How many passkeys the account has. Within a unit of work that has locked the account."""
        of_account = _passkeys.c.account_id == account_id
        return int(db.session.scalar(sa.select(sa.func.count()).select_from(_passkeys).where(of_account)) or 0)

    def use(self, passkey_id: int, use: PasskeyUse, now: datetime) -> bool:
        """Record a use; False if its counter is not above all earlier ones, or the passkey is gone.

        Authenticators without a counter always send 0. Within a unit of work.
        """
        without_counter = sa.and_(_passkeys.c.sign_count == 0, sa.literal(use.sign_count) == 0)
        rises = sa.or_(_passkeys.c.sign_count < use.sign_count, without_counter)
        values = {"sign_count": use.sign_count, "backed_up": use.backed_up, "last_used_at": now}
        return execute_one(sa.update(_passkeys).where(_passkeys.c.id == passkey_id, rises).values(values))

    def use_below_counter(self, passkey_id: int, use: PasskeyUse, now: datetime) -> bool:
        """Record a use and keep the counter; False if the passkey is gone. Within a unit of work."""
        values = {"backed_up": use.backed_up, "last_used_at": now}
        return execute_one(sa.update(_passkeys).where(_passkeys.c.id == passkey_id).values(values))

    def exists(self, passkey_id: int) -> bool:
        """Whether the passkey is still there. Within a unit of work."""
        return db.session.scalar(sa.select(_passkeys.c.id).where(_passkeys.c.id == passkey_id)) is not None

    def rename(self, account_id: str, passkey_id: int, name: str) -> bool:
        """Name the passkey; False if the account has no such. One statement that commits itself."""
        return execute(sa.update(_passkeys).where(*_this(account_id, passkey_id)).values(name=name), {}) == 1

    def remove(self, account_id: str, passkey_id: int) -> bool:
        """Remove the passkey; False if it is gone. Within a unit of work that has locked the account."""
        return execute_one(sa.delete(_passkeys).where(*_this(account_id, passkey_id)))

    def remove_all(self, account_id: str, *, since: datetime | None = None) -> None:
        """Remove the passkeys of the account, or those added since a moment.

        Within a unit of work that has locked the account.
        """
        statement = sa.delete(_passkeys).where(_passkeys.c.account_id == account_id)
        db.session.execute(statement.where(_passkeys.c.created_at >= since) if since else statement)

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's passkeys, for the data export."""
        found = sa.select(*(_passkeys.c[name] for name in EXPORTED)).where(_passkeys.c.account_id == account.id)
        rows = fetch_all(found.order_by(_passkeys.c.created_at, _passkeys.c.id))
        return [dict(zip(EXPORTED, row, strict=True)) for row in rows]


def _digest(credential_id: str) -> str:
    return base64url.encode(hashlib.sha256(credential_id.encode()).digest())


def _this(account_id: str, passkey_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _passkeys.c.id == passkey_id, _passkeys.c.account_id == account_id
