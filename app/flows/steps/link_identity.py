"""Step: link an identity at an outside provider to an account. Nothing else does."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.identities.store import MAX_IDENTITIES, IdentityStore, StoredIdentity
from app.domain.providers.model import ExternalIdentity
from app.flows.steps.notify import Email, Notify


class TooManyIdentities(Conflict):
    """The account has as many identities as it may have."""

    code = "too_many_identities"
    detail = f"An account has at most {MAX_IDENTITIES} identities. Unlink one first."


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Writes the identity and the event, and tells the owner."""

    clock: Clock
    identities: IdentityStore
    notify: Notify
    journal: Journal

    def __call__(
        self, account: AccountSnapshot, external: ExternalIdentity, client: ClientInfo, *, notify: bool = True
    ) -> StoredIdentity:
        """Within a unit of work that has locked the account's row. Raises `IdentityTaken` or `TooManyIdentities`.

        `notify` is False for an account that is created with the identity.
        """
        now = self.clock.now()
        if self.identities.count(account.id) >= MAX_IDENTITIES:
            raise TooManyIdentities
        linked = self.identities.link(
            account.id, external.provider, external.issuer, external.subject, external.email, now
        )
        self.journal.record(EventType.IDENTITY_LINKED, client, now, account_id=account.id, provider=external.provider)
        if notify:
            self.notify(
                Email.IDENTITY_LINKED, account.email, client, now, account_id=account.id, provider=external.provider
            )
        return linked
