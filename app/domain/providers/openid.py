"""OpenID Connect providers: the authorization code flow with PKCE, `state` and `nonce`."""

import logging
from collections.abc import Mapping
from typing import Any

from app.core.clock import Clock
from app.core.provider_settings import ProviderSettings
from app.domain.providers.claims import email_of, is_true, is_trusted, name_of, split_name
from app.domain.providers.connection import ProviderConnection
from app.domain.providers.errors import IdTokenInvalid, ProviderSignInFailed
from app.domain.providers.id_token import Claims, Expected, IdTokens
from app.domain.providers.key_set import KeySet
from app.domain.providers.metadata import Discovery
from app.domain.providers.model import ExternalIdentity, SignInAttempt
from app.domain.providers.provider import with_query
from app.domain.providers.token_endpoint import authenticate, check_token_response

log = logging.getLogger(__name__)


class OpenIdProvider:
    """One OpenID Connect provider."""

    def __init__(self, settings: ProviderSettings, clock: Clock, connection: ProviderConnection) -> None:
        self.id, self.name, self.needs_nonce = settings.id, settings.name, settings.needs_nonce
        self._settings, self._clock, self._connection = settings, clock, connection
        self._discovery = Discovery(settings, connection)
        self._id_tokens = IdTokens(settings, self._discovery, KeySet(self._discovery, connection), clock)

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in."""
        parameters = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.code_challenge,
            "code_challenge_method": "S256",
        }
        if self._settings.kind == "apple":
            parameters["response_mode"] = "form_post"  # which Apple demands for name and email
        return with_query(self._discovery.metadata().authorization_endpoint, parameters)

    def check_issuer(self, issuer: str | None) -> None:
        """Check `iss` of the answer, if there is one or if the provider says that it sends it."""
        metadata = self._discovery.metadata()
        if self._settings.kind == "microsoft" and "{" in metadata.issuer:
            return  # its issuer differs by tenant; each provider has a callback of its own, and the ID token tells it
        if issuer != metadata.issuer and (issuer is not None or metadata.sends_issuer):
            log.warning("the answer to a sign-in with %s came from another issuer, or without one", self.id)
            raise ProviderSignInFailed

    def exchange(self, code: str, attempt: SignInAttempt) -> ExternalIdentity:
        """The identity for an authorization code. Raises `ProviderSignInFailed`."""
        answer = self._redeem(code, attempt)
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            log.warning("identity provider %s sent no ID token", self.id)
            raise ProviderSignInFailed
        try:
            claims = self._id_tokens.check(token, Expected((self._settings.client_id,), (attempt.nonce,)))
        except IdTokenInvalid:
            raise ProviderSignInFailed from None
        if "email" not in claims and isinstance(access_token, str):
            claims = {**self._userinfo(access_token, claims["sub"]), **claims}
        return self._identity(claims)

    def read_id_token(self, token: str, nonces: tuple[str, ...]) -> ExternalIdentity:
        """The identity in an ID token that an app got. Raises `IdTokenInvalid`."""
        audiences = (self._settings.client_id, *self._settings.audiences)
        return self._identity(self._id_tokens.check(token, Expected(audiences, nonces)))

    def _redeem(self, code: str, attempt: SignInAttempt) -> Mapping[str, Any]:
        metadata = self._discovery.metadata()
        client = authenticate(self._settings, self._clock, by_basic=metadata.takes_basic)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.code_verifier,
            **client.form,
        }
        status, answer = self._connection.post(metadata.token_endpoint, form, client.headers)
        return check_token_response(self.id, status, answer)

    def _userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """What is said about the person outside the ID token: some providers send the address only there."""
        url = self._discovery.metadata().userinfo_endpoint
        found = self._connection.get_for(access_token, url) if url else {}
        # OpenID Connect Core, 5.3.2: else an access token of somebody else could have been put in its place.
        return found if isinstance(found, dict) and found.get("sub") == subject else {}

    def _identity(self, claims: Claims) -> ExternalIdentity:
        email = email_of(claims.get("email"))
        # Microsoft sends no `email_verified`. `xms_edov`, an optional claim, says that the tenant owns the domain.
        said = "xms_edov" if self._settings.kind == "microsoft" else "email_verified"
        verified = is_true(claims.get(said)) or (said == "xms_edov" and claims.get(said) in (1, "1"))
        first, last = name_of(claims.get("given_name")), name_of(claims.get("family_name"))
        if first is None and last is None:
            first, last = split_name(claims.get("name"))
        return ExternalIdentity(
            self.id,
            claims["iss"] if self._settings.kind == "microsoft" else self._settings.issuer,
            claims["sub"],
            email,
            is_trusted(self._settings.trusts_email, email, verified=verified, claims=claims),
            first,
            last,
        )
