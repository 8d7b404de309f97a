"""Step: a sign-in at level 1 to an account that needs level 2 gets no session, but a token to go on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from app.core.client_info import ClientInfo
from app.core.errors import Forbidden
from app.domain.accounts.model import AccountSnapshot
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.passkeys.store import PasskeyStore
from app.domain.sessions.model import Proof
from app.domain.tokens.links import Links
from app.domain.trusted_devices.store import TrustedDeviceStore
from app.flows.steps.second_factor_policy import SecondFactorPolicy

SECOND_STEP: Final = "second-factor"
ENROLMENT: Final = "second-factor-enrolment"
LIFETIME: Final = timedelta(minutes=5)
TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"


@dataclass(frozen=True, slots=True)
class NextStep:
    """How a sign-in goes on: the token, how long it is valid, and the methods to choose from."""

    token: str
    expires_in: int
    methods: tuple[str, ...]


class SecondFactorRequired(Forbidden):
    """The first factor was right. `next_step` says how to go on."""

    code = "second_factor_required"
    detail = "Enter the code from your authenticator app: send it with the token to POST /api/v1/auth/second-factor."

    example: ClassVar[Mapping[str, object]] = {
        "second_factor": {"token": "WyI2ZjFjMGE1Mi…", "expires_in": 300, "methods": ["totp", "recovery_code"]}
    }

    def __init__(self, next_step: NextStep) -> None:
        super().__init__()
        self.next_step = next_step
        self.link_token: str | None = None  # of an identity that would have been linked with this sign-in

    def members(self) -> dict[str, object]:
        """The member `second_factor`, and `link_token` after a sign-in with a new identity."""
        step = self.next_step
        found = {"token": step.token, "expires_in": step.expires_in, "methods": list(step.methods)}
        return {"second_factor": found} | ({"link_token": self.link_token} if self.link_token else {})


class SecondFactorEnrolmentRequired(SecondFactorRequired):
    """The account must have a second factor and has none. The token allows to set one up, and nothing else."""

    code = "second_factor_enrolment_required"
    detail = "This account needs a second factor. Set one up with the token: POST /api/v1/auth/second-factor/totp."
    example: ClassVar[Mapping[str, object]] = {
        "second_factor": {"token": "WyI2ZjFjMGE1Mi…", "expires_in": 300, "methods": ["totp"]}
    }


@dataclass(frozen=True, slots=True)
class RequireSecondFactor:
    """Asks for the second factor. A trusted device is not asked again at sign-in; its session stays at level 1."""

    policy: SecondFactorPolicy
    links: Links
    passkeys: PasskeyStore
    recovery_codes: RecoveryCodes
    trusted_devices: TrustedDeviceStore

    def __call__(self, account: AccountSnapshot, proof: Proof, client: ClientInfo, now: datetime) -> None:
        """Raises `SecondFactorRequired` if the proof is not enough. No statement for an account that needs none."""
        if proof.level >= self.policy.level_of(account):
            return
        if account.has_second_factor and self.trusted_devices.is_trusted(account.id, client.trusted_device_token, now):
            return
        methods = self._methods(account)
        if methods:
            raise SecondFactorRequired(self._next(SECOND_STEP, account, proof, methods, now))
        raise SecondFactorEnrolmentRequired(self._next(ENROLMENT, account, proof, (TOTP,), now))

    def _methods(self, account: AccountSnapshot) -> tuple[str, ...]:
        passkeys = (PASSKEY,) if self.passkeys.has_any(account.id) else ()
        if not account.has_second_factor:
            return passkeys
        codes = (RECOVERY_CODE,) if self.recovery_codes.left(account.id) else ()
        return (TOTP, *passkeys, *codes)

    def _next(
        self, kind: str, account: AccountSnapshot, proof: Proof, methods: tuple[str, ...], now: datetime
    ) -> NextStep:
        # The purpose names the method of the first step, so that the second one can tell both.
        token = self.links.sign(
            f"{kind}.{proof.methods[0]}",
            account_id=account.id,
            state=account.credentials_version,
            expires_at=now + LIFETIME,
        )
        return NextStep(token, int(LIFETIME.total_seconds()), methods)
