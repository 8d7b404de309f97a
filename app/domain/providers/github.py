"""GitHub, which has OAuth but no OpenID Connect: the person is read from its API."""

from typing import Any, Final

from app.core.clock import Clock
from app.core.provider_settings import ProviderSettings
from app.domain.providers.claims import email_of, is_trusted, split_name
from app.domain.providers.connection import ProviderConnection
from app.domain.providers.errors import IdTokenInvalid, ProviderSignInFailed, ProviderUnavailable
from app.domain.providers.model import ExternalIdentity, SignInAttempt
from app.domain.providers.provider import with_query
from app.domain.providers.token_endpoint import authenticate, check_token_response

PUBLIC: Final = "https://github.com"
PUBLIC_API: Final = "https://api.github.com"


class GitHubProvider:
    """GitHub, or a GitHub Enterprise Server if the settings name another issuer."""

    def __init__(self, settings: ProviderSettings, clock: Clock, connection: ProviderConnection) -> None:
        self.id, self.name, self.needs_nonce = settings.id, settings.name, True
        self._settings, self._clock, self._connection = settings, clock, connection
        self._site = settings.issuer.rstrip("/")
        self._api = PUBLIC_API if self._site == PUBLIC else f"{self._site}/api/v3"

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in."""
        parameters = {
            "client_id": self._settings.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "code_challenge": attempt.code_challenge,
            "code_challenge_method": "S256",
        }
        return with_query(f"{self._site}/login/oauth/authorize", parameters)

    def check_issuer(self, issuer: str | None) -> None:
        """Check `iss` of the answer, which not every server sends."""
        if issuer not in (None, f"{self._site}/login/oauth"):
            raise ProviderSignInFailed

    def exchange(self, code: str, attempt: SignInAttempt) -> ExternalIdentity:
        """The identity for an authorization code. Raises `ProviderSignInFailed`."""
        client = authenticate(self._settings, self._clock, by_basic=False)
        form = {
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.code_verifier,
            **client.form,
        }
        url = f"{self._site}/login/oauth/access_token"
        answer = check_token_response(self.id, *self._connection.post(url, form, client.headers))
        access_token = answer.get("access_token")
        if not isinstance(access_token, str):
            raise ProviderSignInFailed
        return self._identity(
            self._connection.get_for(access_token, f"{self._api}/user"),
            self._connection.get_for(access_token, f"{self._api}/user/emails"),
        )

    def read_id_token(self, token: str, nonces: tuple[str, ...]) -> ExternalIdentity:
        """Raises `IdTokenInvalid`: GitHub makes no ID tokens."""
        raise IdTokenInvalid("This provider makes no ID tokens. Use GET /api/v1/auth/providers/{id}/start.")

    def _identity(self, user: Any, emails: Any) -> ExternalIdentity:
        # `login` can be changed and taken by another person; `id` cannot.
        if not isinstance(user, dict) or type(user.get("id")) is not int or not isinstance(emails, list):
            raise ProviderUnavailable
        # `email` of the profile is what the person typed; only this list says what was verified.
        primary = next((each for each in emails if isinstance(each, dict) and each.get("primary") is True), {})
        email = email_of(primary.get("email"))
        verified = primary.get("verified") is True
        trusted = is_trusted(self._settings.trusts_email, email, verified=verified, claims={})
        return ExternalIdentity(self.id, self._site, str(user["id"]), email, trusted, *split_name(user.get("name")))
