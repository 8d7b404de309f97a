"""Changing a password that is known."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.notify import Email, Notify
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """Replaces a password by another and ends every session but the one that asks."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    sessions: AccountSessions
    revoke_access: RevokeAccess
    notify: Notify
    journal: Journal
    require_recent_auth: RequireRecentAuth

    def change(self, identity: Identity, current: str | None, password: str, client: ClientInfo) -> None:
        """The new password holds, the other sessions are over, an email says so. Of parallel changes one succeeds."""
        account, own = identity.owner, identity.session
        self.require_recent_auth(identity, current, client)
        self.passwords.accept(password, account.email)
        password_hash, now = self.passwords.hash(password), self.clock.now()
        with self.work as work:
            if not self.accounts.set_password(account, password_hash, now):
                raise InvalidToken  # changed or reset meanwhile, which ended the session that asks
            self.revoke_access(
                account.id, Cause.PASSWORD_CHANGED, now, keep=own.id, keep_device=client.trusted_device_token
            )
            self.sessions.authenticate(own, now)
            self.journal.record(EventType.PASSWORD_CHANGED, client, now, account_id=account.id, session_id=own.id)
            self.notify(Email.PASSWORD_CHANGED, account.email, client, now, account_id=account.id)
            work.commit()
