"""The outbox: messages are enqueued in the transaction that causes them, and claimed under a lease."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.data_subject import DataSubject
from app.core.database import db, execute, execute_in_transaction, fetch_all, fetch_one
from app.core.pagination import MAX_ID
from app.core.text import clean
from app.domain.mail import queries
from app.domain.mail.listing import ListedMessage, OutboxSummary, QueueDepth
from app.domain.mail.model import QUEUED, SENT, QueuedMessage
from app.domain.mail.rate_limit import EmailLimit, require_allowed

LEASE = timedelta(seconds=60)
MAX_ERROR = 500
MAX_HOST = 80
DELETION_NOTICES = ("account_deleted", "moved_account_deleted")  # kept after the account is deleted
FAILING = "delivery fails: "  # begins the `error` of a message that waits because the mail server rejects this service
SECRET_WORDS = frozenset({"token", "code", "secret", "password", "link"})


class LeaseLost(Exception):
    """The lease of the message has expired, and another deliverer has claimed it."""


class Outbox:
    """Stores messages until they are delivered. `host` is the domain of their Message-IDs, shortened from the left."""

    def __init__(self, host: str = "latchkey.invalid", limit: EmailLimit | None = None) -> None:
        self._limit = limit or EmailLimit()
        while len(host) > MAX_HOST:
            host = host.partition(".")[2]
        self._host = host or "latchkey.invalid"

    def enqueue(
        self,
        kind: str,
        *,
        now: datetime,
        address: str,
        account_id: str | None = None,
        locale: str | None = None,
        **parameters: str | int | None,
    ) -> None:
        """Enqueue a message in the caller's unit of work: a rollback removes it.

        `address` is the recipient now; a later change of the account's address does not redirect the message. Raises
        `ValueError` if a parameter is named like a secret.
        """
        row = self._row(kind, now, address, account_id=account_id, locale=locale, parameters=parameters)
        db.session.add(QueuedMessage(**row))

    def enqueue_now(
        self, kind: str, address: str, now: datetime, *, locale: str | None = None, **parameters: str | int | None
    ) -> None:
        """Enqueue a message in autocommit mode, for an address whose account has not been looked up."""
        queries.INSERT.execute(self._row(kind, now, address, locale=locale, parameters=parameters))

    def has_due(self, now: datetime) -> bool:
        """Whether a message is due. Takes no lock, so that frequent polling blocks nothing."""
        return fetch_one(queries.ANY_DUE, {"now": now}) is not None

    def claim(self, now: datetime, limit: int = 10, lease: timedelta = LEASE) -> list[QueuedMessage]:
        """Claim up to `limit` due messages for this deliverer, oldest first, until `lease` ends. In a unit of work."""
        messages = list(db.session.scalars(queries.TAKE_DUE, {"now": now, "most": limit}))
        claim = str(uuid.uuid4())
        for message in messages:
            message.claim, message.lease_until, message.sending_at = claim, now + lease, None
            if message.mailbox is None and message.address:  # written by a process of an earlier version
                message.mailbox = _mailbox(message.address)
        return messages

    def start_attempt(
        self,
        message: QueuedMessage,
        now: datetime,
        *,
        limited: bool = False,
        also_by_account: bool = False,
        lease: timedelta = LEASE,
    ) -> None:
        """Count an attempt and renew the lease. In a unit of work.

        Raises `LeaseLost` if another deliverer has claimed the message and, if `limited`, `TooSoon` if the mailbox has
        reached its limit for this kind.
        """
        if limited and message.mailbox:
            require_allowed(message, now, self._limit, also_by_account=also_by_account)
        attempts = message.attempts + 1
        attempt = _is_leased(message).values(attempts=attempts, sending_at=now, lease_until=now + lease)
        if not execute_in_transaction(attempt):
            raise LeaseLost
        message.attempts, message.sending_at = attempts, now

    def finish(self, message: QueuedMessage, state: str, now: datetime, error: str | None = None) -> bool:
        """Mark the message as sent, dead or dropped. Returns False and changes nothing if the lease is lost."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(message, state=state, finished_at=now, error=reason, claim=None, lease_until=None)

    def postpone(self, message: QueuedMessage, due_at: datetime, error: str | None) -> bool:
        """Put the message back until `due_at`. Returns False and changes nothing if the lease is lost."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(message, due_at=due_at, error=reason, claim=None, lease_until=None)

    def note_failure(self, now: datetime, reason: str) -> None:
        """Write why no email can be sent into the oldest due message, where every process and `flask mail` read it."""
        row_id, noted = fetch_one(queries.OLDEST_DUE, {"now": now}) or (None, None)
        text = clean(FAILING + reason, MAX_ERROR)
        if row_id is not None and noted != text:
            execute(queries.NOTE, {"now": now, "row_id": row_id, "text": text})

    def is_failing(self) -> bool:
        """Whether the mail server rejected this service at the last attempt for one of the messages due first."""
        return any((error or "").startswith(FAILING) for (error,) in fetch_all(queries.FIRST_ERRORS))

    def release(self, message: QueuedMessage, now: datetime, reason: str) -> bool:
        """Put a message back that no mail server was asked to accept: the attempt is not counted."""
        message.attempts -= message.sending_at is not None
        return self._settle(
            message, attempts=message.attempts, due_at=now, error=reason[:MAX_ERROR], claim=None, lease_until=None
        )

    def is_superseded(self, message: QueuedMessage, by: tuple[str, ...] = (QUEUED, SENT)) -> bool:
        """Whether a newer message of this kind to the same mailbox is in one of these states."""
        return fetch_one(queries.NEWER, _about(message) | {"states": by}) is not None

    def drop_older(self, message: QueuedMessage, now: datetime) -> None:
        """Drop older postponed messages of the same kind: only the newest one waits for this mailbox."""
        execute(queries.REPLACE_OLDER, _about(message) | {"now": now})

    def recent(self, state: str | None = None, limit: int = 50, before: int = MAX_ID) -> list[ListedMessage]:
        """The newest messages with an id below `before`, in one state or in all, with masked addresses."""
        statement, wanted = (queries.RECENT_IN, {"wanted": state}) if state else (queries.RECENT, {})
        return [ListedMessage.of(row) for row in fetch_all(statement, wanted | {"most": limit, "before": before})]

    def show(self, message_id: int) -> ListedMessage | None:
        """One message, with its address masked; None if it does not exist."""
        row = fetch_one(queries.SHOW, {"row_id": message_id})
        return ListedMessage.of(row) if row else None

    def retry(self, message_id: int, now: datetime) -> bool:
        """Make a dead or postponed message due now; False if it is neither. In a unit of work.

        Its number of attempts is kept. A message older than `retry_policy.MAX_AGE` gets one more attempt.
        """
        return execute_in_transaction(queries.RETRY, {"row_id": message_id, "now": now}) == 1

    def retry_dead(self, now: datetime) -> int:
        """Make every dead message due now; returns their number. In a unit of work."""
        return execute_in_transaction(queries.RETRY_DEAD, {"now": now})

    def summary(self, now: datetime) -> OutboxSummary:
        """Number of messages in each state, and the age of the oldest queued one."""
        queued, sent, dead, dropped, oldest = tuple(fetch_one(queries.COUNT, {}) or (0, 0, 0, 0, None))
        return OutboxSummary(queued, sent, dead, dropped, now - oldest if oldest else None)

    def depth(self, now: datetime) -> QueueDepth:
        """The backlog. Answered from an index, so it is fast at any table size."""
        queued, due, dead, oldest = tuple(fetch_one(queries.DEPTH, {"now": now}) or (0, 0, 0, None))
        return QueueDepth(queued, due, dead, now - oldest if oldest else timedelta())

    def delete_finished(self, finished_before: datetime, most: int) -> int:
        """Delete up to `most` messages that were finished before this time; returns their number."""
        over = [row[0] for row in fetch_all(queries.OVER, {"before": finished_before, "most": most})]
        # Not those that an operator has made due again meanwhile.
        gone = sa.delete(QueuedMessage).where(QueuedMessage.id.in_(over), QueuedMessage.state != QUEUED)
        return execute(gone, {}) if over else 0

    def delete_mailbox(self, mailbox: str) -> None:
        """Delete messages to this canonical address, except notices of deletion. In a unit of work.

        Messages that belong to an account are kept: if another account asked for a change to this address, a gap in
        its export would tell that the address had an account.
        """
        of_mailbox = sa.and_(
            QueuedMessage.mailbox == mailbox,
            QueuedMessage.account_id.is_(None),
            QueuedMessage.kind.not_in(DELETION_NOTICES),
        )
        db.session.execute(sa.delete(QueuedMessage).where(of_mailbox))

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's messages, and those to its address since the account was created.

        The state of a message to another address is left out: it could tell whether that address has an account.
        """
        about = {"account_id": account.id, "mailbox": account.email_canonical, "since": account.created_at}
        rows = [dict(zip(queries.EXPORTED, row, strict=True)) for row in fetch_all(queries.EXPORT, about)]
        for row in rows:
            if row.pop("mailbox") != account.email_canonical and row["address"]:
                row |= {"state": None, "finished_at": None}
        return rows

    def _settle(self, message: QueuedMessage, **values: object) -> bool:
        # Once looked up, the account is stored: the message stays with it after a change of address.
        settled = _is_leased(message).values(account_id=message.account_id, sending_at=None, **values)
        return execute(settled, {}) == 1

    def _row(self, kind: str, now: datetime, address: str, **given: object) -> dict[str, object]:
        row: dict[str, object] = {
            "kind": kind,
            "account_id": None,
            "address": address,
            "mailbox": _mailbox(address),
            "locale": None,
            "parameters": {},
            "state": QUEUED,
            "attempts": 0,
            "due_at": now,
            "created_at": now,
            "message_id": f"<{uuid.uuid4()}@{self._host}>",
        }
        row |= given
        parameters = row["parameters"]
        if isinstance(parameters, dict) and SECRET_WORDS & parameters.keys():
            raise ValueError("a queued message must not hold secrets: they are created when it is sent")
        return row


def _mailbox(address: str) -> str:
    # Addresses come from `parse_address`, which accepts ASCII only, so lower case is the canonical form.
    return address.lower()


def _about(message: QueuedMessage) -> dict[str, object]:
    return {
        "to_mailbox": message.mailbox,
        "of_kind": message.kind,
        "for_account": message.account_id,
        "row_id": message.id,
    }


def _is_leased(message: QueuedMessage) -> sa.Update:
    held = sa.and_(QueuedMessage.id == message.id, QueuedMessage.claim == message.claim, QueuedMessage.state == QUEUED)
    return sa.update(QueuedMessage).where(held)
