"""Other people's sessions, in the hands of an administrator."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore, NoSuchAccount
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.devices import DeviceSession, NoSuchSession, to_device_sessions
from app.flows.steps.identity import AccountSessions
from app.flows.steps.require_administrator import Administrator, RequireAdministrator
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class AdminSessions:
    """Shows where an account is signed in, and ends that. `by`: see `app.flows.admin_accounts`."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    sessions: AccountSessions
    journal: Journal
    require_administrator: RequireAdministrator
    revoke_access: RevokeAccess

    def all(self, by: Administrator, account_id: str) -> list[DeviceSession]:
        """Where the account is signed in, or `NoSuchAccount`."""
        if self.accounts.by_id(account_id) is None:
            raise NoSuchAccount
        return to_device_sessions(self.sessions.alive(account_id), by.session.id if by else None)

    def end(self, by: Administrator, account_id: str, session_id: str) -> None:
        """End one session at once, or `NoSuchSession`, also if it is another account's."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            if not self.sessions.end(session_id, account_id, now):
                raise NoSuchSession
            self.journal.record(
                EventType.SESSION_ENDED,
                ClientInfo(),
                now,
                account_id=account_id,
                **actor,
                scope="administrator",
                session=session_id,
            )
            work.commit()

    def end_all(self, by: Administrator, account_id: str) -> None:
        """End every session of the account at once, or `NoSuchAccount`."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            self.accounts.require_for_update(account_id)
            self.revoke_access(account_id, Cause.SIGNED_OUT, now)
            self.journal.record(
                EventType.SESSION_ENDED, ClientInfo(), now, account_id=account_id, **actor, scope="administrator"
            )
            work.commit()
