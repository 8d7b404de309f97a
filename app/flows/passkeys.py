"""The passkeys of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.core import base64url
from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.passkeys.store import NoSuchPasskey, PasskeyStore, StoredPasskey
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.add_passkey import AddPasskey
from app.flows.steps.identity import Identity
from app.flows.steps.make_passkey_options import REGISTRATION, MakePasskeyOptions, binding_of, handle_of
from app.flows.steps.notify import Email, Notify
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_way_in import RequireWayIn
from app.flows.steps.revoke_access import Cause, RevokeAccess

MAX_PASSKEYS: Final = 20


class TooManyPasskeys(Conflict):
    """The account has as many passkeys as it may have."""

    code = "too_many_passkeys"
    detail = f"An account has at most {MAX_PASSKEYS} passkeys. Remove one first."


@dataclass(frozen=True, slots=True)
class ListedPasskey:
    """A passkey as shown to its owner. `synced`: a copy is stored outside the device."""

    id: int
    credential_id: str
    name: str | None
    created_at: datetime
    last_used_at: datetime | None
    synced: bool
    transports: list[str]


@dataclass(frozen=True, slots=True)
class PasskeyList:
    """The passkeys, and what `signalAllAcceptedCredentials` of a browser takes with them."""

    rp_id: str
    user_id: str
    passkeys: list[ListedPasskey]


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Adds, lists, names and removes passkeys."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passkeys: PasskeyStore
    relying_party: RelyingParty
    make_passkey_options: MakePasskeyOptions
    add_passkey: AddPasskey
    revoke_access: RevokeAccess
    notify: Notify
    journal: Journal
    require_way_in: RequireWayIn
    require_recent_auth: RequireRecentAuth

    def all(self, identity: Identity) -> PasskeyList:
        """The passkeys of the account, the oldest first."""
        found = [_listed(passkey) for passkey in self.passkeys.of_account(identity.owner.id)]
        return PasskeyList(self.relying_party.id, base64url.encode(handle_of(identity.owner.id)), found)

    def options(self, identity: Identity, client: ClientInfo) -> dict[str, Any]:
        """How to create a passkey. Raises `TooManyPasskeys`, or an error of `RequireRecentAuth`."""
        existing = self._require_recent_auth(identity, client)
        if len(existing) >= MAX_PASSKEYS:
            raise TooManyPasskeys
        return self.make_passkey_options.to_add(identity, existing)

    def add(
        self, identity: Identity, credential: Mapping[str, Any], name: str | None, client: ClientInfo
    ) -> ListedPasskey:
        """Store the passkey that was created with options of this session.

        Raises `PasskeyInvalid`, `PasskeyExists`, `TooManyPasskeys`, `ChallengeExpired` or `ChallengeUsed`.
        """
        account, now = identity.owner, self.clock.now()
        self._require_recent_auth(identity, client)
        checked = self.add_passkey.check(credential, purpose=REGISTRATION, bound_to=binding_of(identity))
        with self.work as work:
            if not self.accounts.lock_if_unchanged(account):
                raise InvalidToken  # a parallel change ended the session that asks
            if self.passkeys.count(account.id) >= MAX_PASSKEYS:
                raise TooManyPasskeys
            passkey = self.add_passkey.store(account, checked, name, client)
            self.notify(Email.PASSKEY_ADDED, account.email, client, now, account_id=account.id)
            work.commit()
        return _listed(passkey)

    def rename(self, identity: Identity, passkey_id: int, name: str) -> None:
        """Name a passkey. Raises `NoSuchPasskey`."""
        if not self.passkeys.rename(identity.owner.id, passkey_id, name):
            raise NoSuchPasskey

    def remove(self, identity: Identity, passkey_id: int, client: ClientInfo) -> None:
        """Remove a passkey, and end the other sessions: one of them may be on a lost device.

        Raises `NoSuchPasskey`, or `LastWayIn` if nothing else is left to sign in with.
        """
        account, now = identity.owner, self.clock.now()
        self.require_recent_auth(identity, None, client)
        with self.work as work:
            if not self.accounts.lock_if_unchanged(account):
                raise InvalidToken
            if not self.passkeys.remove(account.id, passkey_id):
                raise NoSuchPasskey
            self.require_way_in(account)
            self.revoke_access(account.id, Cause.PASSKEY_REMOVED, now, keep=identity.session.id)
            self.journal.record(EventType.PASSKEY_REMOVED, client, now, account_id=account.id, passkey=str(passkey_id))
            self.notify(Email.PASSKEY_REMOVED, account.email, client, now, account_id=account.id)
            work.commit()

    def _require_recent_auth(self, identity: Identity, client: ClientInfo) -> list[StoredPasskey]:
        """The passkeys of the account. The first one may be added at level 1, like an authenticator app."""
        existing = self.passkeys.of_account(identity.owner.id)
        self.require_recent_auth(identity, None, client, first_factor=not existing)
        return existing


def _listed(passkey: StoredPasskey) -> ListedPasskey:
    return ListedPasskey(
        passkey.id,
        passkey.credential_id,
        passkey.name,
        passkey.created_at,
        passkey.last_used_at,
        passkey.backed_up,
        passkey.transports.split(),
    )
