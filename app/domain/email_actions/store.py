"""Stores email actions. Consuming one is one DELETE: of many parallel attempts exactly one deletes the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.core.batch_delete import BatchDelete
from app.core.data_subject import DataSubject
from app.core.database import db, execute_one, fetch_all, fetch_one, table_of
from app.domain.email_actions.model import EmailAction, Purpose

CODE_LIFETIME: Final = timedelta(minutes=10)  # ASVS 6.5.5
MAX_ATTEMPTS: Final = 5
UNDO_TIME: Final = timedelta(hours=72)  # how long the undo link of an email change works, from when it is sent
NO_ACCOUNT: Final = "00000000-0000-0000-0000-000000000000"  # not the id of any account

ACTIONS: Final = table_of(EmailAction)
_columns = ACTIONS.c
PENDING: Final = (  # the columns of a `PendingEmailAction`
    _columns.account_id,
    _columns.message_id,
    _columns.address,
    _columns.expires_at,
    _columns.replaced_version,
)
_delete_expired = BatchDelete(ACTIONS, _columns.expires_at < sa.bindparam("before"), _columns.expires_at)


@dataclass(frozen=True, slots=True)
class PendingEmailAction:
    """An email action that may still be consumed, with the link or the code of the message."""

    account_id: str
    message_id: int
    address: str | None
    expires_at: datetime
    replaced_version: int = 0

    @property
    def from_message(self) -> bool:
        """Whether an email carries it, so that consuming it proves that the owner receives emails. 0 and less: none."""
        return self.message_id > 0


class EmailActionStore:
    """Creates, finds, consumes, revokes and deletes email actions; `UndoStore` creates those that undo a change."""

    def create(
        self,
        account_id: str,
        purpose: Purpose,
        expires_at: datetime,
        *,
        address: str | None = None,
        message_id: int = 0,
    ) -> None:
        """Create an email action that no message belongs to yet, in place of an earlier one for the same purpose.

        Within a unit of work that has locked the account: two transactions that find no row to delete would both
        insert one.
        """
        self.revoke(account_id, [purpose])
        db.session.execute(sa.insert(ACTIONS).values(row_of(account_id, purpose, message_id, expires_at, address)))

    def attach(self, account_id: str, purpose: Purpose, message_id: int, expires_at: datetime, now: datetime) -> bool:
        """Make the message the one that carries this action; False if a newer message does. Within a unit of work.

        Creates the action if there is none. Sending the same message again changes nothing: in a mail program that
        shows only the first of two copies, the link still works.
        """
        newest = sa.update(ACTIONS).where(*_of(account_id, purpose), _columns.message_id < message_id)
        values = {
            "message_id": message_id,
            "expires_at": expires_at,
            "code_expires_at": now + CODE_LIFETIME,
            "attempts": 0,
        }
        for _ in range(2):  # a second time if another deliverer inserted a row after the SELECT
            if execute_one(newest.values(values)):
                return True
            current = db.session.scalar(sa.select(_columns.message_id).where(*_of(account_id, purpose)))
            if current is not None:
                return bool(current == message_id)
            if self._insert(row_of(account_id, purpose, message_id, expires_at, None, now + CODE_LIFETIME)):
                return True
        return False

    def find(
        self, account_id: str, purpose: Purpose, now: datetime, *, message_id: int | None = None
    ) -> PendingEmailAction | None:
        """The pending action of this purpose, carried by this message if one is named. Changes nothing."""
        found = sa.select(*PENDING).where(*_of(account_id, purpose), _columns.expires_at > now)
        row = fetch_one(found if message_id is None else found.where(_columns.message_id == message_id), {})
        return PendingEmailAction(*row) if row else None

    def consume(self, action: PendingEmailAction, purpose: Purpose) -> bool:
        """Use the action up; True for exactly one of many parallel callers. Within a unit of work."""
        same = (*_of(action.account_id, purpose), _columns.message_id == action.message_id)
        return execute_one(sa.delete(ACTIONS).where(*same))

    def with_code(self, account_id: str, purpose: Purpose, now: datetime) -> PendingEmailAction | None:
        """The pending action whose code may still be tried. Changes nothing."""
        # Aggregates return one row also if there is no action, so that both cases take the same time.
        found = sa.select(*map(sa.func.max, PENDING))
        row = fetch_one(found.where(*_with_code(account_id, purpose, now)), {})
        return PendingEmailAction(*row) if row and row[0] else None

    def lock_code(self, action: PendingEmailAction | None, purpose: Purpose, now: datetime) -> bool:
        """Lock the action to check one code; False if its code may not be tried now. Within a unit of work.

        False also while another attempt has the lock: waiting for it would take longer than for an address without an
        action, and so reveal that there is one.
        """
        account_id, message_id = (action.account_id, action.message_id) if action else (NO_ACCOUNT, 0)
        same = sa.select(_columns.message_id).where(
            *_with_code(account_id, purpose, now), _columns.message_id == message_id
        )
        return db.session.scalar(same.with_for_update(skip_locked=True)) is not None

    def count_attempt(self, account_id: str, purpose: Purpose) -> None:
        """Count a wrong code. With `NO_ACCOUNT` the same statement runs and finds no row. Within a unit of work."""
        counted = sa.update(ACTIONS).where(*_of(account_id, purpose)).values(attempts=_columns.attempts + 1)
        db.session.execute(counted)

    def revoke(self, account_id: str, purposes: Sequence[Purpose]) -> None:
        """Delete the account's actions of these purposes. Within a unit of work."""
        names = [purpose.value for purpose in purposes]
        db.session.execute(sa.delete(ACTIONS).where(_columns.account_id == account_id, _columns.purpose.in_(names)))

    def delete_expired(self, before: datetime, most: int) -> int:
        """Delete up to `most` actions that expired before a moment; how many were deleted."""
        return _delete_expired({"before": before}, most)

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's email actions, for the data export."""
        found = (
            sa.select(_columns.purpose, _columns.address, _columns.expires_at)
            .where(_columns.account_id == account.id)
            .order_by(_columns.purpose, _columns.replaced_version)  # the order on disk depends on other accounts
        )
        return [dict(zip(("purpose", "address", "expires_at"), row, strict=True)) for row in fetch_all(found)]

    def _insert(self, row: dict[str, object]) -> bool:
        try:
            with db.session.begin_nested():
                db.session.execute(sa.insert(ACTIONS).values(row))
        except sa.exc.IntegrityError:
            return False  # another deliverer inserted it first, or the account was deleted
        return True


def _of(account_id: str, purpose: Purpose) -> tuple[sa.ColumnElement[bool], ...]:
    return _columns.account_id == account_id, _columns.purpose == purpose.value


def _with_code(account_id: str, purpose: Purpose, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        *_of(account_id, purpose),
        _columns.message_id > 0,
        _columns.attempts < MAX_ATTEMPTS,
        _columns.expires_at > now,
        _columns.code_expires_at > now,
    )


def row_of(
    account_id: str,
    purpose: Purpose,
    message_id: int,
    expires_at: datetime,
    address: str | None,
    code_expires_at: datetime | None = None,
) -> dict[str, object]:
    """The values of a new row."""
    return {
        "account_id": account_id,
        "purpose": purpose.value,
        "message_id": message_id,
        "address": address,
        "expires_at": expires_at,
        "code_expires_at": code_expires_at or expires_at,
        "attempts": 0,
    }
