"""The second step of a sign-in: a code of the second factor, or its enrolment where it is required."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.model import Proof, add_methods
from app.domain.trusted_devices.store import TrustedDeviceStore
from app.flows.steps.change_factors import ChangeFactors
from app.flows.steps.check_passkey import CheckPasskey
from app.flows.steps.check_second_factor import METHOD, CheckSecondFactor
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.enrol_totp import EnrolTotp, TotpEnrolment
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.make_passkey_options import SECOND_FACTOR
from app.flows.steps.open_second_step import OpenSecondStep, SignInExpired
from app.flows.steps.open_session import OpenSession
from app.flows.steps.require_second_factor import ENROLMENT, SECOND_STEP
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class CompletedSignIn:
    """The tokens, and what else the client keeps: `trusted_device_token`, if it asked to be trusted."""

    tokens: Tokens
    trusted_device_token: str | None = None
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Finishes sign-ins that raised `SecondFactorRequired`."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    trusted_devices: TrustedDeviceStore
    open_second_step: OpenSecondStep
    check_second_factor: CheckSecondFactor
    check_passkey: CheckPasskey
    complete_sign_in: CompleteSignIn
    enrol_totp: EnrolTotp
    change_factors: ChangeFactors
    revoke_access: RevokeAccess
    open_session: OpenSession
    issue_tokens: IssueTokens
    journal: Journal
    trust_lifetime: timedelta

    def finish(
        self, token: str, client: ClientInfo, *, code: str | None, recovery_code: str | None, trust: bool
    ) -> CompletedSignIn:
        """The tokens of a session at level 2. Raises `SignInExpired`, `WrongCode` or `RateLimited`."""
        self.issue_tokens.require_keys()
        account, first = self.open_second_step(SECOND_STEP, token)
        if code is not None:
            use = self.check_second_factor.code(account, code, client, None)
        else:
            use = self.check_second_factor.recovery_code(account, recovery_code or "", client, None)
        return self._finish(account, _both(first, METHOD), client, use, trust=trust)

    def finish_with_passkey(
        self, token: str, credential: Mapping[str, Any], client: ClientInfo, *, trust: bool
    ) -> CompletedSignIn:
        """The same with a passkey of the account. Raises `SignInExpired` or the errors of `CheckPasskey`."""
        self.issue_tokens.require_keys()
        account, first = self.open_second_step(SECOND_STEP, token)
        check = self.check_passkey
        checked = check.of_account(account, credential, client, purpose=SECOND_FACTOR, bound_to=account.id)
        with check.recording_failure(checked, client):
            both = _both(first, checked.proof.methods)
            return self._finish(account, both, client, lambda: check.use(checked, client), trust=trust)

    def _finish(
        self, account: AccountSnapshot, proof: Proof, client: ClientInfo, use: Callable[[], None], *, trust: bool
    ) -> CompletedSignIn:
        trusted: list[str] = []

        def finish() -> None:
            use()
            if trust and self.trust_lifetime:
                trusted.append(self._trust(account, client, self.clock.now()))

        tokens = self.complete_sign_in(account, proof, client, superseded=SignInExpired, use=finish)
        return CompletedSignIn(tokens, trusted[0] if trusted else None)

    def start_enrolment(self, token: str, name: str | None) -> TotpEnrolment:
        """Begin to set up the authenticator app without which the account gets no session."""
        account, _ = self.open_second_step(ENROLMENT, token)
        if account.has_second_factor:
            raise SignInExpired
        return self.enrol_totp.start(account, name)

    def confirm_enrolment(self, token: str, factor_id: int, code: str, client: ClientInfo) -> CompletedSignIn:
        """Make the app count and finish the sign-in: the tokens and the recovery codes."""
        self.issue_tokens.require_keys()
        account, first = self.open_second_step(ENROLMENT, token)
        matched, now = self.enrol_totp.check(account, factor_id, code), self.clock.now()
        with self.work as work:
            current = self.accounts.get_for_update(account.id)
            if current is None or current.has_second_factor or not _same(current, account):
                raise SignInExpired
            codes = self.change_factors.add(current, matched, client, now)
            self.revoke_access(account.id, Cause.FACTOR_ADDED, now)
            current = self.accounts.require_for_update(account.id)
            session = self.open_session(current, _both(first, METHOD), client, now)
            if session is None:
                raise SignInExpired
            tokens = self.issue_tokens(current, session)
            work.commit()
        return CompletedSignIn(tokens, recovery_codes=tuple(codes))

    def _trust(self, account: AccountSnapshot, client: ClientInfo, now: datetime) -> str:
        token = self.trusted_devices.add(account.id, client, now, now + self.trust_lifetime)
        self.journal.record(EventType.DEVICE_TRUSTED, client, now, account_id=account.id)
        return token


def _both(first: Proof, second: tuple[str, ...]) -> Proof:
    return Proof(add_methods(first.methods, second), level=2)


def _same(current: AccountSnapshot, account: AccountSnapshot) -> bool:
    return current.credentials_version == account.credentials_version
