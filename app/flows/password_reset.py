"""Password reset by the link or the code in an email."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import ServiceError
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import PendingEmailAction
from app.domain.limits.attempts import AttemptLimiter
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.notify import Email, Notify
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.replace_password import ReplacePassword


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Lets the owner of a mailbox choose a new password."""

    clock: Clock
    accounts: AccountStore
    passwords: Passwords
    find_email_action: FindEmailAction
    replace_password: ReplacePassword
    recognize_device: RecognizeDevice
    notify: Notify
    attempt_limiter: AttemptLimiter

    def request(self, email: str, client: ClientInfo) -> None:
        """Queue an email to the address. Whether it has an account is looked up when the email is sent.

        A known and an unknown address take the same one statement, so the response time does not tell them apart.
        """
        canonical = parse_address(email).canonical
        self.notify.without_lookup(Email.RESET_PASSWORD, canonical, client, self.clock.now())

    def check(self, token: str) -> bool:
        """Raise the error of a reset link. True if the link answers an open invitation.

        Changes nothing: opening the page does not consume it.
        """
        action = self.find_email_action.by_link(Purpose.RESET_PASSWORD, token)
        account = self.accounts.by_id(action.account_id)
        return account is not None and account.is_invited

    def complete(self, token: str, password: str, client: ClientInfo) -> str:
        """Set the new password, end every session, notify the owner. Opens no session.

        Returns a device token for the browser. Of parallel uses of one link exactly one succeeds; the others raise
        `LinkUsed`.
        """
        action = self.find_email_action.by_link(Purpose.RESET_PASSWORD, token)  # a dead link must not cost us a hash
        account = self.accounts.by_id(action.account_id)
        if account is None:
            raise LinkUsed
        self.passwords.accept(password, account.email)
        return self._complete(account, action, password, client, LinkUsed)

    def complete_with_code(self, email: str, code: str, password: str, client: ClientInfo) -> str:
        """The same by the code in the email and the address. Raises `CodeInvalid` for any failure."""
        canonical = parse_address(email).canonical
        self.passwords.accept(password, canonical)  # before the attempt is counted
        action = self.find_email_action.by_code(Purpose.RESET_PASSWORD, canonical, code, client)
        account = self.accounts.by_id(action.account_id)
        return self._complete(account, action, password, client, CodeInvalid)

    def _complete(
        self,
        account: AccountSnapshot | None,
        action: PendingEmailAction,
        password: str,
        client: ClientInfo,
        failure: type[ServiceError],
    ) -> str:
        if account is None or not self.replace_password(account, self.passwords.hash(password), client, action):
            raise failure
        self.attempt_limiter.reset(account.email_canonical)  # an owner locked out by a stranger's guesses gets in now
        return self.recognize_device.device_token(account.id, account.credentials_version + 1)
