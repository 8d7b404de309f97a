"""Step: put another password in the place of one that its owner need not know."""

from dataclasses import dataclass
from typing import Final

from app.core.clock import Clock
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.domain.sessions.store import SessionStore

VOIDED: Final = (Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL)


@dataclass(frozen=True, slots=True)
class ReplacePassword:
    """Sets the password, ends every session, tells the owner."""

    work: Work
    clock: Clock
    accounts: AccountStore
    sessions: SessionStore[AccountSnapshot]
    challenges: ChallengeStore
    outbox: Outbox
    journal: Journal

    def __call__(
        self, account: AccountSnapshot, password_hash: str, origin: Origin, challenge: OpenChallenge | None = None
    ) -> bool:
        """True for who did it; False if the credentials changed, or the challenge was used up, meanwhile."""
        now, by_letter = self.clock.now(), challenge is not None and challenge.by_letter
        with self.work as work:
            met = challenge is None or self.challenges.meet(challenge, Purpose.RESET_PASSWORD)
            if not met or not self.accounts.set_password(account, password_hash, now, verified=by_letter):
                return False
            self.challenges.void(account.id, VOIDED)
            self.sessions.end_all(account.id, now)
            self.journal.record(Tag.PASSWORD_RESET, origin, now, account_id=account.id)
            self.outbox.queue(
                "password_changed", now=now, address=account.email, account_id=account.id, locale=origin.language,
                ip=origin.ip, user_agent=origin.user_agent,
            )  # fmt: skip
            work.commit()
        return True
