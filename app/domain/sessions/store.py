"""Stores sessions. Rotation, which many requests may try at once, is one conditional UPDATE."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic

import sqlalchemy as sa

from app.core.batch_delete import BatchDelete
from app.core.client_info import ClientInfo
from app.core.compiled import CompiledSelect, CompiledWrite
from app.core.data_subject import DataSubject
from app.core.database import database_now, db, execute_in_transaction, execute_one, fetch_all, fetch_one, table_of
from app.domain.sessions.devices import network_of
from app.domain.sessions.model import OwnedSession, Owner, Proof, Session, SessionSnapshot, add_methods

MAX_LISTED: Final = 200
MOST_COUNTED: Final = 100_000  # all of them would take seconds where there are millions
EXPORTED: Final = (
    "id",
    "created_at",
    "rotated_at",
    "authenticated_at",
    "expires_at",
    "absolute_expires_at",
    "revoked_at",
    "ip",
    "user_agent",
)
_sessions = table_of(Session)
_columns = [*_sessions.c, database_now().label("read_at")]

_rotate = CompiledWrite(
    sa.update(_sessions)
    .where(
        _sessions.c.id == sa.bindparam("sid"),
        _sessions.c.generation == sa.bindparam("current"),
        _sessions.c.revoked_at.is_(None),
    )
    .values(
        generation=_sessions.c.generation + 1,
        rotated_at=sa.bindparam("now"),
        expires_at=sa.bindparam("expiry"),
        idempotency_key_hash=sa.bindparam("key"),
        lost_successors=sa.bindparam("lost"),
    )
)
_of_account = (
    sa.select(*_columns)
    .where(_sessions.c.account_id == sa.bindparam("account_id"), _sessions.c.revoked_at.is_(None))
    .order_by(_sessions.c.rotated_at.desc())
    .limit(MAX_LISTED)
)
_earlier = (
    sa.select(_sessions.c.user_agent, _sessions.c.ip)
    .where(_sessions.c.account_id == sa.bindparam("account_id"), _sessions.c.id != sa.bindparam("sid"))
    .order_by(_sessions.c.created_at.desc())
    .limit(MAX_LISTED)
)

_delete_expired = BatchDelete(_sessions, _sessions.c.expires_at < sa.bindparam("before"), _sessions.c.expires_at)
_alive = sa.select(sa.func.count()).select_from(
    sa.select(sa.literal(1).label("one"))
    .where(_sessions.c.expires_at > sa.bindparam("now"), _sessions.c.revoked_at.is_(None))
    .limit(MOST_COUNTED)
    .subquery()
)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives without a refresh (`idle`) and at most (`absolute`)."""

    idle: timedelta
    absolute: timedelta


