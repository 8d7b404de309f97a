"""Verification: show that emails to an address reach its owner, and let that owner say that they opened the account."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore, PendingEmailAction
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.claim_account import ClaimAccount
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.notify import Email, Notify
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.revoke_access import RevokeAccess


@dataclass(frozen=True, slots=True)
class UnverifiedAccount:
    """What the owner of a mailbox should know before confirming: which account, opened when."""

    email: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Confirms addresses, sends their emails again, and gives an account that a stranger opened to its owner."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_actions: EmailActionStore
    find_email_action: FindEmailAction
    recognize_device: RecognizeDevice
    revoke_access: RevokeAccess
    claim_account: ClaimAccount
    notify: Notify
    journal: Journal

    def resend(self, email: str, client: ClientInfo) -> None:
        """Queue the email again. One statement for every address: whether it needs one is found out on delivery."""
        canonical = parse_address(email).canonical
        self.notify.without_lookup(Email.VERIFY_EMAIL, canonical, client, self.clock.now())

    def check(self, token: str) -> UnverifiedAccount:
        """The account that a link would confirm; raises what is wrong with the link. Changes nothing."""
        account = self.accounts.by_id(self.find_email_action.by_link(Purpose.VERIFY_EMAIL, token).account_id)
        if account is None:
            raise LinkUsed
        return UnverifiedAccount(account.email, account.created_at)

    def confirm(self, token: str, client: ClientInfo) -> None:
        """The address is verified; the link is used up.

        A link may be opened by somebody who never signed up: then the sessions are a stranger's. So this ends those
        that were opened elsewhere, unless the caller shows a device token of the account.
        """
        action = self.find_email_action.by_link(Purpose.VERIFY_EMAIL, token)
        if not self._verify(action, client, other_devices_stay=False):
            raise LinkUsed

    def confirm_with_code(self, email: str, code: str, client: ClientInfo) -> None:
        """The same by the code in the email; `CodeInvalid` for any failure.

        No session ends: the code is typed where somebody has just signed up and was asked for it.
        """
        canonical = parse_address(email).canonical
        action = self.find_email_action.by_code(Purpose.VERIFY_EMAIL, canonical, code, client)
        if not self._verify(action, client, other_devices_stay=True):
            raise CodeInvalid

    def claim(self, token: str, client: ClientInfo) -> None:
        """The owner of the mailbox did not open this account: everybody else is locked out of it.

        Every session ends, no password fits, no passkey, identity or second factor stays, and a reset starts that lets
        the owner choose a password. Raises `LinkUsed` for an address that was confirmed before: its account is the
        owner's already, and `not_me` is the way.
        """
        action, now = self.find_email_action.by_link(Purpose.VERIFY_EMAIL, token), self.clock.now()
        with self.work as work:
            account = self.accounts.get_for_update(action.account_id)
            if account is None or account.email_verified:
                raise LinkUsed
            if not self.email_actions.consume(action, Purpose.VERIFY_EMAIL):
                raise LinkUsed
            self.claim_account(account, client, now)
            self.notify.start_reset(account.email, client, now)
            work.commit()

    def _verify(self, action: PendingEmailAction, client: ClientInfo, *, other_devices_stay: bool) -> bool:
        now = self.clock.now()
        with self.work as work:
            account = self.accounts.get_for_update(action.account_id)
            if account is None or not self.email_actions.consume(action, Purpose.VERIFY_EMAIL):
                return False
            if self.accounts.verify_email(account, now):
                self.journal.record(EventType.EMAIL_VERIFIED, client, now, account_id=account.id)
                if not other_devices_stay and not self.recognize_device(account, client):
                    self.revoke_access.of_other_devices(account.id, client, now)
            work.commit()
        return True
