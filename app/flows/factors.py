"""The second factors of an account: authenticator apps and recovery codes."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict, Superseded
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.factors.store import FactorStore, NoSuchFactor
from app.domain.sessions.model import Proof
from app.domain.tokens.jwt_tokens import InvalidToken
from app.domain.tokens.links import Links, LinkUsed
from app.flows.steps.change_factors import ChangeFactors
from app.flows.steps.check_second_factor import METHOD
from app.flows.steps.enrol_totp import EnrolTotp, TotpEnrolment
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.notify import Email, Notify
from app.flows.steps.require_administrator import Administrator, RequireAdministrator
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.revoke_access import Cause, RevokeAccess
from app.flows.steps.second_factor_policy import SecondFactorPolicy


class LastFactor(Conflict):
    """The account must have a second factor, and this is its only one."""

    code = "last_factor"
    detail = "Your account needs a second factor, and this is the only one. Add another one first."


class NoSecondFactor(Conflict):
    """The account has no second factor, so it needs no recovery codes."""

    code = "no_second_factor"
    detail = "Set up an authenticator app first. You get recovery codes with it."


@dataclass(frozen=True, slots=True)
class ListedFactor:
    """A second factor as shown to its owner."""

    id: int
    type: str
    name: str | None
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class FactorList:
    """The second factors of an account, and how many recovery codes are unused."""

    factors: list[ListedFactor]
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class Factors:
    """Adds, lists, names and removes second factors."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    factors: FactorStore
    recovery_codes: RecoveryCodes
    sessions: AccountSessions
    links: Links
    policy: SecondFactorPolicy
    enrol_totp: EnrolTotp
    change_factors: ChangeFactors
    revoke_access: RevokeAccess
    notify: Notify
    journal: Journal
    require_recent_auth: RequireRecentAuth
    require_administrator: RequireAdministrator

    def all(self, identity: Identity) -> FactorList:
        """The factors of the account."""
        account_id = identity.owner.id
        found = self.factors.of_account(account_id)
        listed = [ListedFactor(one.id, "totp", one.name, one.created_at, one.last_used_at) for one in found]
        return FactorList(listed, self.recovery_codes.left(account_id))

    def start(self, identity: Identity, name: str | None, password: str | None, client: ClientInfo) -> TotpEnrolment:
        """Begin to set up an authenticator app. It counts once a code confirms it."""
        self.require_recent_auth(identity, password, client, first_factor=True)
        return self.enrol_totp.start(identity.owner, name)

    def confirm(self, identity: Identity, factor_id: int, code: str, client: ClientInfo) -> list[str]:
        """Make the app count; the recovery codes, if it is the first factor.

        The other sessions end: they were opened without it. This one is at level 2 from now on. Raises `NoSuchFactor`
        or `WrongCode`.
        """
        account, session, now = identity.owner, identity.session, self.clock.now()
        self.require_recent_auth(identity, None, client, first_factor=True)
        matched = self.enrol_totp.check(account, factor_id, code)
        with self.work as work:
            current = self._locked(account)
            codes = self.change_factors.add(current, matched, client, now)
            self.revoke_access(account.id, Cause.FACTOR_ADDED, now, keep=session.id)
            self.sessions.authenticate(session, now, Proof(METHOD, level=2))
            work.commit()
        return codes

    def rename(self, identity: Identity, factor_id: int, name: str | None) -> None:
        """Name a factor. Raises `NoSuchFactor`."""
        if not self.factors.rename(identity.owner.id, factor_id, name):
            raise NoSuchFactor

    def remove(self, identity: Identity, factor_id: int, client: ClientInfo) -> None:
        """Remove a factor. The other sessions end, and no device is trusted any longer.

        Raises `NoSuchFactor`, or `LastFactor` if the account must have one.
        """
        account, now = identity.owner, self.clock.now()
        self.require_recent_auth(identity, None, client)
        with self.work as work:
            current = self._locked(account)
            self.change_factors.remove(current, factor_id, client, now)
            if self.policy.demands(current) and not self.factors.count(account.id):
                raise LastFactor
            self.revoke_access(account.id, Cause.FACTOR_REMOVED, now, keep=identity.session.id)
            work.commit()

    def new_recovery_codes(self, identity: Identity, client: ClientInfo) -> list[str]:
        """A new set of recovery codes; the old ones no longer work. Raises `NoSecondFactor`."""
        account, now = identity.owner, self.clock.now()
        self.require_recent_auth(identity, None, client)
        with self.work as work:
            if not self._locked(account).has_second_factor:
                raise NoSecondFactor
            codes = self.recovery_codes.replace(account.id, now)
            self.journal.record(EventType.RECOVERY_CODES_CREATED, client, now, account_id=account.id)
            self.notify(Email.RECOVERY_CODES_CREATED, account.email, client, now, account_id=account.id)
            work.commit()
        return codes

    def check_undo(self, token: str) -> None:
        """Raise the error of the link that removes a factor. Changes nothing."""
        account_id, factor_id = self.links.open(Purpose.UNDO_SECOND_FACTOR, token)
        if all(factor.id != factor_id for factor in self.factors.of_account(account_id)):
            raise LinkUsed

    def undo(self, token: str, client: ClientInfo) -> None:
        """Remove the factor that the email told of, and end all sessions: somebody else added it."""
        account_id, factor_id = self.links.open(Purpose.UNDO_SECOND_FACTOR, token)
        now = self.clock.now()
        with self.work as work:
            account = self.accounts.get_for_update(account_id)
            if account is None:
                raise LinkUsed
            try:
                self.change_factors.remove(account, factor_id, client, now, cause="undone")
            except NoSuchFactor:
                raise LinkUsed from None
            self.revoke_access(account_id, Cause.FACTOR_ADDITION_UNDONE, now)
            work.commit()

    def remove_all_of(self, by: Administrator, account_id: str) -> None:
        """Remove every factor and passkey of an account whose owner has lost them. Raises `NoSuchAccount`."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            account = self.accounts.require_for_update(account_id)
            self.change_factors.remove_all(account, now)
            self.revoke_access(account_id, Cause.FACTORS_RESET, now)
            self.journal.record(
                EventType.FACTOR_REMOVED, ClientInfo(), now, account_id=account_id, **actor, cause="by administrator"
            )
            self.notify(Email.FACTORS_RESET, account.email, ClientInfo(), now, account_id=account_id)
            work.commit()

    def _locked(self, account: AccountSnapshot) -> AccountSnapshot:
        current = self.accounts.get_for_update(account.id)
        if current is None or current.credentials_version != account.credentials_version or current.disabled_at:
            raise InvalidToken  # a parallel change ended the session that asks
        if current.second_factor_at != account.second_factor_at:
            raise Superseded  # a new attempt sees whether that ended the session, and at which level it must be
        return current
