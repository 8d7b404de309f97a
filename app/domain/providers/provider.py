"""What every identity provider can do. `openid.py` and `github.py` are the two kinds."""

from typing import Protocol
from urllib.parse import urlencode

from app.domain.providers.model import ExternalIdentity, SignInAttempt


class Provider(Protocol):
    """An identity provider. Each method may raise `ProviderUnavailable`."""

    @property
    def id(self) -> str:
        """The id in PROVIDERS."""

    @property
    def name(self) -> str:
        """The name on a button."""

    @property
    def needs_nonce(self) -> bool:
        """Whether an app's ID token must have a nonce."""

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in."""

    def check_issuer(self, issuer: str | None) -> None:
        """Check `iss` of the answer to an authorization request (RFC 9207). Raises `ProviderSignInFailed`."""

    def exchange(self, code: str, attempt: SignInAttempt) -> ExternalIdentity:
        """The identity for an authorization code. Raises `ProviderSignInFailed`."""

    def read_id_token(self, token: str, nonces: tuple[str, ...]) -> ExternalIdentity:
        """The identity in an ID token that an app got. Raises `IdTokenInvalid`.

        It must have one of `nonces`, unless there are none.
        """


def with_query(url: str, parameters: dict[str, str]) -> str:
    """The URL with further parameters in its query."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
