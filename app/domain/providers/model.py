"""What an outside identity provider says about a person."""

import hashlib
from dataclasses import dataclass, field

from app.core import base64url


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """A person as an identity provider knows them, after everything the provider sent was checked.

    `issuer` and `subject` together name the person, and never change (OpenID Connect Core 2). `provider` is the id in
    PROVIDERS: it is for people to read, and may be renamed. `email_trusted` says that the operator relies on this
    provider for this address; if it is False, the address may belong to somebody else. Names and address
    are cut and cleaned to fit their columns; the address may still be one that no account can have.
    """

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_trusted: bool
    first_name: str | None
    last_name: str | None


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One sign-in at a provider, from its start to the callback. All but the URI are secrets of the browser's cookie.

    The provider returns `state` with the answer, and `nonce` in the ID token; `code_verifier` is that of PKCE
    (RFC 7636).
    """

    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)

    @property
    def code_challenge(self) -> str:
        """The challenge of PKCE, by S256."""
        return code_challenge_of(self.code_verifier)


def code_challenge_of(verifier: str) -> str:
    """The challenge of a verifier by S256 (RFC 7636, 4.2)."""
    return base64url.encode(hashlib.sha256(verifier.encode()).digest())
