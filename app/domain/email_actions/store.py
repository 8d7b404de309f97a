"""Keeps challenges. Using one is one DELETE: of any number of parallel uses exactly one finds the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.core.data_subject import DataSubject
from app.core.database import db, execute, fetch_all, fetch_one, table_of
from app.domain.email_actions.model import EmailAction, Purpose

CODE_LIFETIME: Final = timedelta(minutes=10)  # ASVS 6.5.5
MAX_ATTEMPTS: Final = 5
NO_ACCOUNT: Final = "00000000-0000-0000-0000-000000000000"  # the id of no account

_actions = table_of(EmailAction)
_columns = _actions.c


@dataclass(frozen=True, slots=True)
class PendingEmailAction:
    """A challenge that may still be met: by the link of `email`, or by its code."""

    account_id: str
    message_id: int
    address: str | None
    expires_at: datetime

    @property
    def from_message(self) -> bool:
        """Whether an email carries it: meeting it then shows that emails reach the owner. Below 0 there is none."""
        return self.message_id > 0


class EmailActionStore:
    """Opens challenges, hands each out once, and forgets them."""

    def create(
        self,
        account_id: str,
        purpose: Purpose,
        expires_at: datetime,
        *,
        address: str | None = None,
        message_id: int = 0,
    ) -> None:
        """Open a challenge that no email carries yet, in place of an earlier one.

        In a unit of work that holds the account's row: two that find nothing to delete would both insert.
        """
        self.revoke(account_id, [purpose])
        db.session.execute(sa.insert(_actions).values(_row(account_id, purpose, message_id, expires_at, address)))

    def reserve(self, account_id: str, expires_at: datetime, address: str, canonical: str, now: datetime) -> bool:
        """Let a change of address be undone, and keep the old one free for it; False if an earlier one still can.

        In a unit of work that holds the account's row.
        """
        purpose = Purpose.UNDO_EMAIL_CHANGE
        open_one = sa.select(sa.literal(1)).where(*_of(account_id, purpose), _columns.expires_at > now)
        if db.session.scalar(open_one):
            return False
        self.revoke(account_id, [purpose])
        row = _row(account_id, purpose, 0, expires_at, address) | {"reserved": canonical}
        db.session.execute(sa.insert(_actions).values(row))
        return True

    def is_reserved(self, canonical: str, account_id: str, now: datetime) -> bool:
        """Whether another account may take this address back. In a unit of work."""
        theirs = (_columns.reserved == canonical, _columns.account_id != account_id, _columns.expires_at > now)
        return db.session.scalar(sa.select(sa.literal(1)).where(*theirs).limit(1)) is not None

    def attach(self, account_id: str, purpose: Purpose, message_id: int, expires_at: datetime, now: datetime) -> bool:
        """Let `email` carry the one open challenge of this purpose; False if a newer email does. In a unit of work.

        Sending the same email again changes nothing: a mail program that shows only the first of two copies still
        shows a link that works.
        """
        newest = sa.update(_actions).where(*_of(account_id, purpose), _columns.message_id < message_id)
        fresh = {
            "message_id": message_id,
            "expires_at": expires_at,
            "code_expires_at": now + CODE_LIFETIME,
            "attempts": 0,
        }
        for _ in range(2):  # the second time if another deliverer inserted a row between our look and our insert
            if db.session.execute(newest.values(fresh)).rowcount == 1:  # type: ignore[attr-defined]
                return True
            there = db.session.scalar(sa.select(_columns.message_id).where(*_of(account_id, purpose)))
            if there is not None:
                return bool(there == message_id)
            if self._insert(_row(account_id, purpose, message_id, expires_at, None, now + CODE_LIFETIME)):
                return True
        return False

    def find(self, account_id: str, purpose: Purpose, now: datetime) -> PendingEmailAction | None:
        """The open challenge of this purpose. Changes nothing."""
        row = fetch_one(
            sa.select(_columns.account_id, _columns.message_id, _columns.address, _columns.expires_at).where(
                *_of(account_id, purpose), _columns.expires_at > now
            ),
            {},
        )
        return PendingEmailAction(*row) if row else None

    def consume(self, action: PendingEmailAction, purpose: Purpose) -> bool:
        """Use the challenge up; true for exactly one of all who try. In a unit of work."""
        same = (*_of(action.account_id, purpose), _columns.message_id == action.message_id)
        return bool(db.session.execute(sa.delete(_actions).where(*same)).rowcount == 1)  # type: ignore[attr-defined]

    def with_code(self, account_id: str, purpose: Purpose, now: datetime) -> PendingEmailAction | None:
        """The challenge whose code may still be tried. Changes nothing."""
        # Aggregates give one row whether or not one is found, so that reading it takes equally long.
        parts = (_columns.account_id, _columns.message_id, _columns.address, _columns.expires_at)
        found = sa.select(*map(sa.func.max, parts))
        row = fetch_one(found.where(*_with_code(account_id, purpose, now)), {})
        return PendingEmailAction(*row) if row and row[0] else None

    def lock_code(self, action: PendingEmailAction | None, purpose: Purpose, now: datetime) -> bool:
        """Whether its code may be tried now; nobody else may then until the unit of work ends.

        Not while another guess at it is looked at: to wait for that would take longer than it does for an address
        without a challenge, and so tell that there is one.
        """
        account_id, message_id = (action.account_id, action.message_id) if action else (NO_ACCOUNT, 0)
        same = sa.select(_columns.message_id).where(
            *_with_code(account_id, purpose, now), _columns.message_id == message_id
        )
        return db.session.scalar(same.with_for_update(skip_locked=True)) is not None

    def count_attempt(self, account_id: str, purpose: Purpose) -> None:
        """Count a wrong guess at a code that is held; for `NOBODY` by the same statement, which finds no row."""
        tried = sa.update(_actions).where(*_of(account_id, purpose)).values(attempts=_columns.attempts + 1)
        db.session.execute(tried)

    def revoke(self, account_id: str, purposes: Sequence[Purpose]) -> None:
        """Take back the account's challenges of these purposes. In a unit of work."""
        names = [purpose.value for purpose in purposes]
        db.session.execute(sa.delete(_actions).where(_columns.account_id == account_id, _columns.purpose.in_(names)))

    def delete_expired(self, before: datetime, most: int) -> int:
        """Delete up to so many that expired before this moment; how many there were."""
        key, over = sa.tuple_(_columns.account_id, _columns.purpose), _columns.expires_at < before
        found = [
            tuple(row) for row in fetch_all(sa.select(_columns.account_id, _columns.purpose).where(over).limit(most))
        ]
        # One that was begun anew meanwhile is spared.
        return execute(sa.delete(_actions).where(key.in_(found), over), {}) if found else 0

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """What is kept here about the account."""
        kept = sa.select(_columns.purpose, _columns.address, _columns.expires_at).where(
            _columns.account_id == account.id
        )
        return [dict(zip(("purpose", "address", "expires_at"), row, strict=True)) for row in fetch_all(kept)]

    def _insert(self, row: dict[str, object]) -> bool:
        try:
            with db.session.begin_nested():
                db.session.execute(sa.insert(_actions).values(row))
        except sa.exc.IntegrityError:
            return False  # another deliverer was faster, or the account is gone
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


def _row(
    account_id: str,
    purpose: Purpose,
    message_id: int,
    expires_at: datetime,
    address: str | None,
    code_expires_at: datetime | None = None,
) -> dict[str, object]:
    return {
        "account_id": account_id,
        "purpose": purpose.value,
        "message_id": message_id,
        "address": address,
        "expires_at": expires_at,
        "code_expires_at": code_expires_at or expires_at,
        "attempts": 0,
    }
