"""Step: what cannot be undone asks for a password given a moment ago (ASVS 7.5.1)."""

from dataclasses import dataclass
from datetime import timedelta

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot
from app.domain.sessions.model import OwnedSession
from app.flows.steps.check_password import CheckPassword, ReauthenticationRequired


@dataclass(frozen=True, slots=True)
class RequireRecentAuth:
    """Lets pass whoever gave the password within `window`, or gives it now."""

    clock: Clock
    check_password: CheckPassword
    window: timedelta

    def __call__(self, identity: OwnedSession[AccountSnapshot], password: str | None, client: ClientInfo) -> None:
        """Nothing, or `FreshSignInNeeded`, or `WrongPassword` for one that is given and wrong."""
        if password is not None:
            self.check_password.of_session(identity, password, client)
        elif self.clock.now() - identity.session.authenticated_at > self.window:
            raise ReauthenticationRequired
