"""Change of email address: confirmed from the new address, and undone from the old one for 72 hours."""

from dataclasses import dataclass
from datetime import timedelta

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Superseded
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import UNDO_TIME, EmailActionStore, PendingEmailAction
from app.domain.email_actions.undos import UndoStore
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.allow_undo import AllowUndo
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.identity import Identity
from app.flows.steps.notify import Email, Notify
from app.flows.steps.remove_credentials import RemoveCredentials
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class EmailChange:
    """Changes the email address of an account, and changes it back."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_actions: EmailActionStore
    undos: UndoStore
    remove_credentials: RemoveCredentials
    allow_undo: AllowUndo
    find_email_action: FindEmailAction
    revoke_access: RevokeAccess
    require_unreserved_email: RequireUnreservedEmail
    notify: Notify
    journal: Journal
    require_recent_auth: RequireRecentAuth
    link_lifetime: timedelta

    def request(self, identity: Identity, email: str, password: str | None, client: ClientInfo) -> None:
        """Queue an email to the new address and one to the old. Whether the new one is taken is not said here."""
        account, address, now = identity.owner, parse_address(email), self.clock.now()
        self.require_recent_auth(identity, password, client)
        with self.work as work:
            if not self.accounts.lock_if_unchanged(account):
                raise Superseded
            self.email_actions.create(account.id, Purpose.CHANGE_EMAIL, now + self.link_lifetime, address=address.typed)
            for kind, to in (
                (Email.EMAIL_CHANGE_CONFIRM, address.typed),
                (Email.EMAIL_CHANGE_REQUESTED, account.email),
            ):
                self.notify(kind, to, client, now, account_id=account.id, new_email=address.typed)
            self.journal.record(EventType.EMAIL_CHANGE_REQUESTED, client, now, account_id=account.id)
            work.commit()

    def check(self, token: str) -> None:
        """Raise the error of a confirmation link. Changes nothing."""
        self.find_email_action.by_link(Purpose.CHANGE_EMAIL, token)

    def confirm(self, token: str, client: ClientInfo) -> None:
        """Set the new address. Raises `EmailTaken` if another account has it, and `LinkUsed`.

        Saying that it is taken tells nothing new: the caller has just shown that the mailbox is theirs.
        """
        if not self._change(self.find_email_action.by_link(Purpose.CHANGE_EMAIL, token), client):
            raise LinkUsed

    def confirm_with_code(self, identity: Identity, code: str, client: ClientInfo) -> None:
        """The same by the code in the email, in the session that requested the change."""
        canonical, device = identity.owner.email_canonical, identity.session.id
        action = self.find_email_action.by_code(Purpose.CHANGE_EMAIL, canonical, code, client, device)
        if not self._change(action, client):
            raise CodeInvalid

    def check_undo(self, token: str) -> None:
        """Raise the error of an undo link. Changes nothing."""
        self.find_email_action.by_link(Purpose.UNDO_EMAIL_CHANGE, token)

    def undo(self, token: str, client: ClientInfo) -> None:
        """Set the old address again, end all sessions, remove the password, and start a reset.

        The undos of later changes are revoked, those of earlier ones stay: the owner of the earliest address decides.
        This works whatever happened to the account since: a scheduled deletion is cancelled, and a disabled account
        gets its address back and stays disabled.
        """
        action, now = self.find_email_action.by_link(Purpose.UNDO_EMAIL_CHANGE, token), self.clock.now()
        if action.address is None:
            raise LinkUsed
        address = parse_address(action.address)
        with self.work as work:
            account = self.accounts.get_for_update(action.account_id)
            if account is None or not self.email_actions.consume(action, Purpose.UNDO_EMAIL_CHANGE):
                raise LinkUsed
            self.undos.revoke_after(account.id, action.replaced_version)
            self.accounts.restore_email(account, address, now)
            self.remove_credentials(account.id, since=now - 2 * UNDO_TIME)  # a thief may have added one just before
            self.revoke_access(account.id, Cause.EMAIL_CHANGE_UNDONE, now)
            self.notify.start_reset(address.typed, client, now)
            self.journal.record(EventType.EMAIL_CHANGE_UNDONE, client, now, account_id=account.id)
            work.commit()

    def _change(self, action: PendingEmailAction, client: ClientInfo) -> bool:
        account, now = self.accounts.by_id(action.account_id), self.clock.now()
        if account is None or action.address is None:
            return False
        address = parse_address(action.address)
        with self.work as work:
            if not self.accounts.set_email(account, address, now):
                return False
            if not self.email_actions.consume(action, Purpose.CHANGE_EMAIL):
                return False
            self.require_unreserved_email(address, account.id, now)
            self.revoke_access(account.id, Cause.EMAIL_CHANGED, now)
            self.allow_undo(account, address, client, now)
            self.journal.record(EventType.EMAIL_CHANGED, client, now, account_id=account.id)
            work.commit()
        return True
