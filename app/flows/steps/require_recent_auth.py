"""Step: sensitive actions require that the session authenticated recently (ASVS 7.5.1)."""

from dataclasses import dataclass
from datetime import timedelta

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.flows.steps.check_password import CheckPassword, ReauthenticationRequired
from app.flows.steps.identity import Identity


@dataclass(frozen=True, slots=True)
class RequireRecentAuth:
    """Recent authentication is a state of the session: how long ago it was, and at which level."""

    clock: Clock
    check_password: CheckPassword
    window: timedelta

    def __call__(self, identity: Identity, password: str | None, client: ClientInfo, *, level: int = 1) -> None:
        """Check that the session authenticated within `window` at `level`, or check the password that is given.

        Raises `ReauthenticationRequired`, or `WrongPassword` for a password that is given and wrong.
        """
        session = identity.session
        if session.level < level:
            raise ReauthenticationRequired
        if password is not None:
            self.check_password.of_session(identity, password, client)
        elif self.clock.now() - session.authenticated_at > self.window:
            raise ReauthenticationRequired
