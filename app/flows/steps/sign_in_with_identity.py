"""Step: which account does an identity at an outside provider sign in to? No address alone may take one over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict, Invalid, Superseded, Unauthenticated
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import Address, InvalidEmail, parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.audit.journal import EventType, Journal
from app.domain.identities.store import IdentityStore, IdentityTaken, StoredIdentity
from app.domain.passkeys.store import PasskeyStore
from app.domain.providers.model import ExternalIdentity
from app.domain.sessions.model import FEDERATED
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.issue_tokens import Tokens
from app.flows.steps.link_identity import LinkIdentity
from app.flows.steps.open_account import NewCredential, OpenAccount
from app.flows.steps.prove_mailbox import ProveMailbox
from app.flows.steps.read_identity import LINK_LIFETIME, ReadIdentity
from app.flows.steps.request_sign_in_email import RequestSignInEmail
from app.flows.steps.require_second_factor import SecondFactorRequired
from app.flows.steps.sign_in_block import SignInBlock


class EmailNeeded(Invalid):
    """The provider gave no usable email address, and the identity has no account yet."""

    code = "email_needed"
    detail = "The identity provider gave no email address. Allow it to share one, or sign up another way and link it."


class IdentityUnusable(Unauthenticated):
    """The account of the identity is disabled, or its address must be confirmed first."""

    code = "identity_unusable"
    detail = "This identity cannot sign in now. If your address is not confirmed yet, open the link in the email."


class IdentityLinkRequired(Conflict):
    """The address has an account whose owner has not linked this identity."""

    code = "identity_link_required"
    detail = (
        "An account with this email address exists. Sign in to it as usual, then send `link_token` to "
        "POST /api/v1/account/identities."
    )
    example: ClassVar[Mapping[str, object]] = {"link_token": "token-of-this-response", "expires_in": 600}

    def __init__(self, link_token: str) -> None:
        super().__init__()
        self.link_token = link_token

    def members(self) -> dict[str, object]:
        """The members `link_token` and `expires_in` of the problem document."""
        return {"link_token": self.link_token, "expires_in": int(LINK_LIFETIME.total_seconds())}


@dataclass(frozen=True, slots=True)
class StartedByEmail:
    """An email was sent to the address that the provider named, because the provider does not vouch for it.

    Once the client has signed in with its code or link, it sends `link_token` to link the identity.
    """

    attempt: str = field(repr=False)
    link_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class SignInWithIdentity:
    """Signs in, opens an account, or says what must be shown first. `link_by_email`: a trusted address is enough."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    passkeys: PasskeyStore
    identities: IdentityStore
    read_identity: ReadIdentity
    sign_in_block: SignInBlock
    prove_mailbox: ProveMailbox
    complete_sign_in: CompleteSignIn
    open_account: OpenAccount
    link_identity: LinkIdentity
    request_sign_in_email: RequestSignInEmail
    journal: Journal
    link_by_email: bool

    def __call__(
        self, external: ExternalIdentity, client: ClientInfo, *, use: Callable[[], None]
    ) -> Tokens | StartedByEmail:
        """The tokens of a new session, or what to do with the email that was sent.

        `use` uses up the proof of the identity, in the transaction that relies on it. Raises `IdentityUnusable`,
        `EmailNeeded`, `IdentityLinkRequired`, `SignUpClosed`, `SecondFactorRequired`, or what `use` does.
        """
        linked = self.identities.find(external.issuer, external.subject)
        if linked is not None:
            return self._sign_in(linked, external, client, use)
        address = _address(external)
        if not external.email_trusted:
            return self._by_email(external, address, client, use)
        account = self.accounts.by_email(address.canonical)
        if account is None:
            return self._open(external, address, client, use)
        return self._link(account, external, client, use)

    def _sign_in(
        self, linked: StoredIdentity, external: ExternalIdentity, client: ClientInfo, use: Callable[[], None]
    ) -> Tokens:
        account = self._require_usable(self.accounts.by_id(linked.account_id), client, verifies=False)

        def use_both() -> None:
            use()
            if not self.identities.use(linked.id, external.email, self.clock.now()):
                raise Superseded  # unlinked at this moment

        return self._complete(account, client, use_both, use)

    def _open(
        self, external: ExternalIdentity, address: Address, client: ClientInfo, use: Callable[[], None]
    ) -> Tokens:
        def store(account: AccountSnapshot) -> None:
            use()
            self.link_identity(account, external, client, notify=False)

        names = {"first_name": external.first_name, "last_name": external.last_name}
        try:
            return self.open_account.verified(address, NewCredential(FEDERATED, store=store, about=names), client)
        except (EmailTaken, IdentityTaken):
            raise Superseded from None  # a parallel request won; the next attempt finds its account

    def _link(
        self, account: AccountSnapshot, external: ExternalIdentity, client: ClientInfo, use: Callable[[], None]
    ) -> Tokens:
        account = self._require_usable(account, client, verifies=True)
        if account.email_verified and not self.link_by_email and self._has_way_in(account):
            if self.identities.find(external.issuer, external.subject) is not None:
                raise Superseded  # a parallel request of the same person has just linked it
            raise IdentityLinkRequired(self.read_identity.make_link_token(external))
        proved = self.prove_mailbox(account, client)
        if proved is None:
            raise Superseded

        def link() -> None:
            use()
            try:
                self.link_identity(proved, external, client)
            except IdentityTaken:
                raise Superseded from None

        try:
            return self._complete(proved, client, link, use)
        except SecondFactorRequired as required:
            # The second step does not know of the identity: its owner links it after the sign-in.
            required.link_token = self.read_identity.make_link_token(external)
            raise

    def _by_email(
        self, external: ExternalIdentity, address: Address, client: ClientInfo, use: Callable[[], None]
    ) -> StartedByEmail:
        self._use_up(use)
        requested = self.request_sign_in_email(address, client, may_open_account=self.open_account.is_allowed)
        return StartedByEmail(requested.attempt, self.read_identity.make_link_token(external), requested.expires_in)

    def _complete(
        self, account: AccountSnapshot, client: ClientInfo, act: Callable[[], None], use: Callable[[], None]
    ) -> Tokens:
        try:
            return self.complete_sign_in(account, FEDERATED, client, superseded=Superseded, use=act)
        except SecondFactorRequired:
            self._use_up(use)
            raise

    def _use_up(self, use: Callable[[], None]) -> None:
        with self.work as work:
            use()
            work.commit()

    def _require_usable(
        self, account: AccountSnapshot | None, client: ClientInfo, *, verifies: bool
    ) -> AccountSnapshot:
        """`verifies`: the sign-in will confirm the address of the account."""
        now = self.clock.now()
        reason = "deleted" if account is None else self.sign_in_block(account, now)
        if account is None or (reason and not (verifies and reason == "email_not_verified")):
            account_id = account.id if account else None
            self.journal.record_now(EventType.LOGIN_FAILED, client, now, account_id=account_id, reason=reason or "")
            raise IdentityUnusable
        return account

    def _has_way_in(self, account: AccountSnapshot) -> bool:
        if account.has_password:
            return True
        return self.passkeys.has_any(account.id) or self.identities.has_any(account.id)


def _address(external: ExternalIdentity) -> Address:
    try:
        return parse_address(external.email or "")
    except InvalidEmail:
        raise EmailNeeded from None
