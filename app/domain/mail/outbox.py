"""The outbox: letters are put in with the change that causes them, and taken out under a lease."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.database import change, db, fetch, fetch_all
from app.core.pages import LARGEST_ID
from app.core.text import clean
from app.domain.mail import statements
from app.domain.mail.listing import Depth, ListedLetter, Waiting
from app.domain.mail.model import QUEUED, QueuedLetter

LEASE = timedelta(seconds=60)
HOUR = timedelta(hours=1)
LETTERS_AN_HOUR = 5  # of one kind to one mailbox: enough for someone whose letters are slow, too few to be a nuisance
MAX_ERROR = 500
MAX_HOST = 80
SECRET_WORDS = frozenset({"token", "code", "secret", "password", "link"})


class Outbox:
    """Keeps letters until they are delivered. `host` is the right half of their Message-IDs; of a long one, its end."""

    def __init__(self, host: str = "latchkey.invalid") -> None:
        while len(host) > MAX_HOST:
            host = host.partition(".")[2]
        self._host = host or "latchkey.invalid"

    def queue(
        self, kind: str, *, now: datetime, account_id: str | None = None, address: str | None = None,
        locale: str | None = None, **parameters: str | int | None,
    ) -> None:  # fmt: skip
        """Owe a letter within the caller's unit of work: if that is rolled back, nobody gets it."""
        row = self._row(kind, now, account_id=account_id, address=address, locale=locale, parameters=parameters)
        db.session.add(QueuedLetter(**row))

    def add_now(self, kind: str, address: str, now: datetime, *, locale: str | None = None) -> None:
        """Owe a letter to an address nobody looked up, by one statement that commits itself."""
        change(statements.INSERT, self._row(kind, now, address=address, locale=locale))

    def has_due(self, now: datetime) -> bool:
        """Whether a claim would find something. Takes no lock, so asking often costs nobody anything."""
        return fetch(statements.ANY_DUE, {"now": now}) is not None

    def claim(self, now: datetime, limit: int = 10, lease: timedelta = LEASE) -> list[QueuedLetter]:
        """Take up to `limit` due letters, oldest first, within a unit of work; ours alone until the lease ends."""
        letters = list(db.session.scalars(statements.TAKE_DUE, {"now": now, "most": limit}))
        claim = str(uuid.uuid4())
        for letter in letters:
            letter.claim, letter.lease_until, letter.attempts = claim, now + lease, letter.attempts + 1
        return letters

    def hold(self, letter: QueuedLetter, now: datetime, lease: timedelta = LEASE) -> bool:
        """Before sending: whether the letter is still ours, for at least half a lease more."""
        if letter.lease_until is not None and letter.lease_until - now >= lease / 2:
            return True
        letter.lease_until = now + lease
        return self._settle(letter, lease_until=letter.lease_until)

    def finish(self, letter: QueuedLetter, state: str, now: datetime, error: str | None = None) -> bool:
        """Close the letter as sent, dead or dropped. False, and nothing marked, if the lease has moved on."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(letter, state=state, finished_at=now, error=reason, claim=None, lease_until=None)

    def postpone(self, letter: QueuedLetter, due_at: datetime, error: str | None) -> bool:
        """Hand the letter back until `due_at`. False, and nothing marked, if the lease has moved on."""
        reason = error and clean(error, MAX_ERROR)
        return self._settle(letter, due_at=due_at, error=reason, claim=None, lease_until=None)

    def overtaken(self, letter: QueuedLetter) -> bool:
        """Whether a newer letter of this kind to the same address is on its way or was sent."""
        about = {"address": letter.address, "kind": letter.kind, "id": letter.id}
        return fetch(statements.NEWER, about) is not None

    def throttled(self, letter: QueuedLetter, now: datetime, most: int = LETTERS_AN_HOUR) -> bool:
        """Whether `most` letters of this kind were sent to this address or account within the last hour."""
        about = {"kind": letter.kind, "id": letter.id, "address": letter.address, "account_id": letter.account_id}
        return fetch(statements.SENT_SINCE, about | {"since": now - HOUR, "after": most - 1}) is not None

    def recent(self, state: str | None = None, limit: int = 50, before: int = LARGEST_ID) -> list[ListedLetter]:
        """The newest letters with an id below `before`, in any state or in one; addresses are masked."""
        statement, wanted = (statements.RECENT_IN, {"wanted": state}) if state else (statements.RECENT, {})
        return [ListedLetter.of(row) for row in fetch_all(statement, wanted | {"most": limit, "before": before})]

    def show(self, letter_id: int) -> ListedLetter | None:
        """One letter, its address masked."""
        row = fetch(statements.SHOW, {"letter_id": letter_id})
        return ListedLetter.of(row) if row else None

    def retry(self, letter_id: int, now: datetime) -> bool:
        """Make a dead letter, or one that waits for a later attempt, due now; True if it was one. In a unit of work.

        Its attempts stay counted. A letter older than three days gets one more: if that fails, it is given up again.
        """
        return _count(statements.RETRY, {"letter_id": letter_id, "now": now}) == 1

    def retry_dead(self, now: datetime) -> int:
        """Make every dead letter due now; how many that were. In a unit of work."""
        return _count(statements.RETRY_DEAD, {"now": now})

    def waiting(self, now: datetime) -> Waiting:
        """How many letters there are in each state, and the age of the oldest that still waits."""
        queued, sent, dead, dropped, oldest = tuple(fetch(statements.COUNT, {}) or (0, 0, 0, 0, None))
        return Waiting(queued, sent, dead, dropped, now - oldest if oldest else None)

    def depth(self, now: datetime) -> Depth:
        """How many letters wait, and how long the one that has been due for longest. Cheap at any size."""
        queued, due, dead, oldest = tuple(fetch(statements.DEPTH, {"now": now}) or (0, 0, 0, None))
        return Depth(queued, due, dead, now - oldest if oldest else timedelta())

    def forget(self, finished_before: datetime, most: int) -> int:
        """Delete up to so many letters that were finished before this moment; how many there were."""
        over = [row[0] for row in fetch_all(statements.OVER, {"before": finished_before, "most": most})]
        # One that an operator made due again meanwhile is spared.
        gone = sa.delete(QueuedLetter).where(QueuedLetter.id.in_(over), QueuedLetter.state != QUEUED)
        return change(gone, {}) if over else 0

    def forget_address(self, *addresses: str) -> None:
        """Delete what waits for these addresses or went to them, but the farewell. In a unit of work."""
        farewells = ("account_deleted", "moved_account_deleted")
        theirs = sa.and_(QueuedLetter.address.in_(addresses), QueuedLetter.kind.not_in(farewells))
        db.session.execute(sa.delete(QueuedLetter).where(theirs))

    def export(self, account_id: str) -> list[dict[str, Any]]:
        """What is kept here about the account."""
        return [
            dict(zip(statements.EXPORTED, row, strict=True))
            for row in fetch_all(statements.EXPORT, {"account_id": account_id})
        ]

    def _settle(self, letter: QueuedLetter, **values: object) -> bool:
        ours = sa.and_(QueuedLetter.id == letter.id, QueuedLetter.claim == letter.claim, QueuedLetter.state == QUEUED)
        return change(sa.update(QueuedLetter).where(ours).values(**values), {}) == 1

    def _row(self, kind: str, now: datetime, **given: object) -> dict[str, object]:
        row: dict[str, object] = {
            "kind": kind, "account_id": None, "address": None, "locale": None, "parameters": {}, "state": QUEUED,
            "attempts": 0, "due_at": now, "created_at": now, "message_id": f"<{uuid.uuid4()}@{self._host}>",
        }  # fmt: skip
        row |= given
        parameters = row["parameters"]
        if isinstance(parameters, dict) and SECRET_WORDS & parameters.keys():
            raise ValueError("a letter carries no secrets: what it needs is made when it is sent")
        return row


def _count(statement: sa.Update, values: dict[str, object]) -> int:
    return int(db.session.execute(statement, values).rowcount)  # type: ignore[attr-defined]
