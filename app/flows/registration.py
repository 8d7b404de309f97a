"""Sign-up with a password."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import parse_address
from app.domain.accounts.passwords import Passwords
from app.domain.sessions.model import PASSWORD
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.open_account import NewCredential, OpenAccount


@dataclass(frozen=True, slots=True)
class Registration:
    """Creates accounts that have a password."""

    passwords: Passwords
    open_account: OpenAccount
    issue_tokens: IssueTokens

    def sign_up(self, email: str, password: str, client: ClientInfo) -> Tokens | None:
        """Create an account and sign its owner in.

        Raises `EmailTaken` if the address has an account, however it is spelled. Where addresses must be confirmed
        before the first sign-in, the result is None for a new and for a taken address alike, after the same work; the
        owner of a taken one gets an email. Raises `SecondFactorEnrolmentRequired` for a new account that must have a
        second factor.
        """
        address = parse_address(email)
        self.issue_tokens.require_keys()
        self.passwords.accept(password, address.canonical)
        return self.open_account(address, NewCredential(PASSWORD, self.passwords.hash(password)), client)
