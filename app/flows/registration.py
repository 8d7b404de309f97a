"""Sign-up with a password."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import parse_address
from app.domain.accounts.passwords import Passwords
from app.domain.sessions.model import PASSWORD
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.open_account import NewCredential, OpenAccount
from app.flows.steps.require_open_sign_up import RequireOpenSignUp


@dataclass(frozen=True, slots=True)
class Registration:
    """Creates accounts that have a password."""

    require_open_sign_up: RequireOpenSignUp
    passwords: Passwords
    open_account: OpenAccount
    issue_tokens: IssueTokens

    def sign_up(self, email: str, password: str, client: ClientInfo) -> Tokens | None:
        """Create an account and sign its owner in.

        Raises `SignUpClosed` unless strangers may sign up, and `EmailTaken` if the address has an account, however it
        is spelled. Where the response must be the same for every address, the result is None for a new and for a taken
        one alike, after the same work; the owner of a taken one gets an email. Raises `SecondFactorEnrolmentRequired`
        for a new account that must have a second factor.
        """
        self.require_open_sign_up()
        address = parse_address(email)
        self.issue_tokens.require_keys()
        self.passwords.accept(password, address.canonical)
        return self.open_account(address, NewCredential(PASSWORD, self.passwords.hash(password)), client)
