"""How many emails of one kind a mailbox gets: three at once, then one every twenty minutes while somebody asks.

That is five in any hour at most, and no request waits longer than twenty minutes for its answer: see
docs/decisions/0017-email-limit.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.core.database import db
from app.domain.mail.model import QUEUED, SENT, STATES, QueuedMessage

HOUR: Final = timedelta(hours=1)
BURST: Final = 3
INTERVAL: Final = timedelta(minutes=20)  # shorter than a link lives, so the newest link works until the next email
MAX_PER_HOUR: Final = BURST + HOUR // INTERVAL - 1

_outbox = QueuedMessage.__table__.c
# A message that is being sent counts like one that was sent: with a slow mail server several are under way at once.
_sent_at = sa.func.coalesce(_outbox.sending_at, _outbox.finished_at, type_=_outbox.finished_at.type)


class TooSoon(Exception):
    """The message must wait until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("enough emails of this kind for now")
        self.until = until


def next_allowed_at(sent: Sequence[datetime]) -> datetime | None:
    """When the next email may be sent after these of the last hour, newest first; None: at once."""
    if len(sent) < BURST:
        return None
    return min(sent[0] + INTERVAL, sent[BURST - 1] + HOUR)


def require_allowed(message: QueuedMessage, now: datetime, *, also_by_account: bool) -> None:
    """`TooSoon`, or the turn is the email's until the caller's unit of work ends.

    Deliverers that serve one mailbox at the same time take turns: each first locks the oldest row of the mailbox.
    `also_by_account`: count what was sent to other mailboxes for the same account, too.
    """
    of_kind = _outbox.kind == message.kind
    shares = [sa.and_(of_kind, _outbox.mailbox == message.mailbox)]
    if also_by_account:
        shares.append(sa.and_(of_kind, _outbox.account_id == message.account_id))
    if not _lock_oldest(shares):
        raise TooSoon(now)  # a row was deleted at this moment: the next attempt finds another
    until = next_allowed_at(_sent(sa.or_(*shares), message, now - HOUR))
    if until is not None and until > now:
        raise TooSoon(until)


def _lock_oldest(shares: Sequence[sa.ColumnElement[bool]]) -> bool:
    # By state, because the index then finds each at once, however many requests a flood has left behind.
    oldest = [
        [sa.select(sa.func.min(_outbox.id)).where(share, _outbox.state == state).scalar_subquery() for state in STATES]
        for share in shares
    ]
    found = [db.session.execute(sa.select(*of_share)).one() for of_share in oldest]
    first = {min(ids) for row in found if (ids := [number for number in row if number is not None])}
    # In the order of ids, so that two deliverers that lock several do not wait for each other.
    held = sa.select(_outbox.id).where(_outbox.id.in_(first)).order_by(_outbox.id).with_for_update()
    return len(db.session.scalars(held).all()) == len(first)


def _sent(share: sa.ColumnElement[bool], message: QueuedMessage, since: datetime) -> Sequence[datetime]:
    newest = (
        sa.select(_sent_at)
        .where(share, _outbox.state.in_((QUEUED, SENT)), _outbox.id != message.id, _sent_at > since)
        .order_by(_sent_at.desc())
        .limit(BURST)
    )
    return db.session.scalars(newest).all()
