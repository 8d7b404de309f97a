"""Step: when a sign-in email is sent, make its link and its code."""

from dataclasses import dataclass
from datetime import datetime

from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.email_actions.store import CODE_LIFETIME
from app.domain.email_sign_ins.store import PURPOSE, EmailSignInStore, PendingSignIn
from app.domain.mail.model import QueuedMessage
from app.domain.tokens.codes import Codes
from app.domain.tokens.links import Links
from app.flows.steps.email_settings import EmailSettings


@dataclass(frozen=True, slots=True)
class CarrySignIn:
    """Makes a message the one that signs in to its mailbox."""

    work: UnitOfWork
    email_sign_ins: EmailSignInStore
    links: Links
    codes: Codes
    email_settings: EmailSettings

    def __call__(
        self, message: QueuedMessage, account: AccountSnapshot | None, now: datetime
    ) -> dict[str, object] | None:
        """What the email says; None if a newer one was sent. `account` is None for an address without one."""
        lifetime = self.email_settings.sign_in_link_lifetime
        pending = PendingSignIn(
            mailbox=message.mailbox or "",
            attempt_digest=message.parameters["attempt_digest"],
            message_id=message.id,
            credentials_version=account.credentials_version if account else None,
            may_open_account=bool(message.parameters.get("may_open_account")),
            requested_at=message.created_at,
            user_agent=message.parameters.get("user_agent"),
            expires_at=now + lifetime,
        )
        with self.work as work:
            if not self.email_sign_ins.add(pending, code_expires_at=now + CODE_LIFETIME):
                return None
            work.commit()
        token = self.links.sign(
            PURPOSE, account_id=pending.attempt_digest, state=message.id, expires_at=pending.expires_at
        )
        return {
            "link": self.email_settings.sign_in_link_url.replace("{token}", token),
            "minutes": int(lifetime.total_seconds()) // 60,
            "code": self.codes.of(PURPOSE, pending.mailbox, message.id),
            "code_minutes": int(CODE_LIFETIME.total_seconds()) // 60,
            "opens_account": account is None,
        }
