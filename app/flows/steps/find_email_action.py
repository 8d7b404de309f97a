"""Step: find the email action of a link or a code. The change that it allows consumes it."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import NO_ACCOUNT, EmailActionStore, PendingEmailAction
from app.domain.limits.attempts import AttemptLimiter
from app.domain.tokens.codes import CodeInvalid, Codes
from app.domain.tokens.links import Links, LinkUsed


@dataclass(frozen=True, slots=True)
class FindEmailAction:
    """Opens links and checks codes."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_actions: EmailActionStore
    links: Links
    codes: Codes
    attempt_limiter: AttemptLimiter
    journal: Journal

    def by_link(self, purpose: Purpose, token: str) -> PendingEmailAction:
        """The email action of a link. Raises `LinkInvalid`, `LinkExpired` or `LinkUsed`. Changes nothing."""
        account_id, message = self.links.open(purpose, token)
        action = self.email_actions.find(account_id, purpose, self.clock.now(), message_id=message)
        if action is None:
            raise LinkUsed
        return action

    def by_code(
        self, purpose: Purpose, canonical: str, code: str, client: ClientInfo, device: str | None = None
    ) -> PendingEmailAction:
        """The email action of a code for the account with this address. Raises `CodeInvalid` or `RateLimited`.

        An unknown address takes the same statements and the same commit as a known one. Parallel guesses gain nothing
        over serial ones: only the one that has locked the code can succeed. A right code counts no attempt.
        """
        (account_id, enabled), now = self.accounts.id_by_email(canonical), self.clock.now()
        attempt = self.attempt_limiter.attempt(canonical, device)
        owner = account_id if account_id and enabled else NO_ACCOUNT
        action = self.email_actions.with_code(owner, purpose, now)
        right = self.codes.matches(code, purpose, owner, action.message_id if action else 0)
        too_many = attempt.settle(right=right and action is not None)
        with self.work as work:
            held = self.email_actions.lock_code(action, purpose, now)
            if action is not None and held and right and not too_many:
                return action
            self.email_actions.count_attempt(owner if held else NO_ACCOUNT, purpose)
            self.journal.record(EventType.CODE_FAILED, client, now, account_id=account_id, purpose=purpose.value)
            work.commit()
        raise too_many or CodeInvalid
