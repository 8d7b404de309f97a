"""Step: find out who somebody is at an identity provider, from our code or from an ID token. Each counts once."""

import hmac
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from app.core import base64url
from app.core.clock import Clock
from app.core.errors import Invalid
from app.domain.challenges.challenges import Challenges
from app.domain.challenges.store import ChallengeUsed, SpentChallenges
from app.domain.providers.errors import IdTokenInvalid, ProviderNotFound
from app.domain.providers.id_token import LONGEST_USE, nonce_forms
from app.domain.providers.model import ExternalIdentity, code_challenge_of
from app.domain.providers.registry import Providers
from app.domain.tokens.sealed import OpenedToken, SealedTokens

CODE: Final = "provider-code"
CODE_LIFETIME: Final = timedelta(seconds=60)
NONCE: Final = "id-token-nonce"
LINK: Final = "identity-link"
LINK_LIFETIME: Final = timedelta(minutes=10)


class ProviderCodeInvalid(Invalid):
    """Our code was used, is more than `CODE_LIFETIME` old, or belongs to another verifier. It does not say which."""

    code = "provider_code_invalid"
    detail = "This code is wrong, expired or used. Start the sign-in with the identity provider again."
    field = "code"


class LinkTokenInvalid(Invalid):
    """The link token was used, or is more than `LINK_LIFETIME` old. It does not say which."""

    code = "link_token_invalid"
    detail = "This token is wrong, expired or used. Sign in with the identity provider again."
    field = "link_token"


@dataclass(frozen=True, slots=True)
class ProvedIdentity:
    """An identity, and what uses up its proof. `use` is called in the unit of work that relies on the identity.

    It raises `ProviderCodeInvalid` or `ChallengeUsed` if the proof was used before, also by a parallel request.
    """

    identity: ExternalIdentity
    use: Callable[[], None]


@dataclass(frozen=True, slots=True)
class ReadIdentity:
    """Reads identities. Nothing is stored before one is used."""

    clock: Clock
    providers: Providers
    sealed: SealedTokens
    challenges: Challenges
    spent_challenges: SpentChallenges

    def make_code(self, identity: ExternalIdentity, code_challenge: str) -> str:
        """A code for the app that has the verifier of the challenge (PKCE, S256)."""
        return self.sealed.seal(CODE, {"identity": asdict(identity), "challenge": code_challenge}, CODE_LIFETIME)

    def by_code(self, code: str, code_verifier: str) -> ProvedIdentity:
        """The identity in our code. Raises `ProviderCodeInvalid`."""
        opened = self.sealed.open(CODE, code)
        if opened is None:
            raise ProviderCodeInvalid
        if not hmac.compare_digest(code_challenge_of(code_verifier), opened.values["challenge"]):
            raise ProviderCodeInvalid
        identity = ExternalIdentity(**opened.values["identity"])
        return ProvedIdentity(identity, lambda: self._use_up(opened, ProviderCodeInvalid))

    def make_link_token(self, identity: ExternalIdentity) -> str:
        """A token with which the owner of an account links the identity to it."""
        return self.sealed.seal(LINK, {"identity": asdict(identity)}, LINK_LIFETIME)

    def by_link_token(self, token: str) -> ProvedIdentity:
        """The identity in a link token. Raises `LinkTokenInvalid`."""
        opened = self.sealed.open(LINK, token)
        if opened is None:
            raise LinkTokenInvalid
        identity = ExternalIdentity(**opened.values["identity"])
        return ProvedIdentity(identity, lambda: self._use_up(opened, LinkTokenInvalid))

    def new_nonce(self) -> str:
        """A nonce for an ID token, accepted for ten minutes. Asking for one costs no statement."""
        return base64url.encode(self.challenges.new(NONCE))

    def by_id_token(
        self, provider_id: str, token: str, nonce: str | None, first_name: str | None, last_name: str | None
    ) -> ProvedIdentity:
        """The identity in an ID token that an app got from the provider's SDK.

        The names are those that the app got next to it; what the token says counts first. Raises `IdTokenInvalid`,
        `ChallengeExpired` for an old nonce, and `ProviderUnavailable`.
        """
        try:
            provider = self.providers.get(provider_id)
        except ProviderNotFound:
            raise IdTokenInvalid("PROVIDERS does not name this provider.", field="provider") from None
        if nonce is None and provider.needs_nonce:
            raise IdTokenInvalid("Send the nonce that the ID token was made with.", field="nonce")
        if nonce is None:
            # The signed part of the token takes the place of a nonce, so that a token counts once all the same.
            proof, expires_at = token.rpartition(".")[0].encode("utf-8", "replace"), self.clock.now() + LONGEST_USE
        else:
            proof, expires_at = self._check_nonce(nonce)
        identity = provider.read_id_token(token, nonce_forms(nonce) if nonce is not None else ())
        named = replace(
            identity, first_name=identity.first_name or first_name, last_name=identity.last_name or last_name
        )
        return ProvedIdentity(named, lambda: self.spent_challenges.spend(proof, expires_at))

    def _check_nonce(self, nonce: str) -> tuple[bytes, datetime]:
        try:
            challenge = base64url.decode(nonce)
        except ValueError:
            raise IdTokenInvalid(field="nonce") from None
        expires_at = self.challenges.check(NONCE, "", challenge)
        if expires_at is None:
            raise IdTokenInvalid(field="nonce")
        return challenge, expires_at

    def _use_up(self, opened: OpenedToken, used: type[Invalid]) -> None:
        try:
            self.spent_challenges.spend(opened.unique, opened.expires_at)
        except ChallengeUsed:
            raise used from None
