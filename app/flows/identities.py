"""The identities of an account at outside providers."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.identities.store import IdentityStore, StoredIdentity
from app.domain.providers.model import ExternalIdentity
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.identity import Identity
from app.flows.steps.link_identity import LinkIdentity
from app.flows.steps.notify import Email, Notify
from app.flows.steps.read_identity import LinkTokenInvalid, ProvedIdentity, ReadIdentity
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_way_in import RequireWayIn
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class Identities:
    """Lists, links and unlinks identities."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    identities: IdentityStore
    read_identity: ReadIdentity
    link_identity: LinkIdentity
    require_way_in: RequireWayIn
    revoke_access: RevokeAccess
    notify: Notify
    journal: Journal
    require_recent_auth: RequireRecentAuth

    def all(self, identity: Identity) -> list[StoredIdentity]:
        """The identities of the account, the oldest first."""
        return self.identities.of_account(identity.owner.id)

    def shown_by(self, link_token: str) -> ExternalIdentity | None:
        """The identity that a `link_token` would link; None for one that expired. Changes nothing."""
        try:
            return self.read_identity.by_link_token(link_token).identity
        except LinkTokenInvalid:
            return None

    def link_by_code(self, identity: Identity, code: str, code_verifier: str, client: ClientInfo) -> StoredIdentity:
        """Link the identity of our one-time code. Raises `ProviderCodeInvalid` and the errors of `LinkIdentity`."""
        self.require_recent_auth(identity, None, client)
        return self._link(identity, self.read_identity.by_code(code, code_verifier), client)

    def link_by_id_token(
        self, identity: Identity, provider: str, id_token: str, nonce: str | None, client: ClientInfo
    ) -> StoredIdentity:
        """Link the identity of a provider's ID token. Raises the errors of `ReadIdentity` and `LinkIdentity`."""
        self.require_recent_auth(identity, None, client)
        return self._link(identity, self.read_identity.by_id_token(provider, id_token, nonce, None, None), client)

    def link_by_token(self, identity: Identity, link_token: str, client: ClientInfo) -> StoredIdentity:
        """Link the identity of a `link_token`. Raises `LinkTokenInvalid` and the errors of `LinkIdentity`."""
        self.require_recent_auth(identity, None, client)
        return self._link(identity, self.read_identity.by_link_token(link_token), client)

    def remove(self, identity: Identity, identity_id: int, client: ClientInfo) -> None:
        """Unlink an identity, and end the other sessions: one of them may be that of an intruder at the provider.

        Raises `NoSuchIdentity`, or `LastWayIn` if nothing else is left to sign in with.
        """
        account, now = identity.owner, self.clock.now()
        self.require_recent_auth(identity, None, client)
        with self.work as work:
            if not self.accounts.lock_if_unchanged(account):
                raise InvalidToken
            provider = self.identities.remove(account.id, identity_id).provider
            self.require_way_in(account)
            self.revoke_access(account.id, Cause.IDENTITY_UNLINKED, now, keep=identity.session.id)
            self.journal.record(EventType.IDENTITY_UNLINKED, client, now, account_id=account.id, provider=provider)
            self.notify(Email.IDENTITY_UNLINKED, account.email, client, now, account_id=account.id, provider=provider)
            work.commit()

    def _link(self, identity: Identity, proved: ProvedIdentity, client: ClientInfo) -> StoredIdentity:
        with self.work as work:
            if not self.accounts.lock_if_unchanged(identity.owner):
                raise InvalidToken  # a parallel change ended the session that asks
            proved.use()
            linked = self.link_identity(identity.owner, proved.identity, client)
            work.commit()
        return linked
