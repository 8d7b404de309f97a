"""Stores authenticator apps. Their secrets are encrypted, and a code of each time step is accepted once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core.data_subject import DataSubject
from app.core.database import db, execute, execute_one, fetch_all, fetch_one, table_of
from app.core.encryption import decrypt, encrypt
from app.core.errors import NotFound
from app.core.key_derivation import derive_key
from app.domain.factors.model import TotpFactor
from app.domain.factors.totp import matching_step

ID_BITS: Final = 52  # so that the number is exact in JavaScript
EXPORTED: Final = ("id", "name", "created_at", "confirmed_at", "last_used_at")
_factors = table_of(TotpFactor)
_columns = (
    _factors.c.id,
    _factors.c.account_id,
    _factors.c.name,
    _factors.c.secret,
    _factors.c.created_at,
    _factors.c.confirmed_at,
    _factors.c.last_used_at,
)
_of_account = sa.select(*_columns).where(_factors.c.account_id == sa.bindparam("account_id")).order_by(_factors.c.id)
# Always in the same order, so that two that re-encrypt at once do not deadlock.
_encrypted = sa.select(_factors.c.id, _factors.c.account_id, _factors.c.secret).order_by(_factors.c.id)


class NoSuchFactor(NotFound):
    """The account has no second factor with this id."""

    code = "factor_not_found"
    detail = "Second factor not found."


@dataclass(frozen=True, slots=True)
class Factor:
    """An authenticator app as read at one moment; `secret` is still encrypted."""

    id: int
    account_id: str
    name: str | None
    secret: str
    created_at: datetime
    confirmed_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class MatchedCode:
    """A right code: that of a factor, for one time step. It counts once `FactorStore.use` has returned True."""

    factor_id: int
    step: int


class FactorStore:
    """Adds, finds, uses and removes authenticator apps.

    Secrets are encrypted with the first of `secrets_at_rest` and decrypted with any.
    """

    def __init__(self, secrets_at_rest: tuple[str, ...]) -> None:
        self._keys = tuple(derive_key(secret, "second factors") for secret in secrets_at_rest)

    def start(self, account_id: str, name: str | None, secret: str, now: datetime) -> int:
        """Add a factor that does not count yet, instead of any other such; its id. Within a unit of work."""
        unconfirmed = (_factors.c.account_id == account_id, _factors.c.confirmed_at.is_(None))
        db.session.execute(sa.delete(_factors).where(*unconfirmed))
        factor_id = secrets.randbits(ID_BITS)
        row = {
            "id": factor_id,
            "account_id": account_id,
            "name": name,
            "secret": encrypt(secret.encode(), self._keys[0], _place(account_id, factor_id)),
            "last_step": 0,
            "created_at": now,
        }
        db.session.execute(sa.insert(_factors).values(row))
        return factor_id

    def of_account(self, account_id: str) -> list[Factor]:
        """The factors of the account that count. Reads outside transactions."""
        found = (Factor(*row) for row in fetch_all(_of_account, {"account_id": account_id}))
        return [factor for factor in found if factor.confirmed_at is not None]

    def unconfirmed(self, account_id: str, factor_id: int) -> Factor:
        """A factor that waits for its first code. Raises `NoSuchFactor`."""
        row = fetch_one(_of_account.where(_factors.c.id == factor_id), {"account_id": account_id})
        if row is None or Factor(*row).confirmed_at is not None:
            raise NoSuchFactor
        return Factor(*row)

    def match(self, factors: Sequence[Factor], code: str, now: datetime) -> MatchedCode | None:
        """The factor and time step of a right code. Raises `ValueError` if no secret decrypts a factor."""
        matched = [(factor.id, matching_step(code, self._secret_of(factor), now)) for factor in factors]
        return next((MatchedCode(factor_id, step) for factor_id, step in matched if step is not None), None)

    def use(self, matched: MatchedCode, now: datetime) -> bool:
        """Accept the code; False if it, or a newer one, was accepted before. Within a unit of work."""
        newer = (_factors.c.id == matched.factor_id, _factors.c.last_step < matched.step)
        values = {"last_step": matched.step, "last_used_at": now}
        return execute_one(sa.update(_factors).where(*newer, _factors.c.confirmed_at.is_not(None)).values(values))

    def confirm(self, matched: MatchedCode, now: datetime) -> bool:
        """Make the factor count, and use up its first code; False if it counts already. Within a unit of work."""
        waiting = (_factors.c.id == matched.factor_id, _factors.c.confirmed_at.is_(None))
        values = {"last_step": matched.step, "confirmed_at": now}
        return execute_one(sa.update(_factors).where(*waiting).values(values))

    def rename(self, account_id: str, factor_id: int, name: str | None) -> bool:
        """Name the factor; False if the account has no such. One statement that commits itself."""
        return execute(sa.update(_factors).where(*_this(account_id, factor_id)).values(name=name), {}) == 1

    def remove(self, account_id: str, factor_id: int) -> bool:
        """Remove the factor; False if it is gone. Within a unit of work that has locked the account."""
        return execute_one(sa.delete(_factors).where(*_this(account_id, factor_id)))

    def remove_all(self, account_id: str) -> None:
        """Remove all factors of the account. Within a unit of work that has locked the account."""
        db.session.execute(sa.delete(_factors).where(_factors.c.account_id == account_id))

    def count(self, account_id: str) -> int:
        """How many factors count. Within a unit of work that has locked the account."""
        confirmed = (_factors.c.account_id == account_id, _factors.c.confirmed_at.is_not(None))
        return int(db.session.scalar(sa.select(sa.func.count()).select_from(_factors).where(*confirmed)) or 0)

    def delete_unconfirmed(self, before: datetime, most: int) -> int:
        """Delete up to `most` factors that were started before a moment and never confirmed; how many."""
        old = sa.select(_factors.c.id).where(_factors.c.confirmed_at.is_(None), _factors.c.created_at < before)
        ids = [row[0] for row in fetch_all(old.limit(most))]
        still = (_factors.c.id.in_(ids), _factors.c.confirmed_at.is_(None))
        return execute(sa.delete(_factors).where(*still), {}) if ids else 0

    def reencrypt(self) -> tuple[int, int]:
        """Encrypt all secrets with the first of `secrets_at_rest`; how many were changed, and how many were not.

        Within a unit of work. Raises `ValueError` if none of them decrypts a factor.
        """
        rows = fetch_all(_encrypted)
        changed = sum(self._reencrypt(*row) for row in rows)
        return changed, len(rows) - changed

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's factors without their secrets, for the data export."""
        found = sa.select(*(_factors.c[name] for name in EXPORTED)).where(_factors.c.account_id == account.id)
        rows = fetch_all(found.order_by(_factors.c.created_at, _factors.c.id))
        return [dict(zip(EXPORTED, row, strict=True)) for row in rows]

    def _secret_of(self, factor: Factor) -> str:
        return decrypt(factor.secret, self._keys, _place(factor.account_id, factor.id)).decode()

    def _reencrypt(self, factor_id: int, account_id: str, encrypted: str) -> bool:
        place = _place(account_id, factor_id)
        try:
            return not decrypt(encrypted, self._keys[:1], place)
        except ValueError:
            secret = encrypt(decrypt(encrypted, self._keys, place), self._keys[0], place)
        unchanged = (_factors.c.id == factor_id, _factors.c.secret == encrypted)
        return execute_one(sa.update(_factors).where(*unchanged).values(secret=secret))


def _place(account_id: str, factor_id: int) -> bytes:
    return f"{account_id}|{factor_id}".encode()


def _this(account_id: str, factor_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _factors.c.id == factor_id, _factors.c.account_id == account_id
