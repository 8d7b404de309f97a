"""Step: somebody signs in by showing that an account's mailbox is theirs. What if its address was never confirmed?"""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_sign_ins.store import EmailSignInStore
from app.domain.identities.store import IdentityStore
from app.domain.passkeys.store import PasskeyStore
from app.flows.steps.claim_account import ClaimAccount
from app.flows.steps.notify import Email, Notify
from app.flows.steps.recognize_device import RecognizeDevice


@dataclass(frozen=True, slots=True)
class ProveMailbox:
    """Confirms the address, and claims the account unless its maker and the owner of the mailbox are the same person.

    Anybody can sign up with somebody else's address. Without the claim, the owner of the mailbox would share the
    account with its maker, who could still sign in.
    """

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passkeys: PasskeyStore
    identities: IdentityStore
    email_sign_ins: EmailSignInStore
    recognize_device: RecognizeDevice
    claim_account: ClaimAccount
    notify: Notify
    journal: Journal

    def __call__(self, account: AccountSnapshot, client: ClientInfo) -> AccountSnapshot | None:
        """The account, its address confirmed; None if it is gone or has another address.

        For a confirmed one no statement is run. The device token of the account shows that its maker asks. It commits
        before the session is opened: if that asks for a second factor, the claim must hold all the same.
        """
        if account.email_verified:
            return account
        now = self.clock.now()
        with self.work as work:
            current = self.accounts.get_for_update(account.id)
            if current is None or current.email_canonical != account.email_canonical:
                return None
            if current.email_verified:
                return current
            if self.recognize_device(current, client) or not self._has_credentials(current):
                self.accounts.verify_email(current, now)
                self.journal.record(EventType.EMAIL_VERIFIED, client, now, account_id=account.id)
            else:
                self.claim_account(current, client, now)
                # The link by which the owner came stays valid, should the connection break before the next commit.
                self.email_sign_ins.keep(current.email_canonical, current.credentials_version + 1)
                self.notify(Email.ACCOUNT_CLAIMED, current.email, client, now, account_id=account.id)
            current = self.accounts.get_for_update(account.id)
            work.commit()
        return current

    def _has_credentials(self, account: AccountSnapshot) -> bool:
        if account.has_password or account.has_second_factor:
            return True
        return bool(self.passkeys.count(account.id) or self.identities.count(account.id))
