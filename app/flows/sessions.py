"""Sessions: authenticate a request, refresh, sign out."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.tokens.jwt_tokens import ACCESS, REFRESH, Claims, InvalidToken, JwtTokens
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.notify import Email, Notify
from app.flows.steps.revoke_access import Cause, RevokeAccess

Scope = Literal["this", "others", "all"]


class SessionEnded(InvalidToken):
    """The token is genuine, but its session has ended.

    `long_ago`: longer than the grace period, so no request that was sent before the end is still on its way.
    """

    def __init__(self, *, long_ago: bool) -> None:
        super().__init__()
        self.long_ago = long_ago


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a signed-in client does with its session."""

    work: UnitOfWork
    clock: Clock
    sessions: AccountSessions
    tokens: JwtTokens
    issue_tokens: IssueTokens
    journal: Journal
    revoke_access: RevokeAccess
    notify: Notify
    grace: timedelta

    def authenticate(self, access_token: str) -> Identity:
        """The live session and account of an access token, in one statement. Raises `InvalidToken`."""
        return self._alive(self.tokens.read(access_token, ACCESS))

    def has_ended(self, token: str, kind: str) -> bool:
        """Whether the token is genuine and its session has ended."""
        try:
            self._alive(self.tokens.read(token, kind))
        except SessionEnded:
            return True
        except InvalidToken:
            return False
        return False

    def refresh(self, refresh_token: str, client: ClientInfo, idempotency_key: str | None = None) -> Tokens:
        """The next pair of tokens; the token given is used up.

        Used again within the grace period (two tabs at once, an answer that got lost), or later with the same
        idempotency key, it gives the same successor again. Used later otherwise, it gives another one, if the first one
        was never used: that one must have got lost, and counts as stolen from now on. Every other token that was used
        is in two hands, and the session ends before the error is returned (RFC 9700, 4.14.2).
        """
        claims = self.tokens.read(refresh_token, REFRESH)
        key = hashlib.sha256(idempotency_key.encode()).hexdigest() if idempotency_key else None
        found = self._alive(claims)
        lost = self._is_lost(claims, found, key)
        if claims.generation == found.session.generation or lost:
            rotated = self.sessions.rotate(found.session, key, lost=lost)
            if rotated is not None:
                return self.issue_tokens(found.owner, rotated)
            found = self._alive(claims)  # a parallel refresh came first
        if self._is_retry(claims, found, key):
            return self.issue_tokens(found.owner, found.session)
        self._revoke_reused(found, client)
        raise InvalidToken

    def sign_out(self, identity: Identity, client: ClientInfo, scope: Scope = "this") -> None:
        """End this session, the other sessions of the account, or all. Their tokens are invalid when this returns."""
        now, own = self.clock.now(), identity.session.id
        with self.work as work:
            if scope == "this":
                self.sessions.end(own, identity.owner.id, now)
            else:
                keep = own if scope == "others" else None
                self.revoke_access(identity.owner.id, Cause.SIGNED_OUT, now, keep=keep)
            self.journal.record(
                EventType.SESSION_ENDED, client, now, account_id=identity.owner.id, session_id=own, scope=scope
            )
            work.commit()

    def sign_out_by_refresh_token(self, refresh_token: str, client: ClientInfo, scope: Scope = "this") -> None:
        """Like `sign_out`, for the session of a refresh token.

        A used token ends its own session, whose end its reuse would be anyway, but no other: it may be in two hands.
        """
        claims = self.tokens.read(refresh_token, REFRESH)
        found = self._alive(claims)
        is_used = claims.generation != found.session.generation and not self._is_retry(claims, found, None)
        if is_used and scope != "this":
            self._revoke_reused(found, client)
            raise InvalidToken
        self.sign_out(found, client, scope)

    def _alive(self, claims: Claims) -> Identity:
        found = self.sessions.find(claims.session_id)
        if found is None:
            raise SessionEnded(long_ago=True)
        if not found.session.alive or found.owner.disabled_at is not None:
            raise SessionEnded(long_ago=self._ended_long_ago(found))
        if found.owner.id != claims.account_id:
            raise InvalidToken
        return found

    def _ended_long_ago(self, found: Identity) -> bool:
        session = found.session
        ends = (session.revoked_at, session.expires_at, found.owner.disabled_at)
        return any(end is not None and end + self.grace <= session.read_at for end in ends)

    def _is_retry(self, claims: Claims, found: Identity, key: str | None) -> bool:
        session = found.session
        if claims.generation != session.parent:
            return False
        # Two refreshes may have the same time: SQLite's clock counts milliseconds, and a clock may be set back.
        in_grace = bool(self.grace) and session.read_at - session.rotated_at <= self.grace
        return in_grace or (key is not None and key == session.idempotency_key_hash)

    def _is_lost(self, claims: Claims, found: Identity, key: str | None) -> bool:
        # Without a grace period every token is accepted once, whatever happened to the answer.
        is_parent = claims.generation == found.session.parent
        return is_parent and bool(self.grace) and not self._is_retry(claims, found, key)

    def _revoke_reused(self, found: Identity, client: ClientInfo) -> None:
        session, now = found.session, self.clock.now()
        with self.work as work:
            if self.sessions.end(session.id, session.account_id, now):
                self.journal.record(
                    EventType.SESSION_REUSED, client, now, account_id=session.account_id, session_id=session.id
                )
                self.notify(Email.SESSION_USED_TWICE, found.owner.email, client, now, account_id=session.account_id)
            work.commit()
