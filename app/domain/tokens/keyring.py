"""The key ring: which key signs now, which ones still check, which ones the world may see."""

import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.clock import Clock
from app.core.database import db, execute, fetch_all, table_of
from app.domain.tokens.keys import Key, PrivateKey, decrypt, encrypt, read_pem, to_key
from app.domain.tokens.model import SigningKey

RELOAD_SECONDS: Final = 5
MISS_SECONDS: Final = 1
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

_keys = table_of(SigningKey)
_usable = sa.select(_keys.c.private_key, _keys.c.signs_from).where(_keys.c.retired_at.is_(None))
# Always in the same order: two who reseal at once wait for each other's rows, and neither for the other's in turn.
_encrypted = sa.select(_keys.c.kid, _keys.c.private_key).where(_keys.c.retired_at.is_(None)).order_by(_keys.c.kid)


class KeyRing:
    """All usable signing keys, as parsed objects, read again from the database every few seconds.

    `first` is the PEM of the key that an empty database begins with. The first of `secrets` encrypts keys at rest, any
    opens them. A key that was followed by another still checks for `longest`, until the last token that it signed has
    died.
    """

    def __init__(self, clock: Clock, *, first: str, secrets: tuple[str, ...], longest: timedelta) -> None:
        self._clock, self._first, self._longest = clock, first, longest
        self._secrets = [_derived(secret) for secret in secrets]
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._opened: dict[str, PrivateKey] = {}
        self._reading = threading.Lock()

    def signing(self, at: datetime) -> Key:
        """The key that signs what is dated `at`: the same one on every machine, also for a second copy made later."""
        keys = self.all()
        return next((key for key in reversed(keys) if key.signs_from <= at), keys[0])

    def find(self, kid: str) -> Key | None:
        """The usable key of this name. An unknown name makes us look in the database, at most once a second."""
        return self._current(RELOAD_SECONDS).get(kid) or self._current(MISS_SECONDS).get(kid)

    def all(self) -> list[Key]:
        """Every usable key in the order in which they sign, also those that do not yet."""
        return sorted(self._current(RELOAD_SECONDS).values(), key=lambda key: key.signs_from)

    def add(self, private: PrivateKey, signs_from: datetime) -> Key:
        """Publish a key that signs from a moment on. In a unit of work; `reread` after it."""
        key = to_key(private, signs_from)
        db.session.execute(sa.insert(_keys).values(self._row(key, private)))
        return key

    def retire(self, kid: str) -> bool:
        """Refuse the key and what it signed; false if it is not usable anyway. In a unit of work; `reread` after it."""
        usable = sa.and_(_keys.c.kid == kid, _keys.c.retired_at.is_(None))
        retired = db.session.execute(sa.update(_keys).where(usable).values(retired_at=self._clock.now()))
        return bool(retired.rowcount == 1)  # type: ignore[attr-defined]

    def reencrypt(self) -> tuple[list[str], int]:
        """Encrypt what rests under another secret with the first: the names of those keys, and how many others rest.

        ValueError if none of our secrets opens a key. In a unit of work.
        """
        rows = fetch_all(_encrypted)
        older = [(kid, sealed) for kid, sealed in rows if not self._uses_first_secret(sealed)]
        resealed = [kid for kid, sealed in older if self._reencrypt(kid, sealed)]
        return resealed, len(rows) - len(resealed)

    def reload(self) -> None:
        """Let what was changed hold here at once; elsewhere it does when they read again."""
        self._read_at = float("-inf")

    def _current(self, max_age: float) -> dict[str, Key]:
        if time.monotonic() - self._read_at > max_age:
            with self._reading:
                if time.monotonic() - self._read_at > max_age:
                    self._keys = self._still_needed(self._read() or self._begin())
                    self._read_at = time.monotonic()
        return self._keys

    def _read(self) -> list[Key]:
        return [to_key(self._decrypt(sealed), signs_from) for sealed, signs_from in fetch_all(_usable)]

    def _begin(self) -> list[Key]:
        private = read_pem(self._first)
        key = to_key(private, EPOCH)
        try:
            execute(sa.insert(_keys).values(self._row(key, private)), {})
        except sa.exc.IntegrityError:
            pass  # another process was faster with the very same key
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
        dead_before = self._clock.now() - self._longest
        followed = {key.kid for key, successor in pairwise(keys) if successor.signs_from < dead_before}
        return {key.kid: key for key in keys if key.kid not in followed}

    def _decrypt(self, sealed: str) -> PrivateKey:
        # Checking a key of RSA takes a while: each one once a process, not once a reading.
        name = hashlib.sha256(sealed.encode()).hexdigest()
        if name not in self._opened:
            self._opened[name] = decrypt(sealed, *self._secrets)
        return self._opened[name]

    def _uses_first_secret(self, sealed: str) -> bool:
        try:
            return bool(decrypt(sealed, self._secrets[0]))
        except ValueError:
            return False

    def _reencrypt(self, kid: str, sealed: str) -> bool:
        as_read = sa.and_(_keys.c.kid == kid, _keys.c.private_key == sealed)
        anew = sa.update(_keys).where(as_read).values(private_key=encrypt(self._decrypt(sealed), self._secrets[0]))
        return bool(db.session.execute(anew).rowcount == 1)  # type: ignore[attr-defined]


def _derived(secret: str) -> bytes:
    return HKDF(SHA256(), 32, None, b"latchkey signing keys").derive(secret.encode())
