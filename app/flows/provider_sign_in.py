"""Sign-in with an outside identity provider: by its pages in a browser, or by its ID token in an app."""

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from app.core.client_info import ClientInfo
from app.core.errors import Forbidden, Invalid, ServiceError
from app.domain.challenges.challenges import LIFETIME
from app.domain.providers.claims import name_of
from app.domain.providers.errors import ProviderSignInFailed
from app.domain.providers.model import SignInAttempt, code_challenge_of
from app.domain.providers.provider import Provider, with_query
from app.domain.providers.registry import Providers
from app.domain.tokens.sealed import SealedTokens
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.read_identity import ProvedIdentity, ReadIdentity
from app.flows.steps.require_allowed_redirect import RequireAllowedRedirect
from app.flows.steps.sign_in_with_identity import SignInWithIdentity, StartedByEmail

FLOW: Final = "provider-flow"
FLOW_LIFETIME: Final = timedelta(minutes=10)
SECRET_BYTES: Final = 32  # of state, nonce and verifier
CANCELLED: Final = ("access_denied", "user_cancelled_authorize")  # the second one is Apple's
log = logging.getLogger(__name__)


class ProviderFlowInvalid(Invalid):
    """The callback was called by a browser that did not start this sign-in, or too late."""

    code = "provider_flow_invalid"
    detail = "This sign-in was not started in this browser, or took too long. Go back to the app, and start again."


class ProviderDenied(Forbidden):
    """The person did not allow the sign-in at the provider."""

    code = "provider_denied"
    detail = "The sign-in was cancelled at the identity provider."


@dataclass(frozen=True, slots=True)
class StartedSignIn:
    """Where the browser goes, and what it must keep as a cookie until it comes back."""

    url: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnSignIn(StartedSignIn):
    """The same, begun by a page of ours: the PKCE verifier and the state that come back to it."""

    code_verifier: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the provider sent with the browser. `user` is Apple's, decoded from JSON; nothing vouches for it."""

    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    issuer: str | None = None
    error: str | None = None
    user: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce for an ID token; `expires_in` is in seconds."""

    nonce: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class ProviderSignIn:
    """Leads a browser to a provider and back, and turns what comes of it into a session.

    `callbacks` is the URL under which each provider has its callback.
    """

    providers: Providers
    sealed: SealedTokens
    read_identity: ReadIdentity
    sign_in_with_identity: SignInWithIdentity
    issue_tokens: IssueTokens
    callbacks: str
    require_allowed_redirect: RequireAllowedRedirect

    def all(self) -> list[Provider]:
        """The providers to choose from."""
        return self.providers.all()

    def start(self, provider_id: str, redirect_to: str, code_challenge: str, state: str | None) -> StartedSignIn:
        """Begin a sign-in that ends at `redirect_to`, for the app that has the verifier of the challenge.

        Raises `ProviderNotFound`, `RedirectNotAllowed` or `ProviderUnavailable`.
        """
        provider = self.providers.get(provider_id)
        self.require_allowed_redirect(redirect_to)
        attempt = SignInAttempt(self._callback(provider), *(secrets.token_urlsafe(SECRET_BYTES) for _ in range(3)))
        kept = {
            "provider": provider.id,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_verifier": attempt.code_verifier,
            "redirect_to": redirect_to,
            "code_challenge": code_challenge,
            "app_state": state,
        }
        return StartedSignIn(provider.authorization_url(attempt), self.sealed.seal(FLOW, kept, FLOW_LIFETIME))

    def start_here(self, provider_id: str, redirect_to: str) -> OwnSignIn:
        """The same for our own page at `redirect_to`, which keeps the secrets in cookies of its browser."""
        verifier, state = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        started = self.start(provider_id, redirect_to, code_challenge_of(verifier), state)
        return OwnSignIn(started.url, started.cookie, verifier, state)

    def finish(self, provider_id: str, cookie: str | None, answer: ProviderAnswer) -> str:
        """The URL of the app to which the browser returns, with our code or an error, and the app's `state`.

        Raises `ProviderFlowInvalid` if the cookie is not that of this sign-in: then nothing says where to return to.
        """
        kept = self._kept(provider_id, cookie, answer.state)
        try:
            result = {"code": self._exchange(self.providers.get(provider_id), kept, answer)}
        except ServiceError as error:
            log.info("sign-in with %s failed: %s", provider_id, error.code)
            result = {"error": error.code}
        state = kept["app_state"]
        return with_query(kept["redirect_to"], result if state is None else {**result, "state": state})

    def sign_in_with_code(self, code: str, code_verifier: str, client: ClientInfo) -> Tokens | StartedByEmail:
        """The session for our code. Raises `ProviderCodeInvalid` and the errors of `SignInWithIdentity`."""
        return self._sign_in(self.read_identity.by_code(code, code_verifier), client)

    def nonce(self) -> Nonce:
        """A nonce for the next ID token."""
        return Nonce(self.read_identity.new_nonce(), int(LIFETIME.total_seconds()))

    def sign_in_with_id_token(
        self,
        provider: str,
        id_token: str,
        nonce: str | None,
        client: ClientInfo,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Tokens | StartedByEmail:
        """The session for an ID token. Raises the errors of `ReadIdentity.by_id_token` and `SignInWithIdentity`."""
        return self._sign_in(self.read_identity.by_id_token(provider, id_token, nonce, first_name, last_name), client)

    def _sign_in(self, proved: ProvedIdentity, client: ClientInfo) -> Tokens | StartedByEmail:
        self.issue_tokens.require_keys()
        return self.sign_in_with_identity(proved.identity, client, use=proved.use)

    def _callback(self, provider: Provider) -> str:
        return f"{self.callbacks}/{provider.id}/callback"

    def _kept(self, provider_id: str, cookie: str | None, state: str | None) -> Mapping[str, Any]:
        """What the cookie holds, if it is that of this sign-in with this provider."""
        opened = self.sealed.open(FLOW, cookie or "")
        if opened is None or opened.values["provider"] != provider_id:
            raise ProviderFlowInvalid
        expected, given = opened.values["state"].encode(), (state or "").encode("utf-8", "replace")
        is_listed = opened.values["redirect_to"] in self.require_allowed_redirect.urls
        if not hmac.compare_digest(expected, given) or not is_listed:
            raise ProviderFlowInvalid
        return opened.values

    def _exchange(self, provider: Provider, kept: Mapping[str, Any], answer: ProviderAnswer) -> str:
        provider.check_issuer(answer.issuer)
        if answer.error is not None:
            raise ProviderDenied if answer.error in CANCELLED else ProviderSignInFailed
        if not answer.code:
            raise ProviderSignInFailed
        attempt = SignInAttempt(self._callback(provider), kept["state"], kept["nonce"], kept["code_verifier"])
        identity = provider.exchange(answer.code, attempt)
        first, last = _names(answer.user)
        named = replace(identity, first_name=identity.first_name or first, last_name=identity.last_name or last)
        return self.read_identity.make_code(named, kept["code_challenge"])


def _names(user: Any) -> tuple[str | None, str | None]:
    """The names in what Apple sends once, at the first sign-in. Its email address is ignored: it is not signed."""
    names = user.get("name") if isinstance(user, dict) else None
    return (
        (name_of(names.get("firstName")), name_of(names.get("lastName"))) if isinstance(names, dict) else (None, None)
    )
