"""Reads and writes accounts. Races are decided by one conditional statement and its row count."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.core.database import db, execute, execute_one, fetch_all, fetch_one, table_of, translate_errors
from app.core.errors import Conflict, NotFound
from app.domain.accounts.emails import Address
from app.domain.accounts.model import SNAPSHOT_COLUMNS, Account, AccountSnapshot


class EmailTaken(Conflict):
    """Another account has this email address."""

    code = "email_taken"
    detail = "An account with this email address already exists. Sign in, or reset the password."


class NoSuchAccount(NotFound):
    """No account has this id or address."""

    code = "account_not_found"
    detail = "Account not found."


class AccountDisabled(Conflict):
    """The account is disabled, so what was asked for would be of no use to its owner."""

    code = "account_disabled"
    detail = "The account is disabled: no email goes there. Enable it first."


_accounts = table_of(Account)
_by_id = sa.select(*SNAPSHOT_COLUMNS).where(_accounts.c.id == sa.bindparam("id"))
_by_email = sa.select(*SNAPSHOT_COLUMNS).where(_accounts.c.email_canonical == sa.bindparam("canonical"))
_id_by_email = sa.select(sa.func.max(_accounts.c.id), sa.func.max(_accounts.c.disabled_at)).where(
    _accounts.c.email_canonical == sa.bindparam("canonical")
)
_oldest = sa.select(*SNAPSHOT_COLUMNS).order_by(_accounts.c.created_at, _accounts.c.id)


class AccountStore:
    """Finds, creates, changes and deletes accounts.

    "Within a unit of work" in a docstring means that the caller opens one and commits it.
    """

    def by_id(self, account_id: str) -> AccountSnapshot | None:
        """The account with this id."""
        row = fetch_one(_by_id, {"id": account_id})
        return AccountSnapshot(*row) if row else None

    def by_email(self, canonical: str) -> AccountSnapshot | None:
        """The account with this canonical address."""
        row = fetch_one(_by_email, {"canonical": canonical})
        return AccountSnapshot(*row) if row else None

    def id_by_email(self, canonical: str) -> tuple[str | None, bool]:
        """The id of the account with this canonical address, and whether it is enabled.

        Aggregates return one row also if there is no account, so that both cases take the same time.
        """
        row = fetch_one(_id_by_email, {"canonical": canonical})
        account_id, disabled_at = row or (None, None)
        return account_id, account_id is not None and disabled_at is None

    def oldest(self, limit: int) -> list[AccountSnapshot]:
        """The oldest accounts, oldest first."""
        return [AccountSnapshot(*row) for row in fetch_all(_oldest.limit(limit))]

    def create(
        self,
        address: Address,
        password_hash: str | None,
        now: datetime,
        *,
        account_id: str | None = None,
        roles: str = "",
        **values: object,
    ) -> AccountSnapshot:
        """Create an account within a unit of work. Raises `EmailTaken`; the unique index decides a race.

        `values` are further columns: names, locale, `email_verified_at`, `invited_at`.
        """
        account = Account(
            id=account_id or str(uuid.uuid4()),
            email=address.typed,
            email_canonical=address.canonical,
            password_hash=password_hash,
            roles=roles,
            credentials_version=0,
            unverified_since=None if values.get("email_verified_at") else now,
            created_at=now,
            updated_at=now,
            **values,
        )
        db.session.add(account)
        try:
            with translate_errors():
                db.session.flush()
        except sa.exc.IntegrityError:
            raise EmailTaken from None
        return AccountSnapshot(*(getattr(account, column.key or "") for column in SNAPSHOT_COLUMNS))

    def update(self, account_id: str, values: dict[str, str | None], now: datetime) -> None:
        """Change names or locale by one statement that commits itself, outside any unit of work."""
        execute(sa.update(_accounts).where(_accounts.c.id == account_id).values(**values, updated_at=now), {})

    def update_locked(self, account_id: str, values: dict[str, Any], now: datetime) -> None:
        """Change any columns that no credential depends on. Within a unit of work that has locked the account."""
        db.session.execute(
            sa.update(_accounts).where(_accounts.c.id == account_id).values(values | {"updated_at": now})
        )

    def rehash(self, account_id: str, old_hash: str, new_hash: str) -> None:
        """Store another hash of the same password, unless the password has changed. Within a unit of work."""
        same = (_accounts.c.id == account_id) & (_accounts.c.password_hash == old_hash)
        db.session.execute(sa.update(_accounts).where(same).values(password_hash=new_hash))

    def set_password(
        self, account: AccountSnapshot, password_hash: str | None, now: datetime, *, verified: bool = False
    ) -> bool:
        """Replace the password; False if password or address changed since the snapshot. Within a unit of work.

        `verified`: the caller has just shown that they receive emails at the address. An open invitation is answered.
        """
        values: dict[str, Any] = {"password_hash": password_hash, "invited_at": None}
        if verified:
            values |= verified_columns(sa.func.coalesce(_accounts.c.email_verified_at, now))
        return self._update_if_unchanged(account, values, now)

    def set_email(self, account: AccountSnapshot, address: Address, now: datetime, *, verified: bool = True) -> bool:
        """Replace the address; False if password or address changed since the snapshot. Within a unit of work.

        `verified`: the new address has been confirmed. Raises `EmailTaken`.
        """
        values = _email_columns(address) | (verified_columns(now) if verified else {"email_verified_at": None})
        try:
            return self._update_if_unchanged(account, values, now)
        except sa.exc.IntegrityError:
            raise EmailTaken from None

    def restore_email(self, account: AccountSnapshot, address: Address, now: datetime) -> None:
        """Restore an earlier address. Within a unit of work that has locked the account. Raises `EmailTaken`.

        It removes the password, which has to be reset, and cancels a scheduled deletion. A disabled account stays
        disabled.
        """
        values = _email_columns(address) | verified_columns(now) | {"password_hash": None, "deletes_at": None}
        self._replace_email(account, values, now)

    def correct_email(self, account: AccountSnapshot, address: Address, now: datetime, *, verified: bool) -> None:
        """Replace the address for an administrator. Within a unit of work that has locked the account.

        The password stays, and so does the state: it may be disabled. If no address was verified yet, the time to
        verify one begins again. Raises `EmailTaken`.
        """
        since = _accounts.c.unverified_since
        again = {"email_verified_at": None, "unverified_since": sa.case((since.is_not(None), now), else_=None)}
        self._replace_email(account, _email_columns(address) | (verified_columns(now) if verified else again), now)

    def verify_email(self, account: AccountSnapshot, now: datetime) -> bool:
        """Mark the address as verified; True if it was not, and is still the same. Within a unit of work."""
        unverified = sa.and_(
            _accounts.c.id == account.id,
            _accounts.c.email_canonical == account.email_canonical,
            _accounts.c.email_verified_at.is_(None),
        )
        return execute_one(sa.update(_accounts).where(unverified).values(verified_columns(now) | {"updated_at": now}))

    def invalidate_password(self, account_id: str, version: int, now: datetime, *, verified: bool = False) -> bool:
        """Remove the password and cancel a scheduled deletion; False if the credentials are no longer at `version`.

        Links signed for `version` become invalid. `verified`: the caller has just shown that they receive emails at
        the address. Within a unit of work.
        """
        same = (_accounts.c.id == account_id) & (_accounts.c.credentials_version == version)
        values: dict[str, Any] = {
            "password_hash": None,
            "credentials_version": version + 1,
            "deletes_at": None,
            "updated_at": now,
        }
        values |= verified_columns(now) if verified else {}
        return execute_one(sa.update(_accounts).where(same).values(values))

    def get_for_update(self, account_id: str) -> AccountSnapshot | None:
        """The account, its row locked until the commit. Within a unit of work."""
        # FOR NO KEY UPDATE on PostgreSQL, so that rows that refer to the account, such as messages, can be written.
        row = db.session.execute(_by_id.with_for_update(key_share=True), {"id": account_id}).first()
        return AccountSnapshot(*row) if row else None

    def require_for_update(self, account_id: str) -> AccountSnapshot:
        """Like `get_for_update`. Raises `NoSuchAccount` if there is none."""
        account = self.get_for_update(account_id)
        if account is None:
            raise NoSuchAccount
        return account

    def lock_if_unchanged(self, account: AccountSnapshot) -> bool:
        """Lock the account's row until the commit; False if it is deleted, disabled, or credentials or second factor
        changed.

        Within a unit of work, before any row that belongs to the account: flows that all lock the account's row first
        do not deadlock.
        """
        same_factor = _accounts.c.second_factor_at.is_not_distinct_from(account.second_factor_at)
        same = sa.select(_accounts.c.id).where(_is_unchanged(account), same_factor).with_for_update(key_share=True)
        return db.session.scalar(same) is not None

    def set_roles(self, account_id: str, roles: str, now: datetime) -> None:
        """Replace the roles. Within a unit of work that has locked the account."""
        self.update_locked(account_id, {"roles": roles}, now)

    def disable(self, account_id: str, now: datetime) -> bool:
        """Block sign-in; True if it was not blocked. Within a unit of work."""
        enabled = (_accounts.c.id == account_id) & _accounts.c.disabled_at.is_(None)
        return execute_one(sa.update(_accounts).where(enabled).values(disabled_at=now, updated_at=now))

    def enable(self, account_id: str, now: datetime) -> bool:
        """Allow sign-in again; True if it was blocked. Within a unit of work."""
        disabled = (_accounts.c.id == account_id) & _accounts.c.disabled_at.is_not(None)
        return execute_one(sa.update(_accounts).where(disabled).values(disabled_at=None, updated_at=now))

    def schedule_deletion(self, account_id: str, deletes_at: datetime, now: datetime) -> bool:
        """Schedule the deletion; False if one is scheduled for the same time or earlier. Within a unit of work."""
        later = sa.or_(_accounts.c.deletes_at.is_(None), _accounts.c.deletes_at > deletes_at)
        deleted_later = sa.and_(_accounts.c.id == account_id, later)
        return execute_one(sa.update(_accounts).where(deleted_later).values(deletes_at=deletes_at, updated_at=now))

    def cancel_deletion(self, account_id: str, now: datetime) -> bool:
        """Cancel a scheduled deletion; False if there is none or it is due. Within a unit of work."""
        waiting = (_accounts.c.id == account_id) & (_accounts.c.deletes_at > now)
        return execute_one(sa.update(_accounts).where(waiting).values(deletes_at=None, updated_at=now))

    def postpone_deletion(self, account_id: str, deletes_at: datetime) -> None:
        """Move a scheduled deletion to `deletes_at` if it is earlier. Within a unit of work."""
        waiting = (_accounts.c.id == account_id) & (_accounts.c.deletes_at < deletes_at)
        db.session.execute(sa.update(_accounts).where(waiting).values(deletes_at=deletes_at))

    def due_for_deletion(self, now: datetime, limit: int) -> list[AccountSnapshot]:
        """Up to `limit` accounts whose deletion is due."""
        due = sa.select(*SNAPSHOT_COLUMNS).where(_accounts.c.deletes_at <= now).limit(limit)
        return [AccountSnapshot(*row) for row in fetch_all(due)]

    def purge(self, account_id: str, now: datetime) -> bool:
        """Delete an account that is due, with all rows that refer to it; True if it did. Within a unit of work."""
        # Locked by its id first: parallel DELETEs that MariaDB runs over the index of `deletes_at` deadlock.
        db.session.execute(_by_id.with_for_update(), {"id": account_id})
        due = (_accounts.c.id == account_id) & (_accounts.c.deletes_at <= now)
        return execute_one(sa.delete(_accounts).where(due))

    def _replace_email(self, account: AccountSnapshot, values: dict[str, Any], now: datetime) -> None:
        values = values | {"credentials_version": account.credentials_version + 1}
        try:
            self.update_locked(account.id, values, now)
        except sa.exc.IntegrityError:
            raise EmailTaken from None

    def _update_if_unchanged(self, account: AccountSnapshot, values: dict[str, Any], now: datetime) -> bool:
        values = values | {"credentials_version": account.credentials_version + 1, "updated_at": now}
        return execute_one(sa.update(_accounts).where(_is_unchanged(account)).values(values))


def _is_unchanged(account: AccountSnapshot) -> sa.ColumnElement[bool]:
    return sa.and_(
        _accounts.c.id == account.id,
        _accounts.c.credentials_version == account.credentials_version,
        _accounts.c.disabled_at.is_(None),
    )


def verified_columns(at: object) -> dict[str, Any]:
    """The columns of an account of which an address was verified."""
    return {"email_verified_at": at, "unverified_since": None}


def _email_columns(address: Address) -> dict[str, Any]:
    return {"email": address.typed, "email_canonical": address.canonical}
