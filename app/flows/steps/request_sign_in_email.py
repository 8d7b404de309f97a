"""Step: queue an email with a link and a code to sign in, for the client that asks."""

from dataclasses import dataclass, field
from datetime import timedelta

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.domain.accounts.emails import Address
from app.domain.email_sign_ins.store import digest_of, new_attempt
from app.flows.steps.notify import Email, Notify


@dataclass(frozen=True, slots=True)
class RequestedSignIn:
    """What the client keeps that asked: without `attempt` the code is worth nothing. `expires_in` is in seconds."""

    attempt: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class RequestSignInEmail:
    """Queues the email. Whether the address has an account is found out when it is sent."""

    clock: Clock
    notify: Notify
    lifetime: timedelta

    def __call__(self, address: Address, client: ClientInfo, *, may_open_account: bool) -> RequestedSignIn:
        """One statement, the same for every address. `may_open_account`: an unknown address gets an email too."""
        attempt = new_attempt()
        self.notify.without_lookup(
            Email.SIGN_IN,
            address.canonical,
            client,
            self.clock.now(),
            attempt_digest=digest_of(attempt),
            may_open_account=int(may_open_account),
        )
        return RequestedSignIn(attempt, int(self.lifetime.total_seconds()))
