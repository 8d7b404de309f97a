"""Changing a password that is known."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import OwnedSession
from app.domain.sessions.store import SessionStore
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.require_recent_auth import RequireFresh
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """Replaces a password by another and ends every session but the one that asks."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    sessions: SessionStore[AccountSnapshot]
    revoke_access: RevokeAccess
    outbox: Outbox
    journal: Journal
    require_fresh: RequireFresh

    def change(
        self, identity: OwnedSession[AccountSnapshot], current: str | None, password: str, origin: ClientInfo
    ) -> None:
        """The new password holds, the other sessions are over, a letter says so. Of parallel changes one succeeds."""
        account, own = identity.owner, identity.session.id
        self.require_fresh(identity, current, origin)
        self.passwords.accept(password, account.email)
        password_hash, now = self.passwords.hash(password), self.clock.now()
        with self.work as work:
            if not self.accounts.set_password(account, password_hash, now):
                raise InvalidToken  # changed or reset meanwhile, which ended the session that asks
            self.revoke_access(account.id, Cause.PASSWORD_CHANGED, now, keep=own)
            self.sessions.authenticate(own, now)
            self.journal.record(Tag.PASSWORD_CHANGED, origin, now, account_id=account.id, session_id=own)
            self.outbox.queue(
                "password_changed",
                now=now,
                address=account.email,
                account_id=account.id,
                locale=origin.language,
                ip=origin.ip,
                user_agent=origin.user_agent,
            )
            work.commit()
