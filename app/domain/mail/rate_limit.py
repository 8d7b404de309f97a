"""How many emails of one kind a mailbox gets: by default three at once, then one every twenty minutes on request.

That is at most five per hour, and no request waits longer than twenty minutes for its email: see
docs/decisions/0017-email-limit.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.core.database import db
from app.domain.mail.model import QUEUED, SENT, STATES, QueuedMessage

HOUR: Final = timedelta(hours=1)
_outbox = QueuedMessage.__table__.c
# A message that is being sent counts as sent: with a slow mail server several are being sent at once.
_sent_at = sa.func.coalesce(_outbox.sending_at, _outbox.finished_at, type_=_outbox.finished_at.type)


class TooSoon(Exception):
    """The mailbox has reached its limit. The message may be sent at `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("limit of emails of this kind reached")
        self.until = until


@dataclass(frozen=True, slots=True)
class EmailLimit:
    """`burst` emails at once, then one in each `interval`.

    The interval is shorter than the lifetime of a link, so that the newest link works until the next email.
    """

    burst: int = 3
    interval: timedelta = timedelta(minutes=20)

    @property
    def most_per_hour(self) -> int:
        """How many emails a mailbox gets in any hour at most."""
        return self.burst + HOUR // self.interval - 1

    def next_allowed_at(self, sent: Sequence[datetime]) -> datetime | None:
        """When the next email may be sent; None: now. `sent` are those of the last hour, newest first."""
        if len(sent) < self.burst:
            return None
        return min(sent[0] + self.interval, sent[self.burst - 1] + HOUR)


def require_allowed(message: QueuedMessage, now: datetime, limit: EmailLimit, *, also_by_account: bool) -> None:
    """Raises `TooSoon` if the mailbox has reached its limit.

    Deliverers of one mailbox take turns: each locks the oldest row of the mailbox until its unit of work ends.
    `also_by_account`: count messages of the same account to other mailboxes, too.
    """
    of_kind = _outbox.kind == message.kind
    shares = [sa.and_(of_kind, _outbox.mailbox == message.mailbox)]
    if also_by_account:
        shares.append(sa.and_(of_kind, _outbox.account_id == message.account_id))
    if not _lock_oldest(shares):
        raise TooSoon(now)  # a row was deleted at this moment: the next attempt finds another
    until = limit.next_allowed_at(_sent(sa.or_(*shares), message, now - HOUR, limit.burst))
    if until is not None and until > now:
        raise TooSoon(until)


def _lock_oldest(shares: Sequence[sa.ColumnElement[bool]]) -> bool:
    # One query per state, so that the index finds each at once, even after a flood of requests.
    oldest = [
        [sa.select(sa.func.min(_outbox.id)).where(share, _outbox.state == state).scalar_subquery() for state in STATES]
        for share in shares
    ]
    found = [db.session.execute(sa.select(*of_share)).one() for of_share in oldest]
    first = {min(ids) for row in found if (ids := [number for number in row if number is not None])}
    # Ordered by id, so that two deliverers that lock several rows cannot deadlock.
    held = sa.select(_outbox.id).where(_outbox.id.in_(first)).order_by(_outbox.id).with_for_update()
    return len(db.session.scalars(held).all()) == len(first)


def _sent(share: sa.ColumnElement[bool], message: QueuedMessage, since: datetime, most: int) -> Sequence[datetime]:
    newest = (
        sa.select(_sent_at)
        .where(share, _outbox.state.in_((QUEUED, SENT)), _outbox.id != message.id, _sent_at > since)
        .order_by(_sent_at.desc())
        .limit(most)
    )
    return db.session.scalars(newest).all()
