"""Signing keys: publish the public keys, rotate, retire a leaked key, re-encrypt all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict, NotFound
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.factors.store import FactorStore
from app.domain.tokens.keyring import RELOAD_SECONDS, KeyRing
from app.domain.tokens.keys import ALGORITHMS, Key, new_key
from app.flows.steps.require_administrator import Actor, Administrator, RequireAdministrator

# A key is published this long before it signs, so that caches of the key set have it by then.
LEAD = timedelta(minutes=10)
MIN_LEAD = timedelta(seconds=2 * RELOAD_SECONDS)


class NoSuchKey(NotFound):
    """No usable key has this name."""

    code = "key_not_found"
    detail = "No usable key has this name."


class KeyUnreadable(Conflict):
    """A signing key or a second factor was encrypted with a secret that we do not have."""

    code = "key_unreadable"
    detail = "No secret decrypts a signing key or second factor. List it in KEY_ENCRYPTION_SECRET_FALLBACKS."


class LastKey(Conflict):
    """Without this key nothing could be signed."""

    code = "last_key"
    detail = "No other key signs yet. Rotate first, and retire this one once the new one signs."


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """Publishes, rotates, retires and reseals the keys that tokens are signed with."""

    work: UnitOfWork
    keys: KeyRing
    factors: FactorStore
    clock: Clock
    journal: Journal
    require_administrator: RequireAdministrator
    issuer: str
    audience: str
    algorithm: str

    def published(self) -> dict[str, list[dict[str, str]]]:
        """The JWK set (RFC 7517) of every key that signs, will sign, or did sign what still lives."""
        return {"keys": [key.jwk for key in self.keys.all()]}

    def metadata(self) -> dict[str, object]:
        """The metadata of an authorization server that issues tokens by its own API alone (RFC 8414)."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "access_token_audience": self.audience,
            "access_token_signing_alg_values_supported": list(ALGORITHMS),
            "response_types_supported": [],
            "grant_types_supported": [],
        }

    def openid_metadata(self) -> dict[str, object]:
        """The same with the members that libraries of resource servers insist on (OpenID Connect Discovery 1.0).

        Latchkey issues no ID tokens: those members exist only so that such a library finds the keys.
        """
        return self.metadata() | {
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
            "subject_types_supported": ["public"],
        }

    def all(self) -> list[tuple[Key, bool]]:
        """Every usable key and whether it is the one that signs now."""
        signing = self.keys.signing(self.clock.now())
        return [(key, key.kid == signing.kid) for key in self.keys.all()]

    def rotate(
        self, *, algorithm: str | None = None, soon: bool = False, by: Administrator = None
    ) -> tuple[str, datetime]:
        """Publish a new key; its name and the moment from which it signs. The old one goes on checking."""
        actor = self.require_administrator(by)
        signs_from = self.clock.now() + (MIN_LEAD if soon else LEAD)
        self.keys.all()  # an empty database begins with the configured key, not with this one
        with self.work as work:
            kid = self.keys.add(new_key(algorithm or self.algorithm), signs_from).kid
            self._record(EventType.KEY_ROTATED, kid, actor)
            work.commit()
        self.keys.reload()
        return kid, signs_from

    def retire(self, kid: str) -> None:
        """Refuse every token that this key signed. `NoSuchKey`, or `LastKey` while no other one signs."""
        if self.keys.find(kid) is None:
            raise NoSuchKey
        now = self.clock.now()
        if not any(key.kid != kid and key.signs_from <= now for key in self.keys.all()):
            raise LastKey
        with self.work as work:
            if not self.keys.retire(kid):
                raise NoSuchKey
            self._record(EventType.KEY_RETIRED, kid, self.require_administrator(None))
            work.commit()
        self.keys.reload()

    def reencrypt(self) -> tuple[int, int]:
        """Encrypt signing keys and second factors with the newest secret; how many were changed, and how many not."""
        with self.work as work:
            try:
                resealed, others = self.keys.reencrypt()
                changed, unchanged = self.factors.reencrypt()
            except ValueError:
                raise KeyUnreadable from None
            for kid in resealed:
                self._record(EventType.KEY_REENCRYPTED, kid, self.require_administrator(None))
            work.commit()
        return len(resealed) + changed, others + unchanged

    def _record(self, event_type: EventType, kid: str, actor: Actor) -> None:
        self.journal.record(event_type, ClientInfo(), self.clock.now(), account_id=None, **actor, kid=kid)
