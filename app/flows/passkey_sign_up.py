"""Sign-up with a passkey and no password."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import parse_address
from app.domain.passkeys.store import PasskeyExists
from app.domain.sessions.model import passkey_proof
from app.flows.steps.add_passkey import AddPasskey
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.make_passkey_options import SIGN_UP, MakePasskeyOptions, account_id_of
from app.flows.steps.open_account import NewCredential, OpenAccount
from app.flows.steps.require_open_sign_up import RequireOpenSignUp


@dataclass(frozen=True, slots=True)
class PasskeySignUp:
    """Creates accounts that have a passkey."""

    require_open_sign_up: RequireOpenSignUp
    make_passkey_options: MakePasskeyOptions
    add_passkey: AddPasskey
    open_account: OpenAccount
    issue_tokens: IssueTokens

    def options(self, email: str, name: str | None) -> dict[str, Any]:
        """How to create the passkey. The same for a new and for a taken address, without a statement.

        Raises `SignUpClosed` unless strangers may sign up.
        """
        self.require_open_sign_up()
        return self.make_passkey_options.to_sign_up(parse_address(email), name)

    def sign_up(self, email: str, credential: Mapping[str, Any], name: str | None, client: ClientInfo) -> Tokens | None:
        """Create an account and sign its owner in; None where the response must be the same for every address.

        Raises `SignUpClosed`, `EmailTaken`, `PasskeyExists`, `ChallengeUsed`, `ChallengeExpired` or `PasskeyInvalid`.
        """
        self.require_open_sign_up()
        address = parse_address(email)
        self.issue_tokens.require_keys()
        checked = self.add_passkey.check(credential, purpose=SIGN_UP, bound_to=address.canonical)
        new = NewCredential(
            passkey_proof(synced=checked.new.backup_eligible),
            account_id=account_id_of(checked.challenge),
            store=lambda account: self.add_passkey.store(account, checked, name, client),
        )
        if not self.open_account.answers_alike:
            return self.open_account(address, new, client)
        # A taken address is answered before the passkey is stored. So an error about the passkey would tell that the
        # address is free.
        with suppress(PasskeyExists):
            self.open_account(address, new, client)
        return None
