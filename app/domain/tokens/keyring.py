"""The key ring: which key signs now, and which keys still verify tokens and are published."""

import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import sqlalchemy as sa

from app.core.clock import Clock
from app.core.database import db, execute, execute_one, fetch_all, table_of
from app.core.errors import Unavailable
from app.core.key_derivation import derive_key
from app.core.signing_key import PrivateKey, read_signing_key
from app.domain.tokens.keys import Key, decrypt, encrypt, to_key
from app.domain.tokens.model import SigningKey

RELOAD_SECONDS: Final = 5
MISS_SECONDS: Final = 1  # for a key id that is not known
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

_keys = table_of(SigningKey)
_usable = sa.select(_keys.c.private_key, _keys.c.signs_from).where(_keys.c.retired_at.is_(None))
# Always in the same order, so that two that re-encrypt at once do not deadlock.
_encrypted = sa.select(_keys.c.kid, _keys.c.private_key).where(_keys.c.retired_at.is_(None)).order_by(_keys.c.kid)


class KeysUnreadable(Unavailable):
    """No secret of this process decrypts a signing key, so no token can be signed or verified."""

    detail = "The service cannot read its signing keys. Set KEY_ENCRYPTION_SECRET, or SECRET_KEY, to their secret."


class KeyRing:
    """All usable signing keys as parsed objects, read from the database every `RELOAD_SECONDS`.

    `first` is the PEM of the first key of an empty database. Keys are encrypted with the first of `secrets` and
    decrypted with any. A key that has a successor still verifies for `max_token_lifetime`, until the last token that
    it signed has expired.
    """

    def __init__(self, clock: Clock, *, first: str, secrets: tuple[str, ...], max_token_lifetime: timedelta) -> None:
        self._clock, self._first, self._max_token_lifetime = clock, first, max_token_lifetime
        self._secrets = [derive_key(secret, "signing keys") for secret in secrets]
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._decrypted: dict[str, PrivateKey] = {}
        self._reading = threading.Lock()

    def signing(self, at: datetime) -> Key:
        """The key for tokens issued at `at`: the same on every machine, also when a token is issued again later."""
        keys = self.all()
        return next((key for key in reversed(keys) if key.signs_from <= at), keys[0])

    def find(self, kid: str) -> Key | None:
        """The usable key with this id. For an unknown id the database is read, at most every `MISS_SECONDS`."""
        return self._current(RELOAD_SECONDS).get(kid) or self._current(MISS_SECONDS).get(kid)

    def all(self) -> list[Key]:
        """All usable keys in the order in which they sign, also those that do not sign yet. Raises `KeysUnreadable`."""
        return sorted(self._current(RELOAD_SECONDS).values(), key=lambda key: key.signs_from)

    def add(self, private: PrivateKey, signs_from: datetime) -> Key:
        """Publish a key that signs from `signs_from` on. Within a unit of work; call `reload` after the commit."""
        key = to_key(private, signs_from)
        db.session.execute(sa.insert(_keys).values(self._row(key, private)))
        return key

    def retire(self, kid: str) -> bool:
        """Retire the key; False if it is not usable. Within a unit of work; call `reload` after the commit."""
        usable = sa.and_(_keys.c.kid == kid, _keys.c.retired_at.is_(None))
        return execute_one(sa.update(_keys).where(usable).values(retired_at=self._clock.now()))

    def reencrypt(self) -> tuple[list[str], int]:
        """Encrypt all usable keys with the first secret. Within a unit of work.

        Returns the ids of the keys that were encrypted with another secret, and the number of the other keys. Raises
        `ValueError` if no secret decrypts a key.
        """
        rows = fetch_all(_encrypted)
        older = [(kid, encrypted) for kid, encrypted in rows if not self._uses_first_secret(encrypted)]
        reencrypted = [kid for kid, encrypted in older if self._reencrypt(kid, encrypted)]
        return reencrypted, len(rows) - len(reencrypted)

    def reload(self) -> None:
        """Read the keys again at the next use. Other processes see changes within `RELOAD_SECONDS`."""
        self._read_at = float("-inf")

    def _current(self, max_age: float) -> dict[str, Key]:
        if time.monotonic() - self._read_at > max_age:
            with self._reading:
                if time.monotonic() - self._read_at > max_age:
                    self._keys = self._still_needed(self._read() or self._insert_first())
                    self._read_at = time.monotonic()
        return self._keys

    def _read(self) -> list[Key]:
        try:
            return [to_key(self._decrypt(encrypted), signs_from) for encrypted, signs_from in fetch_all(_usable)]
        except ValueError as error:
            raise KeysUnreadable from error

    def _insert_first(self) -> list[Key]:
        private = read_signing_key(self._first)
        key = to_key(private, EPOCH)
        try:
            execute(sa.insert(_keys).values(self._row(key, private)), {})
        except sa.exc.IntegrityError:
            pass  # another process inserted the same key first
        return [key]

    def _row(self, key: Key, private: PrivateKey) -> dict[str, object]:
        return {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "private_key": encrypt(private, self._secrets[0]),
            "created_at": self._clock.now(),
            "signs_from": key.signs_from,
        }

    def _still_needed(self, keys: list[Key]) -> dict[str, Key]:
        keys.sort(key=lambda key: key.signs_from)
        expired_before = self._clock.now() - self._max_token_lifetime
        replaced = {key.kid for key, successor in pairwise(keys) if successor.signs_from < expired_before}
        return {key.kid: key for key in keys if key.kid not in replaced}

    def _decrypt(self, encrypted: str) -> PrivateKey:
        # Loading an RSA key is slow, so each key is loaded once in a process, not every `RELOAD_SECONDS`.
        name = hashlib.sha256(encrypted.encode()).hexdigest()
        if name not in self._decrypted:
            self._decrypted[name] = decrypt(encrypted, *self._secrets)
        return self._decrypted[name]

    def _uses_first_secret(self, encrypted: str) -> bool:
        try:
            return bool(decrypt(encrypted, self._secrets[0]))
        except ValueError:
            return False

    def _reencrypt(self, kid: str, encrypted: str) -> bool:
        unchanged = sa.and_(_keys.c.kid == kid, _keys.c.private_key == encrypted)
        private_key = encrypt(self._decrypt(encrypted), self._secrets[0])
        return execute_one(sa.update(_keys).where(unchanged).values(private_key=private_key))
