"""Sign-in with a passkey, without an email address or password."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.client_info import ClientInfo
from app.core.errors import Superseded
from app.domain.passkeys.store import PasskeyStore
from app.flows.steps.check_passkey import CheckPasskey
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.make_passkey_options import SECOND_FACTOR, MakePasskeyOptions
from app.flows.steps.open_second_step import OpenSecondStep
from app.flows.steps.require_second_factor import SECOND_STEP


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """Turns the response of an authenticator into a session."""

    make_passkey_options: MakePasskeyOptions
    passkeys: PasskeyStore
    open_second_step: OpenSecondStep
    check_passkey: CheckPasskey
    complete_sign_in: CompleteSignIn
    issue_tokens: IssueTokens

    def options(self, token: str | None) -> dict[str, Any]:
        """How to use a passkey: any, or as the second step of the sign-in with this token.

        Without a token no statement is run. Raises `SignInExpired`.
        """
        if token is None:
            return self.make_passkey_options.to_sign_in()
        account, _ = self.open_second_step(SECOND_STEP, token)
        passkeys = self.passkeys.of_account(account.id)
        return self.make_passkey_options.to_use(SECOND_FACTOR, account.id, passkeys)

    def sign_in(self, credential: Mapping[str, Any], client: ClientInfo) -> Tokens:
        """Tokens of a new session at level 2. Raises the errors of `CheckPasskey`."""
        self.issue_tokens.require_keys()
        checked = self.check_passkey.of_anybody(credential, client)
        with self.check_passkey.recording_failure(checked, client):
            return self.complete_sign_in(
                checked.account,
                checked.proof,
                client,
                # The password was reset, or the account disabled. A second attempt finds out which.
                superseded=Superseded,
                use=lambda: self.check_passkey.use(checked, client),
            )
