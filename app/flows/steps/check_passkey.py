"""Step: check a passkey. Every flow that takes one calls this."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Forbidden, Invalid, ServiceError, Unauthenticated
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.challenges.challenges import Challenges
from app.domain.challenges.store import ChallengeUsed, SpentChallenges
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.passkeys.store import PasskeyStore, StoredPasskey
from app.domain.passkeys.verification import PasskeyInvalid, PasskeyResponse, PasskeyUse, read_response, verify_use
from app.domain.sessions.model import Proof, passkey_proof
from app.flows.steps.make_passkey_options import SIGN_IN, handle_of
from app.flows.steps.notify import Email, Notify
from app.flows.steps.sign_in_block import SignInBlock


class PasskeyUnknown(Unauthenticated):
    """No account has the passkey. A browser may drop it then (`signalUnknownCredential`)."""

    code = "passkey_unknown"
    detail = "This passkey is not registered here, or it was removed. Sign in another way."


class PasskeyUnusable(Unauthenticated):
    """The account of the passkey is blocked. Where addresses must be confirmed, also for an unknown passkey."""

    code = "passkey_unusable"
    detail = "This passkey cannot sign in now. If your address is not confirmed yet, open the link in the email."


class PasskeyCopySuspected(Forbidden):
    """The counter of a passkey that cannot be synced did not rise: another device may have a copy of it."""

    code = "passkey_copy_suspected"
    detail = "This passkey may have been copied. Sign in another way, and remove it from your account."


@dataclass(frozen=True, slots=True)
class CheckedPasskey:
    """A response whose signature is right. It counts once `CheckPasskey.use` has accepted it."""

    account: AccountSnapshot
    passkey: StoredPasskey
    response: PasskeyResponse
    expires_at: datetime
    passkey_use: PasskeyUse

    @property
    def proof(self) -> Proof:
        """What a session is opened with."""
        return passkey_proof(synced=self.passkey.backup_eligible)


@dataclass(frozen=True, slots=True)
class CheckPasskey:
    """Checks the responses of authenticators, uses them up, and records those that fail."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passkeys: PasskeyStore
    challenges: Challenges
    spent_challenges: SpentChallenges
    relying_party: RelyingParty
    sign_in_block: SignInBlock
    notify: Notify
    journal: Journal

    def of_anybody(self, credential: Mapping[str, Any], client: ClientInfo) -> CheckedPasskey:
        """The account of the passkey. Raises `PasskeyUnknown`, `PasskeyUnusable` or an `Invalid`."""
        response = read_response(credential)
        expires_at = self._expiry(SIGN_IN, "", response)
        found = self.passkeys.find(response.credential_id)
        account = self.accounts.by_id(found.account_id if found else "")
        blocked = self.sign_in_block(account, self.clock.now()) if account else None
        # A stranger who has just signed up must not learn whether the address had an account, which would have refused
        # the passkey. So both get the same error, for the same work.
        if found is None or account is None or blocked == "email_not_verified":
            unknown = PasskeyUnusable if self.sign_in_block.require_verified else PasskeyUnknown
            raise self._failed(account, client, blocked or "unknown", unknown())
        checked = self._verify(found, account, response, expires_at, client, is_named=False)
        if blocked:
            raise self._failed(account, client, blocked, PasskeyUnusable())
        return checked

    def of_account(
        self,
        account: AccountSnapshot,
        credential: Mapping[str, Any],
        client: ClientInfo,
        *,
        purpose: str,
        bound_to: str,
        unknown: type[ServiceError] = PasskeyUnknown,
    ) -> CheckedPasskey:
        """The same for a passkey of this account. Raises `unknown` if it has no such."""
        response = read_response(credential)
        expires_at = self._expiry(purpose, bound_to, response)
        found = self.passkeys.find(response.credential_id)
        if found is None or found.account_id != account.id:
            raise self._failed(account, client, "unknown", unknown())
        return self._verify(found, account, response, expires_at, client, is_named=True)

    def use(self, checked: CheckedPasskey, client: ClientInfo) -> None:
        """Use up the response, within a unit of work that has locked the account's row and is `recording_failure`.

        Raises `ChallengeUsed`, `PasskeyUnknown` if the passkey was removed, or `PasskeyCopySuspected`. Synced passkeys
        are copies by design, and each device may count for itself: a low counter is only recorded.
        """
        now, passkey, use = self.clock.now(), checked.passkey, checked.passkey_use
        self.spent_challenges.spend(checked.response.challenge, checked.expires_at)
        if self.passkeys.use(passkey.id, use, now):
            return
        if not passkey.backup_eligible:
            raise PasskeyCopySuspected if self.passkeys.exists(passkey.id) else PasskeyUnknown
        if not self.passkeys.use_below_counter(passkey.id, use, now):
            raise PasskeyUnknown
        self._record_copy(checked, client, now)

    @contextmanager
    def recording_failure(self, checked: CheckedPasskey, client: ClientInfo) -> Iterator[None]:
        """Record that `use` failed, after the transaction in which it did was rolled back."""
        try:
            yield
        except (ChallengeUsed, PasskeyUnknown) as error:
            raise self._failed(checked.account, client, error.code, error) from None
        except PasskeyCopySuspected:
            account, now = checked.account, self.clock.now()
            with self.work as work:
                # Else one response could be sent again and again, and each time the owner would get an email.
                self.spent_challenges.spend(checked.response.challenge, checked.expires_at)
                self._record_copy(checked, client, now)
                self.notify(Email.PASSKEY_COPY_SUSPECTED, account.email, client, now, account_id=account.id)
                work.commit()
            raise

    def _expiry(self, purpose: str, bound_to: str, response: PasskeyResponse) -> datetime:
        expires_at = self.challenges.check(purpose, bound_to, response.challenge)
        if expires_at is None:
            raise PasskeyInvalid
        return expires_at

    def _verify(
        self,
        passkey: StoredPasskey,
        account: AccountSnapshot,
        response: PasskeyResponse,
        expires_at: datetime,
        client: ClientInfo,
        *,
        is_named: bool,
    ) -> CheckedPasskey:
        """`is_named`: the account was known before, so the authenticator need not say whose the passkey is."""
        try:
            if response.user_handle != handle_of(account.id) and not (is_named and response.user_handle is None):
                raise PasskeyInvalid
            use = verify_use(response, passkey.public_key, self.relying_party)
            if use.backup_eligible != passkey.backup_eligible:  # it never changes (WebAuthn, 6.1.3)
                raise PasskeyInvalid
        except Invalid as error:
            raise self._failed(account, client, error.code, error) from error
        return CheckedPasskey(account, passkey, response, expires_at, use)

    def _record_copy(self, checked: CheckedPasskey, client: ClientInfo, now: datetime) -> None:
        self.journal.record(
            EventType.PASSKEY_COPY_SUSPECTED,
            client,
            now,
            account_id=checked.account.id,
            passkey=str(checked.passkey.id),
            counter=checked.passkey_use.sign_count,
        )

    def _failed(
        self, account: AccountSnapshot | None, client: ClientInfo, reason: str, error: ServiceError
    ) -> ServiceError:
        account_id = account.id if account else None
        self.journal.record_now(
            EventType.PASSKEY_FAILED, client, self.clock.now(), account_id=account_id, reason=reason
        )
        return error
