"""Step: the account and the first factor that the token of a second step stands for."""

from dataclasses import dataclass

from app.core.clock import Clock
from app.core.errors import Invalid, Unauthenticated
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.sessions.model import Proof
from app.domain.tokens.links import LinkExpired, LinkInvalid, Links
from app.flows.steps.sign_in_block import SignInBlock

FIRST_METHODS = ("pwd", "email", "fed")


class SignInTokenInvalid(Invalid):
    """The token was not signed by us, or for another step."""

    code = "sign_in_token_invalid"
    detail = "Invalid token. Send the `token` of the response to the first step, or sign in again."
    field = "token"


class SignInExpired(Unauthenticated):
    """The token of the second step is no longer valid: its time is over, or the account has changed."""

    code = "sign_in_expired"
    detail = "This sign-in has expired. Sign in again from the start."


@dataclass(frozen=True, slots=True)
class OpenSecondStep:
    """Reads the token. It may be used more than once: it opens nothing without a code, which is used once."""

    clock: Clock
    accounts: AccountStore
    links: Links
    sign_in_block: SignInBlock

    def __call__(self, kind: str, token: str) -> tuple[AccountSnapshot, Proof]:
        """The account as it is now, and the proof of the first step. Raises `SignInTokenInvalid` or `SignInExpired`."""
        account_id, version, method = self._read(kind, token)
        account = self.accounts.by_id(account_id)
        if account is None or account.credentials_version != version:
            raise SignInExpired
        if self.sign_in_block(account, self.clock.now()):
            raise SignInExpired
        return account, Proof((method,), level=1)

    def _read(self, kind: str, token: str) -> tuple[str, int, str]:
        for method in FIRST_METHODS:
            try:
                return *self.links.open(f"{kind}.{method}", token), method
            except LinkInvalid:
                continue
            except LinkExpired:
                raise SignInExpired from None
        raise SignInTokenInvalid
