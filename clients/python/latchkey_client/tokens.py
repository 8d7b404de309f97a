"""Checks access tokens (RFC 9068) with the published keys of the service, without a request for each token."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

import jwt

ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")
SECONDS: Final = 5  # to wait for the service


class TokenError(Exception):
    """The request must be refused: answer with `status` and `headers` (RFC 6750, 3)."""

    status = 401
    challenge = "Bearer"

    @property
    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`, or `Retry-After`."""
        return {"WWW-Authenticate": self.challenge}


class MissingToken(TokenError):
    """The request has no Bearer token."""


class InvalidToken(TokenError):
    """The token is not valid here."""

    challenge = 'Bearer error="invalid_token"'


class StepUpRequired(TokenError):
    """The token is valid, but its owner must authenticate again, or with a second factor (RFC 9470)."""

    def __init__(self, acr: str | None, max_age: int | None) -> None:
        super().__init__("authenticate again")
        asked = [f'acr_values="{acr}"'] if acr else []
        asked += [f'max_age="{max_age}"'] if max_age is not None else []
        self.challenge = ", ".join(['Bearer error="insufficient_user_authentication"', *asked])


class InsufficientScope(TokenError):
    """The token is valid, but its owner lacks a permission."""

    status = 403

    def __init__(self, permission: str) -> None:
        super().__init__(f"needs the permission {permission}")
        self.challenge = f'Bearer error="insufficient_scope", scope="{permission}"'


class KeysUnavailable(TokenError):
    """The keys cannot be read, so it is not known whether the token is valid."""

    status = 503

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": "5"}


@dataclass(frozen=True)
class AccessToken:
    """The claims of a valid token."""

    claims: Mapping[str, Any]

    @property
    def account_id(self) -> str:
        """The id of the account."""
        return str(self.claims["sub"])

    @property
    def session_id(self) -> str:
        """The id of the session."""
        return str(self.claims["sid"])

    @property
    def roles(self) -> list[str]:
        """The roles when the token was issued."""
        return list(self.claims.get("roles", []))

    @property
    def permissions(self) -> list[str]:
        """What the roles allow, if ROLE_PERMISSIONS says so."""
        return list(self.claims.get("permissions", []))

    def require(self, *permissions: str) -> "AccessToken":
        """The token itself. Raises `InsufficientScope` if a permission is missing."""
        for permission in permissions:
            if permission not in self.permissions:
                raise InsufficientScope(permission)
        return self

    def require_authentication(self, *, acr: str | None = None, max_age: int | None = None) -> "AccessToken":
        """The token itself. Raises `StepUpRequired` unless the owner authenticated at this level, this recently."""
        too_weak = acr is not None and str(self.claims.get("acr", "")) < acr
        too_old = max_age is not None and time.time() - float(self.claims.get("auth_time", 0)) > max_age
        if too_weak or too_old:
            raise StepUpRequired(acr, max_age)
        return self


class TokenVerifier:
    """Checks tokens of one issuer. One object for the whole process; it may be used by several threads.

    Keys are read when the first token comes, then every `lifespan` seconds, and earlier for a token that names a new
    key, at most every `cooldown` seconds. While the service does not respond, the keys that are known stay valid.
    """

    def __init__(
        self, issuer: str, *, audience: str = "latchkey", leeway: float = 30, lifespan: float = 300, cooldown: float = 2
    ) -> None:
        self._issuer, self._audience, self._leeway = issuer.rstrip("/"), audience, leeway
        self._lifespan, self._cooldown = lifespan, cooldown
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = threading.Lock()

    def verify(self, token: str) -> AccessToken:
        """The claims. Raises `InvalidToken`, or `KeysUnavailable` if no key could be read yet."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise InvalidToken("not a token") from None
        if header.get("typ") != "at+jwt" or header.get("alg") not in ALGORITHMS:
            raise InvalidToken("not an access token")
        key = self._key(str(header.get("kid", "")))
        rules: dict[str, Any] = {"algorithms": [key.algorithm_name], "issuer": self._issuer, "audience": self._audience}
        try:
            claims = jwt.decode(token, key, leeway=self._leeway, options={"require": ["exp", "iat", "sub"]}, **rules)
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from None
        return AccessToken(claims)

    def verify_header(self, authorization: str | None) -> AccessToken:
        """The same for the value of an Authorization header. Raises `MissingToken` as well."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise MissingToken("send an access token")
        return self.verify(token.strip())

    def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys or time.monotonic() - self._read_at > self._lifespan:
            self._refresh(kid)
        if kid not in self._keys:
            raise InvalidToken("signed with an unknown key")
        return self._keys[kid]

    def _refresh(self, kid: str) -> None:
        with self._reading:  # the others wait for one request
            now = time.monotonic()
            fresh = now - self._read_at <= self._lifespan and kid in self._keys
            if fresh or (self._keys and now - self._tried_at < self._cooldown):
                return
            self._tried_at = now
            try:
                found = self._get(self._metadata()["jwks_uri"])
                self._keys = {key["kid"]: jwt.PyJWK(key) for key in found["keys"] if key.get("alg") in ALGORITHMS}
                self._read_at = time.monotonic()
            except (URLError, OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
                if not self._keys:
                    raise KeysUnavailable(f"the keys cannot be read: {error}") from None

    def _metadata(self) -> Any:
        found = self._get(f"{self._issuer}/.well-known/oauth-authorization-server")
        if found["issuer"] != self._issuer:
            raise ValueError(f"the issuer calls itself {found['issuer']}")
        return found

    def _get(self, url: str) -> Any:
        if not url.startswith(("https://", "http://")):
            raise ValueError("not an HTTP URL")
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=SECONDS) as answer:  # noqa: S310  # nosec B310
            return json.load(answer)
