"""Step: put another password in the place of one that its owner need not know."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class ReplacePassword:
    """Sets the password, ends every session, tells the owner."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    revoke_access: RevokeAccess
    outbox: Outbox
    journal: Journal

    def __call__(
        self, account: AccountSnapshot, password_hash: str, origin: ClientInfo, challenge: OpenChallenge | None = None
    ) -> bool:
        """True for who did it; False if the credentials changed, or the challenge was used up, meanwhile."""
        now, by_letter = self.clock.now(), challenge is not None and challenge.by_letter
        with self.work as work:
            if not self.accounts.set_password(account, password_hash, now, verified=by_letter):
                return False
            if challenge is not None and not self.challenges.meet(challenge, Purpose.RESET_PASSWORD):
                return False
            self.revoke_access(account.id, Cause.PASSWORD_RESET, now)
            self.journal.record(Tag.PASSWORD_RESET, origin, now, account_id=account.id)
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
        return True
