"""The SQL statements of the outbox, built once."""

from datetime import datetime

import sqlalchemy as sa

from app.core.compiled import CompiledWrite
from app.core.database import table_of
from app.domain.mail.model import DEAD, DROPPED, QUEUED, SENT, QueuedMessage

_outbox = QueuedMessage.__table__.c
_now: sa.BindParameter[datetime] = sa.bindparam("now", type_=_outbox.due_at.type)
_this = _outbox.id == sa.bindparam("row_id")
_free = sa.or_(_outbox.lease_until.is_(None), _outbox.lease_until <= _now)
_is_due = sa.and_(_outbox.state == QUEUED, _outbox.due_at <= _now, _free)

INSERTED = ("kind", "account_id", "address", "mailbox", "locale", "parameters", "state", "attempts", "due_at",
            "created_at", "message_id")  # fmt: skip
# `inline`: PostgreSQL would return the id.
INSERT = CompiledWrite(
    sa.insert(table_of(QueuedMessage))
    .values({name: sa.bindparam(name, type_=_outbox[name].type) for name in INSERTED})
    .inline()
)
ANY_DUE = sa.select(sa.literal(1)).where(_is_due).limit(1)
TAKE_DUE = (
    sa.select(QueuedMessage)
    .where(_is_due)
    .order_by(_outbox.due_at, _outbox.id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .with_for_update(skip_locked=True)
)
OLDEST_DUE = sa.select(_outbox.id, _outbox.error).where(_is_due).order_by(_outbox.due_at, _outbox.id).limit(1)
NOTE = sa.update(QueuedMessage).where(_this, _is_due).values(error=sa.bindparam("text"))
# More than the deliverers hold at once. The index (state, due_at) finds them at any length of the queue.
FIRST_ERRORS = sa.select(_outbox.error).where(_outbox.state == QUEUED).order_by(_outbox.due_at).limit(50)
# A message to the same address may belong to another account, and must not replace this one.
_for_the_same = sa.and_(
    _outbox.mailbox == sa.bindparam("to_mailbox"),
    _outbox.kind == sa.bindparam("of_kind"),
    sa.or_(_outbox.account_id.is_(None), _outbox.account_id == sa.bindparam("for_account")),
)
NEWER = (
    sa.select(sa.literal(1))
    .where(
        _for_the_same, _outbox.id > sa.bindparam("row_id"), _outbox.state.in_(sa.bindparam("states", expanding=True))
    )
    .limit(1)
)
REPLACE_OLDER = (
    sa.update(QueuedMessage)
    .where(_for_the_same, _outbox.id < sa.bindparam("row_id"), _outbox.state == QUEUED, _outbox.due_at > _now, _free)
    .values(state=DROPPED, finished_at=_now, error="superseded by a newer email")
)
COUNT = sa.select(
    *(sa.func.count(sa.case((_outbox.state == state, 1))) for state in (QUEUED, SENT, DEAD, DROPPED)),
    sa.func.min(sa.case((_outbox.state == QUEUED, _outbox.created_at))),
)
# Answered from the index (state, due_at) alone. Sent messages are left out: there is a month of them.
DEPTH = sa.select(
    sa.func.count(sa.case((_outbox.state == QUEUED, 1))),
    sa.func.count(sa.case((sa.and_(_outbox.state == QUEUED, _outbox.due_at <= _now), 1))),
    sa.func.count(sa.case((_outbox.state == DEAD, 1))),
    sa.func.min(sa.case((sa.and_(_outbox.state == QUEUED, _outbox.due_at <= _now), _outbox.due_at))),
).where(_outbox.state.in_((QUEUED, DEAD)))
# A finished message was due before, so the index (state, due_at) finds it.
OVER = (
    sa.select(_outbox.id)
    .where(
        _outbox.state.in_((SENT, DEAD, DROPPED)),
        _outbox.due_at < sa.bindparam("before", type_=_outbox.due_at.type),
        _outbox.finished_at < sa.bindparam("before", type_=_outbox.due_at.type),
    )
    .limit(sa.bindparam("most", type_=sa.Integer()))
)

_listed = sa.select(
    _outbox.id,
    _outbox.kind,
    _outbox.state,
    _outbox.attempts,
    _outbox.due_at,
    _outbox.error,
    _outbox.created_at,
    _outbox.finished_at,
    _outbox.account_id,
    _outbox.address,
    _outbox.message_id,
)
SHOW = _listed.where(_this)
RECENT = (
    _listed.where(_outbox.id < sa.bindparam("before"))
    .order_by(_outbox.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
RECENT_IN = RECENT.where(_outbox.state == sa.bindparam("wanted"))

# Postponed messages can be retried now, but not those that a deliverer holds or that are due anyway.
_postponed = sa.and_(_outbox.state == QUEUED, _outbox.due_at > _now, _free)
_due_now = sa.update(QueuedMessage).values(state=QUEUED, due_at=_now, claim=None, lease_until=None, finished_at=None)
RETRY = _due_now.where(_this, sa.or_(_outbox.state == DEAD, _postponed))
RETRY_DEAD = _due_now.where(_outbox.state == DEAD)

EXPORTED = ("mailbox", "kind", "address", "locale", "parameters", "state", "created_at", "finished_at")
EXPORT = (
    sa.select(*(_outbox[name] for name in EXPORTED))
    .where(
        sa.or_(
            _outbox.account_id == sa.bindparam("account_id"),
            sa.and_(
                _outbox.account_id.is_(None),
                _outbox.mailbox == sa.bindparam("mailbox"),
                _outbox.created_at >= sa.bindparam("since", type_=_outbox.created_at.type),
            ),
        )
    )
    .order_by(_outbox.id)
)
