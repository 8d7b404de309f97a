"""An invited person answers with a passkey. A password is chosen as in a reset: `app/flows/password_reset.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.invitations import Invitations
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore, PendingEmailAction
from app.domain.sessions.model import passkey_proof
from app.domain.tokens.links import LinkUsed
from app.flows.steps.add_passkey import AddPasskey
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.make_passkey_options import INVITATION, MakePasskeyOptions, binding_of_invitation
from app.flows.steps.open_session import OpenSession


@dataclass(frozen=True, slots=True)
class InvitationAnswer:
    """Adds the first passkey to an account whose invitation is open, and signs its owner in."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    invitations: Invitations
    email_actions: EmailActionStore
    find_email_action: FindEmailAction
    make_passkey_options: MakePasskeyOptions
    add_passkey: AddPasskey
    open_session: OpenSession
    issue_tokens: IssueTokens
    journal: Journal

    def takes_passkeys_of(self, origin: str) -> bool:
        """Whether a page of this origin may create passkeys."""
        return origin in self.make_passkey_options.relying_party.origins

    def passkey_options(self, token: str) -> dict[str, Any]:
        """How to create the passkey. Raises `LinkInvalid`, `LinkExpired` or `LinkUsed`. Changes nothing."""
        account, action = self._open(token)
        return self.make_passkey_options.to_answer(account, action.message_id)

    def with_passkey(self, token: str, credential: Mapping[str, Any], name: str | None, client: ClientInfo) -> Tokens:
        """Add the passkey, verify the address, use up the link, and open a session: all of it or nothing.

        Raises `LinkInvalid`, `LinkExpired`, `LinkUsed`, `PasskeyExists`, `ChallengeUsed`, `ChallengeExpired` or
        `PasskeyInvalid`. `LinkUsed` also for the link of a password reset of an account that is in use: a mailbox must
        not be enough to add a passkey, which counts as two factors.
        """
        account, action = self._open(token)
        self.issue_tokens.require_keys()
        bound_to = binding_of_invitation(account, action.message_id)
        checked = self.add_passkey.check(credential, purpose=INVITATION, bound_to=bound_to)
        now, proof = self.clock.now(), passkey_proof(synced=checked.new.backup_eligible)
        with self.work as work:
            if not self.invitations.answer(account, now, verified=action.from_message):
                raise LinkUsed
            if not self.email_actions.consume(action, Purpose.RESET_PASSWORD):
                raise LinkUsed
            self.add_passkey.store(account, checked, name, client)
            if action.from_message and not account.email_verified:
                self.journal.record(EventType.EMAIL_VERIFIED, client, now, account_id=account.id)
            session = self.open_session(replace(account, invited_at=None), proof, client, now)
            if session is None:
                raise LinkUsed
            tokens = self.issue_tokens(account, session)
            work.commit()
        return tokens

    def _open(self, token: str) -> tuple[AccountSnapshot, PendingEmailAction]:
        action = self.find_email_action.by_link(Purpose.RESET_PASSWORD, token)
        account = self.accounts.by_id(action.account_id)
        if account is None or not account.is_invited:
            raise LinkUsed
        return account, action
