"""Stores the undos of email changes: one for each change, so that each former owner of an address has one.

The rows of one account are ordered by the version of its credentials that the change replaced. `create`, `earliest_to`
and `revoke_after` are called within a unit of work that has locked the account's row.
"""

from datetime import datetime

import sqlalchemy as sa

from app.core.database import db, execute_one, fetch_all
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import ACTIONS, PENDING, PendingEmailAction, row_of

_columns = ACTIONS.c
_UNDO = Purpose.UNDO_EMAIL_CHANGE


class UndoStore:
    """Creates, attaches, finds and revokes undos. `EmailActionStore` finds and consumes the one of a link."""

    def create(self, account_id: str, version: int, address: str, canonical: str, expires_at: datetime) -> None:
        """Create the undo of a change that replaces `version` of the credentials, and reserve the old address for it.

        No message carries it yet, so it cannot be used before `attach`.
        """
        row = row_of(account_id, _UNDO, 0, expires_at, address) | {"reserved": canonical, "replaced_version": version}
        db.session.execute(sa.insert(ACTIONS).values(row))

    def earliest_to(self, account_id: str, canonical: str, now: datetime) -> int | None:
        """The version of the first pending undo that leads to this address; None if there is none."""
        found = sa.select(sa.func.min(_columns.replaced_version)).where(
            *_of(account_id, now), _columns.reserved == canonical
        )
        version: int | None = db.session.scalar(found)
        return version

    def revoke_after(self, account_id: str, version: int) -> None:
        """Delete the undos of all changes after the one that replaced `version`."""
        later = (
            _columns.account_id == account_id,
            _columns.purpose == _UNDO.value,
            _columns.replaced_version > version,
        )
        db.session.execute(sa.delete(ACTIONS).where(*later))

    def attach(self, account_id: str, version: int, message_id: int, expires_at: datetime, now: datetime) -> bool:
        """Make a message the one that carries this undo, which works until `expires_at`.

        False if the undo was revoked or has expired: its address is no longer reserved. Within a unit of work. Sending
        the message again changes nothing.
        """
        this = (*_of(account_id, now), _columns.replaced_version == version)
        values = {"message_id": message_id, "expires_at": expires_at, "code_expires_at": expires_at}
        if execute_one(sa.update(ACTIONS).where(*this, _columns.message_id < message_id).values(values)):
            return True
        return bool(db.session.scalar(sa.select(_columns.message_id).where(*this)) == message_id)

    def pending(self, account_id: str, now: datetime) -> list[PendingEmailAction]:
        """The undos of the account that can still be used, the earliest change first. Reads outside transactions."""
        found = sa.select(*PENDING).where(*_of(account_id, now)).order_by(_columns.replaced_version)
        return [PendingEmailAction(*row) for row in fetch_all(found)]

    def is_reserved(self, canonical: str, account_id: str, now: datetime) -> bool:
        """Whether another account may restore this address. Within a unit of work."""
        by_others = (_columns.reserved == canonical, _columns.account_id != account_id, _columns.expires_at > now)
        return db.session.scalar(sa.select(sa.literal(1)).where(*by_others).limit(1)) is not None


def _of(account_id: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return _columns.account_id == account_id, _columns.purpose == _UNDO.value, _columns.expires_at > now
