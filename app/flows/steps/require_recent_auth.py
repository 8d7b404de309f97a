"""Step: sensitive actions require that the session authenticated recently (ASVS 7.5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Forbidden
from app.flows.steps.check_password import CheckPassword, ReauthenticationRequired
from app.flows.steps.identity import Identity
from app.flows.steps.second_factor_policy import SecondFactorPolicy


class StrongerSignInRequired(Forbidden):
    """The session is at level 1, and the account needs level 2 for this action (RFC 9470)."""

    code = "stronger_sign_in_required"
    detail = "The second factor is required: call POST /api/v1/auth/reauthenticate with a code or passkey, and retry."

    example: ClassVar[Mapping[str, object]] = {"acr": "aal2"}

    def members(self) -> dict[str, object]:
        """The member `acr` of the problem document: what the access token must say."""
        return dict(self.example)


@dataclass(frozen=True, slots=True)
class RequireRecentAuth:
    """Recent authentication is a state of the session: how long ago it was, and at which level."""

    clock: Clock
    check_password: CheckPassword
    policy: SecondFactorPolicy
    window: timedelta

    def __call__(
        self, identity: Identity, password: str | None, client: ClientInfo, *, first_factor: bool = False
    ) -> None:
        """Check that the session authenticated within `window` at the level of its account.

        At level 1 the password, if it is given, is enough. `first_factor`: the action sets up a second factor, so an
        account that has none yet acts at level 1, also if it must have one. Raises `StrongerSignInRequired`,
        `ReauthenticationRequired`, or `WrongPassword` for a password that is given and wrong.
        """
        session, account = identity.session, identity.owner
        level = 1 if first_factor and not account.has_second_factor else self.policy.level_of(account)
        if session.level < level:
            raise StrongerSignInRequired
        if password is not None:
            self.check_password.of_session(identity, password, client)
            if level == 1:
                return
        if self.clock.now() - session.authenticated_at > self.window:
            raise ReauthenticationRequired
