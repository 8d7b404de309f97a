"""Reauthentication: the owner of a session proves again who they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.email_sign_ins.store import EmailSignInStore
from app.domain.passkeys.store import PasskeyStore
from app.domain.passkeys.verification import PasskeyInvalid
from app.domain.sessions.model import EMAILED, PASSWORD, Proof
from app.domain.tokens.codes import CodeInvalid
from app.flows.steps.check_passkey import CheckPasskey
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.check_second_factor import METHOD, CheckSecondFactor
from app.flows.steps.find_sign_in import FindSignIn
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.make_passkey_options import REAUTHENTICATION, MakePasskeyOptions, binding_of
from app.flows.steps.require_recent_auth import RequireRecentAuth, StrongerSignInRequired


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """Makes a session recently authenticated. A second factor also raises it to level 2."""

    work: UnitOfWork
    clock: Clock
    check_password: CheckPassword
    check_second_factor: CheckSecondFactor
    check_passkey: CheckPasskey
    make_passkey_options: MakePasskeyOptions
    passkeys: PasskeyStore
    find_sign_in: FindSignIn
    email_sign_ins: EmailSignInStore
    sessions: AccountSessions
    journal: Journal
    require_recent_auth: RequireRecentAuth

    def require_recent(self, identity: Identity, client: ClientInfo, *, first_factor: bool = False) -> None:
        """Raises an error of `RequireRecentAuth` unless the session may do what is sensitive."""
        self.require_recent_auth(identity, None, client, first_factor=first_factor)

    def by_password(self, identity: Identity, password: str, client: ClientInfo) -> None:
        """Raises `WrongPassword`, or `StrongerSignInRequired` for an account that has a second factor."""
        if identity.owner.has_second_factor:
            raise StrongerSignInRequired
        self.check_password.of_session(identity, password, client)
        self._record(identity, client, PASSWORD, lambda: None)

    def by_code(self, identity: Identity, code: str, client: ClientInfo) -> None:
        """By a code of the authenticator app. Raises `WrongCode` or `RateLimited`."""
        use = self.check_second_factor.code(identity.owner, code, client, identity.session.id)
        self._record(identity, client, Proof(METHOD, level=2), use)

    def by_recovery_code(self, identity: Identity, code: str, client: ClientInfo) -> None:
        """By a recovery code, which is used up. Raises `WrongCode` or `RateLimited`."""
        use = self.check_second_factor.recovery_code(identity.owner, code, client, identity.session.id)
        self._record(identity, client, Proof(METHOD, level=2), use)

    def by_emailed_code(self, identity: Identity, attempt: str, code: str, client: ClientInfo) -> None:
        """By the code of an email that was sent to the account's address, for the client that asked for it.

        Raises `CodeInvalid`, or `StrongerSignInRequired` for an account that has a second factor.
        """
        if identity.owner.has_second_factor:
            raise StrongerSignInRequired
        pending = self.find_sign_in.by_code(attempt, code, client)
        if pending.mailbox != identity.owner.email_canonical:
            raise CodeInvalid

        def use() -> None:
            if not self.email_sign_ins.use(pending):
                raise CodeInvalid

        self._record(identity, client, EMAILED, use)

    def passkey_options(self, identity: Identity) -> dict[str, Any]:
        """How to use a passkey of the account in `by_passkey`."""
        passkeys = self.passkeys.of_account(identity.owner.id)
        return self.make_passkey_options.to_use(REAUTHENTICATION, binding_of(identity), passkeys)

    def by_passkey(self, identity: Identity, credential: Mapping[str, Any], client: ClientInfo) -> None:
        """By a passkey of the account, with options of this session. Raises the errors of `CheckPasskey`."""
        check = self.check_passkey
        checked = check.of_account(
            identity.owner,
            credential,
            client,
            purpose=REAUTHENTICATION,
            bound_to=binding_of(identity),
            unknown=PasskeyInvalid,
        )
        with check.recording_failure(checked, client):
            self._record(identity, client, checked.proof, lambda: check.use(checked, client))

    def _record(self, identity: Identity, client: ClientInfo, proof: Proof, use: Callable[[], None]) -> None:
        account_id, session_id, now = identity.owner.id, identity.session.id or None, self.clock.now()
        with self.work as work:
            use()
            self.sessions.authenticate(identity.session, now, proof)
            self.journal.record(
                EventType.SESSION_REAUTHENTICATED, client, now, account_id=account_id, session_id=session_id
            )
            work.commit()
