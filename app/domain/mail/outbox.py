"""The outbox: emails are put in with the change that causes them, and taken out under a lease."""

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
from app.domain.mail.rate_limit import require_allowed

LEASE = timedelta(seconds=60)
MAX_ERROR = 500
MAX_HOST = 80
DELETION_NOTICES = ("account_deleted", "moved_account_deleted")  # they outlive the account
SECRET_WORDS = frozenset({"token", "code", "secret", "password", "link"})


class LeaseLost(Exception):
    """Our lease of the message ran out, and somebody else delivers it now."""


class Outbox:
    """Keeps emails until they are delivered. `host` is the right half of their Message-IDs; of a long one, its end."""

    def __init__(self, host: str = "latchkey.invalid") -> None:
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
        """Queue an email within the caller's unit of work: if that is rolled back, nobody gets it.

        `address` is whom it concerns at this moment: what happens to the account before it is sent changes nothing.
        """
        row = self._row(kind, now, address, account_id=account_id, locale=locale, parameters=parameters)
        db.session.add(QueuedMessage(**row))

    def enqueue_now(self, kind: str, address: str, now: datetime, *, locale: str | None = None) -> None:
        """Owe an email to an address nobody looked up, by one statement that commits itself."""
        execute(queries.INSERT, self._row(kind, now, address, locale=locale))

    def has_due(self, now: datetime) -> bool:
        """Whether a claim would find something. Takes no lock, so asking often costs nobody anything."""
        return fetch_one(queries.ANY_DUE, {"now": now}) is not None

    def claim(self, now: datetime, limit: int = 10, lease: timedelta = LEASE) -> list[QueuedMessage]:
        """Take up to `limit` due emails, oldest first, within a unit of work; ours alone until the lease ends."""
        messages = list(db.session.scalars(queries.TAKE_DUE, {"now": now, "most": limit}))
        claim = str(uuid.uuid4())
        for message in messages:
            message.claim, message.lease_until, message.sending_at = claim, now + lease, None
            if message.mailbox is None and message.address:  # a process of the version before wrote it
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
        """Count an attempt at the email, ours alone for a whole lease from now on. In a unit of work.

        `LeaseLost` if it is not ours any more; if `limited`, `TooSoon` if its mailbox has had enough for now.
        """
        if limited and message.mailbox:
            require_allowed(message, now, also_by_account=also_by_account)
        attempts = message.attempts + 1
        begun = _is_leased(message).values(attempts=attempts, sending_at=now, lease_until=now + lease)
        if not _count(begun, {}):
            raise LeaseLost
        message.attempts, message.sending_at = attempts, now

    def finish(self, message: QueuedMessage, state: str, now: datetime, error: str | None = None) -> bool:
        """Close the email as sent, dead or dropped. False, and nothing marked, if the lease has moved on."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(message, state=state, finished_at=now, error=reason, claim=None, lease_until=None)

    def postpone(self, message: QueuedMessage, due_at: datetime, error: str | None) -> bool:
        """Hand the email back until `due_at`. False, and nothing marked, if the lease has moved on."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(message, due_at=due_at, error=reason, claim=None, lease_until=None)

    def release(self, message: QueuedMessage, now: datetime, reason: str) -> bool:
        """Hand an email back that no mail server was asked to take: no attempt is counted."""
        message.attempts -= message.sending_at is not None
        return self._settle(
            message, attempts=message.attempts, due_at=now, error=reason[:MAX_ERROR], claim=None, lease_until=None
        )

    def is_superseded(self, message: QueuedMessage, by: tuple[str, ...] = (QUEUED, SENT)) -> bool:
        """Whether a newer email of this kind to the same mailbox is in one of these states."""
        return fetch_one(queries.NEWER, _about(message) | {"states": by}) is not None

    def drop_older(self, message: QueuedMessage, now: datetime) -> None:
        """Drop what waits for its turn since longer: however many ask for this mailbox, one message waits."""
        execute(queries.REPLACE_OLDER, _about(message) | {"now": now})

    def recent(self, state: str | None = None, limit: int = 50, before: int = MAX_ID) -> list[ListedMessage]:
        """The newest emails with an id below `before`, in any state or in one; addresses are masked."""
        statement, wanted = (queries.RECENT_IN, {"wanted": state}) if state else (queries.RECENT, {})
        return [ListedMessage.of(row) for row in fetch_all(statement, wanted | {"most": limit, "before": before})]

    def show(self, message_id: int) -> ListedMessage | None:
        """One email, its address masked."""
        row = fetch_one(queries.SHOW, {"row_id": message_id})
        return ListedMessage.of(row) if row else None

    def retry(self, message_id: int, now: datetime) -> bool:
        """Make a dead email, or one that waits for a later attempt, due now; True if it was one. In a unit of work.

        Its attempts stay counted. An email older than three days gets one more: if that fails, it is given up again.
        """
        return _count(queries.RETRY, {"row_id": message_id, "now": now}) == 1

    def retry_dead(self, now: datetime) -> int:
        """Make every dead email due now; how many that were. In a unit of work."""
        return _count(queries.RETRY_DEAD, {"now": now})

    def summary(self, now: datetime) -> OutboxSummary:
        """How many emails there are in each state, and the age of the oldest that still waits."""
        queued, sent, dead, dropped, oldest = tuple(fetch_one(queries.COUNT, {}) or (0, 0, 0, 0, None))
        return OutboxSummary(queued, sent, dead, dropped, now - oldest if oldest else None)

    def depth(self, now: datetime) -> QueueDepth:
        """How many emails wait, and how long the one that has been due for longest. Cheap at any size."""
        queued, due, dead, oldest = tuple(fetch_one(queries.DEPTH, {"now": now}) or (0, 0, 0, None))
        return QueueDepth(queued, due, dead, now - oldest if oldest else timedelta())

    def delete_finished(self, finished_before: datetime, most: int) -> int:
        """Delete up to so many emails that were finished before this moment; how many there were."""
        over = [row[0] for row in fetch_all(queries.OVER, {"before": finished_before, "most": most})]
        # One that an operator made due again meanwhile is spared.
        gone = sa.delete(QueuedMessage).where(QueuedMessage.id.in_(over), QueuedMessage.state != QUEUED)
        return execute(gone, {}) if over else 0

    def delete_mailbox(self, mailbox: str) -> None:
        """Delete what waits for this canonical address or went there, but the farewell. In a unit of work.

        What belongs to an account stays with it: an account that asked for a change to this address must not learn by
        a gap in the export that the address had an account.
        """
        theirs = sa.and_(
            QueuedMessage.mailbox == mailbox,
            QueuedMessage.account_id.is_(None),
            QueuedMessage.kind.not_in(DELETION_NOTICES),
        )
        db.session.execute(sa.delete(QueuedMessage).where(theirs))

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """What is kept here about the account: its own messages, and those to its address since there is the account.

        What became of a message to another address is left out: it could tell whether that address has an account.
        """
        about = {"account_id": account.id, "mailbox": account.email_canonical, "since": account.created_at}
        rows = [dict(zip(queries.EXPORTED, row, strict=True)) for row in fetch_all(queries.EXPORT, about)]
        for row in rows:
            if row.pop("mailbox") != account.email_canonical and row["address"]:
                row |= {"state": None, "finished_at": None}
        return rows

    def _settle(self, message: QueuedMessage, **values: object) -> bool:
        # Once looked up, the message belongs to the account, also when that moves to another address later.
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
            raise ValueError("an email carries no secrets: what it needs is made when it is sent")
        return row


def _mailbox(address: str) -> str:
    # Addresses come from `parse_address`, which takes ASCII alone: so lower case is their canonical form.
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


def _count(statement: sa.Update, values: dict[str, object]) -> int:
    return execute_in_transaction(statement, values)
