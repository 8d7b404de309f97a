"""Stores trusted devices. The token of a device is random; only its digest is stored."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core import base64url
from app.core.client_info import ClientInfo
from app.core.data_subject import DataSubject
from app.core.database import db, execute, execute_one, fetch_all, fetch_one, table_of
from app.core.errors import NotFound
from app.domain.trusted_devices.model import TrustedDevice

TOKEN_BYTES: Final = 32
ID_BITS: Final = 52  # so that the number is exact in JavaScript
MAX_LISTED: Final = 200
EXPORTED: Final = ("id", "ip", "user_agent", "created_at", "expires_at")
_devices = table_of(TrustedDevice)
_columns = tuple(_devices.c[name] for name in EXPORTED)
_by_token = sa.select(_devices.c.id).where(
    _devices.c.digest == sa.bindparam("digest"),
    _devices.c.account_id == sa.bindparam("account_id"),
    _devices.c.expires_at > sa.bindparam("now"),
)
_of_account = (
    sa.select(*_columns)
    .where(_devices.c.account_id == sa.bindparam("account_id"), _devices.c.expires_at > sa.bindparam("now"))
    .order_by(_devices.c.created_at.desc())
    .limit(MAX_LISTED)
)


class NoSuchTrustedDevice(NotFound):
    """The account has no trusted device with this id."""

    code = "trusted_device_not_found"
    detail = "Trusted device not found."


@dataclass(frozen=True, slots=True)
class Device:
    """A trusted device as read at one moment."""

    id: int
    ip: str | None
    user_agent: str | None
    created_at: datetime
    expires_at: datetime


class TrustedDeviceStore:
    """Adds, recognises and removes the trusted devices of accounts."""

    def add(self, account_id: str, client: ClientInfo, now: datetime, expires_at: datetime) -> str:
        """Trust the client's device until `expires_at`; the token that it keeps. Within a unit of work."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = {
            "id": secrets.randbits(ID_BITS),
            "digest": _digest(token),
            "account_id": account_id,
            "ip": client.ip,
            "user_agent": client.user_agent,
            "created_at": now,
            "expires_at": expires_at,
        }
        db.session.execute(sa.insert(_devices).values(row))
        return token

    def is_trusted(self, account_id: str, token: str | None, now: datetime) -> bool:
        """Whether the token is that of a trusted device of this account. Without a token no statement is run."""
        if not token:
            return False
        return fetch_one(_by_token, {"digest": _digest(token), "account_id": account_id, "now": now}) is not None

    def of_account(self, account_id: str, now: datetime) -> list[Device]:
        """The trusted devices of the account, the newest first; at most `MAX_LISTED`."""
        return [Device(*row) for row in fetch_all(_of_account, {"account_id": account_id, "now": now})]

    def remove(self, account_id: str, device_id: int) -> bool:
        """Trust the device no longer; False if the account has no such. Within a unit of work."""
        this = (_devices.c.id == device_id, _devices.c.account_id == account_id)
        return execute_one(sa.delete(_devices).where(*this))

    def remove_all(self, account_id: str, *, but: str | None = None) -> None:
        """Remove all trusted devices of the account but the one with the token `but`. Within a unit of work."""
        statement = sa.delete(_devices).where(_devices.c.account_id == account_id)
        db.session.execute(statement.where(_devices.c.digest != _digest(but)) if but else statement)

    def delete_expired(self, now: datetime, most: int) -> int:
        """Delete up to `most` trusted devices whose time is over; how many were deleted."""
        ids = [row[0] for row in fetch_all(sa.select(_devices.c.id).where(_devices.c.expires_at < now).limit(most))]
        return execute(sa.delete(_devices).where(_devices.c.id.in_(ids)), {}) if ids else 0

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's trusted devices, for the data export."""
        found = sa.select(*_columns).where(_devices.c.account_id == account.id)
        rows = fetch_all(found.order_by(_devices.c.created_at, _devices.c.id))
        return [dict(zip(EXPORTED, row, strict=True)) for row in rows]


def _digest(token: str) -> str:
    return base64url.encode(hashlib.sha256(token.encode()).digest())