class SessionStore(Generic[Owner]):
    """Opens, finds, rotates and ends sessions. The owner is read in the same statement, from `owner_columns`."""

    def __init__(
        self, lifetimes: Lifetimes, owner: Callable[..., Owner], owner_columns: Sequence[sa.Column[Any]]
    ) -> None:
        self._lifetimes, self._owner = lifetimes, owner
        self._accounts: sa.Table = owner_columns[0].table
        self._find = CompiledSelect(
            sa.select(*_columns, *owner_columns)
            .join_from(_sessions, self._accounts)
            .where(_sessions.c.id == sa.bindparam("sid"))
        )

    def open(
        self,
        account_id: str,
        version: int,
        second_factor_at: datetime | None,
        proof: Proof,
        client: ClientInfo,
        now: datetime,
    ) -> SessionSnapshot | None:
        """Open a session; None if the account's credentials are not at `version`, its second factor is not that of
        `second_factor_at`, or it is disabled or being deleted.

        Within a unit of work. The account's row is locked while it is read: otherwise a sign-in during a password
        reset, a disabling or a deletion would leave a session that those did not see and therefore did not end.
        """
        session = self._new(account_id, proof, client, now)
        values = [sa.literal(getattr(session, column.key), column.type) for column in _sessions.c]
        unchanged = (
            sa.select(*values)
            .where(
                self._accounts.c.id == account_id,
                self._accounts.c.credentials_version == version,
                self._accounts.c.second_factor_at.is_not_distinct_from(second_factor_at),
                self._accounts.c.disabled_at.is_(None),
                self._accounts.c.deletes_at.is_(None),
            )
            .with_for_update(read=True, of=self._accounts)
        )
        # SQLAlchemy keeps the row count of an INSERT only with this option; psycopg would report -1.
        insert = (
            sa.insert(_sessions).from_select(list(_sessions.c), unchanged).execution_options(preserve_rowcount=True)
        )
        return session if execute_one(insert) else None

    def _new(self, account_id: str, proof: Proof, client: ClientInfo, now: datetime) -> SessionSnapshot:
        absolute_expires_at = now + self._lifetimes.absolute
        return SessionSnapshot(
            id=str(uuid.uuid4()),
            account_id=account_id,
            generation=0,
            created_at=now,
            rotated_at=now,
            expires_at=min(now + self._lifetimes.idle, absolute_expires_at),
            absolute_expires_at=absolute_expires_at,
            revoked_at=None,
            ip=client.ip,
            user_agent=(client.user_agent or "")[:400] or None,
            authenticated_at=proof.at or now,
            idempotency_key_hash=None,
            auth_methods=" ".join(proof.methods),
            level=proof.level,
            lost_successors=0,
            read_at=now,
        )

    def find(self, session_id: str) -> OwnedSession[Owner] | None:
        """The session and its owner, also if the session has ended. One statement on two primary keys."""
        row = self._find.first({"sid": session_id})
        if row is None:
            return None
        return OwnedSession(SessionSnapshot(*row[: len(_columns)]), self._owner(*row[len(_columns) :]))

    def alive(self, account_id: str) -> list[SessionSnapshot]:
        """The account's live sessions, the most recently refreshed first; at most `MAX_LISTED`."""
        found = (SessionSnapshot(*row) for row in fetch_all(_of_account, {"account_id": account_id}))
        return [session for session in found if session.alive]

    def is_new_device(self, session: SessionSnapshot) -> bool:
        """Whether no other session of the account, live or ended, has this user agent on this network.

        False for the first session of an account, whose owner has just signed up. Within a unit of work.
        """
        others = db.session.execute(_earlier, {"account_id": session.account_id, "sid": session.id}).all()
        here = (session.user_agent, network_of(session.ip))
        return bool(others) and here not in {(user_agent, network_of(ip)) for user_agent, ip in others}

    def export(self, account: DataSubject) -> list[dict[str, Any]]:
        """The account's sessions, for the data export."""
        found = sa.select(*(_sessions.c[name] for name in EXPORTED)).where(_sessions.c.account_id == account.id)
        found = found.order_by(_sessions.c.created_at, _sessions.c.id)
        return [dict(zip(EXPORTED, row, strict=True)) for row in fetch_all(found)]

    def count_alive(self, now: datetime) -> int:
        """How many sessions are live, at most `MOST_COUNTED`. Walks an index, so not for frequent requests."""
        row = fetch_one(_alive, {"now": now})
        return int(row[0]) if row else 0

    def delete_expired(self, before: datetime, most: int) -> int:
        """Delete up to `most` sessions whose `expires_at` is before a moment; how many were deleted.

        A revoked session is deleted at the same time as if it had not been, so one index finds both kinds.
        """
        return _delete_expired({"before": before}, most)

    def rotate(self, session: SessionSnapshot, key: str | None = None, *, lost: bool = False) -> SessionSnapshot | None:
        """Move the session to its next generation; None if another request rotated or ended it first.

        `lost`: the present generation never reached the client, so the next one has the same parent.
        `key` is stored, so that a client that sends it again gets the same successor. Times are those of the
        database's clock when the session was read, so the clocks of the machines may differ.
        """
        now, expiry = session.read_at, min(session.read_at + self._lifetimes.idle, session.absolute_expires_at)
        lost_successors = session.lost_successors + 1 if lost else 0
        values = {"now": now, "expiry": expiry, "key": key, "lost": lost_successors}
        if _rotate.execute({"sid": session.id, "current": session.generation} | values) != 1:
            return None
        return replace(
            session,
            generation=session.generation + 1,
            rotated_at=now,
            expires_at=expiry,
            idempotency_key_hash=key,
            lost_successors=lost_successors,
        )

    def authenticate(self, session: SessionSnapshot, now: datetime, proof: Proof | None = None) -> None:
        """Record that the owner has just authenticated again. Within a unit of work.

        `proof` adds its methods to those of the session, and may raise its level.
        """
        values: dict[str, object] = {"authenticated_at": now}
        if proof is not None:
            known = tuple(session.auth_methods.split())
            both = add_methods(known, proof.methods)
            values |= {"auth_methods": " ".join(both), "level": max(session.level, proof.level)}
        db.session.execute(sa.update(_sessions).where(_sessions.c.id == session.id).values(values))

    def end(self, session_id: str, account_id: str, now: datetime) -> bool:
        """End one session of the account; True if it was live. Within a unit of work."""
        this_one = (_sessions.c.id == session_id, _sessions.c.account_id == account_id)
        return execute_one(_ending(now).where(*this_one))

    def end_all(self, account_id: str, now: datetime, *, but: str | None = None) -> None:
        """End all sessions of the account, except the one with the id `but`. Within a unit of work."""
        statement = _ending(now).where(_sessions.c.account_id == account_id)
        db.session.execute(statement.where(_sessions.c.id != but) if but else statement)

    def end_others(self, account_id: str, ip: str | None, user_agent: str | None, now: datetime) -> int:
        """End sessions opened from another IP address or with another user agent; how many. Within a unit of work."""
        here = sa.and_(_sessions.c.ip.is_not_distinct_from(ip), _sessions.c.user_agent.is_not_distinct_from(user_agent))
        elsewhere = _ending(now).where(_sessions.c.account_id == account_id, ~here)
        return execute_in_transaction(elsewhere)


def _ending(now: datetime) -> sa.Update:
    return sa.update(_sessions).where(_sessions.c.revoked_at.is_(None)).values(revoked_at=now)
