"""Stores emailed sign-ins. Using one up is one DELETE: of many parallel attempts exactly one deletes the row."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.core import base64url
from app.core.batch_delete import BatchDelete
from app.core.data_subject import DataSubject
from app.core.database import db, execute_one, fetch_all, fetch_one, table_of
from app.domain.email_sign_ins.model import EmailSignIn

PURPOSE: Final = "sign-in"  # of the link and the code
MAX_WRONG_CODES: Final = 5
ATTEMPT_BYTES: Final = 24
NO_MAILBOX: Final = ""  # not the address of any mailbox
EXPORTED: Final = ("mailbox", "requested_at", "user_agent", "expires_at")

_sign_ins = table_of(EmailSignIn)
_columns = _sign_ins.c
_PENDING: Final = (  # the columns of a `PendingSignIn`
    _columns.mailbox,
    _columns.attempt_digest,
    _columns.message_id,
    _columns.credentials_version,
    _columns.may_open_account,
    _columns.requested_at,
    _columns.user_agent,
    _columns.expires_at,
)
_with_code = (
    _columns.attempt_digest == sa.bindparam("digest"),
    _columns.wrong_codes < MAX_WRONG_CODES,
    _columns.code_expires_at > sa.bindparam("now"),
)
_by_link = sa.select(*_PENDING).where(
    _columns.attempt_digest == sa.bindparam("digest"),
    _columns.message_id == sa.bindparam("by_message"),
    _columns.expires_at > sa.bindparam("now"),
)
# Aggregates return one row also if there is no sign-in, so that both cases take the same time.
_by_code = sa.select(sa.func.max(_columns.mailbox), sa.func.max(_columns.message_id)).where(*_with_code)
_lock_code = sa.select(_columns.message_id).where(*_with_code).with_for_update(skip_locked=True)
_of_mailbox = sa.select(*_PENDING).where(_columns.mailbox == sa.bindparam("of_mailbox"))
_count = (
    sa.update(_sign_ins)
    .where(_columns.mailbox == sa.bindparam("of_mailbox"))
    .values(wrong_codes=_columns.wrong_codes + 1)
)
_delete_expired = BatchDelete(_sign_ins, _columns.expires_at < sa.bindparam("before"), _columns.expires_at)


def new_attempt() -> str:
    """What a client keeps that asks for a sign-in email: random, and stored only as a digest."""
    return secrets.token_urlsafe(ATTEMPT_BYTES)


def digest_of(attempt: str) -> str:
    """The digest of an attempt, as stored."""
    return base64url.encode(hashlib.sha256(attempt.encode()).digest())


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """An emailed sign-in that may still be completed. The fields are in the order of `_PENDING`."""

    mailbox: str
    attempt_digest: str
    message_id: int
    credentials_version: int | None
    may_open_account: bool
    requested_at: datetime
    user_agent: str | None
    expires_at: datetime

    def was_requested_with(self, attempt: str | None) -> bool:
        """Whether the client that sends this attempt is the one that asked."""
        return attempt is not None and secrets.compare_digest(digest_of(attempt), self.attempt_digest)


class EmailSignInStore:
    """Adds, finds, uses up and deletes emailed sign-ins."""

    def add(self, pending: PendingSignIn, code_expires_at: datetime) -> bool:
        """Make a message the one that signs in to its mailbox; False if a newer message does. Within a unit of work.

        Sending the same message again changes nothing: in a mail program that shows only the first of two copies, the
        link still works.
        """
        row: dict[str, object] = dict(zip((column.key for column in _PENDING), _values(pending), strict=True))
        row |= {"code_expires_at": code_expires_at, "wrong_codes": 0}
        of_mailbox = _columns.mailbox == pending.mailbox
        for _ in range(2):  # a second time if another deliverer inserted a row after the SELECT
            newest = sa.update(_sign_ins).where(of_mailbox, _columns.message_id < pending.message_id)
            if execute_one(newest.values(row)):
                return True
            current = db.session.scalar(sa.select(_columns.message_id).where(of_mailbox))
            if current is not None:
                return bool(current == pending.message_id)
            if self._insert(row):
                return True
        return False

    def by_link(self, attempt_digest: str, message_id: int, now: datetime) -> PendingSignIn | None:
        """The pending sign-in of a link. Changes nothing."""
        row = fetch_one(_by_link, {"digest": attempt_digest, "by_message": message_id, "now": now})
        return PendingSignIn(*row) if row else None

    def by_attempt(self, attempt: str, now: datetime) -> tuple[str, int]:
        """The mailbox and the message whose code the client with this attempt may try; `NO_MAILBOX` and 0 for none."""
        mailbox, message_id = fetch_one(_by_code, {"digest": digest_of(attempt), "now": now}) or (None, None)
        return mailbox or NO_MAILBOX, message_id or 0

    def lock_code(self, attempt: str, now: datetime) -> int:
        """Lock the row to check one code; its message, or 0 if its code may not be tried now. Within a unit of work.

        0 also while another attempt has the lock, so that no request waits for another one.
        """
        return db.session.scalar(_lock_code, {"digest": digest_of(attempt), "now": now}) or 0

    def locked(self, mailbox: str) -> PendingSignIn:
        """The pending sign-in of a mailbox, whose row this unit of work has locked."""
        return PendingSignIn(*db.session.execute(_of_mailbox, {"of_mailbox": mailbox}).one())

    def count_wrong_code(self, mailbox: str) -> None:
        """Count a wrong code. With `NO_MAILBOX` the same statement runs and finds no row. Within a unit of work."""
        db.session.execute(_count, {"of_mailbox": mailbox})

    def keep(self, mailbox: str, credentials_version: int) -> None:
        """Let the pending sign-in of the mailbox survive a change of its account's credentials. In a unit of work."""
        of_mailbox = _columns.mailbox == mailbox
        db.session.execute(sa.update(_sign_ins).where(of_mailbox).values(credentials_version=credentials_version))

    def use(self, pending: PendingSignIn) -> bool:
        """Use it up; True for exactly one of many parallel callers. Within a unit of work."""
        same = (_columns.mailbox == pending.mailbox, _columns.message_id == pending.message_id)
        return execute_one(sa.delete(_sign_ins).where(*same))

    def delete_expired(self, before: datetime, most: int) -> int:
        """Delete up to `most` rows that expired before a moment; how many were deleted."""
        return _delete_expired({"before": before}, most)

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The pending sign-in to the account's address, for the data export."""
        found = sa.select(*(_columns[name] for name in EXPORTED)).where(_columns.mailbox == account.email_canonical)
        return [dict(zip(EXPORTED, row, strict=True)) for row in fetch_all(found)]

    def _insert(self, row: dict[str, object]) -> bool:
        try:
            with db.session.begin_nested():
                db.session.execute(sa.insert(_sign_ins).values(row))
        except sa.exc.IntegrityError:
            return False  # another deliverer inserted it first
        return True


def _values(pending: PendingSignIn) -> tuple[object, ...]:
    return tuple(getattr(pending, column.key) for column in _PENDING)
